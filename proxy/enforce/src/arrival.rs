//! A request as it arrived: what the gate adapts from its server library, before anything is believed.

use std::{future::Future, net::IpAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use http::request::Parts;
use poort_identity::device::{Certificate, Rejected};

use crate::reason::{ProtocolFault, Reason};

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

/// A request as it arrives: its head at once, its body when it is asked for.
pub trait Message: Send {
    /// The head.
    fn arrival(&self) -> Arrival<'_>;

    /// How long its body is, as its framing has it.
    fn length(&self) -> Length;

    /// The next piece of its body, waited for until then; none at its end.
    ///
    /// # Errors
    /// [`Reason::BodyIncomplete`] when it does not come, or not in time.
    fn read(&mut self, until: Instant) -> impl Future<Output = Result<Option<Bytes>, Reason>> + Send;
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// There is none.
    None,
    /// So many bytes.
    Known(u64),
    /// It ends when it ends: chunked, or in HTTP/2 without a Content-Length.
    Unknown,
}

/// A head alone, as of a stream that is admitted again: whatever body it had is gone.
impl Message for Arrival<'_> {
    fn arrival(&self) -> Arrival<'_> {
        *self
    }

    fn length(&self) -> Length {
        Length::None
    }

    async fn read(&mut self, _: Instant) -> Result<Option<Bytes>, Reason> {
        Ok(None)
    }
}

/// The connection a request came on.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Numbers the connections of this process.
    pub id: u64,
    /// The client's address, behind any named balancer.
    pub address: IpAddr,
    /// The version of TLS it speaks, such as `1.3`.
    pub tls: &'static str,
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
