//! Prints what loading CRS and inspecting transactions at paranoia level 1 cost, all five phases.
//!
//! `cargo run --release -p poort-waf --example figures [-- NAME [ROUNDS]]`; with a name only that transaction or traffic
//! is measured, for a profiler (`valgrind --tool=callgrind --toggle-collect='*measured*'`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]
#![allow(dead_code, reason = "shares the modules of the regression suite")]

#[path = "../../tests/ftw/mod.rs"]
mod ftw;
#[path = "../../tests/shared/mod.rs"]
mod shared;
mod traffic;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ftw::{rules, run};
use poort_waf::{Program, Transaction, TransactionLimits};
use traffic::Exchange;

/// Transactions with their goals in microseconds.
const CASES: [(&str, u32); 6] = [
    ("a_get", 35),
    ("b_json2k", 180),
    ("c_form20", 80),
    ("d_multi64k", 100),
    ("e_sqli", 70),
    ("f_resp32k", 100),
];

/// Rounds before anything is measured: buffers grow and automata build their states.
const WARMING: usize = 20;

fn main() {
    let (Some(rules_dir), Some(requests), Some(tests)) =
        (shared::path("crs/rules"), shared::path("requests"), shared::path("crs/tests"))
    else {
        return;
    };
    let mut arguments = std::env::args().skip(1);
    let only = arguments.next();
    let rounds = arguments.next().map_or(3_000, |rounds| rounds.parse().expect("ROUNDS is a number"));
    let program = load(&rules_dir);
    let mut transaction = Transaction::new(program, TransactionLimits::default());
    let is_wanted = |name: &str| only.as_ref().is_none_or(|only| only == name);
    for (name, goal) in CASES.into_iter().filter(|(name, _)| is_wanted(name)) {
        let exchange = traffic::read(&requests, name);
        (0..WARMING).for_each(|_| inspect(&mut transaction, &exchange));
        let mut times: Vec<Duration> =
            (0..rounds).map(|_| measured(&mut transaction, std::slice::from_ref(&exchange))).collect();
        times.sort();
        let micros = |at: usize| times[at].as_nanos() as f64 / 1000.0;
        let ids: Vec<u64> = transaction.matches().iter().map(|found| found.rule.id).collect();
        println!(
            "{name:12} least {:8.1} median {:8.1} p95 {:8.1} µs  goal {goal:4}  matched {ids:?}",
            micros(0),
            micros(rounds / 2),
            micros(rounds * 95 / 100)
        );
    }
    type Make = fn(&std::path::Path) -> Vec<Exchange>;
    for (name, make) in [("crs_tests", traffic::crs_tests as Make), ("ordinary", traffic::ordinary)] {
        if !is_wanted(name) {
            continue;
        }
        let exchanges = make(&tests);
        measured(&mut transaction, &exchanges);
        let least = (0..5).map(|_| measured(&mut transaction, &exchanges)).min().unwrap();
        let mean = least.as_nanos() as f64 / 1000.0 / exchanges.len() as f64;
        println!("{name:12} mean  {mean:8.1} µs of {} transactions", exchanges.len());
    }
    println!("resident in the end {} KiB", resident());
}

/// Loads CRS twice: the first load also pays for pages and caches.
fn load(rules_dir: &std::path::Path) -> Arc<Program> {
    let before = resident();
    let start = Instant::now();
    let program = Arc::new(rules::program(rules_dir, rules::LEVEL_1));
    println!(
        "load {:?}, {} rules, gates {} KiB, resident {} KiB more",
        start.elapsed(),
        program.rules().len(),
        program.gate_bytes() / 1024,
        resident() - before
    );
    program
}

/// Resident memory in KiB; pages of 4 KiB are presumed.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4
}

#[inline(never)]
fn measured(transaction: &mut Transaction, exchanges: &[Exchange]) -> Duration {
    let start = Instant::now();
    exchanges.iter().for_each(|exchange| inspect(transaction, exchange));
    start.elapsed()
}

fn inspect(transaction: &mut Transaction, exchange: &Exchange) {
    run::inspect(transaction, &exchange.request, &exchange.response);
}
