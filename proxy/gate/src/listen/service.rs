//! A listener as a service of the server library.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pingora::{
    apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp},
    listeners::{L4BufferSettings, ListenerConfig, TcpSocketOptions},
    protocols::{
        Stream, TcpKeepalive,
        http::{
            ServerSession,
            v2::server::{H2Options, default_h2_options},
        },
    },
    server::ShutdownWatch,
    services::listening::Service,
};

use super::{
    admission::Admission,
    connection::Connection,
    cut::until_cut,
    door::{Door, Visit},
    observer::ConnectionObserver,
    settings::{Http2Limits, ListenSettings},
    tls::LiveTls,
    trust::LiveTrust,
};

/// Read ahead per connection, in bytes: one TLS record. The server library's own 64 KiB would be 1.3 GB at 20,000 connections.
const READ_AHEAD_BYTES: usize = 18 * 1024;
/// The server library's own: about one segment.
const WRITE_BEHIND_BYTES: usize = 1460;

/// What a listener shares with the rest of the process.
#[derive(Clone)]
pub struct Surroundings {
    /// The limits on connections; one for all listeners.
    pub admission: Arc<Admission>,
    /// The listener's TLS.
    pub tls: Arc<LiveTls>,
    /// The trust that judges its clients' certificates.
    pub trust: Arc<LiveTrust>,
    /// Who sees its events.
    pub observer: Arc<dyn ConnectionObserver>,
}

/// The connection layer in front of an HTTP application: everything between the accepted socket and the first byte of HTTP.
///
/// It does TLS itself instead of leaving it to the server library's listener. Admission, PROXY header, handshake, HTTP and the
/// connection's place are then one task and one scope: nothing is carried from hook to hook, and a place cannot leak. It also gives what
/// that listener has no setting for: a deadline for the handshake, the lowest TLS version, the reason of a failure, a session
/// store of a fitting size.
pub struct Gate<A> {
    door: Door,
    app: Arc<Tuned<A>>,
}

impl<A: HttpServerApp + Send + Sync + 'static> Gate<A> {
    /// Puts the connection layer in front of `app`.
    #[must_use]
    pub fn new(settings: &ListenSettings, surroundings: Surroundings, app: A) -> Self {
        let Surroundings { admission, tls, trust, observer } = surroundings;
        let door = Door::new(settings, admission, tls, trust, observer);
        Self { door, app: Arc::new(Tuned::new(settings, app)) }
    }
}

#[async_trait]
impl<A: HttpServerApp + Send + Sync + 'static> ServerApp for Gate<A> {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let Visit { stream, stay } = self.door.enter(stream).await?;
        self.app.process_new(stream, shutdown).await;
        drop(stay);
        None
    }

    async fn cleanup(&self) {
        self.app.http_cleanup().await;
    }
}

/// An HTTP application with this listener's options, whatever its own are.
struct Tuned<A> {
    inner: Arc<A>,
    http2: H2Options,
    options: HttpServerOptions,
    write_stall: Duration,
}

impl<A> Tuned<A> {
    fn new(settings: &ListenSettings, app: A) -> Self {
        let mut options = HttpServerOptions::default();
        options.keepalive_request_limit = settings.requests_per_connection;
        options.h2_idle_timeout = Some(settings.deadlines.keep_alive);
        let write_stall = settings.deadlines.write_stall;
        Self { inner: Arc::new(app), http2: http2_options(settings.http2), options, write_stall }
    }
}

#[async_trait]
impl<A: HttpServerApp + Send + Sync + 'static> HttpServerApp for Tuned<A> {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        if let Some(connection) = session.digest().and_then(Connection::of) {
            connection.next_request();
        }
        // SECURITY: the socket takes no part in HTTP/2's windows: a client that opens none would keep its answers waiting for ever.
        if session.is_http2() {
            session.set_write_timeout(Some(self.write_stall));
        }
        until_cut(self.inner.process_new_http(session, shutdown)).await.flatten()
    }

    fn h2_options(&self) -> Option<H2Options> {
        Some(self.http2.clone())
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }

    async fn http_cleanup(&self) {
        self.inner.http_cleanup().await;
    }
}

/// Every limit by name: the library's bare defaults leave out the two that matter most.
fn http2_options(limits: Http2Limits) -> H2Options {
    let mut options = default_h2_options();
    options
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.header_list_bytes)
        .initial_window_size(limits.stream_window_bytes)
        .initial_connection_window_size(limits.connection_window_bytes)
        .max_pending_accept_reset_streams(limits.pending_resets)
        .max_local_error_reset_streams(Some(limits.error_resets))
        .max_send_buffer_size(limits.send_buffer_bytes);
    options
}

/// The service of one listener. Add it to a server, or start it alone.
pub fn service<A>(
    name: &str,
    settings: &ListenSettings,
    surroundings: Surroundings,
    app: A,
) -> Service<Gate<A>>
where
    A: HttpServerApp + Send + Sync + 'static,
{
    let mut service = Service::new(name.to_owned(), Gate::new(settings, surroundings, app));
    let buffers = L4BufferSettings::new(READ_AHEAD_BYTES, WRITE_BEHIND_BYTES);
    let listener = ListenerConfig::tcp(settings.address.to_string());
    service.add_listener(listener.tcp_socket_options(socket_options()).l4_buffer(buffers));
    service
}

/// Nagle's algorithm is off and the backlog is the system's largest without being asked for. Keep-alive probes find dead peers, such as
/// a tablet that lost its network with a request in flight, within some two minutes.
fn socket_options() -> TcpSocketOptions {
    let mut options = TcpSocketOptions::default();
    options.tcp_keepalive = Some(TcpKeepalive {
        idle: Duration::from_secs(60),
        interval: Duration::from_secs(10),
        count: 6,
        #[cfg(target_os = "linux")]
        user_timeout: Duration::from_secs(120),
    });
    options
}
