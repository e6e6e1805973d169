//! What a gate notes of connections: counts of everything, and of whom it turned away, by address prefix.

use std::{net::IpAddr, time::SystemTime};

use poort_enforce::ports::Limits as _;

use crate::{
    listen::{ConnectionEvent, ConnectionObserver, HandshakeFault},
    live::Live,
};

impl ConnectionObserver for Live {
    fn observe(&self, event: ConnectionEvent) {
        self.carry.metrics.observe(event);
    }

    fn turned_away(&self, client: IpAddr, fault: HandshakeFault) {
        let prefix = self.snapshot().pipeline.ports.prefix(client);
        self.audit.strangers().count_handshake(&prefix, fault.code(), SystemTime::now());
    }
}
