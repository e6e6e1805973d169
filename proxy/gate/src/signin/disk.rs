//! The state of one gate alone, in its memory and on its disk: a restart signs nobody out.
//!
//! Whatever is asked is answered from memory. What changes is sealed and written beside it, and waited for where it matters: that somebody is
//! signed in, that a session was ended, and that something may not be used again.

use std::{
    io,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use poort_identity::session::{Seal, SessionId};

use super::{
    forms::KeptForm,
    memory::Memory,
    pen::{Contents, Pen, Receipt},
    sessions::Sessions,
    state::{HandOver, Kept, State, Unkept, Waiting, Whose},
    written::{Kind, Moment, Written, sealed},
};
use crate::ending::Notices;

/// In the state directory.
const FILE: &str = "sessions.redb";

/// State that is kept on one disk.
#[derive(Debug)]
pub struct Disk {
    memory: Memory,
    pen: Pen,
    seal: ArcSwap<Seal>,
}

/// What was read at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Sessions that go on.
    pub sessions: usize,
    /// What could not be opened: its key is gone, or a gate of another version wrote it.
    pub unreadable: usize,
}

impl Disk {
    /// The state of a directory, sealed with this; `notices` hears of every session that is ended. A file that is broken is put aside: whoever
    /// was signed in signs in again.
    ///
    /// # Errors
    /// When the file cannot be written, or another gate has it.
    pub fn open(directory: &Path, seal: Arc<Seal>, notices: Arc<Notices>) -> io::Result<(Self, Read)> {
        let file = directory.join(FILE);
        let (pen, contents) = Pen::open(&file).or_else(|fault| put_aside(&file, fault))?;
        let disk = Self { memory: Memory::new(notices), pen, seal: ArcSwap::new(seal) };
        let read = disk.learn(contents, SystemTime::now());
        Ok((disk, read))
    }

    /// Seals with these keys from now on.
    pub fn seal_with(&self, seal: Arc<Seal>) {
        self.seal.store(seal);
    }

    /// What is kept, as it is in memory.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Whether the disk fails.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.pen.is_failing()
    }

    /// Forgets whatever is over.
    pub fn sweep(&self, now: SystemTime) {
        let sessions = self.memory.sessions.lock().sweep(now);
        let names = sessions.iter().map(|id| Kind::Session.name(&id.to_string()));
        let of = |kind: Kind, names: Vec<String>| names.into_iter().map(move |name| kind.name(&name));
        let names = names
            .chain(of(Kind::Waiting, self.memory.waiting.lock().sweep(now)))
            .chain(of(Kind::HandOver, self.memory.on_their_way.lock().sweep(now)))
            .chain(of(Kind::Name, self.memory.names.lock().sweep(now)))
            .chain(of(Kind::Pin, self.memory.pins.lock().sweep(now)))
            .chain(of(Kind::Form, self.memory.forms.lock().sweep(now)));
        for name in names {
            // What is not forgotten now is so when the file is read.
            let _ = self.pen.note(name, None);
        }
    }

    fn learn(&self, contents: Contents, now: SystemTime) -> Read {
        let (mut read, seal) = (Read::default(), self.seal.load());
        for (name, value) in contents {
            let kept = match Written::read(&seal, &name, &value) {
                Some(Written::Session(id, kept)) if now < kept.subject.expires => {
                    read.sessions += usize::from(!kept.ended);
                    self.memory.sessions.lock().keep(id, *kept)
                }
                Some(Written::Waiting(name, one)) if now < one.until => {
                    self.memory.waiting.lock().keep(&name, one.value, one.until).map(drop)
                }
                Some(Written::HandOver(name, one)) if now < one.until => {
                    self.memory.on_their_way.lock().keep(&name, one.value, one.until)
                }
                Some(Written::Name(name, one)) if now < one.until => {
                    self.memory.names.lock().keep(&name, (), one.until)
                }
                Some(Written::Pin(name, one)) if now < one.until => {
                    self.memory.pins.lock().keep(&name, one.value, one.until)
                }
                Some(Written::Form(name, form)) if now < form.until => {
                    self.memory.forms.lock().keep(&name, *form, now).map(drop)
                }
                Some(_) => Err(Unkept::Full),
                None => {
                    read.unreadable += 1;
                    Err(Unkept::Full)
                }
            };
            if kept.is_err() {
                let _ = self.pen.note(name, None);
            }
        }
        read
    }

    fn sealed(&self, name: &[u8], value: &impl serde::Serialize) -> Result<Vec<u8>, Unkept> {
        sealed(&self.seal.load(), name, value)
    }

    async fn write(&self, kind: Kind, name: &str, value: &impl serde::Serialize) -> Result<(), Unkept> {
        let name = kind.name(name);
        let value = self.sealed(&name, value)?;
        self.pen.write(name, Some(value))?.on_disk().await
    }

    async fn forget(&self, kind: Kind, name: &str) -> Result<(), Unkept> {
        self.pen.write(kind.name(name), None)?.on_disk().await
    }

    /// Writes down how a session is now. INVARIANT: as long as sessions are locked, so that what is written last is how it became last: one
    /// that was ended is not open again after a restart.
    fn write_session(&self, sessions: &Sessions, id: SessionId) -> Result<Receipt, Unkept> {
        let name = Kind::Session.name(&id.to_string());
        let value = sessions.find(id).map(|kept| self.sealed(&name, kept)).transpose()?;
        self.pen.write(name, value)
    }
}

