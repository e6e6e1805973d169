//! Policies put in force on trial: they go back by themselves unless somebody confirms them in time.
//!
//! The order is the same throughout: what can fail comes first, then the ledger on disk, then the record, then the swap. A gate that stops
//! anywhere in between comes back with what was confirmed last.

use std::{
    mem,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::{Live, Prepared, Reloaded, one_fault};
use crate::{
    audit::{Change, Changed, Record},
    config::{self, Checked, Faults, checked::FileRead},
    editions::{self, AccessFiles, Pending},
    snapshot::Snapshot,
};

/// The shortest and the longest time that policies may wait to be confirmed.
pub(crate) const CONFIRM_WITHIN: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(24 * 3600);

/// Who wants something, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Author {
    /// The user of the machine: what the caller says is overwritten by what its kernel says.
    pub uid: u32,
    /// What that user is called.
    pub user: Option<String>,
    /// Who signed in at the machine to be that user, if somebody did: not what the caller says, but its kernel.
    #[serde(skip)]
    pub signed_in: Option<String>,
    /// Why, in the user's own words.
    pub reason: Option<String>,
}

impl Author {
    /// Whoever the kernel says it is, with the name and the reason of what was asked.
    pub(crate) fn in_words_of(self, asked: Self) -> Self {
        Self { user: asked.user, reason: asked.reason, ..self }
    }

    /// What people know it by.
    pub(crate) fn name(&self) -> String {
        let user = self.user.clone().unwrap_or_else(|| format!("user {}", self.uid));
        self.signed_in.as_ref().map_or_else(|| user.clone(), |person| format!("{person} (as {user})"))
    }
}

/// What a replay of the record before said of policies that are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replayed {
    /// Decisions that were asked again.
    pub decisions: u64,
    /// Those that were refused and would be allowed.
    pub gained: u64,
    /// Those that were allowed and would be refused.
    pub lost: u64,
}

/// Policies to be put in force on trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apply {
    /// The directory of the policies, with `access` in it.
    pub directory: PathBuf,
    /// What was checked, tested and replayed ([`AccessFiles::digest`]): anything else is not applied.
    pub digest: String,
    /// How long they wait to be confirmed, in seconds.
    pub confirm: u64,
    /// What a replay said.
    pub replayed: Replayed,
    /// Why more is refused than the limit allows, where it is.
    pub over_limit: Option<String>,
    /// Who wants it.
    pub author: Author,
}

/// What is in force and waits to be confirmed.
pub(super) struct Waiting {
    /// By the steady clock: nobody confirms by turning the other one.
    deadline: Instant,
    /// What is gone back to.
    before: Arc<Snapshot>,
    /// What the configuration in force was read from, for when it is confirmed.
    files: Vec<FileRead>,
}

impl Live {
    /// Puts policies in force until they are confirmed, or go back.
    ///
    /// # Errors
    /// Why not; then everything is as before.
    pub fn apply(&self, apply: &Apply) -> Result<Reloaded, String> {
        let _one_at_a_time = self.reloading.lock();
        let confirm = Duration::from_secs(apply.confirm);
        if !CONFIRM_WITHIN.contains(&confirm) {
            return Err(
                "policies wait between `1s` and `24h` to be confirmed; write another `--confirm`".to_owned()
            );
        }
        if let Some(Pending { number, until, by, .. }) = self.ledger.lock().pending() {
            return Err(format!(
                "edition {number}, applied by {by}, waits to be confirmed until {until}; `poort policy confirm` or `poort policy rollback` first"
            ));
        }
        let files = self.applied_files(apply)?;
        let mut prepared = self.prepare_with(&files).map_err(|faults| faults.to_string())?;
        self.writable(&files)?;
        if self.ledger.lock().confirmed().is_none() {
            return Err("no edition of the policies in force is kept, so that there is nothing to go back to; `poort reload` first".to_owned());
        }
        let before = self.gone_back_to(&mut prepared.warnings);
        let until = clock(SystemTime::now() + confirm);
        let author = &apply.author;
        let change = |act| Change {
            reason: author.reason.clone(),
            replayed: Some(apply.replayed),
            over_limit: apply.over_limit.clone(),
            ..Change::by(
                act,
                author,
                before.digests.policies.clone(),
                prepared.snapshot.digests.policies.clone(),
            )
        };
        self.write_down(change(Changed::Applied))?;
        let policies = prepared.snapshot.digests.policies.clone();
        let number = self.ledger.lock().begin(&files, &policies, &until, &author.name());
        let number = number.map_err(|fault| unkept(&fault))?;
        prepared.warnings.push(format!(
            "edition {number} is in force until {until}, and goes back unless `poort policy confirm` comes before"
        ));
        let waiting =
            Waiting { deadline: Instant::now() + confirm, before, files: prepared.checked.files.clone() };
        *self.waiting.lock() = Some(waiting);
        tracing::warn!(event = "policies_applied", number, by = author.name(), until);
        self.install(prepared).map_err(|faults| faults.to_string())
    }

