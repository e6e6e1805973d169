//! What else the HTTP library asks of a stream.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest,
    UniqueID, UniqueIDType, raw_connect::ProxyDigest, tls::SslDigest,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::Watched;
use crate::listen::connection::HttpVersion;

#[async_trait]
impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync> Shutdown for Watched<S> {
    async fn shutdown(&mut self) {
        // The peer may be gone already, which is as good.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl<S> Ssl for Watched<S> {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        Some(self.tls.clone())
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        Some(match self.connection.tls().http {
            HttpVersion::Http1 => ALPN::H1,
            HttpVersion::Http2 => ALPN::H2,
        })
    }
}

impl<S> GetProxyDigest for Watched<S> {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        Some(self.carrier.clone())
    }
}

impl<S: Below> UniqueID for Watched<S> {
    fn id(&self) -> UniqueIDType {
        self.inner.below().id()
    }
}

impl<S: Below> GetTimingDigest for Watched<S> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner.below().get_timing_digest()
    }
}

impl<S: Below> GetSocketDigest for Watched<S> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.below().get_socket_digest()
    }
}

impl<S: Send> Peek for Watched<S> {}

/// The socket below a layer.
pub(in crate::listen) trait Below {
    /// The socket.
    type Socket: UniqueID + GetTimingDigest + GetSocketDigest;
    /// The socket.
    fn below(&self) -> &Self::Socket;
}

impl<IO: UniqueID + GetTimingDigest + GetSocketDigest> Below for tokio_rustls::server::TlsStream<IO> {
    type Socket = IO;

    fn below(&self) -> &IO {
        self.get_ref().0
    }
}
