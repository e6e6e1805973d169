//! `flood`: the caller is within the budget of its address or, once its device is verified, of its device.
//!
//! A whole force sits behind a few mobile addresses: a verified device never shares its address's bucket.

use std::ops::ControlFlow::Continue;

use crate::{
    exchange::Exchange,
    pipeline::{Flow, Pipeline, Refusal, Stop, refuse},
    ports::{Bucket, Ports},
    reason::{Budget, Reason},
};

pub(crate) fn check<P: Ports>(pipeline: &Pipeline<P>, exchange: &mut Exchange) -> Flow {
    let Some(slot) = pipeline.in_flight.enter() else {
        return refuse(Reason::Limit(Budget::Concurrency));
    };
    exchange.slots.push(slot);
    take(&pipeline.ports, exchange, 1).map_break(Stop::Refuse)
}

/// Takes from the bucket of the caller's device or address.
pub(crate) fn take<P: Ports>(ports: &P, exchange: &Exchange, cost: u32) -> std::ops::ControlFlow<Refusal> {
    let connection = &exchange.connection;
    let wait = match connection.device.accepted() {
        Some(certificate) => {
            let bucket = Bucket { budget: Budget::Device, holder: &certificate.name, source: "" };
            (bucket.budget, ports.take(bucket, cost))
        }
        None => {
            let prefix = ports.prefix(connection.address);
            let bucket = Bucket { budget: Budget::Address, holder: &prefix, source: "" };
            (bucket.budget, ports.take(bucket, cost))
        }
    };
    match wait {
        (_, Ok(())) => Continue(()),
        (budget, Err(wait)) => std::ops::ControlFlow::Break(Refusal {
            reason: Reason::Limit(budget),
            retry_after: Some(wait),
            advice: None,
        }),
    }
}
