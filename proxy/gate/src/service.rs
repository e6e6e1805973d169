//! The gate as the server library sees it: each phase of a request, in order.

mod drive;
mod fault;
mod own;

use std::{
    os::fd::RawFd,
    sync::{Arc, OnceLock},
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{StatusCode, header};
use pingora::{
    Error, ErrorSource, Result,
    http::{RequestHeader, ResponseHeader},
    protocols::Digest,
    proxy::{FailToProxy, ProxyHttp, Session},
    upstreams::peer::HttpPeer,
};
use poort_enforce::{
    exchange::Exchange,
    inspect::Inspection,
    pipeline::{Admission, Answer, Permit, Refusal},
    ports::Limits as _,
    reason::Reason,
    record::{Decision, Verdict},
    reply::Reply,
    signs_in_connection,
};
use poort_policy::Operation;

use crate::{
    adapt,
    audit::{Record, Strangers, Ticket},
    ending::Watched,
    forward::{AnswerHold, BodyHash, Inbound, prepare_request, prepare_response},
    inspect::{self, Incoming, Late, Sources, incoming},
    listen::{Connection, Cut},
    live::Live,
    outcome::OpenOutcome,
    signin::Errand,
    snapshot::{Snapshot, Upstream},
    streams::{Readmission, Stream},
};

use fault::{answered, failure, reason_of, waited_for_client};

/// The gate.
pub struct Proxy {
    live: Arc<Live>,
    /// What asks sources whose answers are held back; made when the first of them is asked.
    sources: OnceLock<Sources>,
    /// How long the next piece of a request body may take.
    piece: Duration,
}

impl Proxy {
    /// A gate on this configuration, in which the next piece of a request body may take so long.
    #[must_use]
    pub fn new(live: Arc<Live>, piece: Duration) -> Self {
        Self { live, sources: OnceLock::new(), piece }
    }

    fn sources(&self) -> &Sources {
        self.sources.get_or_init(Sources::default)
    }

    async fn refuse(&self, session: &mut Session, ctx: &mut Context, refusal: Refusal) -> Result<()> {
        let Some(exchange) = &ctx.exchange else { return session.respond_error(503).await };
        if let Some(errand) = own::errand(session, ctx, &refusal) {
            ctx.outcome.fail(refusal.reason);
            return own::detour(session, ctx, errand, &self.live.audit).await;
        }
        if let Some(page) = own::keep_form(session, ctx, &refusal, &self.live.audit).await {
            ctx.outcome.fail(refusal.reason);
            return adapt::write_reply(session, page).await;
        }
        let (way, cookie) = own::way(session, ctx, &refusal, &self.live.audit).unzip();
        let headers = Some(&session.req_header().headers);
        let mut reply = Reply::refusal(&refusal, exchange.id, headers, way.as_ref());
        reply.headers.extend(cookie.flatten().map(|cookie| (header::SET_COOKIE, cookie)));
        ctx.outcome.fail(refusal.reason);
        if let Some(exchange) = &mut ctx.exchange {
            // SECURITY: a refusal keeps no place from others, however slowly it is read.
            exchange.slots.clear();
        }
        adapt::write_reply(session, reply).await
    }

    /// Writes the decision down. Nothing passes that is not recorded. What a stranger was refused is counted instead, and has no
    /// ticket: it cannot fill the disk.
    fn record(&self, ctx: &mut Context, admission: &Admission) -> Result<Option<Ticket>, Refusal> {
        let (Some(exchange), Some(snapshot)) = (&mut ctx.exchange, &ctx.snapshot) else {
            return Err(Reason::Internal.into());
        };
        let decision = Decision::of(exchange, Verdict::of(admission));
        if Strangers::concern(&decision) {
            let prefix = snapshot.pipeline.ports.prefix(decision.connection.address);
            self.live.audit.strangers().count(&prefix, &decision.verdict, decision.received);
            return Ok(None);
        }
        ctx.outcome.open(exchange);
        if let Some(glass) = decision.glass.filter(|_| decision.verdict == Verdict::Allow) {
            self.live.carry.metrics.glass_used(decision.source.as_deref());
            self.live.carry.reviews.used(&glass.to_string());
        }
        let record = Record::Decision(Box::new(decision), Arc::clone(&snapshot.digests));
        self.live.audit.append(record).map(Some).map_err(|_| {
            self.live.carry.metrics.decisions_refused.inc();
            Reason::RecordUnwritable.into()
        })
    }

    /// Makes the head of an answer the client's: not before the decision is on disk.
    async fn answer_head(
        &self,
        session: &Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        if let Some(ticket) = ctx.ticket.take() {
            ticket.durable().await.map_err(|_| failure(Reason::RecordUnwritable))?;
        }
        ctx.judge_access()?;
        let upstream = Context::upstream(ctx.snapshot.as_ref(), ctx.permit.as_ref())?;
        let (Some(permit), Some(exchange)) = (&ctx.permit, &ctx.exchange) else {
            return Err(failure(Reason::Internal));
        };
        if let Some(asked) = ctx.asked.take() {
            upstream.counts.responded(asked.elapsed());
        }
        let source = permit.source();
        let inbound = Inbound {
            id: exchange.id,
            host: exchange.facts.as_ref().map_or("", |facts| &facts.host),
            prefix: permit.prefix(),
            source_names: &upstream.names,
            source_prefix: upstream.outbound.prefix.as_deref(),
            cors: source.cors.as_ref().zip(session.req_header().headers.get(header::ORIGIN)),
        };
        if !source.signs_in_by_connection && asks_for_connection_sign_in(response) {
            // SECURITY: on pooled connections one user's sign-in would serve the next.
            tracing::warn!(
                event = "connection_sign_in",
                source = &*source.id,
                remedy = "upstream: { authentication: connection }"
            );
            return Err(failure(Reason::SourceMalformed));
        }
        prepare_response(response, &inbound)?;
        if Stream::is_one(response, source.streams) {
            let (connection, seen) = (ctx.connection.as_ref(), ctx.watched.seen());
            let readmission = Readmission::of(session, exchange, connection, source.streams.readmit, seen);
            let metrics = &self.live.carry.metrics;
            // INVARIANT: a stream that cannot be ended is none; there is a connection, and a request to cut.
            let readmission = readmission.ok_or_else(|| failure(Reason::Internal))?;
            ctx.stream = Some(Stream::open(response.status, readmission, &self.live, metrics));
        }
        Ok(())
    }
}

/// What the phases of one request share.
pub struct Context {
    arrived: Instant,
    snapshot: Option<Arc<Snapshot>>,
    connection: Option<Arc<Connection>>,
    exchange: Option<Exchange>,
    permit: Option<Permit>,
    /// The decision on its way to the disk, where the source is asked meanwhile.
    ticket: Option<Ticket>,
    attempts: usize,
    /// When the source was asked.
    asked: Option<Instant>,
    received_bytes: u64,
    total: Option<Duration>,
    /// Until when the rest of a body is waited for, where only a cut ends that wait.
    body_due: Option<(Instant, Cut)>,
    /// The answer, as far as it has passed.
    answered: Option<StatusCode>,
    sent_bytes: u64,
    /// Of the connection to the source, where the request asks for a WebSocket.
    hold: Option<AnswerHold>,
    stream: Option<Stream>,
    /// Whether access is ended meanwhile.
    watched: Watched,
    /// The body, where it is inspected as it passes.
    late: Late,
    /// Its digest, where that is owed.
    body_hash: BodyHash,
    outcome: OpenOutcome,
}

impl Context {
    fn upstream<'a>(snapshot: Option<&'a Arc<Snapshot>>, permit: Option<&Permit>) -> Result<&'a Upstream> {
        permit
            .and_then(|permit| snapshot?.upstreams.get(&permit.source().id))
            .ok_or_else(|| failure(Reason::Internal))
    }

    /// Whether a piece of the answer, of so many bytes, or its end, may still pass.
    fn judge_piece(&mut self, bytes: usize, end: bool) -> Result<()> {
        self.sent_bytes += bytes as u64;
        if let Some(stream) = &mut self.stream {
            return stream.pass_answer(bytes);
        }
        self.judge_access()?;
        if !end && self.over_time() {
            return Err(failure(Reason::SourceTimeout));
        }
        Ok(())
    }

    /// Whether whoever asks still may: access that is ended is so for what is under way too.
    fn judge_access(&mut self) -> Result<()> {
        let Some(reason) = self.watched.reason(self.exchange.as_ref()) else { return Ok(()) };
        self.outcome.not_readmitted();
        Err(failure(reason))
    }

    /// Inspects a body as it passes, where it could not be read before.
    fn inspect_late(&mut self, session: &Session, body: &mut Option<Bytes>, end: bool) -> Result<()> {
        let Some(exchange) = self.exchange.as_mut().filter(|exchange| inspect::is_late(exchange)) else {
            return Ok(());
        };
        let (Some(snapshot), Some(connection)) = (&self.snapshot, &self.connection) else {
            return Err(failure(Reason::Internal));
        };
        let arrival = adapt::arrival(session, connection);
        let passed = self.late.pass(&snapshot.pipeline, &arrival, exchange, body, end);
        if end || passed.is_err() {
            let inspection = exchange.inspection.as_deref();
            self.outcome.inspection = inspection.and_then(Inspection::request_report);
            let asked = exchange.asked.take();
            self.outcome.disagreements =
                asked.map(|(_, decision)| decision.disagreements).unwrap_or_default();
        }
        passed.map_err(|refusal| failure(refusal.reason))
    }

    /// A stream outlives its snapshot: once its request has ended, what is left of the exchange needs none.
    fn let_go(&mut self) {
        self.total = None;
        self.snapshot = None;
        if let Some(exchange) = &mut self.exchange {
            exchange.inspection = None;
        }
    }

    /// In HTTP/2 the server library waits for ever for the rest of a body whose answer has been given: the request ends in its time, but
    /// not before another piece could have come.
    fn expect_body(&mut self, session: &mut Session, piece: Duration) {
        if !session.is_http2() || session.as_downstream_mut().is_body_done() {
            return;
        }
        let left = self.total.map(|total| total.saturating_sub(self.arrived.elapsed()).max(piece));
        let due = left.and_then(|left| Instant::now().checked_add(left));
        self.body_due = due.zip(Cut::of_this_request()).map(|(due, cut)| {
            cut.end_at(Some(due));
            (due, cut)
        });
    }

    /// The whole body has come.
    fn body_came(&mut self) {
        if let Some((_, cut)) = self.body_due.take() {
            cut.end_at(None);
        }
    }

    fn over_time(&self) -> bool {
        self.total.is_some_and(|total| self.arrived.elapsed() > total)
    }

    /// The end, written down and counted.
    fn close(&mut self, status: Option<StatusCode>, sent_bytes: u64, client_fault: Option<bool>) {
        if self.stream.take().is_some_and(|stream| stream.was_ended()) {
            self.outcome.not_readmitted();
        }
        let source = self.exchange.as_ref().and_then(Exchange::source).map(|source| &*source.id);
        self.body_due = None;
        self.outcome.close(source, status, sent_bytes, client_fault);
    }
}

