//! `route`: a source answers for this host and path, the connection may serve it, and the request means something there.

use std::{
    ops::ControlFlow::{Break, Continue},
    sync::{Arc, atomic::Ordering},
};

use http::{HeaderValue, Method, header};

use crate::{
    arrival::Arrival,
    exchange::Exchange,
    facts::RequestFacts,
    operations::NoMeaning,
    pipeline::{Answer, Flow, Pipeline, Stop, refuse},
    reason::{ProtocolFault, Reason},
    reply::Preflight,
    routes::Routes,
    sign_in::{Endpoint, SignIn},
    source::Source,
};

/// The gate's own paths. They never reach a source, which could otherwise answer in the gate's name.
const OWN_PREFIX: &str = "/.poort";

pub(crate) fn check<P>(pipeline: &Pipeline<P>, arrival: &Arrival<'_>, exchange: &mut Exchange) -> Flow {
    let Some(facts) = &exchange.facts else { return refuse(Reason::Internal) };
    let routes = &pipeline.rules.routes;
    let readings = facts.target.readings();
    let own = readings.iter().any(|path| is_own(path));
    if let Some(sign_in) = &pipeline.rules.sign_in
        && let Some(endpoint) = own_page(sign_in, routes, facts)
    {
        // The gate's own pages are served on connections that were made for their host.
        if exchange.connection.sni.as_deref().is_some_and(|sni| sni != facts.host) {
            return refuse(Reason::Misdirected);
        }
        exchange.own = Some(endpoint);
        return Continue(());
    }
    let Some((source, prefix)) = routes.find(&facts.host, &facts.target.path).filter(|_| !own) else {
        return refuse(Reason::NoRoute);
    };
    exchange.route = Some((Arc::clone(source), Arc::clone(prefix)));
    if let Some(sni) = exchange.connection.sni.as_deref()
        && sni != facts.host
        && !same_rules(routes, sni, source)
    {
        return refuse(Reason::Misdirected);
    }
    if source.closed.load(Ordering::Acquire) {
        return refuse(Reason::SourceClosed);
    }
    // Two sources may be one server: when another reading, or the same in another case, leads to another of them, it is the server that
    // decides what is meant.
    let leads_here = |path: &str| routes.leads_to(source, &facts.host, path);
    if !facts.target.forms.within(source.url_forms) || !readings.iter().all(|path| leads_here(path)) {
        return refuse(Reason::Protocol(ProtocolFault::UrlForm));
    }
    if facts.websocket && !source.streams.websocket {
        return refuse(Reason::Protocol(ProtocolFault::Upgrade));
    }
    judge_origin(arrival, facts, source)?;
    match source.operations.meaning(&facts.method, &readings, facts.target.query.as_deref()) {
        Ok(meaning) => exchange.meaning = Some(meaning),
        Err(NoMeaning::Unmatched) => return refuse(Reason::NoOperation),
        Err(NoMeaning::RepeatedCapture) => return refuse(Reason::RepeatedCapture),
    }
    Continue(())
}

/// Which page of the gate's own a request asks for.
fn own_page(sign_in: &SignIn, routes: &Routes, facts: &RequestFacts) -> Option<Endpoint> {
    // Pages have one spelling.
    if facts.target.readings().len() > 1 {
        return None;
    }
    if facts.host == sign_in.host {
        return Endpoint::of_sign_in_host(facts);
    }
    routes.of_host(&facts.host).next()?;
    Endpoint::of_source_host(facts)
}

fn is_own(path: &str) -> bool {
    path.strip_prefix(OWN_PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// RFC 9110 §7.4: a connection made for one name may serve another only under the same rules.
fn same_rules(routes: &Routes, sni: &str, source: &Source) -> bool {
    let mut named = routes.of_host(sni).peekable();
    named.peek().is_some() && named.all(|other| other.same_device_rules(source))
}

/// A preflight is answered from the source's file; it can carry neither certificate nor cookie (Fetch standard, §3.2.2).
fn judge_origin(arrival: &Arrival<'_>, facts: &RequestFacts, source: &Source) -> Flow {
    let headers = &arrival.head.headers;
    let asked = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD);
    let (&Method::OPTIONS, Some(method), Some(origin)) = (&facts.method, asked, headers.get(header::ORIGIN))
    else {
        return Continue(());
    };
    let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).map(HeaderValue::as_bytes);
    match source.cors.as_ref().and_then(|cors| Preflight::answer(cors, origin, method, asked)) {
        Some(preflight) => Break(Stop::Answer(Answer::Preflight(preflight))),
        None => refuse(Reason::Origin),
    }
}
