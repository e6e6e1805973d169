//! go-ftw on the same gate, or the same engine, and where it judges otherwise than the runner here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use futures_util::future::try_join_all;
use poort_conformance::{Outcome, Report};
use serde::Deserialize;
use tokio::process::Command;

use crate::fault::Fault;
use crate::front::{Answers, Front};
use crate::suite::Verdict;

/// How many of it run at the same time: it asks one thing after the other, and reads a log that is about nothing else.
const PARTS: usize = 4;

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

/// Lets go-ftw run `tests` against whoever is `behind` and compares what it says with `verdicts`.
///
/// # Errors
/// When it does not run to its end.
pub async fn compare(
    name: &str,
    binary: &Path,
    behind: Arc<impl Answers>,
    tests: &Path,
    verdicts: &[Verdict],
) -> Result<Report, Fault> {
    let parts = (0..PARTS).map(|part| run(binary, Arc::clone(&behind), tests, part));
    let said: HashMap<_, _> = try_join_all(parts).await?.into_iter().flatten().collect();
    let passed = said.values().filter(|said| said.passed).count();
    let mut report =
        Report::new(format!("{name} ({passed} pass there, {} do not)", said.len().saturating_sub(passed)));
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

async fn run(
    binary: &Path,
    behind: Arc<impl Answers>,
    tests: &Path,
    part: usize,
) -> Result<Vec<(String, Said)>, Fault> {
    let directory = tempfile::tempdir().map_err(Fault::Directory)?;
    let log = directory.path().join("gate.log");
    let front = Front::start(behind, &log).await.map_err(Fault::Connection)?;
    let output = Command::new(binary)
        .args(["-port", &front.address().port().to_string()])
        .args(["-part", &part.to_string(), "-parts", &PARTS.to_string(), "-tests"])
        .arg(tests)
        .arg("-log")
        .arg(&log)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| Fault::GoFtw(format!("{}: {error}", binary.display())))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Fault::GoFtw(format!("it ended with {}: {said}", output.status)));
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    let said = lines.lines().map(serde_json::from_str::<Said>);
    let said = said.map(|said| said.map(|said| (said.test.clone(), said)));
    said.collect::<Result<_, _>>()
        .map_err(|error| Fault::GoFtw(format!("it said what is no verdict: {error}")))
}

#[cfg(test)]
mod tests {
    use poort_conformance::Outcome;

    use super::{Said, agreement};
    use crate::suite::Verdict;

    #[test]
    fn only_equal_verdicts_agree() {
        for (name, here, there, expected) in [
            ("both pass", Ok(()), Some(true), "passed"),
            ("both fail", Err("why"), Some(false), "passed"),
            ("only there", Err("why"), Some(true), "failed"),
            ("only here", Ok(()), Some(false), "failed"),
            ("not there", Ok(()), None, "skipped"),
        ] {
            let verdict = Verdict::judged(name, here.map_err(str::to_owned));
            let said = there.map(|passed| Said { test: name.into(), passed, error: String::new() });
            let found = match agreement(&verdict, said.as_ref()) {
                Outcome::Passed => "passed",
                Outcome::Failed(_) => "failed",
                Outcome::Skipped(_) => "skipped",
            };
            assert_eq!(found, expected, "{name}");
        }
    }
}
