//! `poort policy replay`: what a candidate's policies would have said to everything that was asked.

mod pseudonym;
mod record;
mod report;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use poort_policy::{
    Engine,
    workbench::{Tally, Turn},
};

use crate::{
    cli::{WRONG, complain, count, say},
    config::{Fault, Faults, Place},
};

use super::{Directory, load, record_at, refuse};

use pseudonym::Names;
use record::Read;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The candidate.
    #[command(flatten)]
    directory: Directory,
    /// Where the record is; otherwise the operators' file says so.
    #[arg(long, value_name = "DIR")]
    audit: Option<PathBuf>,
    /// The operators' file.
    #[arg(long, default_value = "deploy/poort.yaml")]
    config: PathBuf,
    /// Instead of people's and devices' names, print pseudonyms made with the key in this file (HMAC-SHA-256).
    #[arg(long, value_name = "KEYFILE")]
    pseudonymise: Option<PathBuf>,
    /// Go on past lines that are no record; they are named and counted.
    #[arg(long)]
    skip_unreadable: bool,
    /// Print JSON, one object.
    #[arg(long)]
    json: bool,
}

/// At most so many lines that are no record are named; the others are counted.
const NAMED: usize = 20;

pub(super) fn replay(arguments: &Arguments) -> ExitCode {
    match replayed(arguments) {
        Ok(code) => code,
        Err(faults) => refuse(&faults),
    }
}

fn replayed(arguments: &Arguments) -> Result<ExitCode, Faults> {
    let names = match &arguments.pseudonymise {
        Some(file) => Names::keyed(file).map_err(|message| one(file, message))?,
        None => Names::plain(),
    };
    let loaded = load(&arguments.directory.policies)?;
    let at = record_at(arguments.audit.as_deref(), &arguments.config)?;
    let read = put(&at.directory, loaded.bench.engine(), UNIX_EPOCH)?;
    if !unreadable(arguments, &read) {
        return Ok(ExitCode::from(WRONG));
    }
    if read.files == 0 {
        return Err(one(
            &at.directory,
            "there is no record here; name the directory with `audit-YYYYMMDD.jsonl`".to_owned(),
        ));
    }
    let candidate = arguments.directory.policies.display().to_string();
    let shown = read.tally.turned(Turn::Gain) + read.tally.turned(Turn::Loss);
    if !at.is_looked_at("policy replay", vec![("candidate".to_owned(), candidate)], shown) {
        return Ok(ExitCode::from(WRONG));
    }
    if arguments.json {
        say(report::as_json(&read, &names));
    } else {
        say(report::as_text(&read, &names));
    }
    Ok(ExitCode::from(u8::from(!read.tally.groups.is_empty())))
}

/// Puts what was asked since some time to an engine: what came of it, also in words.
pub(super) fn since(directory: &Path, engine: &Engine, since: SystemTime) -> Result<(Tally, String), Faults> {
    let read = put(directory, engine, since)?;
    let text = report::as_text(&read, &Names::plain());
    Ok((read.tally, text))
}

fn put(directory: &Path, engine: &Engine, since: SystemTime) -> Result<Read, Faults> {
    record::replay(directory, engine, since)
        .map_err(|(path, error)| one(&path, format!("cannot be read: {error}; check the path and its mode")))
}

/// Names what could not be read; whether to go on.
fn unreadable(arguments: &Arguments, read: &Read) -> bool {
    for line in read.foreign.iter().take(NAMED) {
        let column = if line.column > 0 { format!(":{}", line.column) } else { String::new() };
        complain(format_args!("{}:{}{column}: {}", line.file.display(), line.line, line.what));
    }
    if let Some(more) = read.foreign.len().checked_sub(NAMED).filter(|more| *more > 0) {
        complain(format_args!("and {more} more"));
    }
    let wrong = read.foreign.iter().filter(|line| !line.open).count();
    if wrong > 0 && !arguments.skip_unreadable {
        complain(format_args!(
            "{} of no record: nothing was compared; restore the files (`poort audit verify`), or write `--skip-unreadable`",
            count(wrong, "line")
        ));
        return false;
    }
    true
}

fn one(path: &Path, message: String) -> Faults {
    let place = Place { file: path.display().to_string().into(), ..Place::default() };
    Faults::new(vec![Fault { place, message }])
}
