//! `protocol`: the message is well-formed and has one reading.

use std::ops::ControlFlow::Continue;

use crate::{
    arrival::Arrival,
    exchange::Exchange,
    facts::RequestFacts,
    pipeline::{Flow, refuse},
    reason::Reason,
};

pub(crate) fn check(arrival: &Arrival<'_>, exchange: &mut Exchange) -> Flow {
    match RequestFacts::read(arrival) {
        Ok(facts) => {
            exchange.facts = Some(facts);
            Continue(())
        }
        Err(fault) => refuse(Reason::Protocol(fault)),
    }
}
