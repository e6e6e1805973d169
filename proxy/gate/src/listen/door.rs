//! From an accepted socket to an established connection.

use std::{net::SocketAddr, sync::Arc, time::SystemTime};

use pingora::{
    http::ResponseHeader,
    protocols::{
        GetSocketDigest, SocketDigest, Stream, l4::stream::Stream as Socket, raw_connect::ProxyDigest,
        tls::SslDigest,
    },
};
use rustls::{HandshakeKind, ServerConnection, crypto::SupportedKxGroup};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::{
    admission::{
        Admission, Slot, canonical,
        proxy_protocol::{self, Origin},
    },
    connection::{Connection, HttpVersion, TlsFacts},
    observer::{ConnectionEvent, ConnectionObserver, DropReason, HandshakeFault},
    settings::{Deadlines, HeadLimits, ListenSettings, TlsVersion},
    tls::{self, LiveTls},
    trust::LiveTrust,
    watch::{Watch, Watched},
};

/// What stands before HTTP at one listener.
pub(super) struct Door {
    balancers: Vec<ipnet::IpNet>,
    deadlines: Deadlines,
    limits: HeadLimits,
    admission: Arc<Admission>,
    tls: Arc<LiveTls>,
    trust: Arc<LiveTrust>,
    observer: Arc<dyn ConnectionObserver>,
}

/// A connection that may speak HTTP. Its slot is held as long as this lives.
pub(super) struct Visit {
    pub(super) stream: Stream,
    pub(super) stay: Stay,
}

/// Gives the connection's place back, and says that it is closed.
pub(super) struct Stay {
    connection: Arc<Connection>,
    observer: Arc<dyn ConnectionObserver>,
    slot: Option<Slot>,
}

impl Drop for Stay {
    fn drop(&mut self) {
        // Who sees a connection closed may count on its place.
        drop(self.slot.take());
        let lasted = self.connection.opened().elapsed();
        self.observer.observe(ConnectionEvent::Closed { requests: self.connection.requests(), lasted });
    }
}

impl Door {
    pub(super) fn new(
        settings: &ListenSettings,
        admission: Arc<Admission>,
        tls: Arc<LiveTls>,
        trust: Arc<LiveTrust>,
        observer: Arc<dyn ConnectionObserver>,
    ) -> Self {
        Self {
            balancers: settings.balancers.clone(),
            deadlines: settings.deadlines,
            limits: settings.head,
            admission,
            tls,
            trust,
            observer,
        }
    }

    /// Admits a connection, does TLS with it and judges its certificate. `None` if it was closed, which has been observed.
    pub(super) async fn enter(&self, stream: Stream) -> Option<Visit> {
        let mut ending = Ending::begin(&self.observer);
        let (socket, peer, slot) = match self.admit(stream).await {
            Ok(admitted) => admitted,
            Err(reason) => {
                ending.becomes(ConnectionEvent::Dropped(reason));
                return None;
            }
        };
        match self.establish(socket, peer).await {
            Ok((stream, connection)) => {
                ending.is_later();
                let stay = Stay { connection, observer: self.observer.clone(), slot: Some(slot) };
                Some(Visit { stream, stay })
            }
            Err(fault) => {
                ending.becomes(ConnectionEvent::HandshakeFailed(fault));
                None
            }
        }
    }

    async fn admit(&self, stream: Stream) -> Result<(Socket, SocketAddr, Slot), DropReason> {
        let mut socket = *stream.into_any().downcast::<Socket>().map_err(|_| DropReason::Gone)?;
        let peer = address(&socket).ok_or(DropReason::Gone)?;
        let mut slot = self.admission.enter()?;
        let client = self.client(&mut socket, peer).await?;
        slot.belong(client.ip())?;
        Ok((socket, client, slot))
    }

    /// The client, which behind a balancer is not the peer.
    async fn client(&self, socket: &mut Socket, peer: SocketAddr) -> Result<SocketAddr, DropReason> {
        if !self.balancers.iter().any(|network| network.contains(&peer.ip())) {
            return Ok(peer);
        }
        let header = timeout(self.deadlines.proxy_header, proxy_protocol::read(socket)).await;
        match header.map_err(|_| DropReason::ProxyHeaderTimeout)?? {
            Origin::Balancer => Ok(peer),
            Origin::Client(client) => {
                rename(socket, client);
                Ok(client)
            }
        }
    }

