//! `subject`: who asks. A bearer token, a session, or a device on its own account; and on whose behalf.

mod session;

use std::{
    ops::ControlFlow::{Break, Continue},
    sync::Arc,
};

use http::{HeaderMap, header};
use poort_identity::{
    session::SessionFault,
    token::{IssuerRules, SubjectKind, TokenFault, name_of_signed},
};
use poort_policy::Actor;

use crate::{
    arrival::{Arrival, DeviceState},
    exchange::Exchange,
    normal::query_values,
    pipeline::{Flow, Pipeline, refuse},
    ports::{Ports, Withdrawn},
    reason::Reason,
    source::Demand,
    subject::Holder,
};

pub(crate) use session::check_own;

pub(crate) async fn check<P: Ports>(
    pipeline: &Pipeline<P>,
    arrival: &Arrival<'_>,
    exchange: &mut Exchange,
) -> Flow {
    refuse_token_in_query(exchange)?;
    let own = exchange.source().is_some_and(|source| source.signs_in_by_connection);
    let Some(token) = bearer(&arrival.head.headers, own)? else {
        let signed_in = session::check(pipeline, arrival, exchange).await?;
        exchange.holder = Some(match signed_in {
            Some(holder) => holder,
            None => unsigned(pipeline, arrival, exchange)?,
        });
        return Continue(());
    };
    let holder = verified(pipeline, token, exchange).await?;
    // Known from here on: the record of a token that somebody else used must name whose it is.
    exchange.holder = Some(Arc::clone(&holder));
    bind(pipeline, token, &holder, exchange).await?;
    refuse_ended(&pipeline.ports, &holder, exchange)?;
    exchange.actor = actor(pipeline, &holder, exchange)?;
    Continue(())
}

/// RFC 6750 §2.3 and RFC 9700 §4.3.2: a token in the query ends in logs and histories.
fn refuse_token_in_query(exchange: &Exchange) -> Flow {
    let query = exchange.facts.as_ref().and_then(|facts| facts.target.query.as_deref()).unwrap_or_default();
    if query_values(query, "access_token").next().is_some() {
        return refuse(Reason::TokenInQuery);
    }
    Continue(())
}

/// RFC 6750 §2.1. Two Authorization headers have two readings. `own` says that NTLM and Negotiate are the application's.
fn bearer(headers: &HeaderMap, own: bool) -> Flow<Option<&[u8]>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Continue(None) };
    let value = value.as_bytes();
    let token = match value.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"Bearer ") => Some(token.trim_ascii()),
        _ if own && signs_in_connection(value) => None,
        _ => return refuse(Reason::Authorization),
    };
    if values.next().is_some() || token.is_some_and(<[u8]>::is_empty) {
        return refuse(Reason::Authorization);
    }
    Continue(token)
}

/// Whether an Authorization or WWW-Authenticate value belongs to a scheme that signs in a connection (RFC 4559 §6, MS-NTHT).
#[must_use]
pub fn signs_in_connection(value: &[u8]) -> bool {
    let scheme = value.split(|&byte| byte == b' ').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case(b"NTLM") || scheme.eq_ignore_ascii_case(b"Negotiate")
}

async fn verified<P: Ports>(pipeline: &Pipeline<P>, token: &[u8], exchange: &Exchange) -> Flow<Arc<Holder>> {
    let (ports, now) = (&pipeline.ports, exchange.received);
    if let Some(kept) = pipeline.tokens.find(token, ports, now) {
        return Continue(Arc::clone(&kept.value));
    }
    let mut verdict = pipeline.rules.issuers.verify(token, ports, now);
    // An issuer that rotated its keys has not sent us the new ones: ask, at most once an interval for all who wait.
    if let Err(TokenFault::UnknownKey { alias, .. } | TokenFault::KeysAbsent { alias }) = &verdict
        && ports.refresh(alias).await
    {
        verdict = pipeline.rules.issuers.verify(token, ports, now);
    }
    match verdict {
        Ok(subject) => {
            let holder = Arc::new(Holder::of_token(Arc::new(subject.clone())));
            pipeline.tokens.keep(token, subject, Arc::clone(&holder));
            Continue(holder)
        }
        Err(fault) => refuse(Reason::Token(fault)),
    }
}

/// RFC 8705 §3: a token bound to a certificate is worth nothing on another device.
async fn bind<P: Ports>(pipeline: &Pipeline<P>, token: &[u8], holder: &Holder, exchange: &Exchange) -> Flow {
    let bound = holder.subject.as_ref().and_then(|subject| subject.certificate);
    let shown = exchange.connection.device.accepted().map(|certificate| certificate.sha256);
    if bound.is_some() && bound != shown {
        return refuse(Reason::TokenOfAnotherDevice);
    }
    if bound.is_none() && exchange.source().is_none_or(|source| source.token_binding == Demand::Required) {
        return refuse(Reason::TokenUnbound);
    }
    if bound.is_none() { pin(pipeline, token, holder, exchange).await } else { Continue(()) }
}

