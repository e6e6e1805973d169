//! A request as it arrived: what the gate adapts from its server library, before anything is believed.

use std::{net::IpAddr, sync::Arc};

use http::request::Parts;
use poort_identity::device::{Certificate, Rejected};

use crate::reason::ProtocolFault;

/// A request head and the connection it came on.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Method, headers and, in HTTP/2, the authority.
    pub head: &'a Parts,
    /// The request target as it was on the wire.
    pub target: &'a [u8],
    /// A fault of the raw head that the server library hides.
    pub fault: Option<ProtocolFault>,
}

/// The connection a request came on.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Numbers the connections of this process.
    pub id: u64,
    /// The client's address, behind any named balancer.
    pub address: IpAddr,
    /// The server name asked for in TLS, lower-case.
    pub sni: Option<Arc<str>>,
    /// What its client certificate is worth now.
    pub device: DeviceState,
}

/// What a client certificate is worth.
#[derive(Clone, Debug)]
pub enum DeviceState {
    /// There is none.
    Absent,
    /// Ours, valid, not revoked.
    Accepted(Arc<Certificate>),
    /// Ours, and not accepted.
    Rejected(Arc<Rejected>),
}

impl DeviceState {
    /// The accepted certificate.
    #[must_use]
    pub fn accepted(&self) -> Option<&Arc<Certificate>> {
        match self {
            Self::Accepted(certificate) => Some(certificate),
            Self::Absent | Self::Rejected(_) => None,
        }
    }
}