    async fn establish(
        &self,
        socket: Socket,
        peer: SocketAddr,
    ) -> Result<(Stream, Arc<Connection>), HandshakeFault> {
        let handshake = timeout(self.deadlines.handshake, self.tls.acceptor().accept(socket)).await;
        let stream = handshake.map_err(|_| HandshakeFault::Timeout)?.map_err(|error| tls::fault(&error))?;
        let facts = facts(stream.get_ref().1)?;
        // The verifier has seen to that. A session kept from before a change of the rule must not get around it.
        if facts.chain.is_none() && self.tls.requires_certificate() {
            return Err(HandshakeFault::CertificateMissing);
        }
        let resumed = facts.resumed;
        let agreed = ConnectionEvent::Agreed {
            version: facts.version,
            http: facts.http,
            key_exchange: facts.key_exchange,
        };
        let connection = Arc::new(Connection::establish(peer, facts, &self.trust, SystemTime::now()));
        self.observer.observe(ConnectionEvent::Established { resumed });
        self.observer.observe(agreed);
        let stream = self.watched(stream, &connection)?;
        Ok((stream, connection))
    }

    fn watched(
        &self,
        stream: TlsStream<Socket>,
        connection: &Arc<Connection>,
    ) -> Result<Stream, HandshakeFault> {
        let suite = stream.get_ref().1.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
        let version = match connection.tls().version {
            TlsVersion::V12 => "TLSv1.2",
            TlsVersion::V13 => "TLSv1.3",
        };
        let digest = SslDigest::new(suite.unwrap_or_default(), version, None, None, Vec::new());
        // The server library has one place where a connection can carry something of ours to every request: beside the answer of a
        // proxy it connected through. There is none here.
        let nothing = ResponseHeader::build_no_case(200, Some(0)).map_err(|_| HandshakeFault::Internal)?;
        let carrier = ProxyDigest::new(Box::new(nothing), Some(Box::new(connection.clone())));
        let watch = Watch { deadlines: self.deadlines, limits: self.limits, observer: self.observer.clone() };
        Ok(Box::new(Watched::new(stream, connection.clone(), watch, carrier, digest)))
    }
}

/// Observes how an accepted connection ended, even if its task is aborted in the handshake.
struct Ending<'a> {
    observer: &'a Arc<dyn ConnectionObserver>,
    event: Option<ConnectionEvent>,
}

impl<'a> Ending<'a> {
    fn begin(observer: &'a Arc<dyn ConnectionObserver>) -> Self {
        observer.observe(ConnectionEvent::Accepted);
        Self { observer, event: Some(ConnectionEvent::Dropped(DropReason::Gone)) }
    }

    fn becomes(&mut self, event: ConnectionEvent) {
        self.event = Some(event);
    }

    /// The connection's [`Stay`] will say it.
    fn is_later(&mut self) {
        self.event = None;
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if let Some(event) = self.event {
            self.observer.observe(event);
        }
    }
}

fn address(socket: &Socket) -> Option<SocketAddr> {
    socket.get_socket_digest()?.peer_addr()?.as_inet().copied().map(canonical)
}

/// Gives the socket its client's address, for whatever the server library does with it.
fn rename(socket: &mut Socket, client: SocketAddr) {
    use std::os::fd::AsRawFd;
    let digest = SocketDigest::from_raw_fd(socket.as_raw_fd());
    // The cell is new, so there is room in it.
    let _ = digest.peer_addr.set(Some(client.into()));
    socket.set_socket_digest(digest);
}

fn facts(tls: &ServerConnection) -> Result<TlsFacts, HandshakeFault> {
    Ok(TlsFacts {
        sni: tls.server_name().map(|name| name.to_ascii_lowercase().into()),
        version: match tls.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => TlsVersion::V13,
            Some(rustls::ProtocolVersion::TLSv1_2) => TlsVersion::V12,
            _ => return Err(HandshakeFault::Internal),
        },
        http: match tls.alpn_protocol() {
            Some(b"h2") => HttpVersion::Http2,
            _ => HttpVersion::Http1,
        },
        key_exchange: tls.negotiated_key_exchange_group().map(SupportedKxGroup::name),
        resumed: tls.handshake_kind() == Some(HandshakeKind::Resumed),
        chain: tls.peer_certificates().map(|chain| chain.to_vec().into()),
    })
}
