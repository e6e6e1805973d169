//! A listener on a port of its own, and what it saw.

use std::{
    collections::HashMap,
    net::{SocketAddr, TcpListener},
    os::fd::IntoRawFd,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use pingora::{
    http::ResponseHeader,
    prelude::{HttpPeer, ProxyHttp, Session},
    proxy::http_proxy,
    server::{Fds, configuration::ServerConf},
};
use poort::listen::{
    Admission, Budgets, Certificates, Connection, ConnectionEvent, ConnectionObserver, KeyPair,
    ListenSettings, LiveTls, LiveTrust, Surroundings, install_provider, service,
};
use rustls::crypto::CryptoProvider;
use tokio::sync::{Notify, watch};

use crate::pki::{self, Authority, Identity};

/// Long enough for a slow machine, short enough to notice.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// More than all buffers between two sockets of one machine.
const LARGE_BYTES: usize = 64 * 1024 * 1024;

/// What is configured; change it, then start.
pub(crate) struct Plan {
    pub(crate) settings: ListenSettings,
    pub(crate) budgets: Budgets,
    pub(crate) certificates: Vec<KeyPair>,
    pub(crate) authority: Authority,
}

impl Plan {
    pub(crate) fn new() -> Self {
        install_provider().unwrap();
        Self {
            settings: ListenSettings::new(SocketAddr::from(([127, 0, 0, 1], 0))),
            budgets: Budgets::default(),
            certificates: vec![pki::server(&["gate.example"])],
            authority: Authority::new("Devices"),
        }
    }
}

/// A running listener.
pub(crate) struct Ground {
    pub(crate) address: SocketAddr,
    pub(crate) authority: Authority,
    pub(crate) device: Identity,
    pub(crate) trust: Arc<LiveTrust>,
    pub(crate) tls: Arc<LiveTls>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) seen: Arc<Seen>,
    stop: watch::Sender<bool>,
}

impl Ground {
    /// With the defaults.
    pub(crate) fn plain() -> Self {
        Self::start(Plan::new())
    }

    pub(crate) fn start(plan: Plan) -> Self {
        let Plan { settings, budgets, certificates, authority } = plan;
        let provider = CryptoProvider::get_default().unwrap().clone();
        let device = authority.device("car-12", 12, 10);
        let trust = Arc::new(LiveTrust::new(authority.trust(&[])));
        let certificates = Arc::new(Certificates::new(certificates, &provider).unwrap());
        let tls = Arc::new(LiveTls::new(&settings, certificates, trust.clone(), provider).unwrap());
        let admission = Admission::new(budgets);
        let seen = Arc::new(Seen::default());
        let surroundings = Surroundings {
            admission: admission.clone(),
            tls: tls.clone(),
            trust: trust.clone(),
            observer: seen.clone(),
        };
        let app =
            http_proxy(&Arc::new(ServerConf::default()), Echo { trust: trust.clone(), seen: seen.clone() });
        let mut listener = service("ground", &settings, surroundings, app);

        // The port is taken before the service asks for it, and handed over as a successor process would get it.
        let socket = TcpListener::bind(settings.address).unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let mut fds = Fds::new();
        fds.add(settings.address.to_string(), socket.into_raw_fd());
        let (stop, stopped) = watch::channel(false);
        let fds = Arc::new(parking_lot::Mutex::new(fds));
        tokio::spawn(async move {
            pingora::services::Service::start_service(&mut listener, Some(fds), stopped, 1).await;
        });
        Self { address, authority, device, trust, tls, admission, seen, stop }
    }

    /// Replaces the server certificates.
    pub(crate) fn serve(&self, certificates: Vec<KeyPair>) {
        let provider = CryptoProvider::get_default().unwrap();
        self.tls.replace(Arc::new(Certificates::new(certificates, provider).unwrap())).unwrap();
    }
}

