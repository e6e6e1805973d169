//! `poort waf test`: a rule set against its own regression tests, in this process, as its authors presume it is set up.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use poort_conformance::{Fault, Report, case, run, setup};

use crate::cli::{WRONG, complain, say};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// A release of CRS, or its directory `rules`.
    #[arg(long)]
    crs: PathBuf,
    /// Its regression tests, `tests/regression/tests` of a release.
    #[arg(long)]
    tests: PathBuf,
    /// Print every case as JSON; the counts go to standard error.
    #[arg(long)]
    json: bool,
}

pub(super) fn test(arguments: &Arguments) -> ExitCode {
    match report(&arguments.crs, &arguments.tests) {
        Ok(report) => {
            let counts = report.counts();
            if arguments.json {
                say(report.json());
                complain(counts);
            } else {
                say(&report);
            }
            // A suite of which nothing ran proves nothing.
            ExitCode::from(u8::from(counts.failed > 0 || counts.passed == 0))
        }
        Err(faults) => {
            faults.iter().for_each(complain);
            ExitCode::from(WRONG)
        }
    }
}

fn report(crs: &Path, tests: &Path) -> Result<Report, Vec<Fault>> {
    let inside = crs.join("rules");
    let program = setup::program(if inside.is_dir() { &inside } else { crs }, setup::REGRESSION)?;
    Ok(run::suite(
        "CRS regression, in-process, DetectionOnly, level 4",
        Arc::new(program),
        &case::read(tests)?,
    ))
}
