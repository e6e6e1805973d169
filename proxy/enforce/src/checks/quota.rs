//! `quota`: the budgets of user, device and source.

use std::{ops::ControlFlow::Continue, time::Duration};

use crate::{
    arrival::Arrival,
    checks::flood,
    exchange::Exchange,
    pipeline::{Flow, Pipeline, Refusal, Stop, refuse},
    ports::{Bucket, Ports},
    reason::{Budget, Reason},
};

/// Longest search id that is read, in bytes; a UUID has 36.
const SEARCH_ID_LIMIT_BYTES: usize = 64;

pub(crate) fn check<P: Ports>(
    pipeline: &Pipeline<P>,
    arrival: &Arrival<'_>,
    exchange: &mut Exchange,
) -> Flow {
    let (Some(source), Some(holder)) = (exchange.source().cloned(), exchange.holder.clone()) else {
        return refuse(Reason::Internal);
    };
    let Some(slot) = source.in_flight.enter() else {
        return refuse(Reason::Limit(Budget::SourceConcurrency));
    };
    exchange.slots.push(slot);
    let take = |budget, holder: &str, source: &str| {
        pipeline.ports.take(Bucket { budget, holder, source }, 1).map_err(|wait| over(budget, wait))
    };
    let subject = &*holder.principal.id;
    let device = exchange.connection.device.accepted().map_or("", |certificate| &certificate.name);
    let takes = || {
        if !repeats_a_search(pipeline, arrival, exchange, subject) {
            take(Budget::User, subject, "")?;
        }
        take(Budget::UserAtSource, subject, &source.id)?;
        if !device.is_empty() {
            take(Budget::DeviceAtSource, device, &source.id)?;
        }
        take(Budget::Source, "", &source.id)
    };
    match takes() {
        Ok(()) => Continue(()),
        Err(refusal) => std::ops::ControlFlow::Break(Stop::Refuse(refusal)),
    }
}

/// An aggregator names its search, so that asking twenty sources at once counts once against the officer's budget.
fn repeats_a_search<P: Ports>(
    pipeline: &Pipeline<P>,
    arrival: &Arrival<'_>,
    exchange: &Exchange,
    subject: &str,
) -> bool {
    // SECURITY: only a caller that acts for an officer may name a search; anybody else would lift a limit with it.
    if exchange.actor.is_none() {
        return false;
    }
    let search = arrival.head.headers.get("poort-search-id").and_then(|value| value.to_str().ok());
    search
        .filter(|search| (1..=SEARCH_ID_LIMIT_BYTES).contains(&search.len()))
        .is_some_and(|search| !pipeline.ports.first_of_search(subject, search))
}

fn over(budget: Budget, wait: Duration) -> Refusal {
    Refusal { reason: Reason::Limit(budget), retry_after: Some(wait), advice: None }
}

/// Failures cost more: whoever guesses runs dry sooner.
pub(crate) fn charge_failure<P: Ports>(pipeline: &Pipeline<P>, exchange: &Exchange) {
    let cost = pipeline.rules.failure_cost.saturating_sub(1);
    if cost == 0 {
        return;
    }
    // Whether it had room matters to the next request, not to this one.
    let _ = flood::take(&pipeline.ports, exchange, cost);
    if let Some(holder) = &exchange.holder {
        let bucket = Bucket { budget: Budget::User, holder: &holder.principal.id, source: "" };
        let _ = pipeline.ports.take(bucket, cost);
    }
}
