//! What a person comes to in a shift: counted before the policies are asked, and kept only of what they allow. A part of `policy`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use poort_policy::{PrincipalKind, Question, ShiftCount, ShiftFacts};
use smallvec::SmallVec;

use crate::{
    data_subject::DataSubject,
    exchange::Exchange,
    inspect::Inspection,
    pipeline::Pipeline,
    ports::{Ports, Share},
};

/// Different things, each as a number.
type Things = SmallVec<[u64; 2]>;

/// What one request adds to the counts of whoever asks.
pub(super) struct Added<'a, P> {
    pipeline: &'a Pipeline<P>,
    exchange: &'a Exchange,
    /// What is added to each kind that is counted here.
    things: SmallVec<[(ShiftCount, &'a str, Things); 3]>,
}

impl<'a, P: Ports> Added<'a, P> {
    /// What this question adds.
    pub(super) fn of(pipeline: &'a Pipeline<P>, exchange: &'a Exchange, question: &Question) -> Self {
        let mut added = Self { pipeline, exchange, things: SmallVec::new() };
        let (Some(counted), Some(holder)) = (&pipeline.rules.counted, &exchange.holder) else { return added };
        if question.principal.kind != PrincipalKind::User {
            return added;
        }
        let officer = &*holder.principal.id;
        // On behalf of an officer, the device at hand is a machine's.
        let device = exchange.device.as_ref().filter(|_| exchange.actor.is_none());
        for kind in &counted.counts {
            let (who, things) = match (kind, device) {
                (ShiftCount::Subjects, _) => (officer, subjects(exchange, question, None)),
                (ShiftCount::Devices, Some(device)) => (officer, SmallVec::from_iter([name(&device.id)])),
                (ShiftCount::Officers, Some(device)) if !counted.shares(device) => {
                    (&*device.id, SmallVec::from_iter([name(officer)]))
                }
                (ShiftCount::Devices | ShiftCount::Officers, _) => continue,
            };
            added.things.push((*kind, who, things));
        }
        added
    }

    /// How many there are with it.
    pub(super) fn count(&self) -> ShiftFacts {
        let mut facts = ShiftFacts::default();
        for (kind, share) in self.shares() {
            *facts.of_mut(kind) = Some(self.pipeline.ports.count(kind, &share));
        }
        facts
    }

    /// It stays counted where the request was allowed, and only there.
    pub(super) fn settle(self, allowed: bool) {
        for (kind, share) in self.shares() {
            self.pipeline.ports.settle(kind, &share, allowed);
        }
    }

    fn shares(&self) -> impl Iterator<Item = (ShiftCount, Share<'_>)> {
        let shift = self.pipeline.rules.counted.as_ref().map(|counted| counted.shift).unwrap_or_default();
        self.things
            .iter()
            .map(move |(kind, of, things)| (*kind, Share { of, things, at: self.exchange.received, shift }))
    }
}

/// Counts whom only the body names, now that it was read: the policies were asked before, and see them from the next request on.
pub(crate) fn count_body<P: Ports>(pipeline: &Pipeline<P>, exchange: &Exchange) {
    let (Some(counted), Some(holder)) = (&pipeline.rules.counted, &exchange.holder) else { return };
    let Some((question, _)) = &exchange.asked else { return };
    let body = exchange.inspection.as_deref().and_then(Inspection::body).map(|body| &**body);
    if body.is_none() || question.context.shift.of(ShiftCount::Subjects).is_none() {
        return;
    }
    let things = subjects(exchange, question, body);
    let of = &*holder.principal.id;
    let share = Share { of, things: &things, at: exchange.received, shift: counted.shift };
    pipeline.ports.settle(ShiftCount::Subjects, &share, true);
}

/// Whom a request names: in its path and its query, and in its body once that was read.
fn subjects(exchange: &Exchange, question: &Question, body: Option<&[u8]>) -> Things {
    let places = exchange.source().and_then(|source| source.data_subjects.as_ref());
    let Some(places) = places else { return SmallVec::new() };
    places
        .asked(&question.context.request.captures, body, ShiftFacts::MOST as usize)
        .each()
        .map(pseudonym)
        .collect()
}

/// A pseudonym is as good as random, so a part of it tells two apart.
fn pseudonym(subject: &DataSubject) -> u64 {
    subject.pseudonym.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Names come from our own certificates and issuers: nobody chooses them so that two look alike.
fn name(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
