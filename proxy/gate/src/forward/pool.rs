//! The addresses of one source, taken in turn; one that refused a connection is left aside for a while.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash},
    net::{SocketAddr, ToSocketAddrs},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use pingora::{
    protocols::ALPN,
    upstreams::peer::HttpPeer,
    utils::tls::{CertKey, WrappedX509, parse_x509},
};
use poort_enforce::exchange::RequestId;

use super::AnswerHold;
use crate::config::checked::{
    source::{Authentication, UpstreamAddress, UpstreamHost},
    zone::Timeouts,
};

/// How long an address that refused a connection is left aside while others work.
const ASIDE: Duration = Duration::from_secs(5);
/// How long an idle connection to a source is kept.
const IDLE: Duration = Duration::from_secs(60);

/// TLS towards a source. Everything was proven when the configuration was loaded: pingora panics on a bad key.
#[derive(Clone)]
pub struct UpstreamTls {
    /// The only authorities believed, in DER; empty means the system's.
    pub authorities: Vec<Vec<u8>>,
    /// The gate's certificate chain and key in DER.
    pub client: Option<(Vec<Vec<u8>>, Vec<u8>)>,
    /// The name in the source's certificate.
    pub name: String,
}

/// What a pool is made of.
#[derive(Clone)]
pub struct UpstreamSettings {
    /// Where the source listens.
    pub targets: Vec<UpstreamAddress>,
    /// TLS; none means plain HTTP.
    pub tls: Option<UpstreamTls>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// Whether connections are shared.
    pub authentication: Authentication,
    /// Keeps connections made under other certificates apart: pingora's own key leaves the CA out.
    pub trust_generation: u64,
}

/// Why there is nobody to connect to.
#[derive(Debug, thiserror::Error)]
#[error("no address of the source is known: none of its names could be resolved")]
pub struct PoolFault;

/// The pool of one source.
pub struct Pool {
    settings: UpstreamSettings,
    template: HttpPeer,
    addresses: ArcSwap<Vec<SocketAddr>>,
    next: AtomicUsize,
    health: Arc<Health>,
}

/// Until when each address is left aside, and where each name led last. It outlives reloads.
#[derive(Debug)]
pub struct Health {
    started: Instant,
    aside: Mutex<HashMap<SocketAddr, Arc<AtomicU64>>>,
    known: Mutex<HashMap<String, Vec<SocketAddr>>>,
}

impl Default for Health {
    fn default() -> Self {
        Self { started: Instant::now(), aside: Mutex::default(), known: Mutex::default() }
    }
}

impl Health {
    fn cell(&self, address: SocketAddr) -> Arc<AtomicU64> {
        Arc::clone(self.aside.lock().entry(address).or_default())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_aside(&self, address: SocketAddr) -> bool {
        self.cell(address).load(Ordering::Relaxed) > self.now()
    }

    /// Where a target leads, now that it was looked up. A resolver that is down must not close a source that is up: where it found nothing,
    /// what it found last still holds.
    fn learn(&self, target: &str, found: Vec<SocketAddr>) -> Vec<SocketAddr> {
        if found.is_empty() {
            return self.known(target).unwrap_or_default();
        }
        self.known.lock().insert(target.to_owned(), found.clone());
        found
    }

    fn known(&self, target: &str) -> Option<Vec<SocketAddr>> {
        self.known.lock().get(target).cloned()
    }

    /// This address refused a connection.
    pub fn failed(&self, address: SocketAddr) {
        let until = self.now().saturating_add(u64::try_from(ASIDE.as_millis()).unwrap_or(u64::MAX));
        self.cell(address).store(until, Ordering::Relaxed);
    }
}

impl Pool {
    /// A pool over these settings. Names that were never resolved are now, blocking; all of them are again by [`Pool::resolve`].
    #[must_use]
    pub fn new(settings: UpstreamSettings, health: Arc<Health>) -> Self {
        let look_up = |target: &UpstreamAddress| {
            let target = target.to_string();
            // A reload waits for no resolver, and asks none that is down for each source in turn.
            health.known(&target).unwrap_or_else(|| {
                health.learn(&target, target.to_socket_addrs().map(Iterator::collect).unwrap_or_default())
            })
        };
        let addresses = settings.targets.iter().flat_map(look_up).collect();
        let template = template(&settings);
        Self {
            settings,
            template,
            addresses: ArcSwap::from_pointee(addresses),
            next: AtomicUsize::new(0),
            health,
        }
    }

