//! `poort policy apply`, `confirm`, `rollback`: policies put in force on trial, after everything that can be known before.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use poort_policy::workbench::{Turn, Workbench};

use crate::{
    cli::{WRONG, author, complain, count, say, state_directory, unanswered},
    config::{self, Faults},
    control::{self, Answer, Command},
    editions::AccessFiles,
    live::{Apply, CONFIRM_WITHIN, Replayed},
    trials::Trials,
};

use super::{
    excerpt::{Level, Pen},
    faults, record_at, refuse, replay,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The directory of the candidate's policies; else the one in force, as its files are now.
    directory: Option<PathBuf>,
    /// How long the policies wait for `poort policy confirm` before they go back by themselves: `5m`.
    #[arg(long, value_name = "TIME", value_parser = trial)]
    confirm: Duration,
    /// How large a share of what was asked in the last hour may newly be refused.
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = percent)]
    limit: f64,
    /// Apply even though more than that would be refused; says why.
    #[arg(long, value_name = "REASON")]
    over_limit: Option<String>,
    /// How much of the record is replayed.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    replay: Duration,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Where the record is; otherwise the operators' file says so.
    #[arg(long, value_name = "DIR")]
    audit: Option<PathBuf>,
    #[command(flatten)]
    gate: Gate,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Trial {
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    gate: Gate,
}

/// Which gate.
#[derive(Debug, clap::Args)]
struct Gate {
    /// The operators' file.
    #[arg(long, default_value = "deploy/poort.yaml")]
    config: PathBuf,
    /// The gate's state directory; else it is read from the configuration.
    #[arg(long)]
    state: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    config::duration(text)
}

/// How long policies may wait.
fn trial(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    let fits = CONFIRM_WITHIN.contains(&time);
    fits.then_some(time)
        .ok_or_else(|| format!("`{text}` is not between `1s` and `24h`; write one such as `5m`"))
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse().ok();
    number
        .filter(|number| (0.0..=100.0).contains(number))
        .ok_or_else(|| format!("`{text}` is no share; write one such as `1%` or `0.5%`"))
}

/// Why nothing is applied: what is wrong, or what did not come out well.
enum Stop {
    Faults(Faults),
    Said(ExitCode),
}

impl From<Faults> for Stop {
    fn from(faults: Faults) -> Self {
        Self::Faults(faults)
    }
}

pub(super) fn apply(arguments: &Arguments) -> ExitCode {
    match looked_at(arguments) {
        Ok(apply) => tell(&arguments.gate, &Command::Apply { apply: Box::new(apply) }, "applied"),
        Err(Stop::Faults(faults)) => refuse(&faults),
        Err(Stop::Said(code)) => {
            complain("nothing was applied; what was in force stays");
            code
        }
    }
}

pub(super) fn confirm(arguments: &Trial) -> ExitCode {
    let author = author(arguments.reason.clone());
    tell(&arguments.gate, &Command::Confirm { author }, "confirmed")
}

pub(super) fn roll_back(arguments: &Trial) -> ExitCode {
    let author = author(arguments.reason.clone());
    tell(&arguments.gate, &Command::Rollback { author }, "rolled back")
}

/// Checks, tests and replays.
fn looked_at(arguments: &Arguments) -> Result<Apply, Stop> {
    let config = &arguments.gate.config;
    let own = config::access_directory(config).ok_or_else(|| {
        complain(format_args!("`{}` does not say where the policies are; correct it", config.display()));
        Stop::Said(ExitCode::from(WRONG))
    })?;
    let access =
        arguments.directory.as_ref().map_or_else(|| own.clone(), |directory| directory.join("access"));
    let access = std::path::absolute(&access).unwrap_or(access);
    let directory = access.parent().unwrap_or(&access).to_owned();
    // Read before they are looked at: what is changed meanwhile is noticed by the gate.
    let files = AccessFiles::read(&access).map_err(|error| {
        complain(format_args!(
            "`{}` cannot be read: {error}; name a directory with `access` in it",
            access.display()
        ));
        Stop::Said(ExitCode::from(WRONG))
    })?;
    // What is applied is asked over the sources and people of the gate, whatever else a candidate holds.
    let (mut read, trials) = config::candidate_with_tests(own.parent().unwrap_or(&own), &directory)?;
    let bench = Workbench::load(std::mem::take(&mut read.corpus)).map_err(faults)?;
    lint(&bench, &read);
    test(&bench, trials)?;
    let replayed = replayed(arguments, &directory, &bench)?;
    Ok(Apply {
        directory,
        digest: files.digest(),
        confirm: arguments.confirm.as_secs(),
        replayed,
        over_limit: arguments.over_limit.clone(),
        author: author(arguments.reason.clone()),
    })
}

