//! The command line of a runner: names choose suites, `--json` prints every case.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::path::Path;
use std::process::ExitCode;

use crate::report::Report;

/// Where figures are collected: one JSON object a line, as by the benches.
const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/figures.jsonl");

/// A suite; it reports itself as skipped when what it needs is not here.
pub struct Suite<'a> {
    /// What chooses it.
    pub name: &'a str,
    /// Runs it. An error says why it cannot be run, and counts as failures.
    pub run: &'a dyn Fn() -> Result<Report, Vec<String>>,
}

/// Runs the suites that the program's arguments name, all without any, and prints what passed, failed and was skipped, each with its
/// reason. 1 when a case failed, or when nothing passed at all; 2 for arguments that mean nothing.
#[must_use]
pub fn run(suites: &[Suite<'_>]) -> ExitCode {
    let (flags, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let known = |name: &String| suites.iter().any(|suite| suite.name == name);
    if flags.iter().any(|flag| flag != "--json") || !names.iter().all(known) {
        let suites: Vec<&str> = suites.iter().map(|suite| suite.name).collect();
        eprintln!("usage: [--json] [{}]...", suites.join("|"));
        return ExitCode::from(2);
    }
    let chosen = |suite: &&Suite<'_>| names.is_empty() || names.iter().any(|name| name == suite.name);
    let (mut failed, mut passed) = (0, 0);
    for suite in suites.iter().filter(chosen) {
        match (suite.run)() {
            Ok(report) => {
                failed += report.counts().failed + unwritten(&report);
                passed += report.counts().passed;
                print(&report, !flags.is_empty());
            }
            Err(faults) => {
                failed += faults.len();
                faults.iter().for_each(|fault| eprintln!("{}: {fault}", suite.name));
            }
        }
    }
    ExitCode::from(u8::from(failed > 0 || passed == 0))
}

fn print(report: &Report, as_json: bool) {
    if as_json {
        println!("{}", report.json());
    } else {
        println!("{}\n{report}\n", report.suite);
    }
}

/// Writes the figures of a report; how many could not be.
fn unwritten(report: &Report) -> usize {
    let errors = report.figures.iter().filter_map(|figure| figure.append(Path::new(FIGURES)).err());
    errors.map(|error| eprintln!("{FIGURES}: {error}")).count()
}
