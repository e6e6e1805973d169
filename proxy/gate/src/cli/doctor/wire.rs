//! One request on a connection of its own, and what came of it: an answer's head, or where it ended.

use std::{fmt, fs, io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    attempt::Way,
    forged::{Certificate, Forgeries},
    target::Target,
};
use crate::config::checked::{TlsVersion, source::UpstreamTls};

/// The largest head of an answer that is read, in bytes, and the most lines in it.
const HEAD: usize = 32 * 1024;
const LINES: usize = 100;

/// A certificate chain and its key.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// An answer.
    Answer(Answer),
    /// The source ended it, and said nothing.
    Closed(String),
    /// There was no connection, for as long as was waited or as far as the network knows.
    NoWay(String),
    /// Nothing, for as long as was waited.
    Silent(String),
    /// Something else.
    Odd(String),
}

/// The head of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    /// Whether it asks for a name and a password (RFC 7617).
    pub(super) asks_basic: bool,
}

impl Came {
    pub(super) fn asks_basic(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.asks_basic)
    }
}

impl fmt::Display for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(Answer { status, location: Some(location), .. }) => {
                write!(f, "{status} to {location}")
            }
            Self::Answer(answer) => write!(f, "{}", answer.status),
            Self::Closed(how) | Self::NoWay(how) | Self::Silent(how) | Self::Odd(how) => f.write_str(how),
        }
    }
}

/// Every way to one source.
pub(super) struct Wire {
    connect: Duration,
    answer: Duration,
    name: Option<ServerName<'static>>,
    /// None: plain HTTP.
    gate: Option<TlsConnector>,
    anyone: Option<TlsConnector>,
    strange: Option<TlsConnector>,
    unsigned: Option<TlsConnector>,
    neighbour: Option<TlsConnector>,
}

/// Reads a certificate chain and its key, in PEM.
pub(super) fn identity(chain: &Path, key: &Path) -> Result<Identity, String> {
    let read =
        |path: &Path| fs::read(path).map_err(|fault| format!("`{}` cannot be read: {fault}", path.display()));
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(chain)?).collect();
    let certificates = certificates.ok().filter(|found| !found.is_empty());
    let certificates =
        certificates.ok_or_else(|| format!("`{}` holds no certificate in PEM", chain.display()))?;
    let key = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|_| format!("`{}` holds no private key in PEM", key.display()))?;
    Ok((certificates, key))
}

impl Wire {
    pub(super) fn new(
        target: &Target<'_>,
        forgeries: &Forgeries,
        neighbour: Option<&Identity>,
    ) -> Result<Self, String> {
        let mut wire = Self {
            connect: target.timeouts.connect,
            answer: target.timeouts.read.min(target.timeouts.total),
            name: None,
            gate: None,
            anyone: None,
            strange: None,
            unsigned: None,
            neighbour: None,
        };
        let Some(tls) = target.tls else { return Ok(wire) };
        let name =
            ServerName::try_from(tls.name.clone()).map_err(|fault| format!("`{}`: {fault}", tls.name))?;
        let shown = |forged: &Option<Certificate>| {
            let identity = forged.as_ref().map(|forged| (vec![forged.certificate.clone()], forged.key()));
            identity.map(|identity| as_stranger(Some(identity))).transpose()
        };
        wire.name = Some(name);
        wire.gate = target.tls.map(as_gate).transpose()?;
        wire.anyone = Some(as_stranger(None)?);
        wire.strange = shown(&forgeries.strange)?;
        wire.unsigned = shown(&forgeries.unsigned)?;
        let neighbour = neighbour.map(|(chain, key)| (chain.clone(), key.clone_key()));
        wire.neighbour = neighbour.map(|identity| as_stranger(Some(identity))).transpose()?;
        Ok(wire)
    }

    pub(super) fn has_neighbour(&self) -> bool {
        self.neighbour.is_some()
    }

    /// Sends a request and reads the head of its answer; the connection is closed then.
    pub(super) async fn send(&self, way: Way, address: SocketAddr, request: &[u8]) -> Came {
        let connected = timeout(self.connect, TcpStream::connect(address)).await;
        let stream = match connected {
            Ok(Ok(stream)) => stream,
            Ok(Err(fault)) => return unconnected(&fault),
            Err(_) => return Came::NoWay(format!("no connection within {:?}", self.connect)),
        };
        let exchange = async {
            let connector = match way {
                Way::Plain => None,
                Way::Gate => self.gate.as_ref(),
                Way::Anyone => self.anyone.as_ref(),
                Way::Strange => self.strange.as_ref(),
                Way::Unsigned => self.unsigned.as_ref(),
                Way::Neighbour => self.neighbour.as_ref(),
            };
            match (connector, &self.name) {
                (Some(connector), Some(name)) => match connector.connect(name.clone(), stream).await {
                    Ok(stream) => exchange(stream, request).await,
                    Err(fault) => ended("the handshake ended", &fault),
                },
                _ => exchange(stream, request).await,
            }
        };
        let came = timeout(self.answer, exchange).await;
        came.unwrap_or_else(|_| Came::Silent(format!("no answer within {:?}", self.answer)))
    }
}

/// As the gate connects, so that what holds it up shows here too.
fn as_gate(tls: &UpstreamTls) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    for authority in &tls.ca {
        roots
            .add(authority.clone())
            .map_err(|fault| format!("an authority in `tls: ca:` is unusable: {fault}"))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    let verifier = verifier.map_err(|fault| fault.to_string())?;
    let identity = tls.identity.as_ref().map(|own| (own.chain.clone(), own.key.der().clone_key()));
    let versions: &[&SupportedProtocolVersion] = match tls.minimum {
        TlsVersion::V13 => &[&rustls::version::TLS13],
        TlsVersion::V12 => rustls::ALL_VERSIONS,
    };
    connector(verifier, identity, versions)
}

