//! What happens to connections before any filter sees a request, for metrics.

use std::time::Duration;

use rustls::NamedGroup;

use super::{connection::HttpVersion, settings::TlsVersion};

/// Sees every event of a listener's connections. Called on the connection's own task: it must not wait.
pub trait ConnectionObserver: Send + Sync + 'static {
    /// One event.
    fn observe(&self, event: ConnectionEvent);
}

/// Sees nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl ConnectionObserver for Unobserved {
    fn observe(&self, _: ConnectionEvent) {}
}

/// One event. Every `Accepted` is followed by exactly one of `Dropped`, `HandshakeFailed` and `Closed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// A connection was taken from the socket.
    Accepted,
    /// It was closed before TLS.
    Dropped(DropReason),
    /// TLS failed.
    HandshakeFailed(HandshakeFault),
    /// TLS completed, with a session of before or without.
    Established {
        /// Whether an earlier session was resumed.
        resumed: bool,
    },
    /// What TLS agreed on, after `Established`.
    Agreed {
        /// The protocol version.
        version: TlsVersion,
        /// The application protocol.
        http: HttpVersion,
        /// The key exchange; none if the TLS library does not say.
        key_exchange: Option<NamedGroup>,
    },
    /// A request head was answered or cut before any filter saw it.
    HeadRefused(HeadRefusal),
    /// An HTTP/2 stream was reset.
    StreamReset(Side),
    /// An established connection ended.
    Closed {
        /// How many requests it carried.
        requests: u64,
        /// How long it was open.
        lasted: Duration,
    },
}

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who connected.
    Client,
    /// The gate.
    Gate,
}

macro_rules! closed_list {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $code:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every one, in order: a metric has a series for each from the start.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name in metrics and records.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }
    };
}
pub(super) use closed_list;

closed_list! {
    /// Why a connection was closed before TLS.
    DropReason {
        /// The process has all the connections it may have.
        TotalConnections => "total_connections",
        /// The address prefix has all the connections it may have.
        PrefixConnections => "prefix_connections",
        /// The address prefix opens connections too fast.
        PrefixHandshakes => "prefix_handshakes",
        /// A balancer sent something else than a PROXY protocol v2 header, version 1 included.
        ProxyHeaderMissing => "proxy_header_missing",
        /// A balancer's PROXY header is broken, too long, or names no TCP address.
        ProxyHeaderMalformed => "proxy_header_malformed",
        /// A balancer's PROXY header did not come in time.
        ProxyHeaderTimeout => "proxy_header_timeout",
        /// The peer was gone before anything was read.
        Gone => "gone",
    }
}

closed_list! {
    /// Why TLS failed, as far as the gate can tell.
    HandshakeFault {
        /// The client showed no certificate where one is required.
        CertificateMissing => "tls_certificate_missing",
        /// The client's certificate does not chain to our anchors.
        CertificateForeign => "tls_certificate_foreign",
        /// The client's certificate or its signature is broken.
        CertificateBroken => "tls_certificate_broken",
        /// No common version, cipher suite or key exchange: mostly an old client.
        Incompatible => "tls_incompatible",
        /// The client refused us by an alert: it does not trust our certificate, or has none to show.
        RefusedByClient => "tls_refused_by_client",
        /// What came is no TLS.
        NotTls => "tls_not_tls",
        /// The client broke the protocol.
        Misbehaved => "tls_misbehaved",
        /// The client left.
        Abandoned => "tls_abandoned",
        /// It took too long.
        Timeout => "tls_timeout",
        /// The gate itself failed.
        Internal => "tls_internal",
    }
}

closed_list! {
    /// Why a request head was answered or cut before any filter saw it.
    HeadRefusal {
        /// The head is longer than allowed: 431.
        TooLarge => "head_too_large",
        /// The head has more lines than allowed: 431.
        TooManyHeaders => "head_too_many_headers",
        /// The request line is longer than allowed: 414.
        RequestLineTooLong => "head_request_line_too_long",
        /// The head was not complete in time: 408; an HTTP/2 preface: just closed.
        Timeout => "head_timeout",
        /// The HTTP library could not parse it: 400.
        Unparsable => "head_unparsable",
        /// The client left in the middle of it.
        Abandoned => "head_abandoned",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_reasons_have_one_name() {
        let drops = DropReason::ALL.iter().map(|reason| reason.code());
        let faults = HandshakeFault::ALL.iter().map(|fault| fault.code());
        let refusals = HeadRefusal::ALL.iter().map(|refusal| refusal.code());
        let codes: Vec<&str> = drops.chain(faults).chain(refusals).collect();
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), codes.len(), "{codes:?}");
    }
}
