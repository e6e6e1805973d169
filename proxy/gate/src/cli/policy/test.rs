//! `poort policy test`: the tests beside the policies, and how much of the policies they try.

mod coverage;
mod junit;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use poort_policy::{
    Place,
    workbench::{Case, Coverage, Workbench},
};

use crate::{
    cli::{WRONG, complain, count, say},
    config::{self, Faults},
    trials::Trials,
};

use super::{
    Directory,
    excerpt::{Level, Pen},
    faults, refuse,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    directory: Directory,
    /// Print the policies with how often each of them and each of their conditions was tried.
    #[arg(long)]
    coverage: bool,
    /// Fail below so many percent of policies and conditions.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    least: u8,
    /// Only tests whose name or file holds this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Write what came of them to a file, as JUnit's XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print the passed ones too.
    #[arg(long)]
    verbose: bool,
}

/// What came of the tests.
struct Report {
    outcomes: Vec<Outcome>,
    coverage: Coverage,
}

/// What came of one.
struct Outcome {
    case: Case,
    objection: Option<String>,
}

pub(super) fn test(arguments: &Arguments) -> ExitCode {
    let (bench, trials) = match load(&arguments.directory.policies) {
        Ok(loaded) => loaded,
        Err(faults) => return refuse(&faults),
    };
    let report = run(&bench, trials, arguments.only.as_deref());
    if report.outcomes.is_empty() {
        complain("no test is called so; leave out `--only`, or name one that is there");
        return ExitCode::from(WRONG);
    }
    if let Some(file) = &arguments.junit
        && let Err(error) = fs::write(file, junit::written(&report))
    {
        complain(format_args!(
            "cannot write `{}`: {error}; name a file in a directory that is there",
            file.display()
        ));
        return ExitCode::from(WRONG);
    }
    tell(arguments, &bench, &report)
}

fn load(directory: &Path) -> Result<(Workbench, Trials), Faults> {
    let (mut read, trials) = config::policies_with_tests(directory)?;
    let bench = Workbench::load(std::mem::take(&mut read.corpus)).map_err(faults)?;
    let wrong = bench.faults_of(&trials.cases);
    if wrong.is_empty() { Ok((bench, trials)) } else { Err(faults(wrong)) }
}

fn run(bench: &Workbench, trials: Trials, only: Option<&str>) -> Report {
    let mut coverage = Coverage::new(bench);
    let wanted =
        |case: &Case| only.is_none_or(|only| case.name.contains(only) || case.place.file.contains(only));
    let judge = |case: Case| {
        let (trace, objection) = bench.judge(&case);
        coverage.note(&trace);
        Outcome { case, objection }
    };
    let outcomes = trials.cases.into_iter().filter(wanted).map(judge).collect();
    Report { outcomes, coverage }
}

fn tell(arguments: &Arguments, bench: &Workbench, report: &Report) -> ExitCode {
    let mut pen = Pen::new(std::io::IsTerminal::is_terminal(&std::io::stdout()));
    for Outcome { case, objection } in &report.outcomes {
        match objection {
            Some(objection) => {
                let what = format!("{}: {objection}", case.name);
                say(pen.note(
                    Level::Error,
                    "failed",
                    &what,
                    &case.place,
                    0,
                    "ask `poort policy explain` why",
                ));
            }
            None if arguments.verbose => say(format_args!("{} {}", pen.paint("32", "passed"), case.name)),
            None => {}
        }
    }
    if arguments.coverage {
        say(coverage::listing(&pen, bench, &report.coverage));
    }
    let (policies, conditions) = (report.coverage.of_policies(), report.coverage.of_conditions());
    let failed = report.outcomes.iter().filter(|outcome| outcome.objection.is_some()).count();
    let least = usize::from(arguments.least);
    let short = policies.percent() < least || conditions.percent() < least;
    if short || arguments.coverage {
        for (place, length, what) in report.coverage.gaps(bench) {
            let level = if short { Level::Error } else { Level::Warning };
            say(pen.note(level, "untried", &what, &place, length, "write a test in tests/"));
        }
    }
    say(format_args!(
        "{}, {failed} failed; tried: {} % of policies ({} of {}), {} % of conditions ({} of {} outcomes)",
        count(report.outcomes.len(), "test"),
        policies.percent(),
        policies.tried,
        policies.all,
        conditions.percent(),
        conditions.tried,
        conditions.all,
    ));
    ExitCode::from(u8::from(failed > 0 || short))
}

/// `file:line:column`.
fn at(place: &Place) -> String {
    format!("{}:{}:{}", place.file, place.line, place.column)
}
