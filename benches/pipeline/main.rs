//! What one decision costs: `admit()` without inspection, the token cached, and the record made of it.
//!
//! A request is an officer's `GET` from a known car, with a bearer token of some 1,200 bytes. The requests of 400
//! officers go round over all sources, so that what is measured is not one line of a cache.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench stops at the first thing that is not as it should be"
)]

mod officers;
mod ports;
mod requests;
mod zone;

use std::{cell::Cell, hint::black_box, io, time::Duration};

use poort_benches::{
    figures::{Figure, report},
    timing,
};
use poort_enforce::{
    pipeline::{Admission, Check, Pipeline},
    record::{Decision, Verdict},
};

use officers::Issuer;
use ports::Quiet;
use requests::Asked;

/// Officers at work at once.
const OFFICERS: usize = 400;

/// A zone, and the requests that go round in it.
struct Case {
    pipeline: Pipeline<Quiet>,
    requests: Vec<Asked>,
    next: Cell<usize>,
}

impl Case {
    /// A zone with so many policies over so many sources, `asked` of which are.
    fn new(issuer: &Issuer, policies: usize, sources: usize, asked: usize) -> Self {
        let pipeline = zone::pipeline(issuer, policies, sources);
        let requests: Vec<_> =
            (0..OFFICERS).map(|number| Asked::new(issuer, number, number % asked)).collect();
        for request in &requests {
            let (exchange, admission) = request.decide(&pipeline);
            assert!(matches!(admission, Admission::Permit(_)), "{admission:?} {:?}", exchange.asked);
        }
        Self { pipeline, requests, next: Cell::new(0) }
    }

    fn request(&self) -> &Asked {
        let next = (self.next.get() + 1) % self.requests.len();
        self.next.set(next);
        &self.requests[next]
    }

    fn admit(&self) {
        black_box(self.request().decide(&self.pipeline));
    }

    fn admit_and_record(&self) {
        let (mut exchange, admission) = self.request().decide(&self.pipeline);
        black_box(Decision::of(&mut exchange, Verdict::of(&admission)));
        black_box((exchange, admission));
    }

    /// How long each check takes by its own record, the clock's cost included, in microseconds.
    fn shares(&self) -> [f64; Check::ALL.len()] {
        const ROUNDS: u32 = 20_000;
        let mut sums = [Duration::ZERO; Check::ALL.len()];
        for _ in 0..ROUNDS {
            let (exchange, _) = self.request().decide(&self.pipeline);
            for (sum, step) in sums.iter_mut().zip(&exchange.steps) {
                // What the scheduler took away is not the check's.
                *sum += step.took.min(Duration::from_micros(50));
            }
        }
        sums.map(|sum| sum.as_secs_f64() * 1e6 / f64::from(ROUNDS))
    }
}

fn main() -> io::Result<()> {
    let issuer = Issuer::new();
    // As many policies a source in all, and as many officers: only the number of sources differs.
    let few = Case::new(&issuer, 40, 4, 4);
    let many = Case::new(&issuer, 4_000, 400, 400);
    let (of_few, of_many) = timing::micros_in_turn(|| few.admit(), || many.admit());
    report(&Figure::with_goal("pipeline/admit, 40 policies", of_few, "µs", 15.0))?;
    report(&Figure::plain("pipeline/admit, 4,000 policies over 400 sources", of_many, "µs"))?;
    report(&Figure::with_goal("pipeline/4,000 policies over 40", of_many / of_few, "×", 1.3))?;
    // What of that is work, and what is memory that no cache holds: the large zone, when only four of its sources are asked.
    let busy = Case::new(&issuer, 4_000, 400, 4);
    let (of_few, of_busy) = timing::micros_in_turn(|| few.admit(), || busy.admit());
    report(&Figure::plain("pipeline/4,000 policies over 40, four sources asked", of_busy / of_few, "×"))?;
    // Policies that do not count: one in shadow at every source, and all of them again as a candidate.
    let mut shadowed = Case::new(&issuer, 40, 4, 4);
    shadowed.pipeline.rules.engine = zone::engine(40, 4, zone::SHADOW);
    let (of_few, of_shadowed) = timing::micros_in_turn(|| few.admit(), || shadowed.admit());
    report(&Figure::plain(
        "pipeline/a policy in shadow that disagrees",
        (of_shadowed - of_few).max(0.0),
        "µs",
    ))?;
    let mut doubled = Case::new(&issuer, 40, 4, 4);
    doubled.pipeline.rules.candidate = Some(zone::engine(40, 4, ""));
    let (of_few, of_doubled) = timing::micros_in_turn(|| few.admit(), || doubled.admit());
    report(&Figure::plain(
        "pipeline/a candidate of 40 policies beside",
        (of_doubled - of_few).max(0.0),
        "µs",
    ))?;
    let (alone, recorded) = timing::micros_in_turn(|| few.admit(), || few.admit_and_record());
    report(&Figure::plain("pipeline/decision record", (recorded - alone).max(0.0), "µs"))?;
    for (check, (of_few, of_many)) in Check::ALL.iter().zip(few.shares().into_iter().zip(many.shares())) {
        report(&Figure::plain(&format!("pipeline/{}, 40 policies", check.as_str()), of_few, "µs"))?;
        report(&Figure::plain(&format!("pipeline/{}, 4,000 policies", check.as_str()), of_many, "µs"))?;
    }
    Ok(())
}