/// A broken file is no reason to keep everybody out.
fn put_aside(file: &Path, fault: io::Error) -> io::Result<(Pen, Contents)> {
    if !is_broken(&fault) {
        return Err(fault);
    }
    let aside = file.with_extension("broken");
    std::fs::rename(file, &aside)?;
    tracing::error!(event = "state_broken", %fault, aside = %aside.display(), remedy = "everybody signs in again");
    Pen::open(file)
}

/// Whether the file is what is wrong. One that another gate has is not broken, nor is one whose disk is full or fails: the next start finds it as
/// it was, with everybody who is signed in.
fn is_broken(fault: &io::Error) -> bool {
    use redb::{DatabaseError as D, StorageError as S};
    let Some(fault) = fault.get_ref() else { return false };
    match (fault.downcast_ref::<D>(), fault.downcast_ref::<redb::Error>()) {
        (Some(D::Storage(S::Io(fault))), _) => {
            matches!(fault.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
        }
        (Some(D::Storage(S::Corrupted(_)) | D::RepairAborted | D::UpgradeRequired(_)), _) => true,
        // It opened, and could not be read.
        (None, Some(redb::Error::Corrupted(_))) => true,
        _ => false,
    }
}

impl State for Disk {
    async fn wait_for(&self, state: &str, waiting: Waiting, until: SystemTime) -> Result<(), Unkept> {
        let gone = self.memory.waiting.lock().keep(state, waiting.clone(), until)?;
        for state in gone {
            // What is not forgotten now is so when the file is read.
            let _ = self.pen.note(Kind::Waiting.name(&state), None);
        }
        self.write(Kind::Waiting, state, &Moment { until, value: waiting }).await
    }

    async fn arrived(&self, state: &str, now: SystemTime) -> Result<Option<Waiting>, Unkept> {
        let Some(waiting) = self.memory.arrived(state, now).await? else { return Ok(None) };
        self.forget(Kind::Waiting, state).await.map(|()| Some(waiting))
    }

    async fn hand_over(&self, code: &str, hand_over: HandOver, until: SystemTime) -> Result<(), Unkept> {
        self.memory.hand_over(code, hand_over.clone(), until).await?;
        self.write(Kind::HandOver, code, &Moment { until, value: hand_over }).await
    }

    async fn take_over(&self, code: &str, now: SystemTime) -> Result<Option<HandOver>, Unkept> {
        let Some(hand_over) = self.memory.take_over(code, now).await? else { return Ok(None) };
        self.forget(Kind::HandOver, code).await.map(|()| Some(hand_over))
    }

    async fn is_known(&self, name: &str, now: SystemTime) -> Result<bool, Unkept> {
        self.memory.is_known(name, now).await
    }

    async fn is_first(&self, name: &str, until: SystemTime, now: SystemTime) -> Result<bool, Unkept> {
        if !self.memory.is_first(name, until, now).await? {
            return Ok(false);
        }
        let written = self.write(Kind::Name, name, &Moment { until, value: () }).await;
        if written.is_err() {
            // Whoever is told that it failed may come again.
            self.memory.names.lock().take(name, now);
        }
        written.map(|()| true)
    }

    async fn first(
        &self,
        name: &str,
        value: &str,
        until: SystemTime,
        now: SystemTime,
    ) -> Result<String, Unkept> {
        let first = self.memory.first(name, value, until, now).await?;
        if first == value {
            // Whoever is told of it finds it after a restart, though an earlier try to write it may have failed.
            self.write(Kind::Pin, name, &Moment { until, value }).await?;
        }
        Ok(first)
    }

    async fn keep(&self, id: SessionId, kept: Kept) -> Result<(), Unkept> {
        let receipt = {
            let mut sessions = self.memory.sessions.lock();
            sessions.keep(id, kept)?;
            self.write_session(&sessions, id)
        };
        let written = on_disk(receipt).await;
        if written.is_err() {
            // Nobody was told of it.
            let mut sessions = self.memory.sessions.lock();
            sessions.forget(id);
            let _ = self.write_session(&sessions, id);
        }
        written
    }

    async fn find(&self, id: SessionId) -> Result<Option<Kept>, Unkept> {
        self.memory.find(id).await
    }

    async fn used(&self, id: SessionId, now: SystemTime) {
        let mut sessions = self.memory.sessions.lock();
        if sessions.used(id, now) {
            // A minute more or less is lost if this is.
            let _ = self.write_session(&sessions, id);
        }
    }

    async fn change(&self, id: SessionId, change: impl Fn(&mut Kept) + Send + Sync) -> Result<bool, Unkept> {
        let receipt = {
            let mut sessions = self.memory.sessions.lock();
            if !sessions.change(id, change) {
                return Ok(false);
            }
            self.write_session(&sessions, id)
        };
        on_disk(receipt).await.map(|()| true)
    }

    async fn lease(&self, id: SessionId, now: SystemTime, length: Duration) -> Result<bool, Unkept> {
        self.memory.lease(id, now, length).await
    }

    async fn keep_form(&self, name: &str, form: KeptForm, now: SystemTime) -> Result<(), Unkept> {
        let gone = self.memory.forms.lock().keep(name, form.clone(), now)?;
        for name in gone {
            // What is not forgotten now is so when the file is read.
            let _ = self.pen.note(Kind::Form.name(&name), None);
        }
        self.write(Kind::Form, name, &form).await
    }

    async fn form(&self, name: &str, now: SystemTime) -> Result<Option<Arc<KeptForm>>, Unkept> {
        self.memory.form(name, now).await
    }

    async fn take_form(
        &self,
        name: &str,
        form: &KeptForm,
        now: SystemTime,
    ) -> Result<Option<Arc<KeptForm>>, Unkept> {
        let Some(form) = self.memory.take_form(name, form, now).await? else { return Ok(None) };
        self.forget(Kind::Form, name).await.map(|()| Some(form))
    }

    async fn end(&self, whose: Whose<'_>) -> Result<usize, Unkept> {
        let (ended, receipts): (Vec<_>, Vec<_>) = {
            let mut sessions = self.memory.sessions.lock();
            let ended = sessions.end(whose);
            let receipts = ended.iter().map(|id| self.write_session(&sessions, *id)).collect();
            (ended, receipts)
        };
        self.memory.tell(&ended);
        for receipt in receipts {
            on_disk(receipt).await?;
        }
        Ok(ended.len())
    }
}

async fn on_disk(receipt: Result<Receipt, Unkept>) -> Result<(), Unkept> {
    receipt?.on_disk().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_put_aside_for_its_own_faults_alone() {
        use redb::{DatabaseError as D, StorageError as S};
        let io = |kind: io::ErrorKind| io::Error::other(D::Storage(S::Io(kind.into())));
        for (what, fault, broken) in [
            ("it is damaged", io::Error::other(D::Storage(S::Corrupted("x".to_owned()))), true),
            ("damage is met when it is read", io::Error::other(redb::Error::Corrupted("x".to_owned())), true),
            ("it is cut short", io(io::ErrorKind::UnexpectedEof), true),
            ("its disk is full", io(io::ErrorKind::StorageFull), false),
            ("its disk cannot be written", io(io::ErrorKind::ReadOnlyFilesystem), false),
            ("another gate has it", io::Error::other(D::DatabaseAlreadyOpen), false),
            ("it may not be opened", io::ErrorKind::PermissionDenied.into(), false),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join(FILE);
            std::fs::write(&file, b"sessions").unwrap();
            assert_eq!(put_aside(&file, fault).is_ok(), broken, "{what}");
            let kept = if broken { file.with_extension("broken") } else { file };
            assert_eq!(std::fs::read(kept).unwrap(), b"sessions", "{what}");
        }
    }
}
