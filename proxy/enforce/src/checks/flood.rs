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
    match pay(pipeline, arrival, exchange) {
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

/// Takes for one request. A search application asks for a whole force: each of its searches counts once against its bucket, however many
/// of the sources that there are it asks.
fn pay<P: Ports>(pipeline: &Pipeline<P>, arrival: &Arrival<'_>, exchange: &Exchange) -> Result<(), Refusal> {
    let ports = &pipeline.ports;
    let take = || take(ports, exchange, 1);
    let Some((name, facts)) = search::aggregator(pipeline, exchange).zip(exchange.facts.as_ref()) else {
        return take();
    };
    let is_known = pipeline.rules.routes.of_host(&facts.host).next().is_some();
    search::pay(ports, name, search::named(arrival).filter(|_| is_known), &facts.host, take)
}
