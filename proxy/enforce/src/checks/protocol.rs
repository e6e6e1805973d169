//! `protocol`: the message is well-formed and has one reading.

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    arrival::Arrival,
    checks::flood,
    exchange::Exchange,
    facts::RequestFacts,
    pipeline::{Flow, Stop, refuse},
    ports::Ports,
    reason::Reason,
};

pub(crate) fn check<P: Ports>(ports: &P, arrival: &Arrival<'_>, exchange: &mut Exchange) -> Flow {
    let fault = match RequestFacts::read(arrival) {
        Ok(facts) => {
            exchange.facts = Some(facts);
            return Continue(());
        }
        Err(fault) => fault,
    };
    // SECURITY: it gets no further, and is paid for here: who sends nothing else would have no limit, and a record of each.
    match flood::take(ports, exchange, 1) {
        Ok(()) => refuse(Reason::Protocol(fault)),
        Err(refusal) => Break(Stop::Refuse(refusal)),
    }
}
