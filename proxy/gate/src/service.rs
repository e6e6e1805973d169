//! The gate as the server library sees it: each phase of a request, in order.

mod context;
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
    pipeline::{Admission, Answer, Refusal},
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
    live::Live,
    outcome::OpenOutcome,
    signin::Errand,
    snapshot::Upstream,
    streams::{Readmission, Stream},
};

pub use context::Context;
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
        let stray = own::stray_cookie(exchange, &refusal.reason);
        reply.headers.extend(cookie.flatten().or(stray).map(|cookie| (header::SET_COOKIE, cookie)));
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
        if response.status == StatusCode::SWITCHING_PROTOCOLS && !asks_for_websocket(exchange) {
            // RFC 9110 §7.8: nobody asked for another protocol, so that nobody knows what follows.
            return Err(failure(Reason::SourceMalformed));
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

/// No address of a source is known: that is no connection either, and somebody is called for it.
fn nowhere(upstream: &Upstream) -> Box<Error> {
    upstream.counts.not_connected();
    failure(Reason::SourceUnreachable)
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
        peer.map(Box::new).map_err(|_| nowhere(upstream))
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
