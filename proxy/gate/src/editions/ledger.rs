//! Which editions there were, which one was confirmed last, and what waits for it: on disk, so that a gate that stops forgets none of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{AccessFiles, Choice};
use crate::carry_over::write_whole;

/// Where it is, below the state directory.
const DIRECTORY: &str = "policies";
const LEDGER: &str = "ledger.json";
/// How many editions are kept to go back to.
const KEPT: usize = 10;
/// How many that were not confirmed are remembered.
const REMEMBERED: usize = 20;

/// One edition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edition {
    /// Counts from 1; never used twice.
    pub number: u64,
    /// [`AccessFiles::digest`].
    pub digest: String,
    /// SHA-256 of each file, by its name.
    files: BTreeMap<String, String>,
}

/// An edition that waits to be confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Which.
    pub number: u64,
    /// Digest of the policies, as records name them.
    pub policies: String,
    /// Until when, for people.
    pub until: String,
    /// Who applied it.
    pub by: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Book {
    editions: Vec<Edition>,
    confirmed: Option<u64>,
    pending: Option<Pending>,
    /// What went back by itself last, for people.
    reverted: Option<String>,
    /// Digests of what was not confirmed.
    refused: Vec<String>,
    /// The edition that is being written into the directory.
    writing: Option<u64>,
    last: u64,
}

impl Book {
    /// Takes in an edition that was kept.
    fn enter(&mut self, edition: Edition) {
        self.last = edition.number;
        self.editions.push(edition);
    }

    /// One of them is confirmed after the one before. What was gone back from since is nothing to go back to.
    fn succeed(&mut self, number: u64) {
        let before = self.confirmed.replace(number).unwrap_or_default();
        self.editions.retain(|edition| edition.number <= before || edition.number == number);
    }
}

/// The ledger of one gate.
#[derive(Debug)]
pub struct Ledger {
    directory: PathBuf,
    book: Book,
}

