//! What the gate knows of a source system, proven, as the pipeline needs it.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use crate::{
    data_subject::DataSubjects, gauge::Gauge, inspect::Inspector, normal::UrlForms, operations::Operations,
    stated::StatedBy,
};

/// Whether something is demanded of every request to a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Without it the request is refused.
    Required,
    /// Policies decide.
    Optional,
}

/// One source system.
#[derive(Debug)]
pub struct Source {
    /// Its id, the stem of its file.
    pub id: Arc<str>,
    /// Lower-case host names it answers for.
    pub hosts: Vec<String>,
    /// Path prefixes it answers for, normalised, starting with `/`.
    pub prefixes: Vec<String>,
    /// Whether a device certificate is demanded.
    pub device: Demand,
    /// Whether a subject is demanded.
    pub subject: Demand,
    /// Whether a bearer token must be bound to its device's certificate (RFC 8705, 3).
    pub token_binding: Demand,
    /// Operations by method and path.
    pub operations: Operations,
    /// URL forms its application needs.
    pub url_forms: UrlForms,
    /// WebSocket and server-sent events.
    pub streams: Streams,
    /// Cross-origin requests it answers.
    pub cors: Option<Cors>,
    /// Workloads that may act for officers here without an `act` claim.
    pub on_behalf_of: HashSet<String>,
    /// Applications that state in headers what their requests are for; none: none may.
    pub stated_by: Option<StatedBy>,
    /// Requests in flight.
    pub in_flight: Arc<Gauge>,
    /// The largest request body, in bytes.
    pub body_limit: u64,
    /// Whom requests to it are about; none: its file does not say.
    pub data_subjects: Option<DataSubjects>,
    /// How it is inspected; none: it is not.
    pub inspector: Option<Arc<Inspector>>,
    /// Whether its application signs users in by the connection (NTLM, Negotiate); their headers are then its own.
    pub signs_in_by_connection: bool,
    /// Whether it was closed in an emergency: one flag for every generation of the configuration.
    pub closed: Arc<AtomicBool>,
}

/// Which long-lived exchanges a source's file allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    /// WebSocket upgrades (RFC 6455).
    pub websocket: bool,
    /// Server-sent events.
    pub events: bool,
    /// After how long a stream is admitted again.
    pub readmit: Duration,
}

/// Cross-origin resource sharing (Fetch standard, §3.2), answered by the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// Origins, exactly as browsers send them.
    pub origins: Vec<String>,
    /// Methods that a preflight may ask for.
    pub methods: Vec<String>,
    /// Lower-case header names that a preflight may ask for.
    pub headers: Vec<String>,
    /// For how long a browser may keep the answer.
    pub max_age: Duration,
}

impl Source {
    /// Whether two sources demand the same of TLS and device, so that one connection may serve both.
    #[must_use]
    pub fn same_device_rules(&self, other: &Self) -> bool {
        self.device == other.device
    }
}
