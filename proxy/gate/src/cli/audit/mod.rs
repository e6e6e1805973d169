//! `poort audit`: reading the record, and proving it, as a whole and one request at a time.

pub(in crate::cli) mod access;
mod export;
mod meant;
mod period;
mod report;
mod retire;
mod review;
mod search;
mod tail;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::SystemTime,
};

use clap::Subcommand;

use crate::{
    audit::{
        questions,
        search::{Evidence, SearchFault},
        tlog::{self, Found, Keys, LOG_DIRECTORY, Signer},
    },
    config,
};

use super::{WRONG, complain, say};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make a key that signs the log. It is printed, for a file that `audit: { log: { key: … } }` names; the public key goes to
    /// standard error, for everybody who is to check the log.
    Key {
        /// The log's origin, one for each gate, such as `gate-1.zone.example/audit`.
        name: String,
    },
    /// Say who consulted whom, when and why.
    Search(search::Arguments),
    /// Write consultations down for a supervisory authority or a data protection officer, as a table and a report.
    Export(export::Arguments),
    /// Follow the decisions as they come.
    Tail(tail::Arguments),
    /// Remove the content of records that were kept for as long as `retention` says, and write down that this is why.
    Retire(retire::Arguments),
    /// List the broken glasses that wait for somebody to look into them, or write down what was found.
    Review(review::Arguments),
    /// Prove that every record is there, unchanged and in its place.
    Verify(Log),
    /// Print a record.
    Show {
        #[command(flatten)]
        log: Log,
        /// The code on an officer's screen, a request id, or the number of an entry.
        what: String,
    },
    /// Print the proof that a record is in the log, for anybody who has the record and the public key (C2SP tlog-proof).
    Prove {
        #[command(flatten)]
        log: Log,
        /// The code on an officer's screen, a request id, or the number of an entry.
        what: String,
    },
}

/// Which log, and whose.
#[derive(Debug, clap::Args)]
pub(super) struct Log {
    /// The operators' file, which says where the log is.
    #[arg(long, default_value = "deploy/poort.yaml")]
    config: PathBuf,
    /// The log's directory, or a copy of it; then the file is not read.
    #[arg(long, requires = "key")]
    log: Option<PathBuf>,
    /// A file with the log's public keys, one a line.
    #[arg(long, requires = "log")]
    key: Option<PathBuf>,
    /// Where checkpoints were anchored.
    #[arg(long, requires = "log")]
    anchor: Option<PathBuf>,
}

/// A log that was found.
struct Opened {
    directory: PathBuf,
    keys: Arc<Keys>,
    anchor: Option<PathBuf>,
    /// The record's own directory, where that is known.
    record: Option<PathBuf>,
}

/// What is wrong, and the exit code for it.
type Fault = (String, u8);

