//! What the gate answers itself, in the phases of a request: its own pages, and the way to them.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, header};
use pingora::{Result, proxy::Session};
use poort_enforce::{
    exchange::Exchange,
    pipeline::{Refusal, Remedy, StepUp},
    reason::Reason,
    reply::{Reply, Way},
    sign_in::{Endpoint, is_form, is_navigation, is_own_origin},
};
use poort_identity::session::SessionFault;

use super::{Context, failure};
use crate::{
    adapt,
    audit::Audit,
    inspect::incoming,
    signin::{Errand, KEPT_FORM_LIMIT_BYTES, Visit, no_session},
};

/// Largest form that a page of the gate's own takes, in bytes.
const FORM_LIMIT: usize = 8 * 1024;
/// How long a form may take to arrive. In HTTP/2 the server library would wait for ever.
const FORM_PATIENCE: Duration = Duration::from_secs(20);

/// Answers a request for one of the gate's own pages.
pub(super) async fn answer(
    session: &mut Session,
    ctx: &Context,
    endpoint: Endpoint,
    audit: &Audit,
) -> Result<()> {
    let body = form(session, endpoint).await?;
    let snapshot = ctx.snapshot.as_ref().ok_or_else(|| failure(Reason::Internal))?;
    let desk = snapshot.pipeline.ports.sign_in.as_ref().ok_or_else(|| failure(Reason::Internal))?;
    let visit = visit(session, ctx, &body, audit)?;
    let reply = desk.answer(endpoint, visit, &snapshot.pipeline.rules.routes).await;
    adapt::write_reply(session, reply).await
}

/// Sends a person on an errand first.
pub(super) async fn detour(
    session: &mut Session,
    ctx: &Context,
    errand: Errand,
    audit: &Audit,
) -> Result<()> {
    let snapshot = ctx.snapshot.as_ref().ok_or_else(|| failure(Reason::Internal))?;
    let desk = snapshot.pipeline.ports.sign_in.as_ref().ok_or_else(|| failure(Reason::Internal))?;
    let reply = desk.detour(visit(session, ctx, &[], audit)?, errand);
    let reply = reply.map_err(|_| failure(Reason::Internal))?;
    adapt::write_reply(session, reply).await
}

/// Takes a session's cookie away that was taken elsewhere and keeps somebody from a page of the gate's own: a device with another name in its
/// new certificate must be able to sign in.
pub(super) fn stray_cookie(exchange: &Exchange, reason: &Reason) -> Option<HeaderValue> {
    let elsewhere =
        matches!(reason, Reason::SessionOfAnotherDevice | Reason::Session(SessionFault::OtherHost));
    exchange.own.filter(|_| elsewhere).and_then(|_| no_session())
}

/// Whether a person who is going to a page and was refused may pass after an errand on the sign-in host.
pub(super) fn errand(session: &Session, ctx: &Context, refusal: &Refusal) -> Option<Errand> {
    let exchange = ctx.exchange.as_ref()?;
    let headers = &session.req_header().headers;
    let navigates = is_navigation(exchange.facts.as_ref()?, headers);
    let ended = matches!(refusal.reason, Reason::Session(_));
    let errand = wanted(ctx, refusal).filter(|_| navigates && !ended);
    errand.filter(|_| !headers.contains_key(header::AUTHORIZATION))
}

/// What would open the way: signing in again or more strongly, or at all where the device alone may not; or saying what it is for.
fn wanted(ctx: &Context, refusal: &Refusal) -> Option<Errand> {
    let exchange = ctx.exchange.as_ref()?;
    let nobody = exchange.holder.as_ref().is_some_and(|holder| holder.subject.is_none());
    let errand = match &refusal.reason {
        Reason::StrongerSignIn => {
            let any = StepUp { strong: true, ..StepUp::default() };
            let StepUp { class, strong, max_age } = refusal.step_up.as_deref().cloned().unwrap_or(any);
            let stronger = strong || class.is_some();
            Errand::SignIn { stronger, class: class.as_deref().map(str::to_owned), max_age }
        }
        Reason::Policy if nobody => Errand::sign_in(),
        Reason::Session(
            SessionFault::Expired | SessionFault::Ended | SessionFault::Unknown | SessionFault::Unconfirmed,
        ) => Errand::sign_in(),
        Reason::PurposeRequired | Reason::CaseRequired if exchange.statements.is_some() => mission(exchange),
        _ => return None,
    };
    let can = ctx.snapshot.as_ref()?.pipeline.rules.sign_in.is_some()
        && exchange.connection.device.accepted().is_some();
    can.then_some(errand)
}

