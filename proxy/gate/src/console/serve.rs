//! One request of the console: who asks, what for, and the answer on the wire.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use pingora::{
    apps::{HttpPersistentSettings, HttpServerApp, ReusedHttpStream},
    http::ResponseHeader,
    protocols::http::ServerSession,
    server::ShutdownWatch,
};
use poort_enforce::{normal::query_values, reply::Reply};
use poort_policy::console::{Act, View};
use tokio::time::{Instant, timeout};

use super::{
    Console, assets,
    feed::Follower,
    form,
    looks::Look,
    page::{self, Page, Reader},
    visitor::Guest,
};
use crate::{audit::search::Filter, listen::Connection};

/// How long a client may take to take a piece of an answer, or to send one of a form.
const PATIENCE: Duration = Duration::from_secs(10);
/// A stream ends after so long; browsers ask again by themselves, and are judged and written down anew.
const STREAM: Duration = Duration::from_secs(300);
/// Largest form, in bytes.
const FORM_BYTES: usize = 16 << 10;
/// How long a page waits for its turn to read the record.
const TURN: Duration = Duration::from_secs(10);

/// A request for a page.
pub(super) struct Asked<'a> {
    pub(super) guest: &'a Guest,
    pub(super) query: &'a str,
    pub(super) now: SystemTime,
}

impl Asked<'_> {
    /// The first value of a name that is not empty.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        value(self.query, name)
    }

    /// Which decisions are asked for.
    pub(super) fn filter(&self) -> Filter {
        Filter { source: self.query("source"), verdict: self.query("verdict"), reason: self.query("reason") }
    }
}

fn value(pairs: &str, name: &str) -> Option<String> {
    query_values(pairs, name).next().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// What is answered.
enum Answer {
    Whole(Reply),
    Stream(Follower),
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::Whole(reply)
    }
}

#[async_trait]
impl HttpServerApp for Console {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        if !matches!(session.read_request().await, Ok(true)) {
            return None;
        }
        let connection = Arc::clone(session.digest().and_then(Connection::of)?);
        connection.head_done();
        session.set_keepalive((!*shutdown.borrow()).then_some(60));
        session.set_write_timeout(Some(PATIENCE));
        session.set_read_timeout(Some(PATIENCE));
        match self.answer(&mut session, &connection).await {
            Answer::Whole(reply) => write(&mut session, reply).await.ok()?,
            Answer::Stream(follower) => {
                self.stream(&mut session, follower, shutdown.clone()).await.ok()?;
            }
        }
        let settings = HttpPersistentSettings::for_session(&session);
        let reusable = timeout(PATIENCE, session.finish()).await.ok()?.ok()??;
        Some(ReusedHttpStream::from_reusable_stream(reusable, settings))
    }
}

impl Console {
    async fn answer(&self, session: &mut ServerSession, connection: &Connection) -> Answer {
        let nobody = Reader { name: "", views: &[] };
        if connection.head_fault().is_some() {
            session.set_keepalive(None);
            return Page::told(
                StatusCode::BAD_REQUEST,
                "Bad request",
                "This request can be read in two ways.",
            )
            .reply(&nobody)
            .into();
        }
        let now = SystemTime::now();
        let guest = match self.guest(connection, now) {
            Ok(guest) => guest,
            Err(rejected) => {
                let said = format!("{}: ask for another.", rejected.fault);
                return Page::told(StatusCode::FORBIDDEN, "Not with this certificate", &said)
                    .reply(&nobody)
                    .into();
            }
        };
        let head = session.req_header();
        let (method, uri) = (head.method.clone(), head.uri.clone());
        let answered = match method {
            Method::GET | Method::HEAD => self.show(session, &guest, &uri, now).await,
            Method::POST if uri.path() == "/reviews" => {
                self.post(session, &guest, now).await.map(Answer::from)
            }
            _ => {
                Err(Page::told(StatusCode::METHOD_NOT_ALLOWED, "Not done here", "Pages are only looked at."))
            }
        };
        answered.unwrap_or_else(|page| page.reply(&guest.reader()).into())
    }

    async fn show(
        &self,
        session: &ServerSession,
        guest: &Guest,
        uri: &Uri,
        now: SystemTime,
    ) -> Result<Answer, Page> {
        if let Some(reply) = assets::find(uri.path()) {
            return Ok(reply.into());
        }
        let asked = Asked { guest, query: uri.query().unwrap_or_default(), now };
        let name = uri.path().trim_start_matches('/');
        if name == "events" {
            return self.follow(session, &asked).await.map(Answer::Stream);
        }
        if name.is_empty() {
            let first = guest.views.first().copied().unwrap_or(View::Decisions);
            self.admit(guest, Act::View, first).await?;
            return Ok(page::elsewhere(format!("/{}", first.as_str())).into());
        }
        let Some(view) = View::ALL.into_iter().find(|view| view.as_str() == name) else {
            return Err(Page::told(StatusCode::NOT_FOUND, "Nothing here", "There is no such page."));
        };
        self.admit(guest, Act::View, view).await?;
        Ok(self.page(view, &asked).await?.reply(&guest.reader()).into())
    }

    /// Lets somebody do something, or writes down that they wanted to.
    pub(super) async fn admit(&self, guest: &Guest, act: Act, view: View) -> Result<(), Page> {
        let Err(page) = guest.may(act, view) else { return Ok(()) };
        let wanted = vec![("act".to_owned(), act.as_str().to_owned())];
        let look = Look { refused: true, ..guest.look(view, wanted, 0) };
        // It is refused all the same.
        let _ = self.looks.record(&self.live.audit, look).await;
        tracing::warn!(event = "console_refused", certificate = guest.visitor.name, view = view.as_str());
        Err(page)
    }

