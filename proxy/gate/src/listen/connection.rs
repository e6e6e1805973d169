//! One established connection, as every request on it sees it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::{Instant, SystemTime},
};

use parking_lot::RwLock;
use pingora::protocols::{Digest, raw_connect::ProxyDigest};
use rustls::{NamedGroup, pki_types::CertificateDer};

use super::{
    head::{HeadFault, HeadFaults},
    settings::TlsVersion,
    trust::{Judgement, LiveTrust},
};

static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

/// Which HTTP a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// HTTP/1.1 (RFC 9112).
    Http1,
    /// HTTP/2 (RFC 9113).
    Http2,
}

impl HttpVersion {
    /// The stable name in metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Http1 => "1.1",
            Self::Http2 => "2",
        }
    }
}

/// What TLS agreed on.
#[derive(Clone, Debug)]
pub struct TlsFacts {
    /// The name the client asked for, lower-case.
    pub sni: Option<Arc<str>>,
    /// The protocol version.
    pub version: TlsVersion,
    /// The application protocol.
    pub http: HttpVersion,
    /// The key exchange; `X25519MLKEM768` is safe from quantum computers.
    pub key_exchange: Option<NamedGroup>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The client's certificate chain in DER, leaf first; after a resumption that of the first handshake.
    pub chain: Option<Arc<[CertificateDer<'static>]>>,
}

/// One established connection. Shared by all its requests.
#[derive(Debug)]
pub struct Connection {
    id: u64,
    peer: SocketAddr,
    opened: Instant,
    tls: TlsFacts,
    judged: RwLock<Option<Arc<Judgement>>>,
    head: HeadNotes,
    requests: AtomicU64,
    read: AtomicU64,
    written: AtomicU64,
}

impl Connection {
    /// Judges the client's chain, once, and opens the connection's books.
    pub(super) fn establish(peer: SocketAddr, tls: TlsFacts, trust: &LiveTrust, now: SystemTime) -> Self {
        let judged = tls.chain.as_deref().map(|chain| Arc::new(Judgement::of(chain, &trust.load(), now)));
        Self {
            id: CONNECTIONS.fetch_add(1, Ordering::Relaxed),
            peer,
            opened: Instant::now(),
            tls,
            judged: RwLock::new(judged),
            head: HeadNotes::default(),
            requests: AtomicU64::new(0),
            read: AtomicU64::new(0),
            written: AtomicU64::new(0),
        }
    }

    /// The connection a request came on: `session.digest().and_then(Connection::of)`. None only where [`Gate`](super::Gate) was
    /// not in front.
    #[must_use]
    pub fn of(digest: &Digest) -> Option<&Arc<Self>> {
        digest.proxy_digest.as_deref().and_then(Self::carried)
    }

    fn carried(digest: &ProxyDigest) -> Option<&Arc<Self>> {
        digest.user_data.as_ref().and_then(|carried| carried.downcast_ref())
    }

    /// Numbers the connections of this process, from 1.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// The client: behind a balancer as its PROXY header says, else the socket's peer. IPv4 in IPv6 is IPv4.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What TLS agreed on.
    #[must_use]
    pub const fn tls(&self) -> &TlsFacts {
        &self.tls
    }

    /// The client certificate's leaf in DER.
    #[must_use]
    pub fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.tls.chain.as_deref().and_then(<[_]>::first)
    }

    /// When TLS was done.
    #[must_use]
    pub const fn opened(&self) -> Instant {
        self.opened
    }

    /// What the client's certificate is worth now; none without one. Costs two atomic reads and a lock nobody waits for, while the
    /// trust is the same and the last judgement is less than a minute old; else the chain is judged again. The same `Arc` means the
    /// same judgement.
    #[must_use]
    pub fn device(&self, live: &LiveTrust, now: SystemTime) -> Option<Arc<Judgement>> {
        let chain = self.tls.chain.as_deref()?;
        let generation = live.generation();
        if let Some(judged) = self.judged.read().as_ref().filter(|judged| judged.holds(generation, now)) {
            return Some(judged.clone());
        }
        let judged = Arc::new(Judgement::of(chain, &live.load(), now));
        *self.judged.write() = Some(judged.clone());
        Some(judged)
    }

    /// Says that the head of the present request reached a filter. Call it in `early_request_filter`, for HTTP/1 and HTTP/2 alike:
    /// a head that was read whole and never got there counts as refused by the HTTP library.
    pub fn head_done(&self) {
        self.head.unseen.store(false, Ordering::Relaxed);
    }

    /// The first fault of the present HTTP/1 head. A head with one is to be refused: after it, the connection reads no other.
    /// Always none in HTTP/2, whose framing has no such ambiguities and whose library checks the rest.
    #[must_use]
    pub fn head_fault(&self) -> Option<HeadFault> {
        self.head_faults().first()
    }

    /// All faults of the present HTTP/1 head.
    #[must_use]
    pub fn head_faults(&self) -> HeadFaults {
        HeadFaults::from_bits(self.head.faults.load(Ordering::Relaxed))
    }

    /// How many requests were begun on it.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes read and written, inside TLS.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed), self.written.load(Ordering::Relaxed))
    }

    /// A request is about to be read, or in HTTP/2 has been.
    pub(super) fn next_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if self.tls.http == HttpVersion::Http1 {
            self.head.next.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn notes(&self) -> &HeadNotes {
        &self.head
    }

    pub(super) fn count_read(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn count_written(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// What the stream and the requests of an HTTP/1 connection tell each other. All of it happens on one task, in turn: relaxed
/// atomics only make it shareable.
#[derive(Debug, Default)]
pub(super) struct HeadNotes {
    /// The next bytes read begin a head.
    pub(super) next: AtomicBool,
    /// A whole head was handed to the HTTP library, and no filter has seen it yet.
    pub(super) unseen: AtomicBool,
    /// The faults of the present head.
    pub(super) faults: AtomicU32,
}
