//! Runs CRS's regression tests through a gate process over real sockets, and lets go-ftw run them on the same gate and on the engine
//! in this process; prints what passed, failed and was skipped, each with its reason.

use std::cell::LazyCell;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use poort_conformance::command::{self, Suite};
use poort_conformance::fault::texts;
use poort_conformance::figure::Figure;
use poort_conformance::{Case, Report, case, shared};
use poort_conformance_gate::engine::Engine;
use poort_conformance_gate::front::Answers;
use poort_conformance_gate::{Stand, Verdict, go_ftw, suite};
use tokio::runtime::Runtime;

const GATE: &str = "CRS 4 regression, through the gate over sockets, detect, level 4";
const GO_FTW_GATE: &str = "CRS 4 regression by go-ftw on the same gate: it judges as the runner here";
const GO_FTW_ENGINE: &str =
    "CRS 4 regression by go-ftw on the engine, DetectionOnly, level 4: it judges as the runner here";

/// The most of the tests that may be refused before the rules see them, in percent: what is refused is not tested.
const REFUSED: f64 = 3.0;

/// What is tested.
struct Crs {
    rules: PathBuf,
    tests: PathBuf,
    cases: Vec<Case>,
}

/// Who answered the tests and still does, and what came of them.
struct Judged<A> {
    by: Arc<A>,
    verdicts: Vec<Verdict>,
}

/// What keeps a suite from being run.
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
    let crs = LazyCell::new(crs);
    // Two suites are about one run.
    let gate = LazyCell::new(|| runtime.block_on(gate(crs.as_ref().map_err(Not::clone)?)));
    command::run(&[
        Suite { name: "gate", run: &|| settled(GATE, gate.as_ref().map(through)) },
        Suite {
            name: "go-ftw-gate",
            run: &|| {
                settled(GO_FTW_GATE, both(&crs, &gate).and_then(|on| by_go_ftw(GO_FTW_GATE, &runtime, on)))
            },
        },
        Suite {
            name: "go-ftw",
            run: &|| {
                let engine = crs.as_ref().map_err(Not::clone).and_then(engine);
                let compared = both(&crs, &engine).and_then(|on| by_go_ftw(GO_FTW_ENGINE, &runtime, on));
                settled(GO_FTW_ENGINE, compared)
            },
        },
    ])
}

fn crs() -> Result<Crs, Not> {
    let (Some(rules), Some(tests)) = (shared::path("crs/rules"), shared::path("crs/tests")) else {
        return Err(Not::Skipped("`crs` is not there; set POORT_SHARED".into()));
    };
    let cases = case::read(&tests).map_err(|faults| Not::Failed(texts(faults)))?;
    Ok(Crs { rules, tests, cases })
}

async fn gate(crs: &Crs) -> Result<Judged<Stand>, Not> {
    if let Err(error) = poort_demo::gate::binary() {
        eprintln!("SKIPPED: {error}");
        return Err(Not::Skipped(
            "there is no `poort` to start; run `make conformance`, or set POORT_BIN".into(),
        ));
    }
    let stand = Arc::new(Stand::start(&crs.rules, &crs.cases).await.map_err(Not::failed)?);
    let verdicts = suite::run(&stand, &crs.cases).await.map_err(Not::failed)?;
    Ok(Judged { by: stand, verdicts })
}

fn engine(crs: &Crs) -> Result<Judged<Engine>, Not> {
    let engine = Engine::compile(&crs.rules).map_err(|faults| Not::Failed(texts(faults)))?;
    let verdicts = engine.verdicts(&crs.cases);
    Ok(Judged { by: Arc::new(engine), verdicts })
}

fn through(gate: &Judged<Stand>) -> Report {
    let mut report = Report::new(GATE);
    let refused = gate.verdicts.iter().filter(|verdict| verdict.refused.is_some()).count();
    report.measure(Figure::share(
        "CRS's tests refused before inspection",
        refused,
        gate.verdicts.len(),
        Some(REFUSED),
    ));
    gate.verdicts.iter().for_each(|verdict| report.add(verdict.case.clone(), verdict.outcome()));
    report
}

fn by_go_ftw<A: Answers>(name: &str, runtime: &Runtime, on: (&Crs, &Judged<A>)) -> Result<Report, Not> {
    let (crs, judged) = on;
    let Some(binary) = go_ftw::binary() else {
        return Err(Not::Skipped("go-ftw was not built; install Go and run `make conformance`".into()));
    };
    let compared = go_ftw::compare(name, &binary, Arc::clone(&judged.by), &crs.tests, &judged.verdicts);
    runtime.block_on(compared).map_err(Not::failed)
}

fn both<'a, A, B>(one: &'a Result<A, Not>, other: &'a Result<B, Not>) -> Result<(&'a A, &'a B), Not> {
    Ok((one.as_ref().map_err(Not::clone)?, other.as_ref().map_err(Not::clone)?))
}

/// What is not here is reported as skipped.
fn settled(name: &str, report: Result<Report, impl Into<Not>>) -> Result<Report, Vec<String>> {
    match report.map_err(Into::into) {
        Ok(report) => Ok(report),
        Err(Not::Skipped(why)) => Ok(Report::skipped(name, why)),
        Err(Not::Failed(faults)) => Err(faults),
    }
}

impl Not {
    #[expect(clippy::needless_pass_by_value, reason = "it is what becomes of an error")]
    fn failed(fault: poort_conformance_gate::Fault) -> Self {
        Self::Failed(vec![fault.to_string()])
    }
}

impl From<&Not> for Not {
    fn from(not: &Not) -> Self {
        not.clone()
    }
}
