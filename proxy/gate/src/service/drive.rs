//! An exchange with a source that the gate drives by itself: its answer is held back until it was judged, so that whoever asked gets a
//! page instead of half an answer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Version, header};
use pingora::{
    Error, ErrorType, Result,
    http::{RequestHeader, ResponseHeader},
    proxy::Session,
};
use poort_enforce::{
    arrival::Length,
    exchange::Exchange,
    inspect::{AnswerRules, Inspection},
    reason::Reason,
};

use super::{Context, Proxy, failure, owes_body_hash};
use crate::{
    adapt,
    forward::{BodyHash, prepare_request},
    inspect::{
        Sources,
        answer::{self, Fault, Judged},
        incoming,
        source::{self, Answered, Sending},
    },
};

/// How the answer to a request is inspected; none if the server library drives the exchange: nothing is to be inspected, or it is a
/// stream in both directions, or its body is inspected as it passes.
pub(super) fn answer_rules(exchange: Option<&Exchange>) -> Option<AnswerRules> {
    let exchange = exchange?;
    let inspection = exchange.inspection.as_deref()?;
    let both_ways = exchange.facts.as_ref().is_some_and(|facts| facts.websocket);
    inspection.inspector().answer.filter(|_| !both_ways && !inspection.is_late())
}

impl Proxy {
    /// Asks the source, judges its answer and gives it to the client.
    pub(super) async fn drive(
        &self,
        session: &mut Session,
        ctx: &mut Context,
        rules: AnswerRules,
    ) -> Result<()> {
        let total = ctx.total.unwrap_or(Duration::ZERO);
        let until = (ctx.arrived + total).max(Instant::now());
        let method = session.req_header().method.clone();
        let asked = tokio::time::timeout_at(until.into(), self.ask(session, ctx, rules, &method)).await;
        let (answered, judged) = asked.map_err(|_| failure(Reason::SourceTimeout))??;
        self.give(session, ctx, answered, judged).await
    }

    async fn ask(
        &self,
        session: &mut Session,
        ctx: &mut Context,
        rules: AnswerRules,
        method: &Method,
    ) -> Result<(Answered, Judged)> {
        let mut answered = self.answered(session, ctx).await?;
        let (Some(snapshot), Some(inspection)) = (&ctx.snapshot, inspection(ctx.exchange.as_mut())) else {
            return Err(failure(Reason::Internal));
        };
        inspection.lasted(ctx.arrived.elapsed());
        let judged = answer::judge(&mut answered, inspection, rules, method, &snapshot.pipeline.bodies).await;
        let report = inspection.answer_report();
        inspection.rest();
        if let (Some(report), Some(permit)) = (&report, &ctx.permit) {
            self.live.carry.metrics.inspected(&permit.source().id, report);
        }
        ctx.outcome.inspection = report;
        let subjects = ctx.permit.as_ref().and_then(|permit| permit.source().data_subjects.as_ref());
        if let (Some(subjects), Ok(Judged::Whole(body, _))) =
            (subjects.filter(|them| them.are_answered()), &judged)
        {
            ctx.outcome.subjects = subjects.answered(body);
        }
        match judged {
            Ok(judged) => Ok((answered, judged)),
            Err(Fault::Refused(reason)) => Err(failure(reason)),
            Err(Fault::Broken(error)) => Err(error),
        }
    }

    /// The head of the source's answer, from the first address that takes a connection.
    async fn answered(&self, session: &mut Session, ctx: &mut Context) -> Result<Answered> {
        let upstream = Context::upstream(ctx.snapshot.as_ref(), ctx.permit.as_ref())?;
        let limit = ctx.permit.as_ref().map_or(0, |permit| permit.source().body_limit);
        let held = incoming::read_before(ctx.exchange.as_ref()).cloned();
        ctx.outcome.received_bytes = held.as_ref().map_or(0, |body| body.len() as u64);
        let owed = owes_body_hash(ctx.exchange.as_ref());
        ctx.outcome.body_sha256 = held.as_ref().and_then(|body| BodyHash::of(body, owed));
        // What changes something is not asked for twice (RFC 9110 §9.2.2): its source may have done it before the connection broke.
        let repeatable = session.req_header().method.is_idempotent();
        let has_body = held.is_none() && !session.as_downstream_mut().is_body_done();
        let mut tries = 0;
        loop {
            let peer = upstream.pool.pick(ctx.connection.as_ref().map_or(0, |connection| connection.id()));
            let peer = peer.map_err(|_| super::nowhere(upstream))?;
            tries += 1;
            ctx.outcome.attempts = tries;
            ctx.asked = Some(Instant::now());
            let client = match self.sources().connect(&peer).await {
                Ok(client) => client,
                Err(error) => {
                    upstream.counts.not_connected();
                    if let Some(address) = peer._address.as_inet() {
                        upstream.pool.failed(*address);
                    }
                    if (tries as usize) < upstream.pool.width() {
                        continue;
                    }
                    return Err(error.into_up());
                }
            };
            upstream.counts.connected(client.1);
            super::judge_tls(upstream, source::digest(&client.0))?;
            let length = match &held {
                Some(held) => Length::Known(held.len() as u64),
                None if has_body => Length::Unknown,
                None => Length::None,
            };
            let request = request(session.req_header(), ctx, length)?;
            let mut body = match (&held, has_body) {
                (Some(held), _) => Sending::Held(held.clone()),
                (None, false) => Sending::Held(Bytes::new()),
                (None, true) => Sending::Passing(session, limit, self.piece, BodyHash::new(owed)),
            };
            match Sources::ask(client, peer, request, &mut body).await {
                Ok(answered) => {
                    if let Sending::Passing(.., hash) = &mut body {
                        ctx.outcome.body_sha256 = hash.finish();
                    }
                    return Ok(answered);
                }
                Err(unanswered)
                    if unanswered.stale
                        && repeatable
                        && !has_body
                        && (tries as usize) <= upstream.pool.width() => {}
                Err(unanswered) => return Err(unanswered.error),
            }
        }
    }

