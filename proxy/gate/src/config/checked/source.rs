//! One source: `policies/sources/<id>.yaml`.

use std::{
    fmt,
    net::IpAddr,
    num::{NonZeroU16, NonZeroUsize},
};

use http::HeaderName;
use poort_enforce::{
    data_subject::DataSubjects,
    normal::UrlForms,
    operations::Rule,
    source::{Cors, Demand, Streams},
    stated::StatedBy,
};
use poort_policy::Place;
use rustls::pki_types::CertificateDer;

use crate::audit::Retention;

use super::{
    Identity, TlsVersion,
    waf::Waf,
    zone::{Budget, Timeouts},
};

/// One source.
#[derive(Debug)]
pub struct Source {
    /// Its file's beginning.
    pub place: Place,
    /// The file's stem: `[a-z0-9-]`, unique.
    pub id: String,
    /// For people.
    pub title: String,
    /// Who is responsible for its data.
    pub owner: String,
    /// One of the zone's classifications, and where it is named.
    pub classification: (String, Place),
    /// Lower-case DNS names; never empty.
    pub hosts: Vec<String>,
    /// Normal paths, `/` or without a slash at the end; never empty. No other source claims one of them on one of the hosts.
    pub prefixes: Vec<String>,
    /// Whether a device certificate is demanded.
    pub device: Demand,
    /// Whether a subject is demanded.
    pub subject: Demand,
    /// Whether a bearer token must be bound to its device's certificate.
    pub token_binding: Demand,
    /// Where it is.
    pub upstream: Upstream,
    /// What its methods and paths mean; the first match decides. Never empty.
    pub operations: Vec<Rule>,
    /// Its own budgets.
    pub limits: SourceLimits,
    /// Ambiguous URL forms that its application needs.
    pub url: UrlForms,
    /// Long-lived exchanges; `readmit` is at most 60 s.
    pub streams: Streams,
    /// Cross-origin requests that the gate answers for it.
    pub cors: Option<Cors>,
    /// Names of workloads that may act for officers here without an `act` claim.
    pub on_behalf_of: Vec<String>,
    /// Applications that state in headers what their requests are for.
    pub stated_by: Option<StatedBy>,
    /// How long its records are kept; none: for ever.
    pub retention: Option<Retention>,
    /// Whom requests are about; none: the file does not say.
    pub data_subjects: Option<DataSubjects>,
    /// What it is told about who is asking.
    pub identity: IdentityHeaders,
    /// The largest request body, in bytes.
    pub body: u64,
    /// How it is inspected; none: it is not.
    pub waf: Option<Waf>,
}

/// Where a source is and how it is spoken to.
#[derive(Debug)]
pub struct Upstream {
    /// Where it is declared.
    pub place: Place,
    /// Taken in turn; never empty.
    pub addresses: Vec<UpstreamAddress>,
    /// None: plain HTTP.
    pub tls: Option<UpstreamTls>,
    /// The Host it is sent; none: the client's.
    pub host: Option<String>,
    /// What replaces the matched prefix; none: the path stays.
    pub prefix: Option<String>,
    /// What its own sign-in is bound to.
    pub authentication: Authentication,
    /// How long it may take.
    pub timeouts: Timeouts,
}

/// An upstream's host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamAddress {
    /// A name to be looked up, or an address.
    pub host: UpstreamHost,
    /// The TCP port.
    pub port: NonZeroU16,
}

/// A name to be looked up, or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UpstreamHost {
    /// An address.
    Address(IpAddr),
    /// A lower-case DNS name.
    Name(String),
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            UpstreamHost::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            UpstreamHost::Address(address) => write!(f, "{address}:{}", self.port),
            UpstreamHost::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// TLS towards a source.
#[derive(Debug)]
pub struct UpstreamTls {
    /// Its authorities; never empty.
    pub ca: Vec<CertificateDer<'static>>,
    /// What the gate shows it, if it asks.
    pub identity: Option<Identity>,
    /// The name in SNI and in its certificate, a DNS name or an address.
    pub name: String,
    /// The lowest version spoken.
    pub minimum: TlsVersion,
}

/// What a source's own sign-in is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// Each request stands alone: connections are shared by clients.
    None,
    /// The connection (NTLM, Negotiate): each client's connection has an upstream connection of its own.
    Connection,
}

/// A source's own budgets; none: the zone's alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceLimits {
    /// For one user here.
    pub user: Option<Budget>,
    /// For one device here.
    pub device: Option<Budget>,
    /// For all together here.
    pub total: Option<Budget>,
    /// Requests in flight here.
    pub concurrent: Option<NonZeroUsize>,
}

/// What a source is told about who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeaders {
    /// Whether it gets a `Poort-Assertion`.
    pub assertion: bool,
    /// Headers for applications that cannot verify one; no two alike, none of the gate's or of HTTP's own.
    pub headers: Vec<(HeaderName, IdentityValue)>,
}

/// What a header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityValue {
    /// The subject's id.
    Subject,
    /// The subject's name for people.
    User,
    /// Its roles, separated by commas.
    Roles,
    /// Its units, separated by commas.
    Units,
    /// The device's name.
    Device,
    /// Who acts for the subject.
    Actor,
    /// What the request is for.
    Purpose,
    /// For which case.
    Case,
}
