//! The state of several gates, at a Redis server: who signs in at one goes on at the others, and whose access is ended at one is out at all.
//!
//! - `server` is how it is reached; `news` is what gates tell each other; `listen` hears it;
//! - `arrivals` are those who are at an issuer; `forms` are those that wait for their writers; `endings` is whose access was ended, at any of them.
//!
//! Sessions lie there sealed, and a gate remembers what it has read of one for [`FRESH`] at most. Whatever changes one is told to all gates at
//! once, so that none goes by what is old; while a gate hears nothing, it remembers nothing either, and asks. Where the server does not answer,
//! nobody signs in, and sessions cannot be looked up: both are refused, with reasons of their own.

mod arrivals;
mod endings;
mod forms;
mod listen;
mod news;
mod port;
mod server;

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use poort_identity::session::{Seal, SessionId};
use redis::{Cmd, Script, cmd};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    state::{Kept, Unkept, Whose},
    written::{Kind, open, sealed},
};
use crate::{
    config::checked::deploy::Redis,
    ending::{Endings, Notices},
};
use news::News;
use server::{Server, hidden_key, key};

/// For how long a gate goes by what it has read of a session.
pub const FRESH: Duration = Duration::from_secs(5);
/// After how long a gate that has heard nothing remembers nothing.
const HEARING: Duration = Duration::from_secs(2);
/// Most sessions that are remembered.
const REMEMBERED: usize = 50_000;
/// How often a change is tried that others get in the way of.
const TRIES: usize = 32;

/// Puts a value in the place of another, unless that was changed meanwhile.
const REPLACE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then \
    redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3]) return 1 end return 0";

/// State that several gates share.
pub struct Shared {
    server: Server,
    seal: ArcSwap<Seal>,
    /// Names this gate among those that share.
    gate: String,
    copies: quick_cache::sync::Cache<SessionId, Arc<Copy>>,
    /// How much news there was: what was read before the last of it may be old.
    generation: Mutex<u64>,
    began: Instant,
    /// When something was heard last, in milliseconds since it began.
    heard: AtomicU64,
    used: Mutex<HashSet<SessionId>>,
    open: AtomicUsize,
    replace: Script,
    notices: Arc<Notices>,
    endings: Arc<Endings>,
}

/// What was read of a session.
struct Copy {
    kept: Kept,
    read: Instant,
}

