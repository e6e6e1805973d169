//! `flood`: the caller is within the budget of its address or, once its device is verified, of its device.
//!
//! A whole force sits behind a few mobile addresses: a verified device never shares its address's bucket.

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    arrival::Arrival,
    checks::search,
    exchange::Exchange,
    pipeline::{Flow, Pipeline, Refusal, Stop, refuse},
    ports::{Bucket, Ports},
    reason::{Budget, Reason},
};

pub(crate) fn check<P: Ports>(
    pipeline: &Pipeline<P>,
    arrival: &Arrival<'_>,
    exchange: &mut Exchange,
) -> Flow {
    if exchange.again {
        return Continue(());
    }
    let Some(slot) = pipeline.in_flight.enter() else {
        return refuse(Reason::Limit(Budget::Concurrency));
    };
    exchange.slots.push(slot);
    if repeats_a_search(pipeline, arrival, exchange) {
        return Continue(());
    }
    match take(&pipeline.ports, exchange, 1) {
        Ok(()) => Continue(()),
        Err(refusal) => Break(Stop::Refuse(refusal)),
    }
}

/// Takes from the bucket of the caller's device or address.
pub(crate) fn take<P: Ports>(ports: &P, exchange: &Exchange, cost: u32) -> Result<(), Refusal> {
    let connection = &exchange.connection;
    let prefix;
    let bucket = match connection.device.accepted() {
        Some(certificate) => Bucket::of(Budget::Device, &certificate.name),
        None => {
            prefix = ports.prefix(connection.address);
            Bucket::of(Budget::Address, &prefix)
        }
    };
    ports.take(bucket, cost).map_err(|wait| Refusal::over(bucket.budget, wait))
}

/// A search application asks for a whole force: each of its searches counts once against its bucket, at every source that there is.
fn repeats_a_search<P: Ports>(pipeline: &Pipeline<P>, arrival: &Arrival<'_>, exchange: &Exchange) -> bool {
    let Some((name, facts)) = search::aggregator(pipeline, exchange).zip(exchange.facts.as_ref()) else {
        return false;
    };
    let known = pipeline.rules.routes.of_host(&facts.host).next().is_some();
    known && search::counted_already(&pipeline.ports, arrival, name, &facts.host)
}
