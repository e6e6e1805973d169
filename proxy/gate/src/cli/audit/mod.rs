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
    config::{self, checked::Deploy},
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
        Verb::Verify(log) => verify(log),
        Verb::Show { log, what } => show(log, what),
        Verb::Prove { log, what } => prove(log, what),
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
    /// The gate whose record it is; none for a copy of a log.
    fn own(&self) -> Result<Option<Deploy>, Fault> {
        if self.log.is_some() {
            return Ok(None);
        }
        config::operators(&self.config).map(Some).map_err(|faults| (faults.to_string(), WRONG))
    }

    fn open(&self, own: Option<&Deploy>) -> Result<Opened, Fault> {
        if let (Some(directory), Some(key)) = (&self.log, &self.key) {
            let keys = Keys::read(key).map_err(|fault| (fault, WRONG))?;
            return Ok(Opened {
                directory: directory.clone(),
                keys: keys.into(),
                anchor: self.anchor.clone(),
            });
        }
        let kept = own.and_then(|own| Some((&own.audit.directory, own.audit.log.as_ref()?)));
        let Some((record, log)) = kept else { return Err((no_log(&self.config), WRONG)) };
        Ok(Opened {
            directory: record.join(LOG_DIRECTORY),
            keys: Arc::clone(&log.keys),
            anchor: log.anchor.clone(),
        })
    }
}

fn no_log(file: &Path) -> String {
    format!(
        "{}: no log is kept, so nothing proves the record; make a key with `poort audit key NAME`, and add \
         `log: {{ key: … }}` to `audit`",
        file.display()
    )
}

fn verify(log: &Log) -> Result<(), Fault> {
    let own = log.own()?;
    let log = log.open(own.as_ref())?;
    let proved = tlog::verify(&log.directory, &log.keys, log.anchor.as_deref(), SystemTime::now());
    let proved = proved.map_err(|doubt| (doubt.to_string(), 1))?;
    if let Some(own) = &own {
        hold(&own.audit.directory, &log)?;
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
    let own = log.own()?;
    let records = match own.as_ref().filter(|own| own.audit.log.is_none()) {
        Some(own) => unproved(&own.audit.directory, what)?,
        None => find(&log.open(own.as_ref())?, what)?.into_iter().map(|found| found.entry).collect(),
    };
    let wanted = vec![("record".to_owned(), what.to_owned())];
    let shown = u64::try_from(records.len()).unwrap_or(u64::MAX);
    access::look(own.as_ref(), "audit show", None, wanted, shown).map_err(|why| (why, 1))?;
    records.iter().for_each(|record| say(String::from_utf8_lossy(record)));
    Ok(())
}

/// A proof holds nothing of its record: whoever has that already can check it.
fn prove(log: &Log, what: &str) -> Result<(), Fault> {
    let own = log.own()?;
    let found = find(&log.open(own.as_ref())?, what)?;
    found.iter().for_each(|found| say(found.proof.trim_end()));
    Ok(())
}

/// The records of that name in a directory without a log.
fn unproved(directory: &Path, what: &str) -> Result<Vec<Vec<u8>>, Fault> {
    let fault = |fault: SearchFault| (fault.to_string(), 1);
    let files = questions::files(directory)
        .map_err(|cause| fault(SearchFault::File { path: directory.to_owned(), cause }))?;
    let mut records = Vec::new();
    for path in files {
        // Without a log no line has a number.
        let keep = |line: &[u8]| {
            if is_meant(what, u64::MAX, line) {
                records.push(line.to_vec());
            }
        };
        questions::each_line(&path, keep).map_err(fault)?;
    }
    complain("no log is kept, so nothing proves that this is what was written");
    if records.is_empty() { Err((format!("no record is called `{what}`"), 1)) } else { Ok(records) }
}

/// The entries of that name.
fn find(log: &Opened, what: &str) -> Result<Vec<Found>, Fault> {
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
    Ok(found)
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