    /// Until when the client may take an answer that is held: as long as the whole exchange may last, and in any case as long as the next piece
    /// of a request may take.
    fn given_until(&self, ctx: &Context) -> Instant {
        let now = Instant::now();
        let left = ctx.total.map_or(Duration::ZERO, |total| total.saturating_sub(ctx.arrived.elapsed()));
        now.checked_add(left.max(self.piece)).unwrap_or(now)
    }

    /// Gives a judged answer to the client.
    async fn give(
        &self,
        session: &mut Session,
        ctx: &mut Context,
        mut answered: Answered,
        judged: Judged,
    ) -> Result<()> {
        let mut head = answered.head.clone();
        head.set_version(Version::HTTP_11);
        self.answer_head(session, &mut head, ctx).await?;
        if ctx.stream.is_some() {
            ctx.let_go();
        }
        match judged {
            Judged::Head => session.write_response_header(Box::new(head), true).await?,
            Judged::Whole(body, _held) => {
                head.insert_header(header::CONTENT_LENGTH, body.len())?;
                session.write_response_header(Box::new(head), body.is_empty()).await?;
                let until = self.given_until(ctx);
                // SECURITY: what is held of an answer, and its place, are not whoever reads it as slowly as can be's to keep.
                let given = tokio::time::timeout_at(until.into(), adapt::write_body(session, body)).await;
                given.map_err(|_| {
                    Error::explain(ErrorType::WriteTimedout, "not read in time").into_down()
                })??;
            }
            Judged::Passing(begun) => pass(session, ctx, head, &mut answered, begun).await?,
        }
        self.sources().release(answered).await;
        Ok(())
    }
}

/// Gives the client an answer whose body is not inspected, as it comes.
async fn pass(
    session: &mut Session,
    ctx: &mut Context,
    mut head: ResponseHeader,
    answered: &mut Answered,
    begun: Bytes,
) -> Result<()> {
    if !head.headers.contains_key(header::CONTENT_LENGTH) && !session.is_http2() {
        head.insert_header(header::TRANSFER_ENCODING, "chunked")?;
    }
    session.write_response_header(Box::new(head), false).await?;
    let mut piece = Some(begun);
    while let Some(bytes) = piece {
        ctx.judge_piece(bytes.len(), false)?;
        if !bytes.is_empty() {
            session.write_response_body(Some(bytes), false).await.map_err(Error::into_down)?;
        }
        piece = next(session, answered).await?;
    }
    ctx.judge_piece(0, true)?;
    session.write_response_body(None, true).await
}

/// The next piece of an answer, unless the client goes away first: a stream may be silent for long.
async fn next(session: &mut Session, answered: &mut Answered) -> Result<Option<Bytes>> {
    if !session.as_downstream_mut().is_body_done() {
        return answered.read().await;
    }
    tokio::select! {
        piece = answered.read() => piece,
        // It waits for as long as the client does.
        gone = session.as_downstream_mut().read_body_or_idle(true) => match gone {
            Ok(_) => Error::e_explain(ErrorType::ConnectionClosed, "the client went away").map_err(Error::into_down),
            Err(error) => Err(error.into_down()),
        },
    }
}

/// The head of the request as the source gets it.
fn request(head: &RequestHeader, ctx: &Context, body: Length) -> Result<RequestHeader> {
    let mut request = source::request(head, body)?;
    let upstream = Context::upstream(ctx.snapshot.as_ref(), ctx.permit.as_ref())?;
    let (Some(permit), Some(exchange), Some(snapshot)) = (&ctx.permit, &ctx.exchange, &ctx.snapshot) else {
        return Err(failure(Reason::Internal));
    };
    prepare_request(&mut request, &upstream.outbound, permit, exchange, snapshot.assertions.as_ref())?;
    Ok(request)
}

fn inspection(exchange: Option<&mut Exchange>) -> Option<&mut Inspection> {
    exchange?.inspection.as_deref_mut()
}
