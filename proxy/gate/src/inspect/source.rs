//! A source asked by the gate itself, so that its answer can be held back.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Version, header};
use pingora::{
    Error, ErrorType, Result, RetryType,
    connectors::http::Connector,
    http::{RequestHeader, ResponseHeader},
    protocols::{Digest, http::client::HttpSession},
    proxy::Session,
    upstreams::peer::HttpPeer,
};

use poort_enforce::arrival::Length;

use super::hop;
use crate::forward::BodyHash;

/// What asks sources; it keeps connections for the next request.
pub struct Sources(Connector);

/// A body on its way to a source.
pub enum Sending<'a> {
    /// There is none, or all of it is here.
    Held(Bytes),
    /// It comes from the client, at most so many bytes, each piece within this time; its digest is taken as it passes.
    Passing(&'a mut Session, u64, Duration, BodyHash),
}

/// An answer whose head has come.
pub struct Answered {
    /// Its head, without what concerns the connection to the source.
    pub head: ResponseHeader,
    client: HttpSession,
    peer: HttpPeer,
    /// Whether the source got the whole request.
    sent: bool,
}

/// Why there is no answer.
pub struct Unanswered {
    /// What went wrong.
    pub error: Box<Error>,
    /// Whether the connection was kept from an earlier request, which the source may have closed meanwhile: asking once more is safe.
    pub stale: bool,
}

impl Default for Sources {
    fn default() -> Self {
        Self(Connector::new(None))
    }
}

impl Sources {
    /// Connects; whether the connection was kept from an earlier request.
    ///
    /// # Errors
    /// When there is no connection.
    pub async fn connect(&self, peer: &HttpPeer) -> Result<(HttpSession, bool)> {
        let (mut client, reused) = self.0.get_http_session(peer).await?;
        client.set_read_timeout(peer.options.read_timeout);
        client.set_write_timeout(peer.options.write_timeout);
        Ok((client, reused))
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// When none comes.
    pub async fn ask(
        (mut client, reused): (HttpSession, bool),
        peer: HttpPeer,
        request: RequestHeader,
        body: &mut Sending<'_>,
    ) -> std::result::Result<Answered, Unanswered> {
        let unanswered = |error: Box<Error>| {
            let stale = reused && matches!(error.retry, RetryType::ReusedOnly | RetryType::Decided(true));
            Unanswered { error: error.into_up(), stale }
        };
        client.write_request_header(Box::new(request)).await.map_err(unanswered)?;
        let sent = match send(&mut client, body).await {
            Ok(()) => true,
            // A source may answer without reading what it is sent; then that answer counts.
            Err(error) if error.esource() == &pingora::ErrorSource::Upstream => false,
            Err(error) => return Err(Unanswered { error, stale: false }),
        };
        let head = head(&mut client).await.map_err(unanswered)?;
        Ok(Answered { head, client, peer, sent })
    }

    /// Keeps the connection of an answer that was read to its end.
    pub async fn release(&self, mut answered: Answered) {
        if answered.sent && answered.client.response_done() {
            let idle = answered.peer.options.idle_timeout;
            self.0.release_http_session(answered.client, &answered.peer, idle).await;
        } else {
            answered.client.shutdown().await;
        }
    }
}

impl Answered {
    /// The next piece of the body; none at its end.
    ///
    /// # Errors
    /// When it breaks off.
    pub async fn read(&mut self) -> Result<Option<Bytes>> {
        self.client.read_response_body().await.map_err(Error::into_up)
    }
}

/// Of a connection just made.
pub fn digest(client: &HttpSession) -> Option<&Digest> {
    client.digest()
}

async fn send(client: &mut HttpSession, body: &mut Sending<'_>) -> Result<()> {
    match body {
        Sending::Held(body) if body.is_empty() => {}
        Sending::Held(body) => client.write_request_body(body.clone(), true).await.map_err(Error::into_up)?,
        Sending::Passing(session, left, wait, hash) => {
            while let Some(piece) = piece(session, *wait).await.map_err(Error::into_down)? {
                *left = left.checked_sub(piece.len() as u64).ok_or_else(|| {
                    Error::explain(ErrorType::HTTPStatus(413), "body larger than allowed").into_down()
                })?;
                hash.piece(&piece);
                client.write_request_body(piece, false).await.map_err(Error::into_up)?;
            }
        }
    }
    client.finish_request_body().await.map_err(Error::into_up)
}

/// The next piece of a body. In HTTP/2 the server library waits for ever.
async fn piece(session: &mut Session, wait: Duration) -> Result<Option<Bytes>> {
    match tokio::time::timeout(wait, session.as_downstream_mut().read_request_body()).await {
        Ok(piece) => piece,
        Err(_) => Error::e_explain(ErrorType::ReadTimedout, "the next piece of the body did not come"),
    }
}

async fn head(client: &mut HttpSession) -> Result<ResponseHeader> {
    loop {
        client.read_response_header().await?;
        let Some(head) = client.response_header() else {
            return Error::e_explain(ErrorType::InvalidHTTPHeader, "no head");
        };
        if head.status == http::StatusCode::SWITCHING_PROTOCOLS {
            return Error::e_explain(ErrorType::InvalidHTTPHeader, "an upgrade that nobody asked for");
        }
        if !head.status.is_informational() {
            break;
        }
    }
    if let HttpSession::H1(client) = client {
        client.respect_keepalive();
    }
    let head = client.response_header().cloned();
    let mut head = head.ok_or_else(|| Error::explain(ErrorType::InvalidHTTPHeader, "no head"))?;
    for name in hop::names(&head.headers)? {
        head.remove_header(&name);
    }
    Ok(head)
}

/// Makes the head of a request of its own for a source whose answer is inspected: nothing of the client's connection is in it, and the
/// answer shall be neither encoded nor partial, which nobody could look into.
///
/// # Errors
/// When `Connection` names what it may not.
pub fn request(head: &RequestHeader, body: Length) -> Result<RequestHeader> {
    let mut request = head.clone();
    request.set_version(Version::HTTP_11);
    for name in hop::names(&request.headers)? {
        request.remove_header(&name);
    }
    for name in [header::ACCEPT_ENCODING, header::RANGE, header::IF_RANGE, header::EXPECT] {
        request.remove_header(&name);
    }
    let announced = request.headers.contains_key(header::CONTENT_LENGTH);
    match body {
        Length::Known(bytes) => request.insert_header(header::CONTENT_LENGTH, HeaderValue::from(bytes))?,
        Length::Unknown if !announced => request.insert_header(header::TRANSFER_ENCODING, "chunked")?,
        Length::Unknown | Length::None => {}
    }
    Ok(request)
}
