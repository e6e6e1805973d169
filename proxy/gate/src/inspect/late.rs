//! A body that is inspected as it passes, since its length was not announced: held back until all of it was judged, or in `detect`
//! let through.

use bytes::{Bytes, BytesMut};
use poort_enforce::{
    arrival::Arrival,
    exchange::Exchange,
    inspect::{BodySeen, Held, Mode},
    pipeline::{Pipeline, Refusal},
    ports::Ports,
    reason::Reason,
};

/// What was seen of a body on one connection to the source. A retry begins anew.
#[derive(Default)]
pub struct Late {
    held: Option<Held>,
    withheld: BytesMut,
    seen: u64,
    begun: bool,
    /// Nothing more is looked at: in `detect`, a body that is too large.
    given_up: bool,
}

impl Late {
    /// Judges a piece. What may pass is left in `body`; an empty piece withholds without ending anything.
    ///
    /// # Errors
    /// What refuses the body.
    pub fn pass<P: Ports>(
        &mut self,
        pipeline: &Pipeline<P>,
        arrival: &Arrival<'_>,
        exchange: &mut Exchange,
        body: &mut Option<Bytes>,
        end: bool,
    ) -> Result<(), Refusal> {
        if self.given_up {
            return Ok(());
        }
        let Some(mut inspection) = exchange.inspection.take() else { return Err(Reason::Internal.into()) };
        let mode = inspection.inspector().mode;
        let judged =
            self.look(pipeline, arrival, exchange, &mut inspection, body.as_deref().unwrap_or_default());
        exchange.inspection = Some(inspection);
        match (judged, mode) {
            (Ok(()), _) => {}
            (Err(_), Mode::Detect) => {
                self.given_up = true;
                return Ok(());
            }
            (Err(refusal), Mode::Block) => return Err(refusal),
        }
        if mode == Mode::Block {
            self.withheld.extend_from_slice(body.as_deref().unwrap_or_default());
            *body = Some(Bytes::new());
        }
        if end {
            pipeline.judge_late(exchange)?;
            if mode == Mode::Block {
                *body = Some(std::mem::take(&mut self.withheld).freeze()).filter(|body| !body.is_empty());
            }
        }
        Ok(())
    }

    fn look<P: Ports>(
        &mut self,
        pipeline: &Pipeline<P>,
        arrival: &Arrival<'_>,
        exchange: &Exchange,
        inspection: &mut poort_enforce::inspect::Inspection,
        piece: &[u8],
    ) -> Result<(), Refusal> {
        if !std::mem::replace(&mut self.begun, true) {
            inspection.reopen(arrival, exchange)?;
        }
        let bytes = piece.len() as u64;
        self.seen = self.seen.saturating_add(bytes);
        let room = match &mut self.held {
            Some(held) => held.grow(bytes),
            None => {
                self.held = pipeline.bodies.hold(bytes);
                self.held.is_some()
            }
        };
        if self.seen > inspection.body_limit() {
            inspection.see(BodySeen::TooLarge);
            return Err(Reason::BodyTooLarge.into());
        }
        if !room {
            inspection.see(BodySeen::NoRoom);
            return Err(Refusal::no_room());
        }
        inspection.piece(piece).map_err(Into::into)
    }
}
