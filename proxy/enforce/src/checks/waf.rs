//! `waf`: inspection of the request. Nothing is inspected yet: every request passes, and its record says `not_inspected`.

use std::ops::ControlFlow::Continue;

use crate::{
    exchange::{Exchange, Inspection},
    pipeline::Flow,
};

pub(crate) fn check(exchange: &mut Exchange) -> Flow {
    exchange.inspection = Inspection::NotInspected;
    Continue(())
}