/// As somebody who does not care whom they talk to. SECURITY: nothing of the gate's goes this way.
fn as_stranger(identity: Option<Identity>) -> Result<TlsConnector, String> {
    connector(Arc::new(Anybody(provider())), identity, rustls::ALL_VERSIONS)
}

fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()))
}

fn connector(
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Option<Identity>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<TlsConnector, String> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .map_err(|fault| fault.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|fault| fault.to_string())?,
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> Came {
    // What TLS 1.3 refuses is heard of at the next read, whether or not writing still works.
    if stream.write_all(request).await.is_ok() {
        let _ = stream.flush().await;
    }
    let mut head = Vec::new();
    loop {
        match answer(&head) {
            Ok(Some(answer)) => return Came::Answer(answer),
            Ok(None) if head.len() > HEAD => return Came::Odd("a head without an end".to_owned()),
            Ok(None) => {}
            Err(what) => return what,
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) if head.is_empty() => {
                return Came::Closed("the connection was closed without an answer".to_owned());
            }
            Ok(0) => return Came::Odd("the connection was closed in the middle of a head".to_owned()),
            Ok(length) => head.extend(piece.get(..length).unwrap_or_default()),
            Err(fault) if head.is_empty() => return ended("the connection ended", &fault),
            Err(fault) => return Came::Odd(format!("the connection ended in the middle of a head: {fault}")),
        }
    }
}

/// The first answer that is final (RFC 9110, 15.2); none as long as its head is not whole.
fn answer(mut bytes: &[u8]) -> Result<Option<Answer>, Came> {
    // A TLS alert (RFC 8446, 6), as servers send it to whoever does not speak TLS.
    if bytes.first() == Some(&0x15) {
        return Err(Came::Closed("a TLS alert".to_owned()));
    }
    loop {
        let mut lines = [httparse::EMPTY_HEADER; LINES];
        let mut response = httparse::Response::new(&mut lines);
        let length = match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(fault) => return Err(Came::Odd(format!("no HTTP: {fault}"))),
        };
        let status = response.code.unwrap_or_default();
        if status >= 200 {
            return Ok(Some(Answer {
                status,
                location: values(&response, "location").next(),
                asks_basic: values(&response, "www-authenticate").any(|value| is_basic(&value)),
            }));
        }
        bytes = bytes.get(length..).unwrap_or_default();
    }
}

fn values<'a>(response: &'a httparse::Response<'_, '_>, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let named = response.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
    // Somebody else's words, which are printed.
    named
        .map(|header| String::from_utf8_lossy(header.value).chars().filter(|one| !one.is_control()).collect())
}

fn is_basic(challenge: &str) -> bool {
    challenge
        .split(',')
        .any(|one| one.trim_start().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic")))
}

/// Why there is no connection: the port says so, or nobody does.
fn unconnected(fault: &io::Error) -> Came {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
    match fault.kind() {
        HostUnreachable | NetworkUnreachable | TimedOut => Came::NoWay(format!("no connection: {fault}")),
        _ => ended("no connection", fault),
    }
}

/// What an end means: the source's word, silence, or something that says nothing of the source.
fn ended(what: &str, fault: &io::Error) -> Came {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, TimedOut, UnexpectedEof,
    };
    let tls = fault.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(tls) = tls {
        return match tls {
            rustls::Error::AlertReceived(alert) => Came::Closed(format!("a TLS alert: {alert:?}")),
            other => Came::Odd(format!("{what}: {other}")),
        };
    }
    match fault.kind() {
        ConnectionReset | ConnectionAborted | ConnectionRefused | BrokenPipe | UnexpectedEof => {
            Came::Closed(format!("{what}: {fault}"))
        }
        TimedOut => Came::Silent(format!("{what}: {fault}")),
        _ => Came::Odd(format!("{what}: {fault}")),
    }
}

/// Takes any server for the right one.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(bytes: &[u8]) -> Result<Option<(u16, Option<String>, bool)>, Came> {
        let answer = answer(bytes)?;
        Ok(answer.map(|answer| (answer.status, answer.location, answer.asks_basic)))
    }

    #[test]
    fn the_head_of_the_final_answer_is_read() {
        let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /log\tin\r\n\r\nbody";
        assert_eq!(head(hints), Ok(Some((302, Some("/login".to_owned()), false))));
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-"), Ok(None));
        assert_eq!(head(b""), Ok(None));
        let challenged =
            b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate, basic realm=\"a\"\r\n\r\n";
        assert_eq!(head(challenged), Ok(Some((401, None, true))));
        assert_eq!(
            head(b"HTTP/1.1 401 \r\nWWW-Authenticate: Bearer realm=\"basic\"\r\n\r\n"),
            Ok(Some((401, None, false)))
        );
    }

    #[test]
    fn what_is_no_answer_is_told_apart() {
        assert!(matches!(head(&[0x15, 3, 3, 0, 2, 2, 40]), Err(Came::Closed(_))), "a TLS alert");
        assert!(matches!(head(b"220 mail.example ESMTP\r\n"), Err(Came::Odd(_))));
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        let other = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        for (fault, refused) in [
            (io::Error::new(io::ErrorKind::InvalidData, alert), true),
            (io::Error::new(io::ErrorKind::InvalidData, other), false),
            (io::ErrorKind::ConnectionReset.into(), true),
            (io::ErrorKind::UnexpectedEof.into(), true),
            (io::ErrorKind::TimedOut.into(), false),
        ] {
            assert_eq!(matches!(ended("it ended", &fault), Came::Closed(_)), refused, "{fault}");
        }
    }
}