    /// Resolves names at once and again and again, for as long as it is polled, sooner where none led anywhere; addresses need none of that.
    pub async fn resolve(&self, every: Duration) {
        if self.settings.targets.iter().all(|target| matches!(target.host, UpstreamHost::Address(_))) {
            return;
        }
        loop {
            let mut found = Vec::new();
            for target in self.settings.targets.iter().map(ToString::to_string) {
                let addresses = tokio::net::lookup_host(&target).await;
                found
                    .extend(self.health.learn(&target, addresses.map(Iterator::collect).unwrap_or_default()));
            }
            let pause = if found.is_empty() { every.min(ASIDE) } else { every };
            if !found.is_empty() {
                self.addresses.store(Arc::new(found));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// How many addresses are taken in turn, and how many are left aside. A source with none of the former is down.
    #[must_use]
    pub fn standing(&self) -> (usize, usize) {
        let addresses = self.addresses.load();
        let aside = addresses.iter().filter(|address| self.health.is_aside(**address)).count();
        (addresses.len() - aside, aside)
    }

    /// How many addresses are worth trying for one request.
    #[must_use]
    pub fn width(&self) -> usize {
        self.addresses.load().len()
    }

    /// The timeouts.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        self.settings.timeouts
    }

    /// An address refused a connection.
    pub fn failed(&self, address: SocketAddr) {
        self.health.failed(address);
    }

    /// The next address in turn, those left aside last. `connection` is the client's.
    ///
    /// # Errors
    /// [`PoolFault`] when no address is known.
    pub fn pick(&self, connection: u64) -> Result<HttpPeer, PoolFault> {
        let mut peer = self.in_turn()?;
        if self.settings.authentication == Authentication::Connection {
            set_apart(&mut peer, connection);
        }
        Ok(peer)
    }

    /// The next address in turn, on a connection that is new and whose answer `hold` holds back.
    ///
    /// # Errors
    /// [`PoolFault`] when no address is known.
    pub fn pick_alone(&self, request: RequestId, hold: &AnswerHold) -> Result<HttpPeer, PoolFault> {
        let mut peer = self.in_turn()?;
        set_apart(&mut peer, request);
        peer.options.custom_l4 = Some(hold.connector());
        Ok(peer)
    }

    fn in_turn(&self) -> Result<HttpPeer, PoolFault> {
        let addresses = self.addresses.load();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let in_turn =
            || (0..addresses.len()).filter_map(|step| addresses.get((first + step) % addresses.len()));
        let address = in_turn().find(|address| !self.health.is_aside(**address)).or_else(|| in_turn().next());
        let mut peer = self.template.clone();
        peer._address = pingora::protocols::l4::socket::SocketAddr::Inet(*address.ok_or(PoolFault)?);
        Ok(peer)
    }
}

/// Connections to this peer are shared only by who names the same `key`.
fn set_apart(peer: &mut HttpPeer, key: impl Hash) {
    peer.group_key = BuildHasherDefault::<DefaultHasher>::default().hash_one((peer.group_key, key));
}

/// Everything of a peer but its address, built once.
fn template(settings: &UpstreamSettings) -> HttpPeer {
    let anywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let name = settings.tls.as_ref().map_or_else(String::new, |tls| tls.name.clone());
    let mut peer = HttpPeer::new(anywhere, settings.tls.is_some(), name);
    peer.group_key = settings.trust_generation;
    let options = &mut peer.options;
    options.connection_timeout = Some(settings.timeouts.connect);
    options.total_connection_timeout = Some(settings.timeouts.connect);
    options.read_timeout = Some(settings.timeouts.read);
    options.write_timeout = Some(settings.timeouts.read);
    options.idle_timeout = Some(IDLE);
    options.alpn = ALPN::H1;
    if let Some(tls) = &settings.tls {
        let parsed = |der: &Vec<u8>| WrappedX509::new(der.clone(), parse_x509);
        if !tls.authorities.is_empty() {
            options.ca = Some(tls.authorities.iter().map(parsed).collect::<Vec<_>>().into());
        }
        peer.client_cert_key =
            tls.client.as_ref().map(|(chain, key)| Arc::new(CertKey::new(chain.clone(), key.clone())));
    }
    peer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> UpstreamAddress {
        let (host, port) = text.rsplit_once(':').unwrap();
        let host = host.parse().map_or_else(|_| UpstreamHost::Name(host.to_owned()), UpstreamHost::Address);
        UpstreamAddress { host, port: port.parse().unwrap() }
    }

    fn pool(targets: &[&str], authentication: Authentication) -> Pool {
        pool_after(targets, authentication, &Arc::default())
    }

    fn pool_after(targets: &[&str], authentication: Authentication, health: &Arc<Health>) -> Pool {
        let second = Duration::from_secs(1);
        let settings = UpstreamSettings {
            targets: targets.iter().map(|target| address(target)).collect(),
            tls: None,
            timeouts: Timeouts { connect: second, read: second, total: second },
            authentication,
            trust_generation: 7,
        };
        Pool::new(settings, Arc::clone(health))
    }

    fn picked(pool: &Pool) -> String {
        pool.pick(1).unwrap()._address.to_string()
    }

    #[test]
    fn addresses_are_taken_in_turn() {
        let pool = pool(&["127.0.0.1:1", "127.0.0.1:2"], Authentication::None);
        let seen: Vec<_> = (0..4).map(|_| picked(&pool)).collect();
        assert_eq!(seen, ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:1", "127.0.0.1:2"]);
    }

    #[test]
    fn an_address_that_refused_is_left_aside() {
        let pool = pool(&["127.0.0.1:1", "127.0.0.1:2"], Authentication::None);
        pool.failed("127.0.0.1:1".parse().unwrap());
        assert!((0..4).all(|_| picked(&pool) == "127.0.0.1:2"));
        assert_eq!(pool.standing(), (1, 1));
        pool.failed("127.0.0.1:2".parse().unwrap());
        assert_eq!(pool.standing(), (0, 2));
        assert!(pool.pick(1).is_ok(), "when all refused, one is tried all the same");
    }

    #[test]
    fn connections_that_know_a_user_are_not_shared() {
        let key = |pool: &Pool, connection| pool.pick(connection).unwrap().group_key;
        let pinned = pool(&["127.0.0.1:1"], Authentication::Connection);
        assert_ne!(key(&pinned, 1), key(&pinned, 2));
        assert_eq!(key(&pinned, 1), key(&pinned, 1));
        let pooled = pool(&["127.0.0.1:1"], Authentication::None);
        assert_eq!(key(&pooled, 1), key(&pooled, 2));
    }

    #[test]
    fn a_name_that_does_not_resolve_is_no_address() {
        assert!(pool(&["does-not-exist.invalid:80"], Authentication::None).pick(1).is_err());
    }

    #[tokio::test]
    async fn a_resolver_that_is_down_closes_no_source_over_a_reload() {
        let health = Arc::<Health>::default();
        let up = "127.0.0.9:80".parse().unwrap();
        // As it was while the resolver answered.
        assert_eq!(health.learn("was-there.invalid:80", vec![up]), [up]);
        let targets = ["was-there.invalid:80", "127.0.0.1:80"];
        let pool = pool_after(&targets, Authentication::None, &health);
        let both = ["127.0.0.9:80", "127.0.0.1:80"];
        assert_eq!([picked(&pool), picked(&pool)], both);
        // Nor does what is looked up in vain later on, beside what needs no resolver.
        let _ = tokio::time::timeout(Duration::from_secs(15), pool.resolve(Duration::from_secs(60))).await;
        assert_eq!([picked(&pool), picked(&pool)], both);
    }
}
