//! `poort policy prove`: what is claimed of the policies, for every possible request.

mod report;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use poort_policy::{
    Context,
    workbench::{
        Proof,
        prove::{Claimed, Counterexample, Kind, Outcome, Verdict},
    },
};

use crate::{
    cli::{WRONG, complain, say},
    config::{Fault, Faults, Place},
    prover::{self, Broken, Settings, solver},
    trials::{
        self,
        written::{Found, written},
    },
};

use super::{Directory, Loaded, faults, load, refuse};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    directory: Directory,
    /// Prove, too, that nothing is allowed that the policies of this directory refuse, or show what is.
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,
    /// And that nothing is refused that they allow.
    #[arg(long, requires = "against")]
    equal: bool,
    /// Only the claim of this name.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Write the requests for which a claim does not hold to a new file, as tests of what should be.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// The solver; otherwise what `CVC5` in the environment says, or `cvc5` in the `PATH`.
    #[arg(long, value_name = "PATH")]
    cvc5: Option<PathBuf>,
    /// How long it may think about one claim for one kind of principal and one operation, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    time_out: u64,
    /// How many solvers run at once; otherwise one for each core.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Print JSON, one object.
    #[arg(long)]
    json: bool,
}

/// Exit codes: 0 everything is proved; 1 something does not hold; 2 something is not known, or a file or the solver is wrong.
pub(super) fn prove(arguments: &Arguments) -> ExitCode {
    proved(arguments).unwrap_or_else(|faults| refuse(&faults))
}

fn proved(arguments: &Arguments) -> Result<ExitCode, Faults> {
    let Loaded { bench, mut read } = load(&arguments.directory.policies)?;
    let properties = bench.properties(std::mem::take(&mut read.properties)).map_err(faults)?;
    let before = arguments.against.as_deref().map(load).transpose()?.map(|loaded| loaded.bench);
    if let Some(file) = arguments.save.as_deref().filter(|file| file.exists()) {
        return Err(one(file, "is there already; name a new file, or remove this one"));
    }
    let mut proof = Proof::new(&bench, &properties, before.as_ref(), arguments.equal)
        .map_err(|apart| incomparable(arguments, &apart))?;
    if let Some(name) = &arguments.only
        && !proof.only(name)
    {
        let known = proof.claims().iter().map(|claim| &*claim.name);
        let message = format!("there is no claim `{name}`{}", crate::config::suggest(name, known));
        return Err(one(Path::new("--only"), &message));
    }
    let started = Instant::now();
    let settings = Settings {
        program: solver::program(arguments.cvc5.as_deref()),
        limit: Duration::from_secs(arguments.time_out),
        jobs: arguments.jobs.map_or_else(cores, usize::from),
    };
    let solved = solver::version(&settings.program)
        .and_then(|version| prover::prove(&proof, &settings).map(|answers| (version, answers)));
    let (version, answers) = match solved {
        Ok(solved) => solved,
        Err(broken) => return Ok(unusable(&broken)),
    };
    let usual = |source: &str| trials::usual(&read.around, source, None);
    let outcomes = proof.conclude(answers, &usual);
    let told = report::Told { bench: &bench, proof: &proof, version: &version, took: started.elapsed() };
    if arguments.json {
        say(told.as_json(&outcomes));
    } else {
        say(told.as_text(&outcomes).trim_end());
    }
    if let Some(file) = &arguments.save {
        save(file, &proof, &outcomes, &usual)?;
    }
    Ok(code(&outcomes))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn code(outcomes: &[Outcome]) -> ExitCode {
    let any = |is: fn(&Verdict) -> bool| outcomes.iter().any(|outcome| is(&outcome.verdict));
    if any(|verdict| matches!(verdict, Verdict::Refuted(..) | Verdict::Idle)) {
        ExitCode::from(1)
    } else if any(|verdict| matches!(verdict, Verdict::Unknown(_))) {
        ExitCode::from(WRONG)
    } else {
        ExitCode::SUCCESS
    }
}

fn unusable(broken: &Broken) -> ExitCode {
    complain(format_args!("nothing was proved: {broken}"));
    ExitCode::from(WRONG)
}

fn incomparable(arguments: &Arguments, apart: &[String]) -> Faults {
    let file = arguments.against.as_deref().unwrap_or(&arguments.directory.policies);
    let place = Place { file: file.display().to_string().into(), ..Place::default() };
    let help = "a proof compares policies over the same people and sources: make these the same, or compare what was asked with `poort policy replay`";
    let fault = |what: &String| Fault { place: place.clone(), message: format!("{what}; {help}") };
    Faults::new(apart.iter().map(fault).collect())
}

/// Writes what was found as tests of what should be.
fn save(
    file: &Path,
    proof: &Proof<'_>,
    outcomes: &[Outcome],
    usual: &dyn Fn(&str) -> Context,
) -> Result<(), Faults> {
    let found = found(proof, outcomes, usual);
    if found.is_empty() {
        complain(format_args!("nothing was found, so `{}` is not written", file.display()));
        return Ok(());
    }
    let stem = file
        .file_stem()
        .map(|stem| stem.to_string_lossy().replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
    let head = "Found by `poort policy prove`: requests for which something that is claimed of the policies does not hold.\n\
                Each fails until it does. Give them names, and keep them.";
    let text = written(&stem.unwrap_or_else(|| "found".to_owned()), head, &found).map_err(|objections| {
        one(file, &format!("cannot be written: {}; write the test by hand", objections.join(", ")))
    })?;
    fs::write(file, text).map_err(|error| {
        one(file, &format!("cannot be written: {error}; name a file in a directory that is there"))
    })?;
    complain(format_args!("{} written; run `poort policy test`", file.display()));
    Ok(())
}

/// Every question that was found, once, with the claims that it refutes.
fn found(proof: &Proof<'_>, outcomes: &[Outcome], usual: &dyn Fn(&str) -> Context) -> Vec<Found> {
    let mut all: Vec<Found> = Vec::new();
    for outcome in outcomes {
        let allow = should_be_allowed(proof, outcome);
        for Counterexample { question, .. } in refuting(&outcome.verdict) {
            let name = &outcome.claim.name;
            match all.iter_mut().find(|known| known.question == *question && known.allow == allow) {
                Some(known) => known.what = format!("{}, {name}", known.what),
                None => all.push(Found {
                    what: name.to_string(),
                    question: question.clone(),
                    allow,
                    usual: usual(&question.source),
                }),
            }
        }
    }
    all
}

fn refuting(verdict: &Verdict) -> &[Counterexample] {
    match verdict {
        Verdict::Refuted(examples, _) => examples,
        _ => &[],
    }
}

/// What a claim wants to be said to a question for which it does not hold.
fn should_be_allowed(proof: &Proof<'_>, outcome: &Outcome) -> bool {
    match outcome.claim.of {
        Claimed::Property(index) => {
            proof.properties().all().get(index).is_some_and(|one| one.kind == Kind::Always)
        }
        Claimed::NothingLost => true,
        Claimed::NoErrors | Claimed::NothingNew => false,
    }
}

fn one(file: &Path, message: &str) -> Faults {
    let place = Place { file: file.display().to_string().into(), ..Place::default() };
    Faults::new(vec![Fault { place, message: message.to_owned() }])
}
