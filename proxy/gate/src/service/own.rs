//! What the gate answers itself, in the phases of a request: its own pages, and the way to them.

use bytes::Bytes;
use http::header;
use pingora::{Result, proxy::Session};
use poort_enforce::{
    reason::Reason,
    sign_in::{Endpoint, is_navigation, is_own_origin},
};

use super::{Context, failure};
use crate::{adapt, audit::Audit, signin::Visit};

/// Largest form that a page of the gate's own takes, in bytes.
const FORM_LIMIT: usize = 8 * 1024;

/// Answers a request for one of the gate's own pages.
pub(super) async fn answer(
    session: &mut Session,
    ctx: &Context,
    endpoint: Endpoint,
    audit: &Audit,
) -> Result<()> {
    let body = form(session).await?;
    let snapshot = ctx.snapshot.as_ref().ok_or_else(|| failure(Reason::Internal))?;
    let desk = snapshot.pipeline.ports.sign_in.as_ref().ok_or_else(|| failure(Reason::Internal))?;
    let visit = visit(session, ctx, &body, audit)?;
    let reply = desk.answer(endpoint, visit, &snapshot.pipeline.rules.routes).await;
    adapt::write_reply(session, reply).await
}

/// Sends a person to sign in first: strongly if need be, or with a certain `acr`.
pub(super) async fn detour(
    session: &mut Session,
    ctx: &Context,
    stronger: bool,
    class: Option<&str>,
    audit: &Audit,
) -> Result<()> {
    let snapshot = ctx.snapshot.as_ref().ok_or_else(|| failure(Reason::Internal))?;
    let desk = snapshot.pipeline.ports.sign_in.as_ref().ok_or_else(|| failure(Reason::Internal))?;
    let reply = desk.detour(visit(session, ctx, &[], audit)?, stronger, class);
    let reply = reply.map_err(|_| failure(Reason::Internal))?;
    adapt::write_reply(session, reply).await
}

/// Whether a person who is going to a page and was refused may pass after signing in: in a session that is too weak (then a stronger one is
/// asked for), or where nobody had signed in and the device alone may not.
pub(super) fn would_sign_in_do(session: &Session, ctx: &Context, reason: &Reason) -> Option<bool> {
    let exchange = ctx.exchange.as_ref()?;
    let nobody = exchange.holder.as_ref().is_some_and(|holder| holder.subject.is_none());
    let stronger = match reason {
        Reason::StrongerSignIn => true,
        Reason::Policy if nobody => false,
        _ => return None,
    };
    let headers = &session.req_header().headers;
    let navigates = is_navigation(exchange.facts.as_ref()?, headers);
    let can = ctx.snapshot.as_ref()?.pipeline.rules.sign_in.is_some()
        && exchange.connection.device.accepted().is_some();
    (navigates && can && !headers.contains_key(header::AUTHORIZATION)).then_some(stronger)
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
    let from_here = match (origins.next(), origins.next()) {
        (Some(origin), None) => is_own_origin(&arrival, origin),
        (None, _) => headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin"),
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
async fn form(session: &mut Session) -> Result<Bytes> {
    let mut body = Vec::new();
    if session.req_header().method != http::Method::POST {
        return Ok(Bytes::new());
    }
    while let Some(piece) = session.read_request_body().await? {
        if body.len() + piece.len() > FORM_LIMIT {
            return Err(failure(Reason::BodyTooLarge));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.into())
}
