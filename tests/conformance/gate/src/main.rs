//! Runs CRS's regression tests through a gate process over real sockets, and lets go-ftw run them against the same gate; prints what
//! passed, failed and was skipped, each with its reason.

use std::cell::LazyCell;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use poort_conformance::command::{self, Suite};
use poort_conformance::fault::texts;
use poort_conformance::{Report, case, shared};
use poort_conformance_gate::{Fault, Stand, Verdict, go_ftw, suite};
use tokio::runtime::Runtime;

const GATE: &str = "CRS 4 regression, through the gate over sockets, detect, level 4";
const GO_FTW: &str = "go-ftw on CRS 4 regression against the same gate: it agrees";

/// The tests as they went through a gate that still runs.
struct Through {
    stand: Arc<Stand>,
    tests: PathBuf,
    verdicts: Vec<Verdict>,
}

/// What keeps the tests from being run.
#[derive(Clone)]
enum Not {
    /// Something is not here.
    Skipped(String),
    /// Something is wrong.
    Failed(Vec<String>),
}

fn main() -> ExitCode {
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no threads to run on: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Both suites are about one run.
    let through = LazyCell::new(|| runtime.block_on(through()));
    command::run(&[
        Suite { name: "gate", run: &|| report(GATE, &through, |through| Ok(through.report())) },
        Suite { name: "go-ftw", run: &|| report(GO_FTW, &through, |through| through.go_ftw(&runtime)) },
    ])
}

fn report(
    name: &str,
    through: &Result<Through, Not>,
    of: impl FnOnce(&Through) -> Result<Report, Vec<String>>,
) -> Result<Report, Vec<String>> {
    match through {
        Ok(through) => of(through),
        Err(Not::Skipped(why)) => Ok(Report::skipped(name, why)),
        Err(Not::Failed(faults)) => Err(faults.clone()),
    }
}

async fn through() -> Result<Through, Not> {
    let (Some(rules), Some(tests)) = (shared::path("crs/rules"), shared::path("crs/tests")) else {
        return Err(Not::Skipped("`crs` is not there; set POORT_SHARED".into()));
    };
    if let Err(error) = poort_demo::gate::binary() {
        eprintln!("SKIPPED: {error}");
        return Err(Not::Skipped(
            "there is no `poort` to start; run `make conformance`, or set POORT_BIN".into(),
        ));
    }
    let cases = case::read(&tests).map_err(|faults| Not::Failed(texts(faults)))?;
    let failed = |fault: Fault| Not::Failed(vec![fault.to_string()]);
    let stand = Arc::new(Stand::start(&rules, &cases).await.map_err(failed)?);
    let verdicts = suite::run(&stand, &cases).await.map_err(failed)?;
    Ok(Through { stand, tests, verdicts })
}

impl Through {
    fn report(&self) -> Report {
        let mut report = Report::new(GATE);
        self.verdicts.iter().for_each(|verdict| report.add(verdict.case.clone(), verdict.outcome()));
        report
    }

    fn go_ftw(&self, runtime: &Runtime) -> Result<Report, Vec<String>> {
        let Some(binary) = go_ftw::binary() else {
            return Ok(Report::skipped(
                GO_FTW,
                "go-ftw was not built; install Go and run `make conformance`",
            ));
        };
        let compared = go_ftw::compare(GO_FTW, &binary, Arc::clone(&self.stand), &self.tests, &self.verdicts);
        runtime.block_on(compared).map_err(|fault| vec![fault.to_string()])
    }
}
