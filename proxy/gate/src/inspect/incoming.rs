//! A request whose body may be read before a source is connected to.
//!
//! The server library replays what is in its retry buffer, 64 KiB at most, and nothing else, and it hangs on a body that has ended with
//! nothing in there. So the buffer is switched on for the last 64 KiB only; when they come around again, the body that was judged takes
//! their place ([`replayed`]).

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, header};
use pingora::{http::RequestHeader, proxy::Session};
use poort_enforce::{
    arrival::{Arrival, Length, Message},
    exchange::Exchange,
    inspect::{Inspection, inspector::UNFRAMED_BYTES},
    reason::{ProtocolFault, Reason},
};

/// A request of the server library.
pub struct Incoming<'a> {
    session: &'a mut Session,
    fault: Option<ProtocolFault>,
    length: Length,
    /// Bytes still to come; none if that is not known.
    left: Option<u64>,
    /// How long the next piece may take. In HTTP/2 the server library waits for ever.
    piece: Duration,
    begun: bool,
}

impl<'a> Incoming<'a> {
    /// A request whose raw head has this fault, and the next piece of whose body may take so long.
    pub fn new(session: &'a mut Session, fault: Option<ProtocolFault>, piece: Duration) -> Self {
        let length = length(session);
        let left = if let Length::Known(bytes) = length { Some(bytes) } else { None };
        Self { session, fault, length, left, piece, begun: false }
    }

    /// RFC 9110 §10.1.1: a client that waits for leave to send gets it here, since no source will be asked.
    async fn begin(&mut self) -> pingora::Result<()> {
        if !std::mem::replace(&mut self.begun, true) && expects_leave(&self.session.req_header().headers) {
            self.session.as_downstream_mut().write_continue_response().await?;
        }
        Ok(())
    }
}

impl Message for Incoming<'_> {
    fn arrival(&self) -> Arrival<'_> {
        let head = self.session.req_header();
        Arrival { head, target: head.raw_path(), fault: self.fault }
    }

    fn length(&self) -> Length {
        self.length
    }

    async fn read(&mut self, until: Instant) -> Result<Option<Bytes>, Reason> {
        self.begin().await.map_err(|_| Reason::BodyIncomplete)?;
        if self.left.is_none_or(|left| left <= UNFRAMED_BYTES) {
            self.session.as_downstream_mut().enable_retry_buffering();
        }
        let until = until.min(Instant::now() + self.piece).into();
        let piece = tokio::time::timeout_at(until, self.session.as_downstream_mut().read_request_body());
        match piece.await {
            Ok(Ok(piece)) => {
                let came = piece.as_ref().map_or(0, |piece| piece.len() as u64);
                self.left = self.left.map(|left| left.saturating_sub(came));
                Ok(piece)
            }
            Ok(Err(_)) | Err(_) => Err(Reason::BodyIncomplete),
        }
    }
}

/// RFC 9112 §6.3; RFC 9113 §8.1.1.
fn length(session: &mut Session) -> Length {
    if session.as_downstream_mut().is_body_empty() {
        return Length::None;
    }
    let announced = session.req_header().headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse().ok());
    announced.map_or(Length::Unknown, Length::Known)
}

fn expects_leave(headers: &HeaderMap) -> bool {
    headers.get(header::EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// The body that was read before, where the request has one.
#[must_use]
pub fn read_before(exchange: Option<&Exchange>) -> Option<&Bytes> {
    exchange?.inspection.as_deref().and_then(Inspection::body)
}

/// Makes the head of a request fit for its body having been read: nobody waits for leave to send it any more.
pub fn settle(request: &mut RequestHeader, exchange: &Exchange) {
    if read_before(Some(exchange)).is_some() {
        request.remove_header(&header::EXPECT);
    }
}

/// What goes to the source instead of a piece of the replay: the whole body for the first, and for the end nothing more.
pub fn replayed(body: &mut Option<Bytes>, whole: &Bytes) {
    if let Some(piece) = body
        && !piece.is_empty()
    {
        // A copy of a handle: a retry replays.
        *piece = whole.clone();
    }
}
