//! `waf`: inspection of the request, its head first, then its body, before a connection to the source is made.

use std::{
    ops::ControlFlow::{Break, Continue},
    time::{Duration, SystemTime},
};

use http::header;

use crate::{
    arrival::{Arrival, Length, Message},
    checks,
    exchange::Exchange,
    inspect::{BodySeen, Held, Inspection, Inspector, Mode, Unframed, inspector::UNFRAMED_BYTES},
    pipeline::{Flow, Pipeline, Refusal, Stop, refuse},
    ports::Ports,
    reason::Reason,
};

pub(crate) async fn check<P: Ports, M: Message>(
    pipeline: &Pipeline<P>,
    message: &mut M,
    exchange: &mut Exchange,
) -> Flow {
    let Some(source) = exchange.source() else { return refuse(Reason::Internal) };
    if announced(&message.arrival()) > source.body_limit {
        return refuse(Reason::BodyTooLarge);
    }
    let Some(inspector) = source.inspector.clone() else { return Continue(()) };
    let limit = source.body_limit;
    let length = message.length();
    let is_stream = exchange.facts.as_ref().is_some_and(|facts| facts.websocket);
    if is_stream && !inspector.streams && inspector.mode == Mode::Block {
        return refuse(Reason::StreamUninspected);
    }
    let mut inspection = Box::new(Inspection::open(&inspector, &message.arrival(), exchange));
    inspection.lasted(elapsed(pipeline, exchange.received));
    let judged = judge(pipeline, message, &mut inspection, length, limit, exchange.received).await;
    // What is inspected later is counted later; and a stream that is admitted again was.
    let counted = !exchange.again && (!inspection.is_late() || judged.is_err());
    if let Some(report) = inspection.request_report().filter(|_| counted) {
        pipeline.ports.inspected(exchange.source().map_or("", |source| &source.id), &report);
    }
    let (score, late) = (inspection.score(), inspection.is_late());
    exchange.inspection = Some(inspection);
    if let Err(refusal) = judged {
        return Break(Stop::Refuse(refusal));
    }
    if late {
        exchange.question.clone_from(&exchange.asked);
    }
    ask_again(pipeline, &inspector, exchange, score)
}

/// How long ago the head was complete.
fn elapsed<P: Ports>(pipeline: &Pipeline<P>, received: SystemTime) -> Duration {
    pipeline.ports.now().duration_since(received).unwrap_or_default()
}

fn announced(arrival: &Arrival<'_>) -> u64 {
    let length = arrival.head.headers.get(header::CONTENT_LENGTH);
    length.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

/// The end of a body that was inspected as it passed.
pub(crate) fn check_late<P: Ports>(pipeline: &Pipeline<P>, exchange: &mut Exchange) -> Flow {
    let Some(inspection) = exchange.inspection.as_deref_mut() else { return refuse(Reason::Internal) };
    inspection.see(BodySeen::Whole);
    inspection.lasted(elapsed(pipeline, exchange.received));
    let (judged, score) = (inspection.judge_request(), inspection.score());
    let inspector = std::sync::Arc::clone(inspection.inspector());
    if let Some(report) = inspection.request_report() {
        pipeline.ports.inspected(exchange.source().map_or("", |source| &source.id), &report);
    }
    if let Err(reason) = judged {
        return refuse(reason);
    }
    ask_again(pipeline, &inspector, exchange, score)
}

/// Something was found, and not enough to refuse: the policies have the word.
///
/// In `detect` a score may not refuse anything: it is for policies in shadow alone.
pub(crate) fn ask_again<P>(
    pipeline: &Pipeline<P>,
    inspector: &Inspector,
    exchange: &mut Exchange,
    score: u32,
) -> Flow {
    match (score, inspector.mode) {
        (0, _) => Continue(()),
        (_, Mode::Block) => checks::policy::check_again(pipeline, exchange, score),
        (_, Mode::Detect) => {
            checks::policy::watch_again(pipeline, exchange, score);
            Continue(())
        }
    }
}

async fn judge<P: Ports, M: Message>(
    pipeline: &Pipeline<P>,
    message: &mut M,
    inspection: &mut Inspection,
    length: Length,
    limit: u64,
    received: SystemTime,
) -> Result<(), Refusal> {
    inspection.judge_head()?;
    let held = match plan(pipeline, inspection, length, limit)? {
        Plan::Read { most, known, held } => {
            let until = pipeline.ports.ticks() + inspection.inspector().body.within;
            read(message, inspection, most, known, until).await?;
            Some(held)
        }
        Plan::Leave(why) => {
            inspection.see(why);
            None
        }
    };
    inspection.lasted(elapsed(pipeline, received));
    inspection.judge_request()?;
    if let Some(held) = held {
        inspection.keep_body(held);
    }
    Ok(())
}

/// What is done with a body.
enum Plan {
    /// It is read now, `most` bytes at most: more is too much, or for a body of no `known` length too much without one.
    Read { most: u64, known: bool, held: Held },
    /// It is not read now.
    Leave(BodySeen),
}

fn plan<P: Ports>(
    pipeline: &Pipeline<P>,
    inspection: &Inspection,
    length: Length,
    limit: u64,
) -> Result<Plan, Refusal> {
    let inspector = inspection.inspector();
    let Some(takes) = inspection.takes_body() else { return Ok(Plan::Leave(BodySeen::Unwanted)) };
    let most = takes.min(limit);
    let (bytes, known) = match length {
        Length::None => return Ok(Plan::Leave(BodySeen::None)),
        Length::Known(bytes) if bytes > most => {
            return left(inspector, BodySeen::TooLarge, Reason::BodyTooLarge.into());
        }
        Length::Known(bytes) => (bytes, true),
        Length::Unknown if inspector.mode == Mode::Detect => return Ok(Plan::Leave(BodySeen::Later)),
        // An exchange that the gate drives by itself, to hold its answer back, needs no length.
        Length::Unknown if inspector.answer.is_some() => (most, true),
        Length::Unknown if inspector.body.unframed == Unframed::Withhold => {
            return Ok(Plan::Leave(BodySeen::Later));
        }
        Length::Unknown => (most.min(UNFRAMED_BYTES), false),
    };
    let Some(held) = pipeline.bodies.hold(bytes) else {
        return left(inspector, BodySeen::NoRoom, Refusal::no_room());
    };
    Ok(Plan::Read { most: bytes, known, held })
}

/// What is not inspected is refused, unless nothing may be.
fn left(inspector: &Inspector, why: BodySeen, refusal: Refusal) -> Result<Plan, Refusal> {
    match inspector.mode {
        Mode::Detect => Ok(Plan::Leave(why)),
        Mode::Block => Err(refusal),
    }
}

async fn read<M: Message>(
    message: &mut M,
    inspection: &mut Inspection,
    most: u64,
    known: bool,
    until: std::time::Instant,
) -> Result<(), Reason> {
    let mut total = 0_u64;
    while let Some(piece) = message.read(until).await? {
        total = total.saturating_add(piece.len() as u64);
        if total > most {
            inspection.see(BodySeen::TooLarge);
            return Err(if known { Reason::BodyTooLarge } else { Reason::LengthRequired });
        }
        inspection.piece(&piece)?;
    }
    inspection.see(BodySeen::Whole);
    Ok(())
}
