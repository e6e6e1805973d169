//! Reading the record back: who asked what of which source, on which device, about whom, and why.
//!
//! A consultation is a request's Decision with its Outcome. Filters look at both, since an answer may name people that the request did not;
//! so the files are read twice: once to find the requests that are meant, once to put them together.
//!
//! - [`lines`] reads the files; [`wanted`] says which lines are meant; [`consultation`] is what is told of them;
//! - [`backwards`] reads the newest lines first, and [`recent`] puts the newest decisions together from them;
//! - [`evidence`] holds each line against the log, where one is kept.

mod backwards;
mod consultation;
mod evidence;
mod lines;
mod recent;
pub(crate) mod row;
mod tail;
#[cfg(test)]
mod tests;
mod wanted;

use std::{
    collections::HashMap,
    fmt, io,
    path::{Path, PathBuf},
};

pub use backwards::Backwards;
pub use consultation::{Consultation, Place, Subject};
pub use evidence::{Entry, Evidence};
pub use recent::{Filter, Recent};
pub use tail::{Tail, Tailed};
pub use wanted::{Period, Wanted};

pub(super) use lines::Lines;

use super::{journal, tlog};

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Oldest first.
    pub consultations: Vec<Consultation>,
    /// Lines that could not be read, are not what was written, or are missing.
    pub doubts: Vec<Doubt>,
    /// Lines in the files of the period whose content was retired: what they said cannot be known any more.
    pub retired: u64,
}

/// A line that proves nothing, or a file.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// The line; 0 where it is the whole file.
    pub place: Place,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.line {
            0 => write!(f, "{}: {}", self.place.file.display(), self.what),
            _ => write!(f, "{}: {}", self.place, self.what),
        }
    }
}

/// Why the record cannot be searched.
#[derive(Debug, thiserror::Error)]
pub enum SearchFault {
    /// A file.
    #[error("{path}: {cause}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] tlog::Doubt),
}

/// Finds consultations in a record's directory. With `evidence` each is held against the log.
///
/// # Errors
/// [`SearchFault`] if a file cannot be read. A line that cannot be is a doubt, and does not end the search.
pub fn search(directory: &Path, wanted: &Wanted, evidence: Option<&Evidence>) -> Result<Found, SearchFault> {
    let fault = |cause| SearchFault::File { path: directory.to_owned(), cause };
    let mut files = journal::files(directory).map_err(fault)?;
    files.retain(|path| wanted.reads(path));
    let mut found = Found::default();
    if let Some(evidence) = evidence {
        found.doubts = evidence.missing(directory, |path| wanted.reads(path));
    }
    let meant = meant(&files, wanted, evidence, &mut found)?;
    let mut open = HashMap::new();
    for path in &files {
        let mut lines = Lines::open(path)?;
        while let Some((number, line)) = lines.next()? {
            let Some(id) = consultation::request_id(line).filter(|id| meant.contains_key(*id)) else {
                continue;
            };
            let place = Place { file: path.clone(), line: number };
            if let Some(outcome) = consultation::outcome(line) {
                if let Some(consultation) =
                    open.remove(id).and_then(|at: usize| found.consultations.get_mut(at))
                {
                    consultation.end(outcome);
                }
                continue;
            }
            if let Some(broken) = consultation::broken(line) {
                if let Some(consultation) = open.get(id).and_then(|at| found.consultations.get_mut(*at)) {
                    consultation.breaks(broken);
                }
                continue;
            }
            let Ok(mut consultation) = Consultation::read(line, place.clone()) else { continue };
            if !wanted.is_in_period(consultation.time) {
                continue;
            }
            match evidence.map(|evidence| evidence.entry(path, number, line)).transpose()? {
                Some(Entry::Altered) if found.doubts.iter().all(|doubt| doubt.place != place) => {
                    found
                        .doubts
                        .push(Doubt { place, what: "this line is not what the log has in its place".into() });
                }
                Some(Entry::Altered) => {}
                entry => consultation.entry = entry,
            }
            open.insert(id.to_owned(), found.consultations.len());
            found.consultations.push(consultation);
        }
    }
    Ok(found)
}

/// The requests that are meant, by id.
fn meant(
    files: &[PathBuf],
    wanted: &Wanted,
    evidence: Option<&Evidence>,
    found: &mut Found,
) -> Result<HashMap<String, u8>, SearchFault> {
    let sieve = wanted.sieve();
    let mut seen: HashMap<String, u8> = HashMap::new();
    for path in files {
        let (mut lines, mut last) = (Lines::open(path)?, 0);
        while let Some((number, line)) = lines.next()? {
            last = number;
            // Of every line: one that was changed may be just what is meant, and not look so any more.
            if let Some(doubt) = evidence.map_or(Ok(None), |evidence| evidence.doubt(path, number, line))? {
                found.doubts.push(doubt);
            }
            if tlog::tombstone::read(line).is_some() {
                found.retired += 1;
                continue;
            }
            if !sieve.may_hold(line) {
                continue;
            }
            match wanted.met_by(line) {
                Ok(Some((id, met))) => *seen.entry(id).or_default() |= met,
                Ok(None) => {}
                Err(what) => {
                    found.doubts.push(Doubt { place: Place { file: path.clone(), line: number }, what });
                }
            }
        }
        found.doubts.extend(evidence.and_then(|evidence| evidence.doubt_end(path, last)));
    }
    seen.retain(|_, met| *met == wanted.all());
    Ok(seen)
}