fn lint(bench: &Workbench, read: &config::Policies) {
    let mut pen = Pen::new(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    for lint in bench.lint(&read.around) {
        complain(pen.note(Level::Warning, lint.name, &lint.message, &lint.place, lint.length, &lint.help));
    }
}

fn test(bench: &Workbench, trials: Trials) -> Result<(), Stop> {
    let wrong = bench.faults_of(&trials.cases);
    if !wrong.is_empty() {
        return Err(faults(wrong).into());
    }
    let mut pen = Pen::new(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let (all, mut failed) = (trials.cases.len(), 0);
    for case in trials.cases {
        if let (_, Some(objection)) = bench.judge(&case) {
            failed += 1;
            let what = format!("{}: {objection}", case.name);
            complain(pen.note(
                Level::Error,
                "failed",
                &what,
                &case.place,
                0,
                "ask `poort policy explain` why",
            ));
        }
    }
    say(format_args!("{}, {failed} failed", count(all, "test")));
    if failed > 0 { Err(Stop::Said(ExitCode::FAILURE)) } else { Ok(()) }
}

fn replayed(arguments: &Arguments, directory: &Path, bench: &Workbench) -> Result<Replayed, Stop> {
    let at = record_at(arguments.audit.as_deref(), &arguments.gate.config)?;
    let since = SystemTime::now().checked_sub(arguments.replay).unwrap_or(UNIX_EPOCH);
    let (tally, text) = replay::since(&at.directory, bench.engine(), since)?;
    let (gained, lost) = (tally.turned(Turn::Gain), tally.turned(Turn::Loss));
    // It names who asked, whether anything is applied or not.
    let candidate = vec![("candidate".to_owned(), directory.display().to_string())];
    if !at.is_looked_at("policy apply", candidate, gained + lost) {
        return Err(Stop::Said(ExitCode::from(WRONG)));
    }
    say(text);
    let replayed = Replayed { decisions: tally.decisions, gained, lost };
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
    let share = if tally.decisions == 0 { 0.0 } else { lost as f64 * 100.0 / tally.decisions as f64 };
    if share <= arguments.limit {
        return Ok(replayed);
    }
    let what = format!(
        "{lost} of {} decisions would be refused from now on: {share:.1} %, more than the limit of {} %",
        tally.decisions, arguments.limit
    );
    if let Some(reason) = &arguments.over_limit {
        complain(format_args!("{what}; applied all the same: {reason}"));
        return Ok(replayed);
    }
    complain(format_args!("{what}; correct the policies, or write `--over-limit REASON` if it is meant"));
    Err(Stop::Said(ExitCode::FAILURE))
}

fn tell(gate: &Gate, command: &Command, done: &str) -> ExitCode {
    let state = match state_directory(gate.state.as_deref(), &gate.config) {
        Ok(state) => state,
        Err(why) => {
            complain(why);
            return ExitCode::from(WRONG);
        }
    };
    match control::tell(&state, command) {
        Ok(Answer::Done(reloaded)) => {
            reloaded.warnings.iter().for_each(complain);
            let digest = reloaded.digest.get(..16).unwrap_or(&reloaded.digest);
            say(format_args!("{done}: configuration {digest}"));
            ExitCode::SUCCESS
        }
        Ok(Answer::Refused(why)) => {
            complain(why);
            ExitCode::from(WRONG)
        }
        Ok(Answer::Recorded | Answer::Ended(_) | Answer::Listed(_)) => {
            complain("the gate did something else");
            ExitCode::FAILURE
        }
        Err(fault) => {
            complain(unanswered(&state, &fault));
            ExitCode::FAILURE
        }
    }
}
