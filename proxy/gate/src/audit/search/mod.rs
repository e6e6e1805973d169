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
    collections::{BTreeSet, HashMap, HashSet},
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

use super::{journal, ocsf, tlog};
use wanted::Meant;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Oldest first.
    pub consultations: Vec<Consultation>,
    /// Lines that could not be read, are not what was written, or are missing.
    pub doubts: Vec<Doubt>,
    /// Lines in the files of the period whose content was retired: what they said cannot be known any more.
    pub retired: u64,
    /// Consultations that are about more than are listed, so that nobody can tell whether they are about whoever is looked for.
    pub unlisted: u64,
    /// Consultations that are about somebody under a key that is not at hand.
    pub unread: u64,
    /// The ids of those keys.
    pub keys: BTreeSet<String>,
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
    let known: Vec<_> = evidence.into_iter().flat_map(Evidence::files).map(PathBuf::from).collect();
    let days = wanted.days(&files.iter().chain(&known).map(PathBuf::as_path).collect::<Vec<_>>());
    files.retain(|path| days.read(path));
    let mut found = Found::default();
    if let Some(evidence) = evidence {
        found.doubts = evidence.missing(directory, |path| days.read(path));
    }
    let meant = meant(&files, wanted, evidence, &mut found)?;
    let (mut open, mut perhaps) = (HashMap::new(), Perhaps::default());
    for path in &files {
        let mut lines = Lines::open(path)?;
        while let Some((number, line)) = lines.next()? {
            let Some((id, of)) = consultation::request_id(line).and_then(|id| Some((id, meant.get(id)?)))
            else {
                continue;
            };
            if let Meant::Perhaps(met) = of {
                perhaps.look(wanted, id, line, *met, &mut found);
                continue;
            }
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
) -> Result<HashMap<String, Meant>, SearchFault> {
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
            // Half a line may have lost what it held.
            if !sieve.may_hold(line) && line.starts_with(b"{") && line.ends_with(b"}") {
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
    Ok(seen.into_iter().filter_map(|(id, met)| Some((id, wanted.may_be(met)?))).collect())
}

/// Requests of the period that may be meant, for all that their lines tell.
#[derive(Default)]
struct Perhaps(HashSet<String>);

impl Perhaps {
    /// Counts a request by its decision, and notes the keys that would tell.
    fn look(&mut self, wanted: &Wanted, id: &str, line: &[u8], met: u8, found: &mut Found) {
        let Ok(line) = serde_json::from_slice::<consultation::Line<'_>>(line) else { return };
        if line.metadata.event_code == ocsf::DECISION && wanted.is_in_period(line.time) {
            self.0.insert(id.to_owned());
            found.unlisted += u64::from(met & wanted::UNLISTED != 0);
            found.unread += u64::from(met & wanted::UNREAD != 0);
        }
        if self.0.contains(id) {
            found.keys.extend(wanted.unread(&line.unmapped.subjects).map(str::to_owned));
        }
    }
}