    /// Has a look written down before anything of it is shown.
    pub(super) async fn record(&self, look: Look) -> Result<(), Page> {
        self.looks.record(&self.live.audit, look).await.map_err(|fault| {
            let said =
                format!("Nothing is shown, since the look at the record cannot be written down: {fault}");
            Page::told(StatusCode::SERVICE_UNAVAILABLE, "Not now", &said)
        })
    }

    /// Reads something of the record, in turn.
    pub(super) async fn read<T: Send + 'static, E: std::fmt::Display + Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, Page> {
        let busy = || {
            let said = "Others are reading the record; load the page again in a moment.";
            Page::told(StatusCode::SERVICE_UNAVAILABLE, "Not now", said)
        };
        let _turn = timeout(TURN, self.readers.acquire()).await.map_err(|_| busy())?.map_err(|_| busy())?;
        let fault =
            |said: String| Page::told(StatusCode::INTERNAL_SERVER_ERROR, "The record cannot be read", &said);
        let read = tokio::task::spawn_blocking(read).await.map_err(|stopped| fault(stopped.to_string()))?;
        read.map_err(|error| fault(error.to_string()))
    }

    async fn follow(&self, session: &ServerSession, asked: &Asked<'_>) -> Result<Follower, Page> {
        self.admit(asked.guest, Act::View, View::Decisions).await?;
        let filter = asked.filter();
        self.record(asked.guest.look(View::Decisions, super::views::wanted(&filter), 0)).await?;
        let last = session.get_header("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let last = last.or_else(|| asked.query("after"));
        let followed = self.feed.follow(&asked.guest.visitor.name, filter, last).await;
        let unread = |fault: crate::audit::search::SearchFault| {
            Page::told(StatusCode::INTERNAL_SERVER_ERROR, "The record cannot be read", &fault.to_string())
        };
        let many =
            || Page::told(StatusCode::SERVICE_UNAVAILABLE, "Not now", "Too many follow the record already.");
        followed.map_err(unread)?.ok_or_else(many)
    }

    async fn stream(
        &self,
        session: &mut ServerSession,
        mut follower: Follower,
        mut shutdown: ShutdownWatch,
    ) -> pingora::Result<()> {
        let mut head = ResponseHeader::build(StatusCode::OK, Some(10))?;
        head.insert_header(header::CONTENT_TYPE, "text/event-stream")?;
        for (name, value) in page::guarded() {
            head.insert_header(name, value)?;
        }
        if !session.is_http2() {
            // Its end is the connection's.
            head.insert_header(header::CONNECTION, "close")?;
            session.set_keepalive(None);
        }
        session.write_response_header(Box::new(head)).await?;
        session.write_response_body("retry: 2000\n\n".into(), false).await?;
        // Who may look is asked again when something was changed.
        let mut changes = self.live.changes();
        let until = Instant::now() + STREAM;
        loop {
            let said = tokio::select! {
                said = follower.next(until) => said,
                _ = changes.changed() => None,
                _ = shutdown.changed() => None,
            };
            let Some(said) = said else { return session.write_response_body("".into(), true).await };
            session.write_response_body(said, false).await?;
        }
    }

    /// A review of a broken glass.
    async fn post(&self, session: &mut ServerSession, guest: &Guest, now: SystemTime) -> Result<Reply, Page> {
        self.admit(guest, Act::Review, View::Reviews).await?;
        let head = session.req_header();
        let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host =
            host.or_else(|| head.uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default();
        let from_here = form::is_from_here(&head.headers, host);
        let body = form_of(session).await?;
        let proof = value(&body, "proof").unwrap_or_default();
        if !from_here || !self.forms.proves(&proof, &guest.visitor.name, now) {
            let said = "This form is too old, or not from this console. Go back, load the page again, and post it from there.";
            return Err(Page::told(StatusCode::FORBIDDEN, "Not taken", said));
        }
        let field = |name| value(&body, name).unwrap_or_default();
        self.review(guest, &field("request"), &field("finding"), now).await
    }
}

async fn form_of(session: &mut ServerSession) -> Result<String, Page> {
    let unfit = |said| Page::told(StatusCode::BAD_REQUEST, "Not taken", said);
    let mut body = Vec::new();
    loop {
        let piece = timeout(PATIENCE, session.read_request_body()).await;
        match piece.map_err(|_| unfit("The form did not come."))? {
            Ok(Some(piece)) if body.len() + piece.len() <= FORM_BYTES => body.extend_from_slice(&piece),
            Ok(None) => break,
            Ok(Some(_)) => {
                session.set_keepalive(None);
                let said = "The form is too large.";
                return Err(Page::told(StatusCode::PAYLOAD_TOO_LARGE, "Not taken", said));
            }
            Err(_) => return Err(unfit("The form broke off.")),
        }
    }
    String::from_utf8(body).map_err(|_| unfit("The form is not UTF-8."))
}

async fn write(session: &mut ServerSession, reply: Reply) -> pingora::Result<()> {
    let mut head = ResponseHeader::build(reply.status, Some(reply.headers.len() + 1))?;
    for (name, value) in reply.headers {
        head.append_header(name, value)?;
    }
    if !session.is_http2() && !session.is_body_done() {
        head.insert_header(header::CONNECTION, HeaderValue::from_static("close"))?;
        session.set_keepalive(None);
    }
    let bodiless = session.req_header().method == Method::HEAD || reply.body.is_empty();
    session.write_response_header(Box::new(head)).await?;
    if !bodiless {
        session.write_response_body(reply.body.into(), true).await?;
    }
    Ok(())
}
