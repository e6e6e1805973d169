//! `quota`: the budgets of user, device and source.

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    arrival::Arrival,
    checks::{flood, search},
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
    let Some(slot) = exchange.source().map(|source| source.in_flight.enter()) else {
        return refuse(Reason::Internal);
    };
    let Some(slot) = slot else { return refuse(Reason::Limit(Budget::SourceConcurrency)) };
    exchange.slots.push(slot);
    match take(&pipeline.ports, arrival, exchange) {
        Ok(()) => Continue(()),
        Err(refusal) => Break(Stop::Refuse(refusal)),
    }
}

fn take<P: Ports>(ports: &P, arrival: &Arrival<'_>, exchange: &Exchange) -> Result<(), Refusal> {
    let (Some(source), Some(holder)) = (exchange.source(), &exchange.holder) else {
        return Err(Reason::Internal.into());
    };
    let take = |bucket: Bucket<'_>| ports.take(bucket, 1).map_err(|wait| Refusal::over(bucket.budget, wait));
    let user = &*holder.principal.id;
    let acting = exchange.actor.is_some();
    let search = search::named(arrival).filter(|_| acting);
    search::pay(ports, user, search, &source.id, || take(Bucket::of(Budget::User, user)))?;
    take(Bucket::of(Budget::UserAtSource, user).at(&source.id))?;
    // Who acts for a whole force shares nobody's budget: each officer has one here.
    if let Some(certificate) = exchange.connection.device.accepted().filter(|_| !acting) {
        take(Bucket::of(Budget::DeviceAtSource, &certificate.name).at(&source.id))?;
    }
    take(Bucket::of(Budget::Source, "").at(&source.id))
}

/// Failures cost more: whoever guesses runs dry sooner.
pub(crate) fn charge_failure<P: Ports>(pipeline: &Pipeline<P>, exchange: &Exchange, reason: &Reason) {
    let cost = pipeline.rules.failure_cost.saturating_sub(1);
    if cost == 0 || exchange.again || !reason.is_suspect() {
        return;
    }
    // Whether a bucket had room matters to the next request, not to this one. What one officer may not see is no reason for a search
    // application to stop asking for all the others.
    if exchange.actor.is_none() && search::aggregator(pipeline, exchange).is_none() {
        let _ = flood::take(&pipeline.ports, exchange, cost);
    }
    // SECURITY: what is worth nothing here may have been taken from its owner. Were the owner to pay, the thief could lock them out, and so
    // could an application that asks where it may not.
    let taken = matches!(
        reason,
        Reason::TokenOfAnotherDevice
            | Reason::TokenUnbound
            | Reason::SessionOfAnotherDevice
            | Reason::ActorMismatch
            | Reason::NotOnBehalf
    );
    if let Some(holder) = exchange.holder.as_ref().filter(|_| !taken) {
        let _ = pipeline.ports.take(Bucket::of(Budget::User, &holder.principal.id), cost);
    }
}