/// Keeps a form that a person sent from a source's own page, where an errand would open the way: the page that says so.
///
/// SECURITY: whose it is, a cookie has said that was made for this person, device and host; nobody else is offered it.
pub(super) async fn keep_form(
    session: &mut Session,
    ctx: &Context,
    refusal: &Refusal,
    audit: &Audit,
) -> Option<Reply> {
    let errand = wanted(ctx, refusal)?;
    let (exchange, snapshot) = (ctx.exchange.as_ref()?, ctx.snapshot.as_ref()?);
    let arrival = adapt::arrival(session, ctx.connection.as_ref()?);
    if exchange.again || !is_form(&arrival, exchange.facts.as_ref()?) {
        return None;
    }
    let person = exchange.holder.as_ref()?.subject.as_ref()?.id.clone();
    let (ports, metrics) = (&snapshot.pipeline.ports, &snapshot.pipeline.ports.metrics);
    let desk = ports.sign_in.as_ref()?;
    let kept = match body(session, ctx).await {
        Ok(body) => desk.keep_form(visit(session, ctx, &body, audit).ok()?, &person, errand).await,
        Err(_) => Err("form_too_large"),
    };
    metrics.signed_in("form", kept.as_ref().err().copied().unwrap_or("kept"));
    kept.ok().map(|page| page.refusing(refusal))
}

/// The body of a form that was refused, unless it is larger than any that is kept.
async fn body(session: &mut Session, ctx: &Context) -> Result<Bytes> {
    match incoming::read_before(ctx.exchange.as_ref()) {
        Some(body) => Ok(body.clone()),
        None => read(session, KEPT_FORM_LIMIT_BYTES).await,
    }
}

fn mission(exchange: &Exchange) -> Errand {
    Errand::Mission { case: exchange.meaning.as_ref().is_some_and(|meaning| meaning.demands.case) }
}

/// Where a person who was refused can do something about it, and the cookie for the way back. Whoever has no session in this browser is told
/// the page alone.
pub(super) fn way(
    session: &Session,
    ctx: &Context,
    refusal: &Refusal,
    audit: &Audit,
) -> Option<(Way, Option<HeaderValue>)> {
    let (remedy, exchange) = (refusal.remedy?, ctx.exchange.as_ref()?);
    let desk = ctx.snapshot.as_ref()?.pipeline.ports.sign_in.as_ref()?;
    if exchange.statements.is_none() {
        let path = match remedy {
            Remedy::Mission => "/mission",
            Remedy::BreakGlass => "/break-glass",
        };
        return Some((Way { remedy, address: desk.page_at(path) }, None));
    }
    let errand = match remedy {
        Remedy::Mission => mission(exchange),
        Remedy::BreakGlass => Errand::BreakGlass {
            source: exchange.source()?.id.to_string(),
            person: exchange.holder.as_ref()?.principal.id.clone(),
        },
    };
    let (address, cookie) = desk.way(visit(session, ctx, &[], audit).ok()?, errand).ok()?;
    Some((Way { remedy, address }, cookie))
}

fn visit<'a>(session: &'a Session, ctx: &'a Context, body: &'a [u8], audit: &'a Audit) -> Result<Visit<'a>> {
    let exchange = ctx.exchange.as_ref().ok_or_else(|| failure(Reason::Internal))?;
    let connection = ctx.connection.as_ref().ok_or_else(|| failure(Reason::Internal))?;
    let (Some(facts), Some(device)) = (&exchange.facts, exchange.connection.device.accepted()) else {
        return Err(failure(Reason::Internal));
    };
    let arrival = adapt::arrival(session, connection);
    let headers = &session.req_header().headers;
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let site = headers.get("sec-fetch-site").map(|site| site == "same-origin");
    // No browser that says both contradicts itself.
    let from_here = match (origins.next(), origins.next()) {
        (Some(origin), None) => is_own_origin(&arrival, origin) && site != Some(false),
        (None, _) => site == Some(true),
        _ => false,
    };
    Ok(Visit {
        id: exchange.id,
        now: exchange.received,
        facts,
        headers,
        device: &device.name,
        from_here,
        body,
        audit,
    })
}

/// A form's body; too large a one ends the request.
async fn form(session: &mut Session, endpoint: Endpoint) -> Result<Bytes> {
    let limit = match endpoint {
        // A form that was kept passes here. How a browser writes it is its own affair.
        Endpoint::HandOver => 3 * KEPT_FORM_LIMIT_BYTES,
        _ => FORM_LIMIT,
    };
    if session.req_header().method == http::Method::POST {
        read(session, limit).await
    } else {
        Ok(Bytes::new())
    }
}

async fn read(session: &mut Session, limit: usize) -> Result<Bytes> {
    let mut body = Vec::new();
    let until = tokio::time::Instant::now() + FORM_PATIENCE;
    let late = |_| failure(Reason::BodyIncomplete);
    while let Some(piece) =
        tokio::time::timeout_at(until, session.read_request_body()).await.map_err(late)??
    {
        if body.len() + piece.len() > limit {
            return Err(failure(Reason::BodyTooLarge));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.into())
}