impl Ledger {
    /// Opens the ledger of a state directory; an empty one where there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read: starting without it could start from what was never confirmed.
    pub fn open(state: &Path) -> io::Result<Self> {
        let directory = state.join(DIRECTORY);
        let book = match fs::read(directory.join(LEDGER)) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Book::default(),
            Err(fault) => return Err(fault),
        };
        Ok(Self { directory, book })
    }

    /// What a gate that stopped in the middle left: an edition that was being written is written, and one that waited is not
    /// confirmed. Gives the latter.
    ///
    /// # Errors
    /// As the system says.
    pub fn recover(&mut self, access: Option<&Path>) -> io::Result<Option<Pending>> {
        if let (Some(number), Some(access)) = (self.book.writing, access) {
            self.files(number)?.write(access)?;
            self.note(|book| book.writing = None)?;
        }
        let pending = self.book.pending.clone();
        if pending.is_some() {
            self.leave(access)?;
            self.refuse("the gate stopped before it was confirmed")?;
        }
        Ok(pending)
    }

    /// What somebody wrote into the directory while others were on trial was never in force, and is not because the gate stopped.
    fn leave(&mut self, access: Option<&Path>) -> io::Result<()> {
        let Some(there) = access.and_then(|access| AccessFiles::read(access).ok()) else { return Ok(()) };
        if self.may_be_replaced(&there) {
            return Ok(());
        }
        self.note(|book| book.refused.push(there.digest()))
    }

    /// Which policies may be in force.
    ///
    /// # Errors
    /// When those that may cannot be read: what was not confirmed does not take their place.
    pub fn choose(&self, directory: Option<&AccessFiles>) -> io::Result<Choice> {
        if let Some(Pending { number, until, by, .. }) = &self.book.pending {
            let files = self.files(*number)?;
            let why = format!(
                "the policies are those of edition {number}, which {by} applied and which waits to be confirmed until {until}: what is in `access/` is not taken before; `poort policy confirm` or `poort policy rollback`"
            );
            return Ok(Choice::Kept(files, why));
        }
        let is_refused = directory.is_some_and(|files| self.book.refused.contains(&files.digest()));
        let Some(number) = self.book.confirmed.filter(|_| is_refused) else { return Ok(Choice::Directory) };
        let why = format!(
            "`access/` holds policies that were applied and not confirmed, or written while others were on trial: edition {number} stays in force; correct the files, or `poort policy apply` again"
        );
        Ok(Choice::Kept(self.files(number)?, why))
    }

    /// The edition that was confirmed last.
    #[must_use]
    pub fn confirmed(&self) -> Option<&Edition> {
        self.edition(self.book.confirmed?)
    }

    /// The one before the last confirmed one.
    #[must_use]
    pub fn before(&self) -> Option<&Edition> {
        let confirmed = self.book.confirmed?;
        self.book
            .editions
            .iter()
            .filter(|edition| edition.number < confirmed)
            .max_by_key(|edition| edition.number)
    }

    /// What waits to be confirmed.
    #[must_use]
    pub fn pending(&self) -> Option<&Pending> {
        self.book.pending.as_ref()
    }

    /// What went back by itself last.
    #[must_use]
    pub fn reverted(&self) -> Option<&str> {
        self.book.reverted.as_deref()
    }

    /// An edition by its number.
    #[must_use]
    pub fn edition(&self, number: u64) -> Option<&Edition> {
        self.book.editions.iter().find(|edition| edition.number == number)
    }

    /// The files of an edition.
    ///
    /// # Errors
    /// When one is missing or damaged.
    pub fn files(&self, number: u64) -> io::Result<AccessFiles> {
        let edition = self.edition(number).ok_or(io::ErrorKind::NotFound)?;
        let files = edition.files.iter().map(|(name, sum)| {
            let bytes = fs::read(self.directory.join(sum))?;
            Ok((name.clone(), bytes))
        });
        let files = AccessFiles::new(files.collect::<io::Result<_>>()?);
        if files.digest() != edition.digest {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("edition {number} is damaged")));
        }
        Ok(files)
    }

    /// These are in force, loaded from the directory: confirmed by whoever loaded them.
    ///
    /// # Errors
    /// When they cannot be kept.
    pub fn observe(&mut self, files: &AccessFiles) -> io::Result<()> {
        let digest = files.digest();
        if self.book.pending.is_some() {
            return Ok(());
        }
        let edition = self.keep(files)?;
        if self.confirmed().is_some_and(|confirmed| confirmed.digest == digest) {
            return Ok(());
        }
        self.note(|book| {
            book.refused.retain(|refused| *refused != digest);
            let number = edition.number;
            book.enter(edition);
            book.succeed(number);
        })
    }

    /// These are about to be in force, and wait to be confirmed. Gives their number.
    ///
    /// # Errors
    /// When they cannot be kept; then nothing waits.
    pub fn begin(&mut self, files: &AccessFiles, policies: &str, until: &str, by: &str) -> io::Result<u64> {
        let edition = self.keep(files)?;
        let number = edition.number;
        let policies = policies.to_owned();
        let pending = Pending { number, policies, until: until.to_owned(), by: by.to_owned() };
        self.note(|book| {
            // Whoever applies them again means them.
            book.refused.retain(|refused| *refused != edition.digest);
            book.pending = Some(pending);
            book.enter(edition);
        })?;
        Ok(number)
    }

    /// Confirms what waits, once the directory holds it.
    ///
    /// # Errors
    /// When the directory or the ledger cannot be written; then it still waits.
    pub fn confirm(&mut self, access: &Path) -> io::Result<()> {
        let Some(pending) = self.book.pending.clone() else { return Ok(()) };
        self.put(pending.number, access)?;
        self.note(|book| {
            book.pending = None;
            book.succeed(pending.number);
        })
    }

    /// Goes back to an edition. The directory is made to hold it, unless that cannot be written or holds what nobody has loaded: then what
    /// is there is left, and not taken. Whether it was written.
    ///
    /// # Errors
    /// When the ledger cannot be written, or the directory not be read; what is confirmed stays.
    pub fn go_back(&mut self, number: u64, access: &Path) -> io::Result<bool> {
        let there = AccessFiles::read(access)?.digest();
        let is_known = self.book.editions.iter().any(|edition| edition.digest == there);
        let written = is_known && self.put(number, access).is_ok();
        self.note(|book| {
            if !written {
                book.refused.push(there);
            }
            book.confirmed = Some(number);
        })?;
        Ok(written)
    }

    /// Whether the directory holds what waits, or what was confirmed before it: anything else is somebody's work.
    #[must_use]
    pub fn may_be_replaced(&self, there: &AccessFiles) -> bool {
        let digest = there.digest();
        let waits = self.book.pending.as_ref().and_then(|pending| self.edition(pending.number));
        waits.into_iter().chain(self.confirmed()).any(|edition| edition.digest == digest)
    }

    /// Gives up what waits: it is never loaded again, unless somebody applies it anew.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn refuse(&mut self, why: &str) -> io::Result<()> {
        let Some(pending) = self.book.pending.take() else { return Ok(()) };
        if let Some(edition) = self.edition(pending.number) {
            let digest = edition.digest.clone();
            self.book.refused.push(digest);
        }
        self.book.reverted = Some(format!("edition {}, applied by {}: {why}", pending.number, pending.by));
        self.book.editions.retain(|edition| edition.number != pending.number);
        self.book.writing = self.book.writing.filter(|number| *number != pending.number);
        let surplus = self.book.refused.len().saturating_sub(REMEMBERED);
        self.book.refused.drain(..surplus);
        self.save()
    }

    /// Writes an edition into the directory; a gate that stops meanwhile goes on with it at its next start.
    fn put(&mut self, number: u64, access: &Path) -> io::Result<()> {
        let files = self.files(number)?;
        if AccessFiles::read(access).is_ok_and(|there| there == files) {
            return Ok(());
        }
        let before = AccessFiles::read(access)?;
        self.note(|book| book.writing = Some(number))?;
        let written = files.write(access);
        if written.is_err() {
            // As far as it can be undone.
            let _ = before.write(access);
        }
        self.note(|book| book.writing = None)?;
        written
    }

    /// Changes the book on disk, and then here: what cannot be kept is not so.
    fn note(&mut self, change: impl FnOnce(&mut Book)) -> io::Result<()> {
        let before = self.book.clone();
        change(&mut self.book);
        self.save().inspect_err(|_| self.book = before)
    }

    /// Copies files that are to be an edition.
    fn keep(&self, files: &AccessFiles) -> io::Result<Edition> {
        use std::os::unix::fs::DirBuilderExt as _;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let mut sums = BTreeMap::new();
        for (name, bytes) in files.iter() {
            let sum: String = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let copy = self.directory.join(&sum);
            // One that is damaged is mended.
            if fs::read(&copy).ok().as_deref() != Some(bytes) {
                write_whole(&copy, bytes)?;
            }
            sums.insert(name.to_owned(), sum);
        }
        Ok(Edition { number: self.book.last + 1, digest: files.digest(), files: sums })
    }

    /// Writes the ledger, and drops what is too old.
    fn save(&mut self) -> io::Result<()> {
        let needed = |number: u64| {
            self.book.confirmed == Some(number)
                || self.book.writing == Some(number)
                || self.book.pending.as_ref().is_some_and(|pending| pending.number == number)
        };
        let newest =
            self.book.editions.iter().rev().take(KEPT).map(|edition| edition.number).min().unwrap_or(0);
        let kept: Vec<Edition> = self
            .book
            .editions
            .iter()
            .filter(|edition| edition.number >= newest || needed(edition.number))
            .cloned()
            .collect();
        self.book.editions = kept;
        write_whole(&self.directory.join(LEDGER), &serde_json::to_vec_pretty(&self.book)?)?;
        // The book is kept; what of the rest cannot be dropped now is dropped another time.
        let _ = self.sweep();
        Ok(())
    }

    fn sweep(&self) -> io::Result<()> {
        let used: BTreeSet<&String> =
            self.book.editions.iter().flat_map(|edition| edition.files.values()).collect();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != LEDGER && !used.contains(&name) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> AccessFiles {
        AccessFiles::new([("a.cedar".to_owned(), text.as_bytes().to_vec())].into())
    }

    fn number_of(choice: &io::Result<Choice>) -> Option<&AccessFiles> {
        match choice.as_ref().unwrap() {
            Choice::Directory => None,
            Choice::Kept(files, _) => Some(files),
        }
    }

    #[test]
    fn what_waits_is_in_force_until_it_is_confirmed_or_given_up() {
        let state = tempfile::tempdir().unwrap();
        let access = state.path().join("access");
        files("one")
            .write(&{
                fs::create_dir(&access).unwrap();
                access.clone()
            })
            .unwrap();
        let mut ledger = Ledger::open(state.path()).unwrap();
        assert!(number_of(&ledger.choose(Some(&files("one")))).is_none(), "the directory is the truth");
        ledger.observe(&files("one")).unwrap();
        ledger.observe(&files("one")).unwrap();
        assert_eq!(ledger.confirmed().unwrap().number, 1);
        assert_eq!(ledger.begin(&files("two"), "digest", "soon", "an").unwrap(), 2);
        assert_eq!(number_of(&ledger.choose(Some(&files("one")))), Some(&files("two")));
        // A gate that stops here comes back with what was confirmed, whatever the directory holds.
        let mut again = Ledger::open(state.path()).unwrap();
        assert_eq!(again.recover(Some(&access)).unwrap().unwrap().number, 2);
        assert_eq!(number_of(&again.choose(Some(&files("two")))), Some(&files("one")));
        assert!(
            number_of(&again.choose(Some(&files("three")))).is_none(),
            "corrected files are the truth again"
        );
        assert!(again.reverted().unwrap().contains("edition 2, applied by an"));
        // What was given up may be applied again.
        assert_eq!(again.begin(&files("two"), "digest", "soon", "bo").unwrap(), 3);
        again.confirm(&access).unwrap();
        assert_eq!(AccessFiles::read(&access).unwrap(), files("two"));
        assert_eq!((again.confirmed().unwrap().number, again.before().unwrap().number), (3, 1));
        assert!(number_of(&again.choose(Some(&files("two")))).is_none());
        assert!(again.go_back(1, &access).unwrap());
        assert_eq!(AccessFiles::read(&access).unwrap(), files("one"));
        assert_eq!((again.confirmed().unwrap().number, again.before()), (1, None));
        // What nobody has loaded is left where it is, and not taken.
        files("work").write(&access).unwrap();
        assert!(!again.go_back(3, &access).unwrap());
        assert_eq!(number_of(&again.choose(Some(&files("work")))), Some(&files("two")));
        assert_eq!(AccessFiles::read(&access).unwrap(), files("work"));
    }

    #[test]
    fn what_was_written_during_a_trial_is_not_in_force_because_the_gate_stopped() {
        let (state, access, _) = waiting();
        files("half done").write(&access).unwrap();
        let mut again = Ledger::open(state.path()).unwrap();
        again.recover(Some(&access)).unwrap();
        assert_eq!(number_of(&again.choose(Some(&files("half done")))), Some(&files("one")));
        assert!(number_of(&again.choose(Some(&files("done")))).is_none(), "what is finished is the truth");
    }

    /// A ledger of one edition, another that waits, and a directory that holds the first.
    fn waiting() -> (tempfile::TempDir, PathBuf, Ledger) {
        let state = tempfile::tempdir().unwrap();
        let access = state.path().join("access");
        fs::create_dir(&access).unwrap();
        files("one").write(&access).unwrap();
        let mut ledger = Ledger::open(state.path()).unwrap();
        ledger.observe(&files("one")).unwrap();
        ledger.begin(&files("two"), "digest", "soon", "an").unwrap();
        (state, access, ledger)
    }

    #[test]
    fn what_cannot_be_kept_is_not_done_and_hinders_no_start() {
        let (state, access, mut ledger) = waiting();
        let (kept, aside) = (state.path().join(DIRECTORY).join(LEDGER), state.path().join("aside"));
        // As with a full disk: nothing takes its place.
        let full = || {
            fs::rename(&kept, &aside).unwrap();
            fs::create_dir(&kept).unwrap();
        };
        let mended = || {
            fs::remove_dir(&kept).unwrap();
            fs::rename(&aside, &kept).unwrap();
        };
        full();
        assert!(ledger.confirm(&access).is_err());
        // The same where the directory holds it already, so that nothing is written before.
        files("two").write(&access).unwrap();
        assert!(ledger.confirm(&access).is_err());
        assert_eq!(
            (ledger.pending().unwrap().number, ledger.confirmed().unwrap().number),
            (2, 1),
            "it waits"
        );
        mended();
        ledger.refuse("nobody confirmed it in time").unwrap();
        full();
        assert!(ledger.begin(&files("two"), "digest", "soon", "an").is_err());
        assert!(ledger.observe(&files("three")).is_err());
        mended();
        assert_eq!(ledger.confirmed().unwrap().number, 1);
        assert_eq!(number_of(&ledger.choose(Some(&files("two")))), Some(&files("one")), "it is not taken");
        let mut again = Ledger::open(state.path()).unwrap();
        assert_eq!(again.recover(Some(&access)).unwrap(), None);
        again.observe(&files("three")).unwrap();
        assert_eq!(Ledger::open(state.path()).unwrap().confirmed().unwrap().digest, files("three").digest());
    }

    #[test]
    fn what_is_damaged_gives_way_to_nothing_unconfirmed_until_it_is_mended() {
        let (state, _access, mut ledger) = waiting();
        let damage = |ledger: &Ledger, number| {
            let sum = ledger.edition(number).unwrap().files.values().next().unwrap().clone();
            fs::write(state.path().join(DIRECTORY).join(sum), "permit").unwrap();
        };
        damage(&ledger, 2);
        assert!(ledger.choose(Some(&files("one"))).unwrap_err().to_string().contains("edition 2 is damaged"));
        ledger.refuse("it was rolled back").unwrap();
        damage(&ledger, 1);
        assert!(ledger.choose(Some(&files("two"))).unwrap_err().to_string().contains("edition 1 is damaged"));
        assert!(number_of(&ledger.choose(Some(&files("three")))).is_none(), "corrected files are the truth");
        ledger.observe(&files("one")).unwrap();
        assert_eq!(number_of(&ledger.choose(Some(&files("two")))), Some(&files("one")));
    }

    #[test]
    fn what_was_gone_back_from_is_not_gone_back_to() {
        let (_state, access, mut ledger) = waiting();
        ledger.confirm(&access).unwrap();
        assert!(ledger.go_back(1, &access).unwrap());
        ledger.observe(&files("three")).unwrap();
        assert_eq!(ledger.before().unwrap().number, 1);
        ledger.go_back(1, &access).unwrap();
        ledger.begin(&files("four"), "digest", "soon", "an").unwrap();
        ledger.confirm(&access).unwrap();
        assert_eq!(ledger.before().unwrap().number, 1);
    }

    #[test]
    fn what_was_being_written_is_written_at_the_next_start() {
        let state = tempfile::tempdir().unwrap();
        let access = state.path().join("access");
        fs::create_dir(&access).unwrap();
        let mut ledger = Ledger::open(state.path()).unwrap();
        ledger.observe(&files("one")).unwrap();
        ledger.book.writing = Some(1);
        ledger.save().unwrap();
        let mut again = Ledger::open(state.path()).unwrap();
        assert_eq!(again.recover(Some(&access)).unwrap(), None);
        assert_eq!(AccessFiles::read(&access).unwrap(), files("one"));
    }

    #[test]
    fn old_editions_are_dropped_and_damaged_ones_noticed() {
        let state = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(state.path()).unwrap();
        for number in 0..30 {
            ledger.observe(&files(&number.to_string())).unwrap();
        }
        assert_eq!(ledger.book.editions.len(), KEPT);
        assert_eq!(fs::read_dir(state.path().join(DIRECTORY)).unwrap().count(), KEPT + 1);
        let copy = ledger.confirmed().unwrap().files.values().next().unwrap().clone();
        fs::write(state.path().join(DIRECTORY).join(copy), "other").unwrap();
        assert!(ledger.files(30).unwrap_err().to_string().contains("edition 30 is damaged"));
        fs::write(state.path().join(DIRECTORY).join(LEDGER), "{").unwrap();
        assert!(Ledger::open(state.path()).is_err());
    }
}