    /// Confirms what waits: from now on the directory holds it.
    ///
    /// # Errors
    /// When nothing waits, or the directory cannot be written.
    pub fn confirm(&self, author: &Author) -> Result<Reloaded, String> {
        let _one_at_a_time = self.reloading.lock();
        let pending = self.ledger.lock().pending().cloned();
        let Some(pending) = pending else {
            let ledger = self.ledger.lock();
            let past =
                ledger.reverted().map(|what| format!("; it is too late for {what}")).unwrap_or_default();
            return Err(format!("no policies wait to be confirmed{past}"));
        };
        let access = self.access()?;
        let there = AccessFiles::read(&access).map_err(|fault| unkept(&fault))?;
        if !self.ledger.lock().may_be_replaced(&there) {
            return Err(format!(
                "`{}` has been changed since edition {} was applied, and confirming would lose that; take the changes elsewhere, then confirm",
                access.display(),
                pending.number
            ));
        }
        let now = self.snapshot();
        let before = self.waiting.lock().as_ref().map(|waiting| waiting.before.digests.policies.clone());
        let change =
            Change::by(Changed::Confirmed, author, before.unwrap_or_default(), now.digests.policies.clone());
        self.write_down(change)?;
        self.ledger.lock().confirm(&access).map_err(|fault| {
            format!(
                "`{}` cannot be made to hold edition {}: {fault}; it goes back unless that is mended in time",
                access.display(),
                pending.number
            )
        })?;
        let mut warnings = Vec::new();
        if let Some(waiting) = self.waiting.lock().take() {
            self.keep(&waiting.files, &mut warnings);
        }
        tracing::warn!(event = "policies_confirmed", number = pending.number, by = author.name());
        Ok(Reloaded { generation: now.generation, digest: now.digest.to_string(), warnings })
    }

    /// Goes back: from what waits to what was confirmed, or else to the edition before that.
    ///
    /// # Errors
    /// When there is none before, or it cannot be loaded or written.
    pub fn roll_back(&self, author: &Author) -> Result<Reloaded, String> {
        let _one_at_a_time = self.reloading.lock();
        if self.ledger.lock().pending().is_some() {
            return Ok(self.revert("it was rolled back", Changed::RolledBack, author));
        }
        let (number, files) = {
            let ledger = self.ledger.lock();
            let edition = ledger.before().ok_or("there is no edition of the policies before this one")?;
            let files = ledger.files(edition.number).map_err(|fault| unkept(&fault))?;
            (edition.number, files)
        };
        let access = self.access()?;
        let mut prepared = self.prepare_with(&files).map_err(|faults| faults.to_string())?;
        let before = self.snapshot().digests.policies.clone();
        self.write_down(Change::by(
            Changed::RolledBack,
            author,
            before,
            prepared.snapshot.digests.policies.clone(),
        ))?;
        let written = self.ledger.lock().go_back(number, &access).map_err(|fault| unkept(&fault))?;
        let read = prepared.checked.files.clone();
        self.keep(&read, &mut prepared.warnings);
        tracing::warn!(event = "policies_rolled_back", number, by = author.name());
        prepared.warnings.push(if written {
            format!("edition {number} is in force, and `access/` holds it")
        } else {
            format!("edition {number} is in force; `access/` is left as it is, and not taken: correct it")
        });
        self.install(prepared).map_err(|faults| faults.to_string())
    }

    /// Goes back if nobody has confirmed in time. Asked every moment.
    pub fn revert_if_due(&self) {
        let is_due =
            || self.waiting.lock().as_ref().is_some_and(|waiting| Instant::now() >= waiting.deadline);
        if !is_due() {
            return;
        }
        let _one_at_a_time = self.reloading.lock();
        // Somebody may have confirmed meanwhile.
        if is_due() {
            self.revert("nobody confirmed it in time", Changed::Reverted, &Author::default());
        }
    }