pub(super) fn obey(verb: &Verb) -> ExitCode {
    let done = match verb {
        Verb::Key { name } => key(name),
        Verb::Search(arguments) => search::obey(arguments),
        Verb::Export(arguments) => export::obey(arguments),
        Verb::Tail(arguments) => tail::obey(arguments),
        Verb::Retire(arguments) => retire::obey(arguments),
        Verb::Review(arguments) => review::obey(arguments),
        Verb::Verify(log) => log.open().and_then(|log| verify(&log)),
        Verb::Show { log, what } => show(log, what),
        Verb::Prove { log, what } => each(log, what, |found| say(found.proof.trim_end())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((fault, code)) => {
            complain(fault);
            ExitCode::from(code)
        }
    }
}

fn key(name: &str) -> Result<(), Fault> {
    let (secret, public) = Signer::generate(name)
        .map_err(|_| (format!("`{name}` is no name for a log; use no spaces and no `+`"), WRONG))?;
    say(secret);
    complain(public);
    Ok(())
}

impl Log {
    /// Where the record is, if no log is kept of it.
    fn unproved(&self) -> Result<Option<PathBuf>, Fault> {
        if self.log.is_some() {
            return Ok(None);
        }
        let audit = config::operators(&self.config).map_err(|faults| (faults.to_string(), WRONG))?.audit;
        Ok(audit.log.is_none().then_some(audit.directory))
    }

    fn open(&self) -> Result<Opened, Fault> {
        if let (Some(directory), Some(key)) = (&self.log, &self.key) {
            let keys = Keys::read(key).map_err(|fault| (fault, WRONG))?;
            return Ok(Opened {
                directory: directory.clone(),
                keys: keys.into(),
                anchor: self.anchor.clone(),
                record: None,
            });
        }
        let audit = config::operators(&self.config).map_err(|faults| (faults.to_string(), WRONG))?.audit;
        let Some(log) = audit.log else { return Err((no_log(&self.config), WRONG)) };
        let directory = audit.directory.join(LOG_DIRECTORY);
        Ok(Opened { directory, keys: log.keys, anchor: log.anchor, record: Some(audit.directory) })
    }
}

fn no_log(file: &Path) -> String {
    format!(
        "{}: no log is kept, so nothing proves the record; make a key with `poort audit key NAME`, and add \
         `log: {{ key: … }}` to `audit`",
        file.display()
    )
}

fn verify(log: &Opened) -> Result<(), Fault> {
    let proved = tlog::verify(&log.directory, &log.keys, log.anchor.as_deref(), SystemTime::now());
    let proved = proved.map_err(|doubt| (doubt.to_string(), 1))?;
    if let Some(record) = &log.record {
        hold(record, log)?;
    }
    say(proved);
    Ok(())
}

/// Holds the record's own files against the log that is proved.
fn hold(record: &Path, log: &Opened) -> Result<(), Fault> {
    let evidence = Evidence::open(&log.directory, &log.keys).map_err(|doubt| (doubt.to_string(), 1))?;
    for missing in evidence.missing(record, |_| true) {
        complain(missing);
    }
    let doubts = evidence.hold(record).map_err(|fault| (fault.to_string(), 1))?;
    match doubts.is_empty() {
        true => Ok(()),
        false => Err((doubts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"), 1)),
    }
}

/// Prints records: with their place proved, or, where no log is kept, as they stand.
fn show(log: &Log, what: &str) -> Result<(), Fault> {
    let Some(directory) = log.unproved()? else {
        return each(log, what, |found| say(String::from_utf8_lossy(&found.entry)));
    };
    let fault = |fault: SearchFault| (fault.to_string(), 1);
    let files = questions::files(&directory)
        .map_err(|cause| fault(SearchFault::File { path: directory.clone(), cause }))?;
    let mut shown = false;
    for path in files {
        // Without a log no line has a number.
        let print = |line: &[u8]| {
            if is_meant(what, u64::MAX, line) {
                say(String::from_utf8_lossy(line));
                shown = true;
            }
        };
        questions::each_line(&path, print).map_err(fault)?;
    }
    complain("no log is kept, so nothing proves that this is what was written");
    if shown { Ok(()) } else { Err((format!("no record is called `{what}`"), 1)) }
}

/// Finds entries and does something with each.
fn each(log: &Log, what: &str, show: impl Fn(&Found)) -> Result<(), Fault> {
    let log = log.open()?;
    let found = tlog::find(&log.directory, &log.keys, |index, entry| is_meant(what, index, entry));
    let found = found.map_err(|doubt| (doubt.to_string(), 1))?;
    if found.is_empty() {
        return Err((
            format!(
                "no record under the newest checkpoint is called `{what}`; check it, or ask again in ten seconds: what was recorded \
                 just now is under the next one"
            ),
            1,
        ));
    }
    found.iter().for_each(show);
    Ok(())
}

/// Whether an entry is meant by its number, its request's id, or its request's code, be it in small letters.
fn is_meant(what: &str, index: u64, entry: &[u8]) -> bool {
    if what.parse() == Ok(index) {
        return true;
    }
    let code = what.to_ascii_uppercase();
    // Most entries do not hold it anywhere, and need no parsing.
    let holds = |name: &str| memchr::memmem::find(entry, name.as_bytes()).is_some();
    if what.is_empty() || !(holds(what) || holds(&code)) {
        return false;
    }
    let Ok(record) = serde_json::from_slice::<serde_json::Value>(entry) else { return false };
    let is = |pointer, name: &str| record.pointer(pointer).is_some_and(|found| found == name);
    is("/metadata/correlation_uid", what) || is("/unmapped/code", &code)
}
