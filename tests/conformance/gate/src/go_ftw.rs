//! go-ftw against the same gate, and where it judges otherwise than the runner here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use poort_conformance::{Outcome, Report};
use serde::Deserialize;
use tokio::process::Command;

use crate::fault::Fault;
use crate::front::Front;
use crate::stand::Stand;
use crate::suite::Verdict;

/// What go-ftw says of a test.
#[derive(Deserialize)]
struct Said {
    test: String,
    passed: bool,
    #[serde(default)]
    error: String,
}

/// The program that `go-ftw` beside this crate makes: `POORT_GO_FTW`, or `go-ftw` beside the running executable. None, said loudly,
/// when there is none.
#[must_use]
pub fn binary() -> Option<PathBuf> {
    let named = std::env::var_os("POORT_GO_FTW").map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.with_file_name("go-ftw"));
    let path = named.or_else(beside)?;
    if path.is_file() {
        return Some(path);
    }
    eprintln!(
        "SKIPPED: {} is not there; install Go and run `make conformance`, or set POORT_GO_FTW",
        path.display()
    );
    None
}

/// Lets go-ftw run `tests` against the gate and compares what it says with `verdicts`.
///
/// # Errors
/// When it does not run to its end.
pub async fn compare(
    name: &str,
    binary: &Path,
    stand: Arc<Stand>,
    tests: &Path,
    verdicts: &[Verdict],
) -> Result<Report, Fault> {
    let said = run(binary, stand, tests).await?;
    let mut report = Report::new(name);
    for verdict in verdicts {
        report.add(verdict.case.clone(), agreement(verdict, said.get(&verdict.case)));
    }
    Ok(report)
}

fn agreement(verdict: &Verdict, said: Option<&Said>) -> Outcome {
    match (verdict.skipped, said) {
        (Some(why), _) => Outcome::Skipped(why.into()),
        (None, None) => Outcome::Skipped("go-ftw does not run it".into()),
        (None, Some(said)) if said.passed == verdict.judged.is_ok() => Outcome::Passed,
        (None, Some(said)) => {
            let theirs = if said.passed { "passed" } else { "failed" };
            let ours = verdict.judged.as_ref().err().map_or("passed", |why| why.as_str());
            let refused = verdict
                .refused
                .as_ref()
                .map_or_else(String::new, |why| format!(" (the gate refuses it: {why})"));
            Outcome::Failed(format!("go-ftw: {theirs} {}; here: {ours}{refused}", said.error))
        }
    }
}

async fn run(binary: &Path, stand: Arc<Stand>, tests: &Path) -> Result<HashMap<String, Said>, Fault> {
    let directory = tempfile::tempdir().map_err(Fault::Directory)?;
    let log = directory.path().join("gate.log");
    let front = Front::start(stand, &log).await.map_err(Fault::Connection)?;
    let output = Command::new(binary)
        .arg("-tests")
        .arg(tests)
        .arg("-port")
        .arg(front.address().port().to_string())
        .arg("-log")
        .arg(&log)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| Fault::GoFtw(format!("{}: {error}", binary.display())))?;
    if !output.status.success() {
        return Err(Fault::GoFtw(format!("it ended with {}", output.status)));
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    let said = lines.lines().map(serde_json::from_str::<Said>);
    let said = said.map(|said| said.map(|said| (said.test.clone(), said)));
    said.collect::<Result<_, _>>()
        .map_err(|error| Fault::GoFtw(format!("it said what is no verdict: {error}")))
}