    /// Whether policies wait to be confirmed.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.lock().is_some()
    }

    /// Goes back to what was in force before. Nothing of it can fail: what is gone back to is still here.
    fn revert(&self, why: &str, act: Changed, author: &Author) -> Reloaded {
        let pending = self.ledger.lock().pending().cloned();
        let mut warnings = Vec::new();
        if let Err(fault) = self.ledger.lock().refuse(why) {
            tracing::error!(event = "ledger_unwritable", %fault);
            warnings.push(format!("that it went back could not be kept: {fault}"));
        }
        let after = self.snapshot();
        if let Some(Waiting { before, .. }) = self.waiting.lock().take() {
            let change = Change {
                reason: author.reason.clone().or_else(|| Some(why.to_owned())),
                ..Change::by(act, author, after.digests.policies.clone(), before.digests.policies.clone())
            };
            // Whether it can be written down or not, it goes back.
            if let Err(fault) = self.live_audit(change) {
                tracing::error!(event = "change_unrecorded", fault);
            }
            before.bind();
            self.snapshot.store(before);
            self.announce("files");
        }
        let (number, by) = pending.map(|pending| (pending.number, pending.by)).unwrap_or_default();
        tracing::error!(event = "policies_reverted", number, applied_by = by, why);
        warnings.push(format!("edition {number} is out of force: {why}"));
        let now = self.snapshot();
        Reloaded { generation: now.generation, digest: now.digest.to_string(), warnings }
    }

    /// Reads the files again, with the policies that may be in force.
    pub(super) fn load_again(&self) -> Result<Reloaded, Faults> {
        let (checked, why) = editions::load(&self.file, &self.ledger.lock())?;
        let access = AccessFiles::of(&checked);
        let mut prepared = self.prepare(checked)?;
        let from_directory = why.is_none();
        prepared.warnings.extend(why);
        let mut waiting = self.waiting.lock();
        if let Some(waiting) = waiting.as_mut() {
            // What is gone back to is made of the same files but for the policies.
            waiting.before = Arc::new(self.confirmed_again()?);
            waiting.files.clone_from(&prepared.checked.files);
        } else {
            let read = mem::take(&mut prepared.checked.files);
            self.keep(&read, &mut prepared.warnings);
            prepared.checked.files = read;
            if from_directory && let Err(fault) = self.ledger.lock().observe(&access) {
                prepared
                    .warnings
                    .push(format!("this edition of the policies cannot be gone back to: {fault}"));
            }
        }
        drop(waiting);
        self.install(prepared)
    }

    /// What is gone back to from policies that are applied now: what was confirmed, over the other files as they are. Whatever else is taken from
    /// those comes into force with what is applied, and stays.
    fn gone_back_to(&self, warnings: &mut Vec<String>) -> Arc<Snapshot> {
        match self.confirmed_again() {
            Ok(before) => Arc::new(before),
            Err(faults) => {
                warnings.push(format!(
                    "the policies that were in force do not fit the other files as they are now, so that those go back with them unless they are confirmed: {faults}"
                ));
                self.snapshot()
            }
        }
    }

    fn confirmed_again(&self) -> Result<Snapshot, Faults> {
        let files = {
            let ledger = self.ledger.lock();
            let number = ledger.confirmed().map(|edition| edition.number).unwrap_or_default();
            ledger.files(number).map_err(|fault| one_fault(unkept(&fault)))?
        };
        Ok(self.prepare_with(&files)?.snapshot)
    }

    fn prepare_with(&self, files: &AccessFiles) -> Result<Prepared, Faults> {
        let access = self.access().map_err(one_fault)?;
        let checked: Checked = config::load_with(&self.file, &access, files)?;
        self.prepare(checked)
    }

    fn applied_files(&self, apply: &Apply) -> Result<AccessFiles, String> {
        let directory = apply.directory.join("access");
        let files = AccessFiles::read(&directory)
            .map_err(|fault| format!("the gate cannot read `{}`: {fault}", directory.display()))?;
        if files.digest() != apply.digest {
            return Err(format!(
                "`{}` has changed since it was looked at; apply it again",
                directory.display()
            ));
        }
        if self.ledger.lock().confirmed().is_some_and(|edition| edition.digest == apply.digest) {
            return Err("these policies are in force already: there is nothing to apply".to_owned());
        }
        Ok(files)
    }

    /// Confirming must not fail for what can be known now.
    fn writable(&self, files: &AccessFiles) -> Result<(), String> {
        let access = self.access()?;
        if AccessFiles::read(&access).is_ok_and(|there| there == *files) {
            return Ok(());
        }
        let probe = access.join(".poort-probe");
        editions::new_file(&probe).and_then(|_| std::fs::remove_file(&probe)).map_err(|fault| {
            format!(
                "`{}` cannot be written by the gate, so that these policies could never be confirmed: {fault}; put them there yourself and leave out the directory, or let the gate's user write it",
                access.display()
            )
        })
    }

    fn access(&self) -> Result<PathBuf, String> {
        config::access_directory(&self.file)
            .ok_or_else(|| format!("`{}` does not say where the policies are", self.file.display()))
    }

    /// Writes a change down, and waits for the disk: what is not recorded is not done.
    fn write_down(&self, change: Change) -> Result<(), String> {
        let unwritable = |fault: &dyn std::fmt::Display| {
            format!("nothing is changed, since it cannot be written down: {fault}")
        };
        let ticket =
            self.audit.append(Record::Change(Box::new(change))).map_err(|fault| unwritable(&fault))?;
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.block_on(ticket.durable()).map_err(|fault| unwritable(&fault)),
            Err(_) => Ok(()),
        }
    }

    fn live_audit(&self, change: Change) -> Result<(), String> {
        self.audit.append(Record::Change(Box::new(change))).map(drop).map_err(|fault| fault.to_string())
    }
}

fn unkept(fault: &std::io::Error) -> String {
    format!("editions of the policies cannot be kept: {fault}")
}

/// A time as people read it, on the wall clock of the machine.
fn clock(time: SystemTime) -> String {
    let zoned = jiff::Timestamp::try_from(time).map(|at| at.to_zoned(jiff::tz::TimeZone::system()));
    zoned.map_or_else(|_| "soon".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
