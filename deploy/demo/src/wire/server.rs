use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::Connection;
use super::connection::Stream;
use crate::DemoError;
use crate::pki::Signed;

/// What happens on a connection, from its first byte to its last.
pub trait Handler: Send + Sync + 'static {
    /// Serves the connection; it is closed when this returns.
    fn serve(&self, connection: Connection) -> impl Future<Output = ()> + Send;
}

/// What lies between TCP and HTTP.
#[derive(Clone, Default)]
pub enum ServedOver {
    /// Nothing.
    #[default]
    Plain,
    /// TLS.
    Tls {
        /// The server's certificate.
        certificate: Box<Signed>,
        /// Demands a client certificate by this authority.
        clients: Option<CertificateDer<'static>>,
        /// Speaks TLS 1.2 and nothing newer, as old applications do.
        only_tls12: bool,
    },
}

impl ServedOver {
    /// TLS 1.2 and 1.3 without a client certificate.
    pub fn tls(certificate: &Signed) -> Self {
        Self::Tls { certificate: Box::new(certificate.clone()), clients: None, only_tls12: false }
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls { .. } => "https",
        }
    }

    fn acceptor(&self) -> Result<Option<TlsAcceptor>, DemoError> {
        let Self::Tls { certificate, clients, only_tls12 } = self else { return Ok(None) };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = if *only_tls12 { &[&rustls::version::TLS12][..] } else { rustls::DEFAULT_VERSIONS };
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions)?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add(authority.clone())?;
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
                builder
                    .with_client_cert_verifier(verifier.map_err(|e| rustls::Error::General(e.to_string()))?)
            }
        };
        let config = builder.with_single_cert(vec![certificate.der().clone()], certificate.key_der())?;
        Ok(Some(TlsAcceptor::from(Arc::new(config))))
    }
}

/// A server that can be closed and opened again on the same port. Dropping it cuts every connection.
pub struct Server<H> {
    address: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    handler: Arc<H>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl<H: Handler> Server<H> {
    /// Listens on `address`; port 0 lets the system choose.
    ///
    /// # Errors
    /// When the port is taken or the certificate does not fit its key.
    pub fn start(address: SocketAddr, over: &ServedOver, handler: Arc<H>) -> Result<Self, DemoError> {
        let acceptor = over.acceptor()?;
        let listener = listen(address)?;
        let address = listener.local_addr().map_err(DemoError::socket("a listener"))?;
        let server = Self { address, acceptor, handler, task: Mutex::new(None) };
        server.accept(listener);
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and cuts every connection: connecting is refused until [`Server::open`].
    pub async fn close(&self) {
        let task = self.task.lock().take();
        if let Some(task) = task {
            task.abort();
            // Waiting for the end of the task is what makes the port free; its result says only that it was aborted.
            let _ = task.await;
        }
    }

    /// Listens again after [`Server::close`].
    ///
    /// # Errors
    /// When the port was taken meanwhile.
    pub fn open(&self) -> Result<(), DemoError> {
        if self.task.lock().is_none() {
            self.accept(listen(self.address)?);
        }
        Ok(())
    }

    fn accept(&self, listener: TcpListener) {
        let (acceptor, handler) = (self.acceptor.clone(), self.handler.clone());
        *self.task.lock() = Some(tokio::spawn(accept(listener, acceptor, handler)));
    }
}

impl<H> Drop for Server<H> {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
    }
}

async fn accept<H: Handler>(listener: TcpListener, acceptor: Option<TlsAcceptor>, handler: Arc<H>) {
    let mut connections = JoinSet::new();
    for id in 1.. {
        // A failed accept (no file descriptors left) ends this server, and the tests that rely on it.
        let Ok((tcp, peer)) = listener.accept().await else { return };
        let (acceptor, handler) = (acceptor.clone(), handler.clone());
        connections.spawn(async move {
            if let Some(stream) = shake_hands(tcp, acceptor).await {
                handler.serve(Connection::new(id, peer, stream)).await;
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn shake_hands(tcp: TcpStream, acceptor: Option<TlsAcceptor>) -> Option<Stream> {
    tcp.set_nodelay(true).ok()?;
    match acceptor {
        None => Some(Stream::Plain(tcp)),
        Some(acceptor) => Some(Stream::Tls(Box::new(acceptor.accept(tcp).await.ok()?))),
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, DemoError> {
    let what = format!("{address}");
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.map_err(DemoError::socket(&what))?;
    // Without it a port that served a moment ago is refused for a minute.
    socket.set_reuseaddr(true).map_err(DemoError::socket(&what))?;
    socket.bind(address).map_err(DemoError::socket(&what))?;
    socket.listen(1024).map_err(DemoError::socket(&what))
}
