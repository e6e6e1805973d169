//! What the gate costs beside a bare proxy: CPU time of the server processes for one request over TLS keep-alive, in turn within one run
//! and with the same source behind both; and what a reload costs whoever is being served meanwhile. How much of it is the disk alone is
//! measured beside it, by a bare proxy that writes as much and waits for it as the gate does.
//!
//! This program is all of its processes: with `run` it is the gate, with `bare` a bare proxy, and otherwise it measures.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench stops at the first thing that is not as it should be"
)]

mod answers;
mod bare;
mod disk;
mod ground;
mod load;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser as _;
use mimalloc::MiMalloc;
use poort::{
    cli::Cli,
    control::{self, Answer, Command},
};
use poort_benches::{
    figures::{Figure, report},
    timing::{median, process_time},
};

use ground::Ground;
use load::Load;

/// As the shipped program has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Requests of one turn, over all connections.
const TURN: usize = 4_000;
const TURNS: usize = 15;
/// A quiet hour: each request waits for the disk nearly alone.
const CONNECTIONS: usize = 8;
/// A busy one.
const MANY_CONNECTIONS: usize = 64;
const RELOADS: usize = 15;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("run") => Cli::parse().obey(),
        Some("bare") => bare::run(),
        _ => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(measure());
            ExitCode::SUCCESS
        }
    }
}

async fn measure() {
    let directory = tempfile::tempdir().unwrap();
    let ground = Ground::start(directory.path()).await;
    requests(&ground, CONNECTIONS, Some(25.0)).await;
    // More requests share what is waited for: the disk, and a thread that is woken.
    requests(&ground, MANY_CONNECTIONS, None).await;
    reloads(&ground).await;
}

/// The gate and the bare proxies in turn, the same requests to the same source.
async fn requests(ground: &Ground, connections: usize, goal: Option<f64>) {
    let Ground { gate, bare, bare_to_disk, caller, token, .. } = ground;
    let mut servers = Vec::new();
    for (caller, process) in
        [(caller, gate.id()), (&bare.caller, bare.id()), (&bare_to_disk.caller, bare_to_disk.id())]
    {
        servers.push((Load::open(caller, token, connections).await, process, vec![]));
    }
    for turn in 0..=TURNS {
        for (load, process, costs) in &mut servers {
            let cost = cost(load, *process).await;
            // The first turn fills caches and opens connections to the source.
            if turn > 0 {
                costs.push(cost);
            }
        }
    }
    let medians: Vec<f64> = servers.iter_mut().map(|(_, _, costs)| median(costs)).collect();
    let [gate, bare, bare_to_disk] = medians[..] else { unreachable!("three servers") };
    let name = |what: &str| format!("end_to_end/CPU {what}, {connections} connections");
    report(&Figure::plain(&name("of a request, gate"), gate, "µs")).unwrap();
    report(&Figure::plain(&name("of a request, bare pingora"), bare, "µs")).unwrap();
    let disk = name("above it of a write to the disk alone");
    report(&Figure::plain(&disk, bare_to_disk - bare, "µs")).unwrap();
    let above = name("above bare pingora");
    let above = match goal {
        Some(goal) => Figure::with_goal(&above, gate - bare, "µs", goal),
        None => Figure::plain(&above, gate - bare, "µs"),
    };
    report(&above).unwrap();
}

/// Microseconds of CPU that a request costs the process.
async fn cost(load: &mut Load, process: u32) -> f64 {
    let before = process_time(process).unwrap();
    load.send(TURN).await;
    let spent = process_time(process).unwrap() - before;
    spent.as_secs_f64() * 1e6 / TURN as f64
}

/// Reloads of the whole configuration while requests keep coming.
async fn reloads(ground: &Ground) {
    let load = Load::open(&ground.caller, &ground.token, CONNECTIONS).await;
    let served = load.keep_sending();
    let mut took = vec![];
    for _ in 0..RELOADS {
        let state = ground.state.clone();
        let start = Instant::now();
        let answer =
            tokio::task::spawn_blocking(move || control::tell(&state, &Command::Reload)).await.unwrap();
        took.push(start.elapsed().as_secs_f64() * 1e3);
        assert!(matches!(answer, Ok(Answer::Done(_))), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (asked, lost) = served.stop().await;
    assert!(asked > 1_000, "only {asked} requests came during the reloads");
    let name = format!("end_to_end/reload of {} sources", ground::SOURCES);
    report(&Figure::with_goal(&name, median(&mut took), "ms", 250.0)).unwrap();
    report(&Figure::with_goal("end_to_end/requests lost in reloads", lost as f64, "", 0.0)).unwrap();
}
