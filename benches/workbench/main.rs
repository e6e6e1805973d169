//! What looking at policies costs: `poort policy check` of a large zone, `poort policy replay` of a record, and `poort policy prove` of
//! what is shipped.
//!
//! This program is both processes: with `policy` it is the gate's command, and otherwise it measures.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench stops at the first thing that is not as it should be"
)]

mod zone;

use std::{
    path::Path,
    process::{Command, ExitCode, Output},
    time::Instant,
};

use clap::Parser as _;
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};
use poort::{cli::Cli, prover::solver};
use poort_benches::figures::{Figure, report};

/// Policies and sources of the large zone.
const POLICIES: usize = 4_000;
const SOURCES: usize = 400;
/// Decisions in the record, each followed by an outcome.
const DECISIONS: usize = 200_000;
const TURNS: usize = 5;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("policy") {
        return Cli::parse().obey();
    }
    let directory = tempfile::tempdir().unwrap();
    let large = directory.path().join("large");
    zone::large(&large, POLICIES, SOURCES);
    let (check, _) = best(|| policy(&large, &["check"], &[0]));
    report(&Figure::with_goal("workbench/CPU of a check of 4,000 policies", check * 1e3, "ms", 1_000.0))
        .unwrap();

    let own = directory.path().join("own");
    zone::shipped(&own);
    prove(&own);
    zone::record(&own, DECISIONS);
    // The candidate differs, as a candidate does.
    zone::change(&own);
    let (cpu, wall) = best(|| policy(&own, &["replay", "--audit", "audit"], &[1]));
    // 200,000 a second on two cores.
    let each = cpu * 1e6 / DECISIONS as f64;
    report(&Figure::with_goal("workbench/CPU of a replayed decision", each, "µs", 10.0)).unwrap();
    report(&Figure::plain("workbench/wall of 200,000 replayed decisions", wall * 1e3, "ms")).unwrap();
    ExitCode::SUCCESS
}

/// Every shipped property for every possible request, by as many solvers as there are cores.
fn prove(directory: &Path) {
    if let Err(why) = solver::version(&solver::program(None)) {
        eprintln!("SKIPPED: workbench/wall of a proof of the shipped properties, as {why}");
        return;
    }
    let (_, wall) = best(|| policy(directory, &["prove"], &[0]));
    report(&Figure::with_goal(
        "workbench/wall of a proof of the shipped properties",
        wall * 1e3,
        "ms",
        10_000.0,
    ))
    .unwrap();
    let (_, wall) =
        best(|| policy(directory, &["prove", "--only", "nothing-new", "--against", "policies"], &[0]));
    report(&Figure::plain("workbench/wall of a proof that nothing new is allowed", wall * 1e3, "ms"))
        .unwrap();
}

/// Runs `poort policy …` in a directory; it must end with one of these codes.
fn policy(directory: &Path, arguments: &[&str], codes: &[i32]) {
    let program = std::env::current_exe().unwrap();
    let done: Output =
        Command::new(program).arg("policy").args(arguments).current_dir(directory).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let complained = String::from_utf8_lossy(&done.stderr);
    assert!(codes.contains(&done.status.code().unwrap()), "{said}{complained}");
}

/// Seconds of CPU and of time that a process takes, each in the best of some turns.
fn best(one: impl Fn()) -> (f64, f64) {
    let turn = || {
        let (start, before) = (Instant::now(), cpu_of_children());
        one();
        (cpu_of_children() - before, start.elapsed().as_secs_f64())
    };
    let least = |(cpu, wall): (f64, f64), (one, other): (f64, f64)| (cpu.min(one), wall.min(other));
    (0..TURNS).map(|_| turn()).fold((f64::INFINITY, f64::INFINITY), least)
}

/// Seconds of CPU that processes which have ended took.
fn cpu_of_children() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}
