//! What one listener is told: plain values, already checked by whoever built them.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use ipnet::IpNet;

/// Whether a client must show a certificate to complete TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificate {
    /// A handshake without one fails.
    #[default]
    Required,
    /// It is asked for; each source demands it or not.
    Optional,
}

/// A TLS version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V12,
    /// TLS 1.3 (RFC 8446).
    #[default]
    V13,
}

impl TlsVersion {
    /// The stable name in records and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::V12 => "1.2",
            Self::V13 => "1.3",
        }
    }
}

/// One listener.
#[derive(Clone, Debug)]
pub struct ListenSettings {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether clients must show a certificate.
    pub client_certificate: ClientCertificate,
    /// The lowest TLS version spoken.
    pub minimum_tls: TlsVersion,
    /// Networks of the balancers in front. These, and only these, must send PROXY protocol v2.
    pub balancers: Vec<IpNet>,
    /// How long each stage of a connection may take.
    pub deadlines: Deadlines,
    /// How large an HTTP/1 head may be.
    pub head: HeadLimits,
    /// What one HTTP/2 connection may hold.
    pub http2: Http2Limits,
    /// How many requests one HTTP/1 connection may carry; none: any number.
    pub requests_per_connection: Option<u32>,
    /// How many TLS sessions are kept for resumption. One is some 2 KiB with a client certificate in it.
    pub sessions: usize,
}

impl ListenSettings {
    /// A listener with the shipped defaults: TLS 1.3, a client certificate required, no balancer.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            client_certificate: ClientCertificate::default(),
            minimum_tls: TlsVersion::default(),
            balancers: Vec::new(),
            deadlines: Deadlines::default(),
            head: HeadLimits::default(),
            http2: Http2Limits::default(),
            requests_per_connection: None,
            sessions: 8192,
        }
    }
}

/// How long each stage of a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// From the accepted connection to the last byte of a balancer's PROXY header.
    pub proxy_header: Duration,
    /// From the first TLS byte awaited to the end of the handshake.
    pub handshake: Duration,
    /// From the first byte of an HTTP/1 head to its last, or for the preface of HTTP/2 from the end of TLS.
    pub head: Duration,
    /// Idle, between requests and before the first.
    pub keep_alive: Duration,
    /// A peer that takes less than 16 KiB while writes wait for it for this long loses its connection: it stopped reading, or as good as. In
    /// HTTP/2 a piece of an answer, as large, that the peer does not make room for ends its stream.
    pub write_stall: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            proxy_header: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            keep_alive: Duration::from_secs(60),
            write_stall: Duration::from_secs(60),
        }
    }
}

/// How large an HTTP/1 head may be. Larger ones are answered 414 or 431 (RFC 9110 §15.5.15, RFC 6585 §5) and cut.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    /// The whole head in bytes, line ends included.
    pub bytes: usize,
    /// Header lines.
    pub headers: usize,
    /// The request line in bytes, line end included.
    pub request_line_bytes: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { bytes: 32 * 1024, headers: 100, request_line_bytes: 8 * 1024 }
    }
}

/// What one HTTP/2 connection may hold (RFC 9113 §6.5.2, §10.5).
#[derive(Clone, Copy, Debug)]
pub struct Http2Limits {
    /// Requests in flight.
    pub streams: u32,
    /// One decoded header list in bytes.
    pub header_list_bytes: u32,
    /// Body bytes a client may send ahead on one stream.
    pub stream_window_bytes: u32,
    /// Body bytes a client may send ahead on the whole connection.
    pub connection_window_bytes: u32,
    /// Streams reset by the client before they were served; one more ends the connection (CVE-2023-44487).
    pub pending_resets: usize,
    /// Streams the gate had to reset for a protocol error; one more ends the connection (CVE-2025-8671).
    pub error_resets: usize,
    /// Response bytes held per stream while the client does not read.
    pub send_buffer_bytes: usize,
}

impl Default for Http2Limits {
    fn default() -> Self {
        Self {
            streams: 100,
            header_list_bytes: 64 * 1024,
            stream_window_bytes: 256 * 1024,
            connection_window_bytes: 1024 * 1024,
            pending_resets: 20,
            error_resets: 64,
            send_buffer_bytes: 256 * 1024,
        }
    }
}

/// How many connections and handshakes are admitted, in the whole process and for one address prefix.
#[derive(Clone, Debug)]
pub struct Budgets {
    /// Open connections in total.
    pub total: usize,
    /// How many leading bits of an IPv4 address make its prefix.
    pub prefix_v4: u8,
    /// How many leading bits of an IPv6 address make its prefix: a subscriber has a whole /64.
    pub prefix_v6: u8,
    /// What a prefix may have.
    pub ordinary: Budget,
    /// What a prefix within these networks may have instead: behind one address of a mobile carrier sits a whole force.
    /// The longest network wins.
    pub carriers: Vec<(IpNet, Budget)>,
    /// How many prefixes are told apart. Beyond, new ones share one ordinary budget until others have been idle.
    pub prefixes: usize,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            total: 20_000,
            prefix_v4: 32,
            prefix_v6: 64,
            ordinary: Budget { connections: 2_000, handshakes: Rate::new(200, Duration::from_secs(1)) },
            carriers: Vec::new(),
            prefixes: 65_536,
        }
    }
}

/// What one address prefix may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Open connections.
    pub connections: usize,
    /// New TLS handshakes.
    pub handshakes: Rate,
}

/// So many in so long; all of them may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    per: Duration,
}

impl Rate {
    /// `count` in `per`. A rate cannot be none: zero counts as one, and no time as a millisecond.
    #[must_use]
    pub fn new(count: u32, per: Duration) -> Self {
        Self {
            count: NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN),
            per: per.max(Duration::from_millis(1)),
        }
    }

    /// How many may come at once.
    #[must_use]
    pub const fn count(self) -> NonZeroU32 {
        self.count
    }

    /// In how long they are all replenished.
    #[must_use]
    pub const fn per(self) -> Duration {
        self.per
    }
}