/// Where an issuer's tokens are pinned, one that is bound to no certificate belongs to the device that it is first used on. Workloads that
/// act for officers use the tokens of many: they are passed over, and what they may do is said elsewhere ([`actor`]).
///
/// SECURITY: this is weaker than a binding by the issuer. Whoever stole a token and uses it before its owner does is taken for the owner.
async fn pin<P: Ports>(pipeline: &Pipeline<P>, token: &[u8], holder: &Holder, exchange: &Exchange) -> Flow {
    let Some(subject) = holder.subject.as_ref().filter(|one| pipeline.rules.pinning.contains(&*one.issuer))
    else {
        return Continue(());
    };
    let Some(device) = exchange.connection.device.accepted().map(|certificate| &*certificate.name) else {
        return refuse(Reason::TokenUnbound);
    };
    if pipeline.rules.aggregators.contains(device) {
        return Continue(());
    }
    if holder.pinned_to().is_none() {
        let token = name_of_signed(token);
        // It is believed for the leeway longer, which no issuer's exceeds, and is whose it was for as long.
        let until = subject.expires.checked_add(IssuerRules::LEEWAY_LIMIT).unwrap_or(subject.expires);
        let Some(first) = pipeline.ports.first_device(&token, device, until).await else {
            return refuse(Reason::Session(SessionFault::Unreachable));
        };
        holder.pin_to(first);
    }
    match holder.pinned_to() {
        Some(first) if first == device => Continue(()),
        _ => refuse(Reason::TokenOfAnotherDevice),
    }
}

/// A token outlives the moment in which its subject's access was ended. One that does not say from when it is may be from before.
fn refuse_ended<P: Ports>(ports: &P, holder: &Holder, exchange: &Exchange) -> Flow {
    let Some(subject) = holder.subject.as_deref() else { return Continue(()) };
    match ports.withdrawn(&subject.id, exchange.received) {
        Withdrawn::Everything => refuse(Reason::UserBlocked),
        Withdrawn::Before(moment) if subject.signed_in().is_none_or(|second| second <= moment) => {
            refuse(Reason::SignInEnded)
        }
        Withdrawn::Before(_) | Withdrawn::Nothing => Continue(()),
    }
}

/// Who acts for the subject: a workload that presents somebody's token.
///
/// With an `act` claim (RFC 8693 §4.1) the issuer has said so, and the claim must name the calling workload, whoever the subject is: it
/// is good for nobody else. Without one, a workload that some source's file lists may act for officers at the sources that do, and
/// nowhere else. Any other device is the officer's own, as far as the gate can tell; policies know its fleet.
fn actor<P>(pipeline: &Pipeline<P>, holder: &Holder, exchange: &Exchange) -> Flow<Option<Actor>> {
    let Some(subject) = holder.subject.as_deref() else { return Continue(None) };
    let name = exchange.connection.device.accepted().map(|certificate| &*certificate.name);
    if let Some(claimed) = &subject.actor {
        return match name {
            Some(name) if name == claimed => {
                let service = format!("{}|{claimed}", subject.issuer);
                Continue(as_actor(exchange, Some(service)))
            }
            _ => refuse(Reason::ActorMismatch),
        };
    }
    let aggregator = |name: &&str| pipeline.rules.aggregators.contains(*name);
    let Some(name) = name.filter(aggregator).filter(|_| subject.kind == SubjectKind::User) else {
        return Continue(None);
    };
    if exchange.source().is_some_and(|source| source.on_behalf_of.contains(name)) {
        return Continue(as_actor(exchange, None));
    }
    refuse(Reason::NotOnBehalf)
}

fn as_actor(exchange: &Exchange, service: Option<String>) -> Option<Actor> {
    Some(Actor { device: exchange.device.clone()?, service })
}

/// Without a token: a device on its own account, where the source's file leaves that to the policies.
fn unsigned<P>(pipeline: &Pipeline<P>, arrival: &Arrival<'_>, exchange: &Exchange) -> Flow<Arc<Holder>> {
    let demanded = exchange.source().is_none_or(|source| source.subject == Demand::Required);
    match &exchange.connection.device {
        DeviceState::Accepted(certificate) if !demanded => {
            Continue(Arc::new(Holder::of_device(&certificate.name)))
        }
        _ => Break(session::detour_or(pipeline, arrival, exchange, Reason::SubjectMissing)),
    }
}
