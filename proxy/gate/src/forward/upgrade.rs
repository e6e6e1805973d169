//! Connections to a source for requests that ask for a WebSocket: the answer is read only after the request has ended.
//!
//! The server library passes the end of the (empty) request body to the half that reads the answer, and takes it for the end of the
//! WebSocket if that half has already read the 101. It looks at both in random order, so a source that answers at once had about one
//! WebSocket in three cut. Here the answer stays in the socket until the end of the body is on its way, and for one look longer: at that
//! look only the end of the body is there to be seen.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use async_trait::async_trait;
use pingora::{
    Error, ErrorType, Result,
    connectors::L4Connect,
    protocols::l4::{
        ext,
        socket::SocketAddr,
        stream::Stream,
        virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Reads pass. So it begins, for the sake of a TLS handshake, and so it ends.
const OPEN: u8 = 0;
/// Nothing is read. Nobody needs to be woken either: one task reads the answer and sends the end of the body.
const HELD: u8 = 1;
/// The next read finds nothing yet.
const ONE_LOOK: u8 = 2;

/// Holds the answer of one connection back.
#[derive(Clone, Debug, Default)]
pub struct AnswerHold(Arc<AtomicU8>);

impl AnswerHold {
    /// Connects to a source's address; what is read there obeys this hold.
    #[must_use]
    pub fn connector(&self) -> Arc<dyn L4Connect + Send + Sync> {
        Arc::new(Connector(self.clone()))
    }

    /// From now on nothing is read: the connection stands, and the request is about to be written.
    pub fn hold(&self) {
        self.0.store(HELD, Ordering::Release);
    }

    /// The end of the request's body is on its way.
    pub fn release(&self) {
        // Of a hold that was released before there is nothing to be said.
        let _ = self.0.compare_exchange(HELD, ONE_LOOK, Ordering::AcqRel, Ordering::Acquire);
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        match self.0.load(Ordering::Acquire) {
            OPEN => Poll::Ready(()),
            ONE_LOOK => {
                self.0.store(OPEN, Ordering::Release);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Pending,
        }
    }
}

#[derive(Debug)]
struct Connector(AnswerHold);

#[async_trait]
impl L4Connect for Connector {
    async fn connect(&self, address: &SocketAddr) -> Result<Stream> {
        let address = address
            .as_inet()
            .ok_or_else(|| Error::explain(ErrorType::ConnectError, "not an internet address"))?;
        let inner = ext::connect(address, None).await?;
        let socket = HeldSocket { inner, hold: self.0.clone() };
        Ok(VirtualSocketStream::new(Box::new(socket)).into())
    }
}

/// A socket that obeys a hold.
#[derive(Debug)]
struct HeldSocket {
    inner: TcpStream,
    hold: AnswerHold,
}

impl VirtualSocket for HeldSocket {
    fn set_socket_option(&self, option: VirtualSockOpt) -> io::Result<()> {
        match option {
            VirtualSockOpt::NoDelay => self.inner.set_nodelay(true),
            VirtualSockOpt::KeepAlive(keepalive) => {
                ext::set_tcp_keepalive(&self.inner, &keepalive).map_err(io::Error::other)
            }
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl AsyncRead for HeldSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        std::task::ready!(self.hold.poll(cx));
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for HeldSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn an_answer_is_read_one_look_after_the_end_of_the_request() {
        let hold = AnswerHold::default();
        let ready = || hold.poll(&Context::from_waker(Waker::noop())).is_ready();
        assert!(ready(), "a handshake");
        hold.release();
        assert!(ready(), "nothing was held");
        hold.hold();
        assert!(!ready() && !ready(), "held");
        hold.release();
        assert!(!ready(), "one look");
        assert!(ready() && ready(), "open");
    }
}
