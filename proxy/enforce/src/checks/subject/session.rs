//! Who asks, by a session's cookie.

use std::{
    ops::ControlFlow::{Break, Continue},
    sync::Arc,
};

use poort_identity::session::{Session, SessionFault};

use crate::{
    arrival::Arrival,
    exchange::Exchange,
    pipeline::{Answer, Flow, Pipeline, Stop, refuse},
    ports::{Ports, Standing, Withdrawn},
    reason::Reason,
    sign_in::{Detour, SESSION_COOKIE, SignIn, comes_from_here, cookie, is_navigation},
    subject::{Holder, OpenSession},
};

/// The holder of the session that a request's cookie names; none without a cookie.
pub(super) async fn check<P: Ports>(
    pipeline: &Pipeline<P>,
    arrival: &Arrival<'_>,
    exchange: &mut Exchange,
) -> Flow<Option<Arc<Holder>>> {
    let Some(sign_in) = &pipeline.rules.sign_in else { return Continue(None) };
    let value = match cookie(&arrival.head.headers, SESSION_COOKIE) {
        Ok(None) => return Continue(None),
        Ok(Some(value)) => value,
        Err(_) => return refuse(Reason::Session(SessionFault::Repeated)),
    };
    let Some(open) = known(pipeline, sign_in, value, exchange) else {
        let reason = unreadable(sign_in, value, exchange);
        exchange.holder = former(sign_in, value, exchange);
        return Break(detour_or(pipeline, arrival, exchange, reason));
    };
    // SECURITY: said before anything else of it: whoever holds another device's cookie is to learn nothing and lead nowhere.
    refuse_elsewhere(&open, exchange)?;
    // Before its session is: whoever is blocked is not to be led to sign in, over and over.
    if pipeline.ports.withdrawn(&open.session.subject.id, exchange.received) == Withdrawn::Everything {
        exchange.holder = Some(Arc::clone(&open.holder));
        return refuse(Reason::UserBlocked);
    }
    exchange.session = Some(open.session.id);
    let holder = match pipeline.ports.standing(&open.session.id, exchange.received).await {
        Standing::Open { renewed, statements } => {
            exchange.statements = Some(statements);
            renewed.map_or_else(|| Arc::clone(&open.holder), |subject| open.renewed(subject))
        }
        Standing::Closed(fault) => {
            exchange.holder = Some(Arc::clone(&open.holder));
            return Break(detour_or(pipeline, arrival, exchange, Reason::Session(fault)));
        }
    };
    exchange.holder = Some(Arc::clone(&holder));
    let (Some(facts), Some(source)) = (&exchange.facts, exchange.source()) else {
        return refuse(Reason::Internal);
    };
    if !comes_from_here(arrival, facts, source) {
        return refuse(Reason::CrossOrigin);
    }
    Continue(Some(holder))
}

/// The cookie that a page of the gate's own was asked for with. The page itself sees to whether its session is open; taken to another device
/// or another host it is refused, as at a source: from the sign-in host's all others come.
pub(crate) fn check_own<P>(pipeline: &Pipeline<P>, arrival: &Arrival<'_>, exchange: &mut Exchange) -> Flow {
    let Some(sign_in) = &pipeline.rules.sign_in else { return Continue(()) };
    let Ok(Some(value)) = cookie(&arrival.head.headers, SESSION_COOKIE) else { return Continue(()) };
    match known(pipeline, sign_in, value, exchange) {
        Some(open) => refuse_elsewhere(&open, exchange),
        None => match unreadable(sign_in, value, exchange) {
            reason @ Reason::Session(SessionFault::OtherHost) => refuse(reason),
            _ => Continue(()),
        },
    }
}

/// A session is worth nothing on another device than its own.
fn refuse_elsewhere(open: &OpenSession, exchange: &mut Exchange) -> Flow {
    let device = exchange.connection.device.accepted().map(|certificate| &certificate.name);
    if device == Some(&open.session.device) {
        return Continue(());
    }
    exchange.holder = Some(Arc::clone(&open.holder));
    refuse(Reason::SessionOfAnotherDevice)
}

/// A cookie that was opened before, or is now. What it says does not change; only its time runs out.
fn known<P>(
    pipeline: &Pipeline<P>,
    sign_in: &SignIn,
    value: &[u8],
    exchange: &Exchange,
) -> Option<Arc<OpenSession>> {
    let host = &exchange.facts.as_ref()?.host;
    if let Some(open) = pipeline.sessions.find(value) {
        let session = &open.session;
        return (session.host == *host && exchange.received < session.subject.expires).then_some(open);
    }
    let session = Session::open(&sign_in.seal, value, host, exchange.received).ok()?;
    Some(pipeline.sessions.keep(value, session))
}

/// Why a cookie opens nothing; asked only when it does not.
fn unreadable(sign_in: &SignIn, value: &[u8], exchange: &Exchange) -> Reason {
    let host = exchange.facts.as_ref().map_or("", |facts| &facts.host);
    match Session::open(&sign_in.seal, value, host, exchange.received) {
        Err(fault) => Reason::Session(fault),
        Ok(_) => Reason::Internal,
    }
}

/// Whose session it was that a cookie speaks of after its time, on its own device.
fn former(sign_in: &SignIn, value: &[u8], exchange: &Exchange) -> Option<Arc<Holder>> {
    let session = Session::former(&sign_in.seal, value, &exchange.facts.as_ref()?.host)?;
    let here = exchange.connection.device.accepted()?.name == session.device;
    here.then(|| Arc::new(Holder::of_token(session.subject)))
}

/// Leads a person who is going to a page to sign in first; everybody else is refused with `reason`.
pub(super) fn detour_or<P>(
    pipeline: &Pipeline<P>,
    arrival: &Arrival<'_>,
    exchange: &Exchange,
    reason: Reason,
) -> Stop {
    let navigates = exchange.facts.as_ref().is_some_and(|facts| is_navigation(facts, &arrival.head.headers));
    // A session is bound to a device, so without one there is nothing to begin.
    let can_sign_in = pipeline.rules.sign_in.is_some() && exchange.connection.device.accepted().is_some();
    if navigates && can_sign_in && !exchange.again {
        return Stop::Answer(Answer::SignIn(Detour { stronger: false }));
    }
    reason.into()
}