impl Ground {
    /// Tells the listener to end, as a signal would.
    pub(crate) fn stop(&self) {
        self.stop.send(true).unwrap();
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

/// Every event, and every request that reached the application.
#[derive(Default)]
pub(crate) struct Seen {
    events: Mutex<Vec<ConnectionEvent>>,
    requests: Mutex<Vec<String>>,
    more: Notify,
}

impl ConnectionObserver for Seen {
    fn observe(&self, event: ConnectionEvent) {
        self.events.lock().unwrap().push(event);
        self.more.notify_waiters();
    }
}

impl Seen {
    pub(crate) fn events(&self) -> Vec<ConnectionEvent> {
        self.events.lock().unwrap().clone()
    }

    /// The methods and targets that reached the application.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits for an event; fails with what there was instead.
    pub(crate) async fn wait(&self, wanted: ConnectionEvent) {
        self.wait_for(&format!("{wanted:?}"), |events| events.contains(&wanted)).await;
    }

    /// Waits until this many connections are closed.
    pub(crate) async fn wait_closed(&self, count: usize) {
        let closed = |event: &&ConnectionEvent| matches!(event, ConnectionEvent::Closed { .. });
        self.wait_for("closed", |events| events.iter().filter(closed).count() >= count).await;
    }

    async fn wait_for(&self, wanted: &str, there: impl Fn(&[ConnectionEvent]) -> bool) {
        let waiting = async {
            loop {
                let more = self.more.notified();
                if there(&self.events()) {
                    return;
                }
                more.await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("waited for {wanted}, saw {:?}", self.events());
        }
    }
}

/// Answers every request with what is known of its connection, one `name=value` a line.
struct Echo {
    trust: Arc<LiveTrust>,
    seen: Arc<Seen>,
}

impl Echo {
    fn say(&self, session: &Session) -> String {
        let connection = session.digest().and_then(Connection::of).unwrap();
        let tls = connection.tls();
        let judged = connection.device(&self.trust, SystemTime::now());
        let device = judged.as_ref().map_or("none".to_owned(), |judged| match &judged.verdict {
            Ok(certificate) => certificate.name.clone(),
            Err(rejected) => rejected.fault.code().to_owned(),
        });
        let facts: HashMap<&str, String> = HashMap::from([
            ("id", connection.id().to_string()),
            ("peer", connection.peer().to_string()),
            ("library_peer", session.client_addr().unwrap().to_string()),
            ("sni", tls.sni.as_deref().unwrap_or("none").to_owned()),
            ("tls", tls.version.code().to_owned()),
            ("group", tls.key_exchange.map_or("none".to_owned(), |group| format!("{group:?}"))),
            ("resumed", tls.resumed.to_string()),
            ("device", device),
            ("generation", judged.map_or(0, |judged| judged.generation).to_string()),
            ("http", format!("{:?}", tls.http)),
            ("fault", connection.head_fault().map_or("none", |fault| fault.code()).to_owned()),
            ("requests", connection.requests().to_string()),
        ]);
        facts.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }
}

#[async_trait]
impl ProxyHttp for Echo {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn early_request_filter(&self, session: &mut Session, _: &mut ()) -> pingora::Result<()> {
        session.digest().and_then(Connection::of).unwrap().head_done();
        let head = session.req_header();
        self.seen.requests.lock().unwrap().push(format!("{} {}", head.method, head.uri));
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, _: &mut ()) -> pingora::Result<bool> {
        while session.read_request_body().await?.is_some() {}
        let body = match session.req_header().uri.path() {
            "/large" => Bytes::from(vec![b'a'; LARGE_BYTES]),
            _ => Bytes::from(self.say(session)),
        };
        let mut head = ResponseHeader::build(200, None)?;
        head.insert_header("Content-Length", body.len().to_string())?;
        session.write_response_header(Box::new(head), false).await?;
        session.write_response_body(Some(body), true).await?;
        Ok(true)
    }

    async fn upstream_peer(&self, _: &mut Session, _: &mut ()) -> pingora::Result<Box<HttpPeer>> {
        unreachable!("every request is answered")
    }
}
