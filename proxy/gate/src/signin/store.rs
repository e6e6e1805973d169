//! Where the state is kept, as the operators have it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use poort_identity::session::{Seal, SessionId};

use super::{
    disk::Disk,
    forms::KeptForm,
    memory::{Count, Memory},
    shared::Shared,
    state::{HandOver, Kept, State, Unkept, Waiting, Whose},
};

use crate::ending::{Ending, Whom};

/// One of the places where the state can be.
#[derive(Debug)]
pub enum Store {
    /// In this process: for a gate at which nobody signs in, and for tests.
    Memory(Memory),
    /// On this machine's disk.
    Disk(Disk),
    /// At a server that several gates share.
    Shared(Shared),
}

/// The same for each of them.
macro_rules! each {
    ($store:expr, $kept:ident => $done:expr) => {
        match $store {
            Store::Memory($kept) => $done,
            Store::Disk($kept) => $done,
            Store::Shared($kept) => $done,
        }
    };
}

impl Store {
    /// How much is kept now.
    #[must_use]
    pub fn count(&self, now: SystemTime) -> Count {
        match self {
            Self::Memory(memory) => memory.count(now),
            Self::Disk(disk) => disk.memory().count(now),
            Self::Shared(shared) => Count { open: shared.open_sessions(), ..Count::default() },
        }
    }

    /// Seals what is kept with these keys from now on.
    pub fn seal_with(&self, seal: &Arc<Seal>) {
        match self {
            Self::Memory(_) => {}
            Self::Disk(disk) => disk.seal_with(Arc::clone(seal)),
            Self::Shared(shared) => shared.seal_with(Arc::clone(seal)),
        }
    }

    /// Forgets whatever is over.
    pub fn sweep(&self, now: SystemTime) {
        match self {
            Self::Memory(memory) => memory.sweep(now),
            Self::Disk(disk) => disk.sweep(now),
            // The server forgets by itself.
            Self::Shared(_) => {}
        }
    }

    /// What keeps it from being kept, if anything does.
    #[must_use]
    pub fn hindrance(&self) -> Option<&'static str> {
        match self {
            Self::Memory(_) => None,
            Self::Disk(disk) => disk.is_failing().then_some("sessions cannot be written to disk"),
            Self::Shared(shared) => {
                shared.is_failing().then_some("the Redis server that keeps sessions does not answer")
            }
        }
    }

    /// Hears what other gates say, for as long as this one runs.
    pub async fn listen(&self) {
        if let Self::Shared(shared) = self {
            shared.listen().await;
        }
    }

    /// Tells other gates that somebody's access was ended.
    ///
    /// # Errors
    /// [`Unkept::Unreachable`]: they hear of it later.
    pub async fn share_ending(&self, ending: &Ending) -> Result<(), Unkept> {
        match self {
            Self::Memory(_) | Self::Disk(_) => Ok(()),
            Self::Shared(shared) => shared.share_ending(ending).await,
        }
    }

    /// Tells other gates that it was given back.
    ///
    /// # Errors
    /// [`Unkept::Unreachable`]: it is not.
    pub async fn share_restored(&self, whom: &Whom, now: SystemTime) -> Result<(), Unkept> {
        match self {
            Self::Memory(_) | Self::Disk(_) => Ok(()),
            Self::Shared(shared) => shared.share_restored(whom, now).await,
        }
    }
}

impl State for Store {
    async fn wait_for(&self, state: &str, waiting: Waiting, until: SystemTime) -> Result<(), Unkept> {
        each!(self, kept => kept.wait_for(state, waiting, until).await)
    }

    async fn arrived(&self, state: &str, now: SystemTime) -> Result<Option<Waiting>, Unkept> {
        each!(self, kept => kept.arrived(state, now).await)
    }

    async fn hand_over(&self, code: &str, hand_over: HandOver, until: SystemTime) -> Result<(), Unkept> {
        each!(self, kept => kept.hand_over(code, hand_over, until).await)
    }

    async fn take_over(&self, code: &str, now: SystemTime) -> Result<Option<HandOver>, Unkept> {
        each!(self, kept => kept.take_over(code, now).await)
    }

    async fn is_known(&self, name: &str, now: SystemTime) -> Result<bool, Unkept> {
        each!(self, kept => kept.is_known(name, now).await)
    }

    async fn is_first(&self, name: &str, until: SystemTime, now: SystemTime) -> Result<bool, Unkept> {
        each!(self, kept => kept.is_first(name, until, now).await)
    }

    async fn first(
        &self,
        name: &str,
        value: &str,
        until: SystemTime,
        now: SystemTime,
    ) -> Result<String, Unkept> {
        each!(self, kept => kept.first(name, value, until, now).await)
    }

    async fn keep(&self, id: SessionId, session: Kept) -> Result<(), Unkept> {
        each!(self, kept => kept.keep(id, session).await)
    }

    async fn find(&self, id: SessionId) -> Result<Option<Kept>, Unkept> {
        each!(self, kept => kept.find(id).await)
    }

    async fn used(&self, id: SessionId, now: SystemTime) {
        each!(self, kept => kept.used(id, now).await);
    }

    async fn change(&self, id: SessionId, change: impl Fn(&mut Kept) + Send + Sync) -> Result<bool, Unkept> {
        each!(self, kept => kept.change(id, change).await)
    }

    async fn lease(&self, id: SessionId, now: SystemTime, length: Duration) -> Result<bool, Unkept> {
        each!(self, kept => kept.lease(id, now, length).await)
    }

    async fn keep_form(&self, name: &str, form: KeptForm, now: SystemTime) -> Result<(), Unkept> {
        each!(self, kept => kept.keep_form(name, form, now).await)
    }

    async fn form(&self, name: &str, now: SystemTime) -> Result<Option<Arc<KeptForm>>, Unkept> {
        each!(self, kept => kept.form(name, now).await)
    }

    async fn take_form(
        &self,
        name: &str,
        form: &KeptForm,
        now: SystemTime,
    ) -> Result<Option<Arc<KeptForm>>, Unkept> {
        each!(self, kept => kept.take_form(name, form, now).await)
    }

    async fn end(&self, whose: Whose<'_>) -> Result<usize, Unkept> {
        each!(self, kept => kept.end(whose).await)
    }
}
