//! A client that sends exactly what it is told.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme, SupportedProtocolVersion,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    version,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    ground::{Ground, PATIENCE},
    pki::Identity,
};

/// Trusts every server: these tests are about clients.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        CryptoProvider::get_default().unwrap().signature_verification_algorithms.supported_schemes()
    }
}

const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// A client with this certificate, or none.
pub(crate) fn config(identity: Option<&Identity>) -> ClientConfig {
    config_of(BOTH, identity)
}

/// A client that speaks these versions only.
pub(crate) fn config_of(
    versions: &[&'static SupportedProtocolVersion],
    identity: Option<&Identity>,
) -> ClientConfig {
    let builder = ClientConfig::builder_with_protocol_versions(versions)
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone));
    match identity.cloned() {
        Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    }
}

/// A connection.
pub(crate) struct Client {
    pub(crate) stream: TlsStream<TcpStream>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    facts: HashMap<String, String>,
}

impl Answer {
    /// One of the facts that the application answers with.
    #[track_caller]
    pub(crate) fn fact(&self, name: &str) -> &str {
        self.facts.get(name).unwrap_or_else(|| panic!("no `{name}` in {self:?}"))
    }
}

impl Client {
    /// With the ground's own device.
    pub(crate) async fn of(ground: &Ground) -> Self {
        Self::connect(ground.address, config(Some(&ground.device))).await.unwrap()
    }

    pub(crate) async fn connect(
        address: SocketAddr,
        config: impl Into<Arc<ClientConfig>>,
    ) -> std::io::Result<Self> {
        Self::connect_to(address, config, "gate.example", b"").await
    }

    /// Asks for a name, and sends something before TLS.
    pub(crate) async fn connect_to(
        address: SocketAddr,
        config: impl Into<Arc<ClientConfig>>,
        name: &'static str,
        first: &[u8],
    ) -> std::io::Result<Self> {
        let mut socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        socket.write_all(first).await?;
        let name = ServerName::try_from(name).unwrap();
        let stream = timeout(PATIENCE, TlsConnector::from(config.into()).connect(name, socket)).await??;
        Ok(Self { stream })
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Reads one response; none if the connection ended before its first byte.
    pub(crate) async fn answer(&mut self) -> std::io::Result<Option<Answer>> {
        timeout(PATIENCE, self.read_answer()).await.expect("no answer in time")
    }

    /// Sends a request and reads its response.
    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> std::io::Result<Option<Answer>> {
        self.send(request).await?;
        self.answer().await
    }

    /// The simplest request.
    pub(crate) async fn get(&mut self) -> std::io::Result<Answer> {
        let answer = self.ask("GET / HTTP/1.1\r\nHost: gate.example\r\n\r\n").await?;
        answer.ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
    }

    /// Whether the server ends the connection now, without another byte.
    pub(crate) async fn ended(&mut self) -> bool {
        let mut byte = [0];
        let read = timeout(PATIENCE, self.stream.read(&mut byte)).await.expect("the connection stays open");
        matches!(read, Ok(0) | Err(_))
    }

    async fn read_answer(&mut self) -> std::io::Result<Option<Answer>> {
        let mut bytes = Vec::new();
        let head_end = loop {
            if let Some(place) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break place + 4;
            }
            if self.stream.read_buf(&mut bytes).await? == 0 {
                assert!(bytes.is_empty(), "half a head: {:?}", String::from_utf8_lossy(&bytes));
                return Ok(None);
            }
        };
        let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length =
            |line: &str| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok();
        let length = head.lines().find_map(length).unwrap_or_default();
        while bytes.len() < head_end + length {
            assert_ne!(self.stream.read_buf(&mut bytes).await?, 0, "half a body");
        }
        assert_eq!(bytes.len(), head_end + length, "more than one answer");
        let body = String::from_utf8(bytes[head_end..].to_vec()).unwrap();
        let fact = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Some(Answer { status, facts: body.lines().filter_map(fact).collect() }))
    }
}
