//! Callers of the gate, and of everything else on loopback: HTTP as programs speak it, and bytes as attackers send them.

mod answer;
mod browser;
mod raw;

pub use answer::Answer;
pub use browser::{Browser, Landed};
pub use raw::RawConnection;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::DemoError;
use crate::pki::Signed;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// An HTTP client for plain HTTP on loopback, without proxy or redirects.
pub fn plain() -> reqwest::Client {
    install_provider();
    // Only an unusable TLS backend makes this fail, and plain HTTP does without one.
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap_or_default()
}

/// Makes aws-lc-rs the provider of this process, for the HTTP client's sake. The first call counts.
pub fn install_provider() {
    // An error says that one is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Somebody who calls the gate: trusts an authority, shows a certificate or none, and finds every host at one address.
#[derive(Clone)]
pub struct Caller {
    address: SocketAddr,
    config: Arc<ClientConfig>,
    bearer: Option<String>,
}

impl Caller {
    /// A caller that trusts `authority` and shows `device`.
    ///
    /// # Errors
    /// When certificate and key do not fit.
    pub fn new(
        address: SocketAddr,
        authority: &CertificateDer<'_>,
        device: Option<&Signed>,
    ) -> Result<Self, DemoError> {
        let identity = device.map(|device| (vec![device.der().clone()], device.key_der()));
        Self::with_chain(address, authority, identity, rustls::DEFAULT_VERSIONS)
    }

    /// As [`Caller::new`], with a whole chain and chosen TLS versions.
    ///
    /// # Errors
    /// As [`Caller::new`].
    pub fn with_chain(
        address: SocketAddr,
        authority: &CertificateDer<'_>,
        identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Result<Self, DemoError> {
        install_provider();
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_root_certificates(roots);
        let config = match identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
            None => builder.with_no_client_auth(),
        };
        Ok(Self { address, config: Arc::new(config), bearer: None })
    }

    /// The same caller with a token in every request.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Self {
        Self { bearer: Some(token.to_owned()), ..self.clone() }
    }

    /// The TLS configuration, for clients of the caller's own making.
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// Where the gate is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same, at another gate.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// An HTTP client that finds `hosts` at the gate and follows no redirect.
    ///
    /// # Errors
    /// When the TLS configuration is not accepted.
    pub fn http(&self, hosts: &[&str]) -> Result<reqwest::Client, DemoError> {
        let mut config = (*self.config).clone();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .tls_backend_preconfigured(config);
        for host in hosts {
            builder = builder.resolve(host, self.address);
        }
        if let Some(token) = &self.bearer {
            let mut headers = reqwest::header::HeaderMap::new();
            if let Ok(value) = format!("Bearer {token}").try_into() {
                headers.insert(reqwest::header::AUTHORIZATION, value);
            }
            builder = builder.default_headers(headers);
        }
        builder.build().map_err(DemoError::request("a client of the gate"))
    }

    /// The URL of a path on a host of the gate.
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.address.port())
    }

    /// A TLS connection on which bytes are sent as they are.
    ///
    /// # Errors
    /// When the gate refuses the connection or the handshake.
    pub async fn connect(&self, host: &str) -> io::Result<RawConnection> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        let stream = TlsConnector::from(self.config.clone()).connect(name, tcp).await?;
        Ok(RawConnection::new(stream))
    }

    /// One request by hand: method, host, target as spelled, and further header lines. The bearer token, if any, is added.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn ask(&self, method: &str, host: &str, target: &str, lines: &[&str]) -> io::Result<Answer> {
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {host}:{}\r\n", self.address.port());
        if let Some(token) = &self.bearer {
            request.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        for line in lines {
            request.push_str(line);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        self.send(host, request.as_bytes()).await
    }

    /// A connection of its own for these bytes, and the first answer to them.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send(&self, host: &str, bytes: &[u8]) -> io::Result<Answer> {
        let mut connection = self.connect(host).await?;
        connection.send(bytes).await?;
        connection.answer(bytes.starts_with(b"HEAD ")).await
    }
}
