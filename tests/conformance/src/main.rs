//! Runs the suites that need no gate and prints what passed, failed and was skipped, each with its reason.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use poort_conformance::command::{self, Suite};
use poort_conformance::fault::texts;
use poort_conformance::{Fault, Report, accuracy, case, libinjection, profile, run, setup, shared};

const SUITES: [Suite<'_>; 6] = [
    Suite { name: "crs", run: &|| crs().map_err(texts) },
    Suite { name: "crs-3", run: &|| crs_3().map_err(texts) },
    Suite { name: "libinjection", run: &|| detectors().map_err(texts) },
    Suite { name: "own", run: &|| own().map_err(texts) },
    Suite {
        name: "profiles",
        run: &|| {
            profile::all("profiles: rules that match whole requests, and rules that do not").map_err(texts)
        },
    },
    Suite {
        name: "accuracy",
        run: &|| accuracy::report("accuracy: text that is stopped, attacks that are not").map_err(texts),
    },
];

fn main() -> ExitCode {
    command::run(&SUITES)
}

fn crs() -> Result<Report, Vec<Fault>> {
    const NAME: &str = "CRS 4 regression, in-process, DetectionOnly, level 4";
    let (Some(rules), Some(tests)) = (shared::path("crs/rules"), shared::path("crs/tests")) else {
        return Ok(Report::skipped(NAME, "`crs` is not there; set POORT_SHARED"));
    };
    let program = setup::program(&rules, setup::REGRESSION)?;
    Ok(run::suite(NAME, Arc::new(program), &case::read(&tests)?))
}

fn crs_3() -> Result<Report, Vec<Fault>> {
    const NAME: &str = "CRS 3.3 loads and decides, level 1";
    let Some(rules) = shared::crs_3() else {
        return Ok(Report::skipped(
            NAME,
            "`modsecurity-crs` is not installed; install it, or set POORT_CRS3",
        ));
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
        return Ok(Report::skipped(NAME, "`libinjection` is not there; set POORT_SHARED"));
    };
    let text = std::fs::read(&path).map_err(|source| vec![Fault::Read { path, source }])?;
    libinjection::run(NAME, &text).map_err(|fault| vec![fault])
}
