//! Prints what inspecting the example transactions costs at paranoia level 1, all five phases, in microseconds.
//!
//! `cargo run --release -p poort-waf --example figures [-- --profile NAME]`
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use poort_conformance::backend::Response;
use poort_conformance::wire::Received as Request;
use poort_conformance::{run, setup, shared};
use poort_waf::{Transaction, TransactionLimits};

/// Cases with their goals in microseconds.
const CASES: [(&str, u32); 6] = [
    ("a_get", 35),
    ("b_json2k", 180),
    ("c_form20", 80),
    ("d_multi64k", 100),
    ("e_sqli", 70),
    ("f_resp32k", 100),
];

fn main() {
    let (Some(rules_dir), Some(requests)) = (shared::path("crs/rules"), shared::path("requests")) else {
        return;
    };
    let start = Instant::now();
    let program = Arc::new(setup::program(&rules_dir, setup::LEVEL_1).unwrap());
    println!(
        "load {:?}, {} rules, gates {} KiB",
        start.elapsed(),
        program.rules().len(),
        program.gate_bytes() / 1024
    );
    let only = std::env::args().skip_while(|argument| argument != "--profile").nth(1);
    let mut transaction = Transaction::new(program, TransactionLimits::default());
    for (name, goal) in CASES {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let request = request(&std::fs::read(requests.join(format!("{name}.req"))).unwrap());
        let response = response(&std::fs::read(requests.join(format!("{name}.resp"))).unwrap());
        let rounds = if only.is_some() { 200_000 } else { 3_000 };
        let mut times: Vec<Duration> = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let start = Instant::now();
            run::inspect(&mut transaction, &request, &response);
            times.push(start.elapsed());
        }
        times.sort();
        let ids: Vec<u64> = transaction.matches().iter().map(|found| found.rule.id).collect();
        let micros = |at: usize| times[at].as_nanos() as f64 / 1000.0;
        println!(
            "{name:12} least {:8.1} median {:8.1}  p95 {:8.1}  goal {goal:4}  matched {ids:?}",
            micros(0),
            micros(rounds / 2),
            micros(rounds * 95 / 100)
        );
    }
}

fn split(raw: &[u8], what: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let at = raw.windows(what.len()).position(|window| window == what)?;
    Some((raw[..at].to_vec(), raw[at + what.len()..].to_vec()))
}

/// Head lines and body, whichever line ends the file has.
fn parts(raw: &[u8]) -> (Vec<String>, Vec<u8>) {
    let (head, body) =
        split(raw, b"\r\n\r\n").or_else(|| split(raw, b"\n\n")).unwrap_or((raw.to_vec(), Vec::new()));
    (String::from_utf8(head).unwrap().lines().map(str::to_owned).collect(), body)
}

fn request(raw: &[u8]) -> Request {
    let (lines, body) = parts(raw);
    let mut line = lines[0].split(' ');
    let (method, target) = (line.next().unwrap(), line.next().unwrap());
    let headers = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.into(), value.into()));
    Request {
        method: method.into(),
        target: target.into(),
        version: b"HTTP/1.1".to_vec(),
        headers: headers.collect(),
        body,
    }
}

fn response(raw: &[u8]) -> Response {
    let (lines, body) = parts(raw);
    let headers = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.into(), value.into()));
    Response { status: 200, headers: headers.collect(), body }
}
