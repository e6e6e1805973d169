//! Runs the suites and prints what passed, failed and was skipped, each with its reason. `--json` prints every case; names
//! choose suites. Ends with 1 when a case failed, or when nothing ran at all.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use poort_conformance::{Fault, Outcome, Report, accuracy, case, libinjection, profile, run, setup, shared};

/// A suite; it reports itself as skipped when what it needs is not here.
struct Suite {
    name: &'static str,
    run: fn() -> Result<Report, Vec<Fault>>,
}

const SUITES: [Suite; 6] = [
    Suite { name: "crs", run: crs },
    Suite { name: "crs-3", run: crs_3 },
    Suite { name: "libinjection", run: detectors },
    Suite { name: "own", run: own },
    Suite {
        name: "profiles",
        run: || profile::all("profiles: rules that match whole requests, and rules that do not"),
    },
    Suite {
        name: "accuracy",
        run: || accuracy::report("accuracy: text that is stopped, attacks that are not"),
    },
];

/// Where figures are collected: one JSON object a line, as by the benches.
const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/figures.jsonl");

fn main() -> ExitCode {
    let (flags, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let known = |name: &String| SUITES.iter().any(|suite| suite.name == name);
    if flags.iter().any(|flag| flag != "--json") || !names.iter().all(known) {
        let suites: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        eprintln!("usage: poort-conformance [--json] [{}]...", suites.join("|"));
        return ExitCode::from(2);
    }
    let chosen = |suite: &&Suite| names.is_empty() || names.iter().any(|name| name == suite.name);
    let (mut failed, mut passed) = (0, 0);
    for suite in SUITES.iter().filter(chosen) {
        match (suite.run)() {
            Ok(report) => {
                failed += report.counts().failed;
                passed += report.counts().passed;
                print(&report, !flags.is_empty());
                for figure in &report.figures {
                    if let Err(error) = figure.append(Path::new(FIGURES)) {
                        eprintln!("{FIGURES}: {error}");
                        failed += 1;
                    }
                }
            }
            Err(faults) => {
                failed += faults.len();
                for fault in faults {
                    eprintln!("{}: {fault}", suite.name);
                }
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

/// A report for a suite whose files are not here.
fn skipped(suite: &str, why: &str) -> Report {
    let mut report = Report::new(suite);
    report.add("all", Outcome::Skipped(why.into()));
    report
}

fn crs() -> Result<Report, Vec<Fault>> {
    const NAME: &str = "CRS 4 regression, in-process, DetectionOnly, level 4";
    let (Some(rules), Some(tests)) = (shared::path("crs/rules"), shared::path("crs/tests")) else {
        return Ok(skipped(NAME, "`crs` is not there; set POORT_SHARED"));
    };
    let program = setup::program(&rules, setup::REGRESSION)?;
    Ok(run::suite(NAME, Arc::new(program), &case::read(&tests)?))
}

fn crs_3() -> Result<Report, Vec<Fault>> {
    const NAME: &str = "CRS 3.3 loads and decides, level 1";
    let Some(rules) = shared::crs_3() else {
        return Ok(skipped(NAME, "`modsecurity-crs` is not installed; install it, or set POORT_CRS3"));
    };
    let program = setup::program(&rules, &[setup::LEVEL_1, setup::WITHOUT_CRS_3].concat())?;
    Ok(run::suite(NAME, Arc::new(program), &case::crs_3()?))
}

fn own() -> Result<Report, Vec<Fault>> {
    let program = setup::own("SecRuleEngine DetectionOnly\n", 2)?;
    let cases = case::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("own"))?;
    Ok(run::suite("own core rules, in-process, DetectionOnly, level 2", Arc::new(program), &cases))
}

fn detectors() -> Result<Report, Vec<Fault>> {
    const NAME: &str = "libinjection, verdicts and fingerprints";
    let Some(path) = shared::path("libinjection/cases.tsv") else {
        return Ok(skipped(NAME, "`libinjection` is not there; set POORT_SHARED"));
    };
    let text = std::fs::read(&path).map_err(|source| vec![Fault::Read { path, source }])?;
    libinjection::run(NAME, &text).map_err(|fault| vec![fault])
}