impl Shared {
    /// At this server. `notices` hears of every session that is ended, and `endings` of everybody whose access is, at any gate.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(
        settings: &Redis,
        seal: Arc<Seal>,
        notices: Arc<Notices>,
        endings: Arc<Endings>,
    ) -> Result<Self, String> {
        Ok(Self {
            server: Server::new(settings).map_err(|fault| fault.to_string())?,
            seal: ArcSwap::new(seal),
            gate: SessionId::random().map_err(|fault| fault.to_string())?.to_string(),
            copies: quick_cache::sync::Cache::new(REMEMBERED),
            generation: Mutex::default(),
            began: Instant::now(),
            heard: AtomicU64::new(0),
            used: Mutex::default(),
            open: AtomicUsize::new(0),
            replace: Script::new(REPLACE),
            notices,
            endings,
        })
    }

    /// Seals with these keys from now on.
    pub fn seal_with(&self, seal: Arc<Seal>) {
        self.seal.store(seal);
    }

    /// Whether the server does not answer, or tells nothing.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.server.is_failing() || !self.hears()
    }

    /// How many sessions are open at all gates, as counted a moment ago.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn hears(&self) -> bool {
        let heard = Duration::from_millis(self.heard.load(Ordering::Acquire));
        // Nothing has been heard yet at 0.
        !heard.is_zero() && self.began.elapsed().saturating_sub(heard) < HEARING
    }

    fn generation(&self) -> u64 {
        *self.generation.lock()
    }

    /// This is how a session is now; what others read before is old.
    fn remember(&self, id: SessionId, kept: Kept) {
        let mut generation = self.generation.lock();
        *generation += 1;
        self.copies.insert(id, Arc::new(Copy { kept, read: Instant::now() }));
    }

    /// What is remembered of a session is old.
    fn forget(&self, id: SessionId) {
        let mut generation = self.generation.lock();
        *generation += 1;
        self.copies.remove(&id);
    }

    /// This is how a session was at a generation, unless there was news meanwhile.
    fn remember_of(&self, generation: u64, id: SessionId, kept: &Kept) {
        let now = self.generation.lock();
        if *now == generation {
            self.copies.insert(id, Arc::new(Copy { kept: kept.clone(), read: Instant::now() }));
        }
    }

    /// As it lies there, and what it says.
    async fn fetch(&self, id: SessionId) -> Result<Option<(Vec<u8>, Kept)>, Unkept> {
        let mut get = cmd("GET");
        get.arg(session_key(id));
        let sealed: Option<Vec<u8>> = self.server.ask(&get).await?;
        // What cannot be opened is nobody's: its key is gone, or a gate of another version wrote it.
        Ok(sealed.and_then(|sealed| {
            let kept = open(&self.seal.load(), &session_name(id), &sealed)?;
            Some((sealed, kept))
        }))
    }

    fn sealed(&self, name: &[u8], value: &impl Serialize) -> Result<Vec<u8>, Unkept> {
        sealed(&self.seal.load(), name, value)
    }

    /// Changes a session that is open, unless `change` leaves it as it is; what it is now.
    async fn alter(
        &self,
        id: SessionId,
        change: impl Fn(&mut Kept) -> bool + Send + Sync,
    ) -> Result<Option<Kept>, Unkept> {
        for _ in 0..TRIES {
            let Some((before, mut kept)) = self.fetch(id).await?.filter(|(_, kept)| !kept.ended) else {
                return Ok(None);
            };
            if !change(&mut kept) {
                return Ok(None);
            }
            let after = self.sealed(&session_name(id), &kept)?;
            let mut replace = self.replace.prepare_invoke();
            replace.key(session_key(id)).arg(before).arg(after).arg(millis(kept.subject.expires));
            if self.server.run::<bool>(&replace).await? {
                self.remember(id, kept.clone());
                return Ok(Some(kept));
            }
        }
        Err(Unkept::Unreachable)
    }

    async fn tell(&self, news: &News) -> Result<(), Unkept> {
        self.server.ask::<String>(&news::tell(&self.gate, news)).await.map(drop)
    }

    /// Keeps something for a while, under a name that may be a secret.
    async fn put(
        &self,
        kind: Kind,
        name: &str,
        value: &impl Serialize,
        until: SystemTime,
    ) -> Result<(), Unkept> {
        let value = self.sealed(&kind.name(name), value)?;
        let mut set = cmd("SET");
        set.arg(hidden_key(kind.as_str(), name)).arg(value).arg("PXAT").arg(millis(until));
        self.server.ask::<()>(&set).await
    }

    /// Takes it, once.
    async fn take<T: DeserializeOwned>(&self, kind: Kind, name: &str) -> Result<Option<T>, Unkept> {
        let mut take = cmd("GETDEL");
        take.arg(hidden_key(kind.as_str(), name));
        let sealed: Option<Vec<u8>> = self.server.ask(&take).await?;
        Ok(sealed.and_then(|sealed| open(&self.seal.load(), &kind.name(name), &sealed)))
    }

    /// The sessions that may be meant, open or not.
    async fn meant(&self, whose: Whose<'_>) -> Result<Vec<SessionId>, Unkept> {
        let index = match whose {
            Whose::Session(id) => return Ok(vec![id]),
            Whose::User(user) | Whose::UserOnDevice { user, .. } => key("user", user),
            Whose::Device(device) | Whose::OthersOnDevice { device, .. } => key("device", device),
            Whose::SignIn { issuer, sid, .. } => key("sign-in", &format!("{issuer}|{sid}")),
        };
        let mut members = cmd("SMEMBERS");
        members.arg(index);
        let ids: Vec<String> = self.server.ask(&members).await?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }
}

fn session_key(id: SessionId) -> String {
    key("session", &id.to_string())
}

fn session_name(id: SessionId) -> Vec<u8> {
    Kind::Session.name(&id.to_string())
}

/// Where a session is found by what it is ended by.
fn indices(kept: &Kept) -> impl Iterator<Item = String> {
    let sign_in = kept.sid.as_ref().map(|sid| key("sign-in", &format!("{}|{sid}", kept.subject.issuer)));
    [key("user", &kept.subject.id), key("device", &kept.device)].into_iter().chain(sign_in)
}

/// Scores of the open sessions: when they end.
fn open_key() -> String {
    key("sessions", "open")
}

/// As Redis has times.
fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn command(name: &str, arguments: &[&str]) -> Cmd {
    let mut command = cmd(name);
    for argument in arguments {
        command.arg(*argument);
    }
    command
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("server", &self.server).finish_non_exhaustive()
    }
}
