//! The operators' part: `deploy/poort.yaml`.

use std::{fmt, net::SocketAddr, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use ipnet::IpNet;
use poort_enforce::{data_subject::PseudonymKey, source::Demand};
use poort_identity::{Seal, Trust};
use poort_policy::Place;
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::audit::tlog::Keys;

use super::{Identity, PrivateKey, TlsVersion, source::UpstreamAddress, zone::Rate};

/// What operators decide: where the gate listens, and where it keeps things.
#[derive(Debug)]
pub struct Deploy {
    /// Never empty; no two on one address, nor on those of `admin`, `service` and `console`.
    pub listeners: Vec<Listener>,
    /// Where `/metrics`, `/healthz` and `/readyz` are answered.
    pub admin: SocketAddr,
    /// Where machines ask that have no device certificate; none if the file does not say.
    pub service: Option<Listener>,
    /// Where people look at the gate; none if the file does not say. Client certificates are required, and it speaks TLS 1.3.
    pub console: Option<Listener>,
    /// Whose certificates are believed there: people's, of authorities of their own. None exactly if there is no console.
    pub visitors: Option<Trust>,
    /// The `policies` directory.
    pub policies: PathBuf,
    /// Where the gate keeps what survives a restart. Exists and is writable, or can be made.
    pub state: PathBuf,
    /// What seals what is kept there, in a zone where no browser signs in; elsewhere that is the sign-in's.
    pub seal: Option<Arc<Seal>>,
    /// The server where several gates share sessions; none: this one's are its own.
    pub redis: Option<Redis>,
    /// The decision log.
    pub audit: Audit,
    /// How the gate vouches for subjects to sources; none if no source wants it.
    pub assertion: Option<Assertion>,
    /// How many connections, and from whom.
    pub connections: Connections,
    /// Threads that serve requests; none: one for each core.
    pub workers: Option<NonZeroUsize>,
    /// How long requests in flight may take when the gate stops.
    pub drain: Duration,
    /// Whether a changed file is loaded without a command.
    pub watch: bool,
}

impl Deploy {
    /// Every listener with TLS, the console's last.
    pub fn tls_listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().chain(&self.service).chain(&self.console)
    }
}

/// An address where clients connect.
#[derive(Debug)]
pub struct Listener {
    /// Where it is declared.
    pub place: Place,
    /// Address and port.
    pub address: SocketAddr,
    /// By SNI; the first is for clients that send none. Never empty.
    pub certificates: Vec<Identity>,
    /// Whether TLS without a client certificate is refused.
    pub client_certificate: Demand,
    /// The lowest version spoken.
    pub tls: TlsVersion,
    /// Who must, and alone may, send PROXY protocol v2.
    pub balancers: Vec<IpNet>,
}

/// A Redis server.
#[derive(Clone)]
pub struct Redis {
    /// Where it is declared.
    pub place: Place,
    /// Where it is.
    pub address: UpstreamAddress,
    /// As whom the gate signs in there (ACL); none: as the default user.
    pub user: Option<String>,
    /// With which password; none: without.
    pub password: Option<Zeroizing<String>>,
    /// The authorities that vouch for it; none: without TLS, on this machine alone.
    pub ca: Option<Vec<CertificateDer<'static>>>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("address", &self.address)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// The decision log.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Exists and is writable, or can be made.
    pub directory: PathBuf,
    /// Whether a decision must be on disk before a response leaves.
    pub durable: bool,
    /// What proves that it was not changed; none if the file does not say.
    pub log: Option<AuditLog>,
    /// A directory on another disk that takes the record while that of the first does not.
    pub spill: Option<PathBuf>,
    /// Space held back for a full disk, in bytes.
    pub reserve: u64,
    /// The key for what stands for data subjects, and before it those of former records; never empty. None if the file names none.
    pub pseudonyms: Option<Vec<PseudonymKey>>,
}

/// What proves the decision log.
#[derive(Clone, Debug)]
pub struct AuditLog {
    /// What signs checkpoints, and what signed former ones.
    pub keys: Arc<Keys>,
    /// A directory elsewhere that gets each checkpoint.
    pub anchor: Option<PathBuf>,
}

/// How the gate vouches for subjects.
#[derive(Debug)]
pub struct Assertion {
    /// Where it is declared.
    pub place: Place,
    /// A P-256 key.
    pub key: PrivateKey,
    /// The `iss` of assertions.
    pub issuer: String,
}

/// How many connections, and from whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Open at once, all together.
    pub total: NonZeroUsize,
    /// Open at once from one prefix.
    pub per_prefix: NonZeroUsize,
    /// TLS handshakes of one prefix.
    pub handshakes_per_prefix: Rate,
    /// How long a whole request head may take.
    pub head: Duration,
    /// How long the next piece of a request body may take.
    pub body: Duration,
    /// How long a connection may be idle.
    pub keep_alive: Duration,
    /// Bits of an IPv4 address that make a prefix, 8 to 32.
    pub prefix_v4: u8,
    /// Bits of an IPv6 address that make a prefix, 32 to 128.
    pub prefix_v6: u8,
    /// Networks behind which many devices share an address. No two are the same.
    pub carriers: Vec<Carrier>,
}

/// A network behind which many devices share an address, such as a mobile operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// Where it is.
    pub network: IpNet,
    /// Open at once from one of its prefixes.
    pub connections: NonZeroUsize,
    /// TLS handshakes of one of its prefixes.
    pub handshakes: Rate,
}
