//! `waf`: inspection of the request. Nothing is inspected yet: every request passes, and its record says `not_inspected`. The size
//! of its body is judged, as far as the head announces it; what arrives is counted as it passes.

use std::ops::ControlFlow::Continue;

use http::header;

use crate::{
    arrival::Arrival,
    exchange::{Exchange, Inspection},
    pipeline::{Flow, refuse},
    reason::Reason,
};

pub(crate) fn check(arrival: &Arrival<'_>, exchange: &mut Exchange) -> Flow {
    exchange.inspection = Inspection::NotInspected;
    let announced = arrival.head.headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0);
    if exchange.source().is_some_and(|source| announced > source.body_limit) {
        return refuse(Reason::BodyTooLarge);
    }
    Continue(())
}