/// What is cut is dropped where it waits, and the server library says nothing more of it.
impl Drop for Context {
    fn drop(&mut self) {
        let cut = self.stream.as_ref().filter(|stream| stream.was_ended());
        if let Some((status, sent_bytes)) = cut.map(Stream::sent) {
            self.close(Some(status), sent_bytes, None);
        } else if self.body_due.take().is_some_and(|(due, _)| due <= Instant::now()) {
            self.outcome.fail(Reason::BodyIncomplete);
            self.close(self.answered, self.sent_bytes, Some(true));
        }
    }
}

/// The server library offers TLS 1.2 to every upstream; nothing has been sent yet.
fn judge_tls(upstream: &Upstream, digest: Option<&Digest>) -> Result<()> {
    let version = digest.and_then(|digest| Some(&*digest.ssl_digest.as_ref()?.version));
    if upstream.modern_tls_only && version.is_some_and(|version| version != "TLSv1_3") {
        return Err(failure(Reason::SourceUnreachable));
    }
    Ok(())
}

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Context {
            arrived: Instant::now(),
            snapshot: Some(self.live.snapshot()),
            connection: None,
            exchange: None,
            permit: None,
            ticket: None,
            attempts: 0,
            asked: None,
            received_bytes: 0,
            total: None,
            body_due: None,
            answered: None,
            sent_bytes: 0,
            hold: None,
            stream: None,
            watched: Watched::new(&self.live.carry.notices),
            late: Late::default(),
            body_hash: BodyHash::default(),
            outcome: OpenOutcome::new(Arc::clone(&self.live.audit), Arc::clone(&self.live.carry.metrics)),
        }
    }

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        let now = SystemTime::now();
        let connection = adapt::connection(session).ok_or_else(|| failure(Reason::Internal))?;
        connection.head_done();
        let id = self.live.ids.next().ok_or_else(|| failure(Reason::Internal))?;
        let facts = adapt::connection_facts(&connection, &self.live.trust, now);
        ctx.exchange = Some(Exchange::open(id, now, facts));
        ctx.connection = Some(connection);
        session.set_read_timeout(Some(self.piece));
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        let (Some(snapshot), Some(connection), Some(exchange)) =
            (ctx.snapshot.clone(), ctx.connection.clone(), ctx.exchange.as_mut())
        else {
            return Err(failure(Reason::Internal));
        };
        let mut incoming = Incoming::new(session, adapt::head_fault(&connection), self.piece);
        let admission = snapshot.pipeline.admit(&mut incoming, exchange).await;
        let ticket = self.record(ctx, &admission);
        let ticket = match (admission, ticket) {
            (Admission::Refusal(refusal), _) => {
                self.refuse(session, ctx, refusal).await?;
                return Ok(true);
            }
            (_, Err(refusal)) => {
                self.refuse(session, ctx, refusal).await?;
                return Ok(true);
            }
            (Admission::Answer(Answer::Preflight(preflight)), Ok(_)) => {
                let Some(exchange) = &ctx.exchange else { return Err(failure(Reason::Internal)) };
                adapt::write_reply(session, Reply::preflight(&preflight, exchange.id)).await?;
                return Ok(true);
            }
            (Admission::Answer(Answer::Own(endpoint)), Ok(_)) => {
                own::answer(session, ctx, endpoint, &self.live.audit).await?;
                return Ok(true);
            }
            (Admission::Answer(Answer::SignIn(detour)), Ok(_)) => {
                let errand = Errand::SignIn { stronger: detour.stronger, class: None, max_age: None };
                own::detour(session, ctx, errand, &self.live.audit).await?;
                return Ok(true);
            }
            (Admission::Permit(permit), Ok(Some(ticket))) => {
                ctx.permit = Some(permit);
                ctx.outcome.allowed();
                ticket
            }
            // INVARIANT: only refusals go without a ticket.
            (Admission::Permit(_), Ok(None)) => return Err(failure(Reason::Internal)),
        };
        ctx.total = Some(Context::upstream(Some(&snapshot), ctx.permit.as_ref())?.pool.timeouts().total);
        // What only looks may ask its source while the disk is written; what changes something waits for the disk first.
        if forwards_at_once(ctx.exchange.as_ref()) {
            ctx.ticket = Some(ticket);
        } else if ticket.durable().await.is_err() {
            self.refuse(session, ctx, Reason::RecordUnwritable.into()).await?;
            return Ok(true);
        }
        match drive::answer_rules(ctx.exchange.as_ref()) {
            Some(rules) => self.drive(session, ctx, rules).await.map(|()| true),
            None => {
                inspect::rest(ctx.exchange.as_mut());
                Ok(false)
            }
        }
    }

    async fn upstream_peer(&self, _: &mut Session, ctx: &mut Context) -> Result<Box<HttpPeer>> {
        let upstream = Context::upstream(ctx.snapshot.as_ref(), ctx.permit.as_ref())?;
        let connection = ctx.connection.as_ref().map_or(0, |connection| connection.id());
        ctx.late = Late::default();
        // A retry begins anew.
        ctx.body_hash = BodyHash::new(owes_body_hash(ctx.exchange.as_ref()));
        ctx.asked = Some(Instant::now());
        ctx.attempts += 1;
        ctx.outcome.attempts = u32::try_from(ctx.attempts).unwrap_or(u32::MAX);
        let peer = match &ctx.exchange {
            Some(exchange) if asks_for_websocket(exchange) => {
                upstream.pool.pick_alone(exchange.id, ctx.hold.insert(AnswerHold::default()))
            }
            _ => upstream.pool.pick(connection),
        };
        peer.map(Box::new).map_err(|_| failure(Reason::SourceUnreachable))
    }

    async fn upstream_request_filter(
        &self,
        _: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        let upstream = Context::upstream(ctx.snapshot.as_ref(), ctx.permit.as_ref())?;
        let (Some(permit), Some(exchange), Some(snapshot)) = (&ctx.permit, &ctx.exchange, &ctx.snapshot)
        else {
            return Err(failure(Reason::Internal));
        };
        incoming::settle(request, exchange);
        prepare_request(request, &upstream.outbound, permit, exchange, snapshot.assertions.as_ref())
    }

    async fn connected_to_upstream(
        &self,
        _: &mut Session,
        reused: bool,
        _: &HttpPeer,
        _: RawFd,
        digest: Option<&Digest>,
        ctx: &mut Context,
    ) -> Result<()> {
        let upstream = Context::upstream(ctx.snapshot.as_ref(), ctx.permit.as_ref())?;
        upstream.counts.connected(reused);
        judge_tls(upstream, digest)?;
        if let Some(hold) = &ctx.hold {
            hold.hold();
        }
        Ok(())
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Context,
    ) -> Result<()> {
        if let Some(hold) = ctx.hold.as_ref().filter(|_| end) {
            hold.release();
        }
        if end {
            ctx.body_came();
        }
        match &ctx.stream {
            Some(stream) => {
                stream.pass()?;
                if ctx.snapshot.is_none() {
                    return Ok(());
                }
            }
            None => ctx.judge_access()?,
        }
        if let Some(whole) = incoming::read_before(ctx.exchange.as_ref()) {
            incoming::replayed(body, whole);
            ctx.outcome.received_bytes = whole.len() as u64;
            if end {
                ctx.outcome.body_sha256 = BodyHash::of(whole, owes_body_hash(ctx.exchange.as_ref()));
            }
            return Ok(());
        }
        ctx.body_hash.piece(body.as_deref().unwrap_or_default());
        ctx.received_bytes += body.as_ref().map_or(0, |body| body.len() as u64);
        ctx.outcome.received_bytes = ctx.received_bytes;
        let limit = ctx.permit.as_ref().map_or(0, |permit| permit.source().body_limit);
        if ctx.received_bytes > limit && !session.was_upgraded() {
            return Err(failure(Reason::BodyTooLarge));
        }
        if ctx.over_time() {
            return Err(failure(Reason::BodyIncomplete));
        }
        if end {
            ctx.outcome.body_sha256 = ctx.body_hash.finish();
        }
        ctx.inspect_late(session, body, end)?;
        if end && ctx.stream.is_some() {
            ctx.let_go();
            session.set_read_timeout(None);
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        self.answer_head(session, response, ctx).await?;
        ctx.answered = Some(response.status);
        ctx.expect_body(session, self.piece);
        let upgraded = response.status == StatusCode::SWITCHING_PROTOCOLS;
        // SECURITY: a source may begin a stream before its request has ended; what is still to come of the body is judged like any other.
        if ctx.stream.is_some() && (upgraded || session.as_downstream_mut().is_body_done()) {
            ctx.let_go();
            // A client that listens says nothing. How long a stream may be silent is its source's to say.
            session.set_read_timeout(None);
        }
        Ok(())
    }

    fn response_body_filter(
        &self,
        _: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Context,
    ) -> Result<Option<Duration>> {
        ctx.judge_piece(body.as_ref().map_or(0, Bytes::len), end)?;
        Ok(None)
    }

    fn fail_to_connect(
        &self,
        _: &mut Session,
        peer: &HttpPeer,
        ctx: &mut Context,
        mut error: Box<Error>,
    ) -> Box<Error> {
        if let Ok(upstream) = Context::upstream(ctx.snapshot.as_ref(), ctx.permit.as_ref()) {
            if let Some(address) = peer._address.as_inet() {
                upstream.pool.failed(*address);
            }
            upstream.counts.not_connected();
            // Nothing of the request has left yet, so another address may have it, once each.
            error.set_retry(ctx.attempts < upstream.pool.width());
        }
        error
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, ctx: &mut Context) -> FailToProxy {
        let reason = match reason_of(error) {
            Some(Reason::SourceTimeout) if waited_for_client(session, error) => Some(Reason::BodyIncomplete),
            reason => reason,
        };
        let status = reason.as_ref().map_or(0, |reason| Reply::status(reason).as_u16());
        let untouched = answered(session).is_none();
        if let Some(reason) = reason {
            ctx.outcome.fail(reason.clone());
            if untouched {
                // The client may be gone; then there is nobody to tell.
                let _ = self.refuse(session, ctx, reason.into()).await;
            }
        }
        FailToProxy { error_code: status, can_reuse_downstream: false }
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Context) {
        let status = answered(session);
        let sent = session.body_bytes_sent() as u64;
        ctx.close(status, sent, error.map(|error| error.esource() == &ErrorSource::Downstream));
    }

    fn suppress_error_log(&self, _: &Session, _: &Context, _: &Error) -> bool {
        // Every failure is in the record; the library's own line would put paths into the system log.
        true
    }
}

/// Design: `consult` and `use` may run while the decision is written; the answer waits. Everything else, and every upgrade,
/// waits before.
fn forwards_at_once(exchange: Option<&Exchange>) -> bool {
    exchange.is_some_and(|exchange| {
        let looks = exchange
            .meaning
            .as_ref()
            .is_some_and(|meaning| matches!(meaning.operation, Operation::Consult | Operation::Use));
        looks && !asks_for_websocket(exchange)
    })
}

fn owes_body_hash(exchange: Option<&Exchange>) -> bool {
    exchange.is_some_and(|exchange| exchange.hash_body)
}

fn asks_for_websocket(exchange: &Exchange) -> bool {
    exchange.facts.as_ref().is_some_and(|facts| facts.websocket)
}

fn asks_for_connection_sign_in(response: &ResponseHeader) -> bool {
    response
        .headers
        .get_all(header::WWW_AUTHENTICATE)
        .iter()
        .any(|value| signs_in_connection(value.as_bytes()))
}
