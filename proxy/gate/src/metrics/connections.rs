//! What is counted of connections, before any request. Every label is from a closed list.

use std::collections::HashMap;

use prometheus::{IntCounter, Result};
use rustls::NamedGroup;

use super::{registrar::Registrar, resolved::Resolved};
use crate::listen::{
    ConnectionEvent, ConnectionObserver, DropReason, HandshakeFault, HeadRefusal, HttpVersion, Side,
    TlsVersion,
};

const ACCEPTED: &str = "accepted";
const ESTABLISHED: &str = "established";
const RESUMED: &str = "resumed";
const CLOSED: &str = "closed";

/// Connections, handshakes, and what was refused on them.
#[derive(Debug)]
pub(super) struct Connections {
    events: HashMap<&'static str, IntCounter>,
    agreed: Resolved<(TlsVersion, HttpVersion, &'static str)>,
    reset_by_client: IntCounter,
    reset_by_gate: IntCounter,
}

impl Connections {
    pub(super) fn register(new: &Registrar<'_>) -> Result<Self> {
        let events = new.counters("poort_connections_total", "Connections and handshakes.", &["event"])?;
        let agreed = new.counters(
            "poort_tls_handshakes_total",
            "Handshakes that succeeded, by what was agreed on.",
            &["version", "http", "key_exchange"],
        )?;
        let resets = new.counters(
            "poort_http2_resets_total",
            "HTTP/2 streams that were reset (RST_STREAM), by who did.",
            &["by"],
        )?;
        let resolve = move |(version, http, key_exchange): &(TlsVersion, HttpVersion, _)| {
            agreed.with_label_values(&[version.code(), http.code(), *key_exchange])
        };
        Ok(Self {
            events: names().map(|name| (name, events.with_label_values(&[name]))).collect(),
            agreed: Resolved::new(resolve),
            reset_by_client: resets.with_label_values(&["client"]),
            reset_by_gate: resets.with_label_values(&["gate"]),
        })
    }

    fn count(&self, name: &'static str) {
        if let Some(counter) = self.events.get(name) {
            counter.inc();
        }
    }
}

impl ConnectionObserver for Connections {
    fn observe(&self, event: ConnectionEvent) {
        match event {
            ConnectionEvent::Accepted => self.count(ACCEPTED),
            ConnectionEvent::Dropped(reason) => self.count(reason.code()),
            ConnectionEvent::HandshakeFailed(fault) => self.count(fault.code()),
            ConnectionEvent::Established { resumed: true } => self.count(RESUMED),
            ConnectionEvent::Established { resumed: false } => self.count(ESTABLISHED),
            ConnectionEvent::Agreed { version, http, key_exchange } => {
                self.agreed.count((version, http, group(key_exchange)));
            }
            ConnectionEvent::HeadRefused(refusal) => self.count(refusal.code()),
            ConnectionEvent::StreamReset(Side::Client) => self.reset_by_client.inc(),
            ConnectionEvent::StreamReset(Side::Gate) => self.reset_by_gate.inc(),
            ConnectionEvent::Closed { .. } => self.count(CLOSED),
        }
    }
}

/// Every name that an event has.
fn names() -> impl Iterator<Item = &'static str> {
    let drops = DropReason::ALL.iter().map(|reason| reason.code());
    let faults = HandshakeFault::ALL.iter().map(|fault| fault.code());
    let refusals = HeadRefusal::ALL.iter().map(|refusal| refusal.code());
    [ACCEPTED, ESTABLISHED, RESUMED, CLOSED].into_iter().chain(drops).chain(faults).chain(refusals)
}

/// The groups that the provider knows, by name.
const fn group(key_exchange: Option<NamedGroup>) -> &'static str {
    match key_exchange {
        Some(NamedGroup::X25519MLKEM768) => "x25519mlkem768",
        Some(NamedGroup::X25519) => "x25519",
        Some(NamedGroup::secp256r1) => "secp256r1",
        Some(NamedGroup::secp384r1) => "secp384r1",
        Some(_) => "other",
        None => "none",
    }
}
