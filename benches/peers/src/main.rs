//! The same inspection by other engines, in turn, as ratios: Debian's libmodsecurity 3, and the crate `zentinel-modsec`.
//!
//! # Method
//!
//! All load the same unmodified CRS with the same configuration around it (`poort_benches::rules`): level 1, all bodies,
//! `DetectionOnly`, no audit or debug log. All get the same exchanges and run phases 1 to 5, on one thread of one process. For each
//! exchange the engines take turns, round after round, and what counts is CPU time: whatever else the machine does slows all alike.
//! A figure is the median of the rounds' medians; means of ratios are geometric. Before anything is timed, every engine must
//! score the injection among the examples, and nothing else, and the rules that it matched are printed.
//!
//! Measured are the six examples, one in sixteen of CRS's own tests, and ordinary exchanges of nine shapes.
//!
//! # What is not equal
//!
//! - Ours reuses one transaction, as a connection does; the interfaces of the others make a new one each time, and that counts.
//! - libmodsecurity is as Debian builds it. It writes a log line for each match and hands it to a callback, as to nginx; here the
//!   callback drops it. Ours and zentinel-modsec keep matches as values.
//! - libmodsecurity fills `REQUEST_BODY` whatever the body's type, so that on JSON and multipart it does work that ours
//!   need not do. The rules on Java thereby match twice, which is most of where its scores differ.
//! - zentinel-modsec is built as ours is, but without overflow checks, as its users would. It does not run what CRS hangs on the
//!   last rule of a chain, which saves it work: hence most of its different scores. It looks at response bodies of all types.
//! - Turns take a millisecond at least, in which ours runs several times and the others once or twice. What a turn before has
//!   displaced from the processor's caches is thus spread over more runs of ours.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench stops at the first thing that is not as it should be"
)]

mod compare;
mod engine;
mod libmodsecurity;
mod poort;
mod zentinel;

use std::{fs, io, path::Path};

use poort_benches::{
    figures::{Figure, report},
    rules, shared,
    timing::thread_time,
    traffic::{examples, ordinary, regression},
};

use engine::Engine;
use libmodsecurity::{LibModSecurity, TELLING};
use poort::Poort;
use zentinel::Zentinel;

/// Geometric means over the examples, of libmodsecurity and of zentinel-modsec.
const GOALS: [Option<f64>; 2] = [Some(60.0), Some(40.0)];

/// One of so many of CRS's tests is measured.
const EVERY: usize = 16;

fn main() -> io::Result<()> {
    let (Some(rules), Some(tests), Some(requests)) =
        (shared::path("crs/rules"), shared::path("crs/tests"), shared::path("requests"))
    else {
        return Ok(());
    };
    let mut engines = load(&rules)?;
    let examples = examples(&requests)?;
    compare::check(&mut engines, &examples)?;
    compare::closely(&mut engines, &examples, &GOALS)?;
    let tests = regression(&tests)?;
    compare::agreement(&mut engines, "CRS's tests", &tests)?;
    let sample: Vec<_> = tests.into_iter().step_by(EVERY).collect();
    compare::roughly(&mut engines, "CRS's tests", &sample)?;
    compare::by_shape(&mut engines, &ordinary())
}

/// All engines, with CRS loaded, and how long that took.
fn load(rules: &Path) -> io::Result<[Box<dyn Engine>; 3]> {
    let directory = tempfile::tempdir()?;
    let main = directory.path().join("main.conf");
    let rules = rules.canonicalize()?;
    fs::write(&main, rules::around(&rules.to_string_lossy()) + TELLING)?;
    Ok([
        timed(|| Poort::load(&rules))?,
        timed(|| LibModSecurity::load(&main))?,
        timed(|| Zentinel::load(&main))?,
    ])
}

fn timed<E: Engine + 'static>(load: impl FnOnce() -> io::Result<E>) -> io::Result<Box<dyn Engine>> {
    let start = thread_time();
    let engine = load()?;
    let took = (thread_time() - start).as_secs_f64() * 1e3;
    report(&Figure::plain(&format!("peers/loading CRS, {}", engine.name()), took, "ms"))?;
    Ok(Box::new(engine))
}
