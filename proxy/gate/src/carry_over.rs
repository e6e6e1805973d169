//! What must survive a reload: counters, health, keys, gauges, sessions, the emergency closures, and whose access was ended.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context as _;
use parking_lot::Mutex;
use poort_enforce::{gauge::Gauge, inspect::Room};
use poort_identity::session::Seal;

use crate::{
    audit::Reviews,
    config::checked::{
        Deploy,
        zone::{Discovery as Settings, Issuer, IssuerKeys as Origin},
    },
    discovery::Discovery,
    ending::{Endings, Notices},
    forward::Health,
    inspect::Compiled,
    keys::{FetchFault, IssuerKeys},
    limits::Tables,
    metrics::Metrics,
    shifts::Shifts,
    signin::{Disk, Memory, Shared, Store},
};

/// State that outlives the snapshots built from files.
#[derive(Debug)]
pub struct CarryOver {
    /// Buckets of the rate limits.
    pub tables: Arc<Tables>,
    /// What people came to in their shifts.
    pub shifts: Arc<Shifts>,
    /// Requests in flight through the gate.
    pub in_flight: Arc<Gauge>,
    /// Bytes of bodies held by inspection.
    pub bodies: Arc<Room>,
    /// Rules of inspection that are in use.
    pub compiled: Compiled,
    /// Which upstream addresses refused lately.
    pub health: Arc<Health>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Sessions, and sign-ins that are under way.
    pub sessions: Arc<Store>,
    /// Whose access is ended.
    pub endings: Arc<Endings>,
    /// What was ended lately.
    pub notices: Arc<Notices>,
    /// Broken glasses that nobody has looked into yet.
    pub reviews: Arc<Reviews>,
    /// Sources closed in an emergency.
    pub closures: Closures,
    closed: Mutex<HashMap<String, Arc<AtomicBool>>>,
    gauges: Mutex<HashMap<String, Arc<Gauge>>>,
    keys: Mutex<HashMap<String, Arc<IssuerKeys>>>,
    discoveries: Mutex<HashMap<String, Arc<Discovery>>>,
    /// Where what issuers say of themselves is kept over restarts; none: nowhere.
    directory: Option<PathBuf>,
}

impl CarryOver {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, persisted: Persisted, keys: usize) -> Self {
        let Persisted { closures, endings, notices, sessions, directory } = persisted;
        Self {
            tables: Arc::new(Tables::new(keys)),
            shifts: Arc::default(),
            in_flight: Gauge::new(0),
            bodies: Room::new(0),
            compiled: Compiled::default(),
            health: Arc::default(),
            metrics,
            sessions: Arc::new(sessions),
            endings,
            notices,
            reviews: Arc::default(),
            closures,
            closed: Mutex::default(),
            gauges: Mutex::default(),
            keys: Mutex::default(),
            discoveries: Mutex::default(),
            directory,
        }
    }

    /// The gauge of a source; those in flight from before a reload stay counted. A new one has room once its snapshot is in force.
    pub fn gauge(&self, source: &str) -> Arc<Gauge> {
        Arc::clone(self.gauges.lock().entry(source.to_owned()).or_insert_with(|| Gauge::new(0)))
    }

    /// Whether a source is closed, as [`CarryOver::closures`] has it now.
    ///
    /// SECURITY: one flag for all snapshots. A closure holds in one that is being built, and in one that is gone back to.
    pub fn closed(&self, source: &str) -> Arc<AtomicBool> {
        let mut flags = self.closed.lock();
        let flag = flags.entry(source.to_owned()).or_default();
        flag.store(self.closures.contains(source), Ordering::Release);
        Arc::clone(flag)
    }

    /// The keys of an issuer: the same as before where they come from the same place.
    ///
    /// # Errors
    /// As [`IssuerKeys::new`].
    pub fn issuer_keys(&self, issuer: &Issuer) -> Result<Arc<IssuerKeys>, FetchFault> {
        let alias = &issuer.rules.alias;
        let discovery =
            issuer.discovery.as_ref().map(|settings| self.discovery(issuer, settings)).transpose()?;
        let place = match &issuer.keys {
            Origin::File { .. } => return IssuerKeys::new(alias, &issuer.keys, discovery).map(Arc::new),
            Origin::Url { url, ca } => {
                format!("{alias} {url} {ca:?} {:?}", discovery.as_ref().map(Arc::as_ptr))
            }
            Origin::Discovered => format!("{alias} {:?}", discovery.as_ref().map(Arc::as_ptr)),
        };
        let mut kept = self.keys.lock();
        if let Some(keys) = kept.get(&place) {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(IssuerKeys::new(alias, &issuer.keys, discovery)?);
        kept.insert(place, Arc::clone(&keys));
        Ok(keys)
    }

    /// What an issuer says of itself: the same as before where the same is asked.
    fn discovery(&self, issuer: &Issuer, settings: &Settings) -> Result<Arc<Discovery>, FetchFault> {
        let rules = &issuer.rules;
        let place = format!("{} {} {settings:?}", rules.alias, rules.issuer);
        let mut known = self.discoveries.lock();
        if let Some(discovery) = known.get(&place) {
            return Ok(Arc::clone(discovery));
        }
        let discovery = Discovery::new(issuer, settings, self.directory.as_deref())
            .map_err(|cause| FetchFault::Client { alias: rules.alias.clone(), cause })?;
        let discovery = Arc::new(discovery);
        known.insert(place, Arc::clone(&discovery));
        Ok(discovery)
    }
}

/// What is kept on disk over restarts, opened.
#[derive(Debug)]
pub struct Persisted {
    closures: Closures,
    endings: Arc<Endings>,
    notices: Arc<Notices>,
    sessions: Store,
    directory: Option<PathBuf>,
}

impl Persisted {
    /// What lies where the operators keep it. `seal` seals it; without one nothing is kept that has to be sealed.
    ///
    /// # Errors
    /// When something of it cannot be read, or another gate has it: starting without could let somebody in.
    pub fn open(deploy: &Deploy, seal: Option<&Arc<Seal>>) -> anyhow::Result<Self> {
        let (state, notices) = (&deploy.state, Arc::<Notices>::default());
        let closures = Closures::open(state).context("the list of closed sources cannot be read")?;
        let endings = Endings::open(state).context(
            "whose access was ended cannot be read; restore or remove `ended-access` in the state directory",
        )?;
        let endings = Arc::new(endings);
        let sessions = match (seal, &deploy.redis) {
            (Some(seal), Some(redis)) => {
                let (seal, notices, endings) = (Arc::clone(seal), Arc::clone(&notices), Arc::clone(&endings));
                Store::Shared(Shared::new(redis, seal, notices, endings).map_err(anyhow::Error::msg)?)
            }
            (Some(seal), None) => {
                let (disk, read) = Disk::open(state, Arc::clone(seal), Arc::clone(&notices))
                    .with_context(|| format!("sessions cannot be kept in `{}`", state.display()))?;
                tracing::info!(
                    event = "sessions_read",
                    sessions = read.sessions,
                    unreadable = read.unreadable
                );
                Store::Disk(disk)
            }
            (None, _) => Store::Memory(Memory::new(Arc::clone(&notices))),
        };
        Ok(Self { closures, endings, notices, sessions, directory: Some(state.clone()) })
    }

    /// Nothing, which is kept nowhere: for `poort check`.
    #[must_use]
    pub fn none() -> Self {
        let notices = Arc::<Notices>::default();
        let sessions = Store::Memory(Memory::new(Arc::clone(&notices)));
        let closures = Closures::none();
        Self { closures, endings: Arc::default(), notices, sessions, directory: None }
    }

    /// Sources that are closed.
    pub(crate) const fn closures(&self) -> &Closures {
        &self.closures
    }
}

/// Sources closed in an emergency, kept on disk: a restart must not open one again.
#[derive(Debug)]
pub struct Closures {
    file: Option<PathBuf>,
    closed: Mutex<BTreeSet<String>>,
}

impl Closures {
    /// Closures of a state directory.
    ///
    /// # Errors
    /// When the file is there and cannot be read: starting without it could open what was closed.
    pub fn open(state: &Path) -> std::io::Result<Self> {
        let file = state.join("closed-sources");
        let closed = match std::fs::read_to_string(&file) {
            Ok(text) => text.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect(),
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => BTreeSet::new(),
            Err(fault) => return Err(fault),
        };
        Ok(Self { file: Some(file), closed: Mutex::new(closed) })
    }

    /// Closures that are kept nowhere, for `poort check`.
    #[must_use]
    pub fn none() -> Self {
        Self { file: None, closed: Mutex::default() }
    }

    /// Whether a source is closed.
    #[must_use]
    pub fn contains(&self, source: &str) -> bool {
        self.closed.lock().contains(source)
    }

    /// Every closed source.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        self.closed.lock().iter().cloned().collect()
    }

    /// Closes or opens a source, on disk first.
    ///
    /// # Errors
    /// When it cannot be written; then it is closed all the same until the gate stops, but never opened.
    pub fn set(&self, source: &str, close: bool) -> std::io::Result<()> {
        let mut closed = self.closed.lock();
        let mut wanted = closed.clone();
        if close {
            wanted.insert(source.to_owned());
            closed.insert(source.to_owned());
        } else {
            wanted.remove(source);
        }
        if let Some(file) = &self.file {
            write_whole(file, wanted.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes())?;
        }
        *closed = wanted;
        Ok(())
    }
}

/// Writes a file whole or not at all: beside it, synced, then renamed. Readable by its owner alone.
///
/// # Errors
/// As the system says.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let beside = path.with_extension("new");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    match path.parent() {
        Some(directory) => std::fs::File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closures_survive_a_restart() {
        let state = tempfile::tempdir().unwrap();
        let closures = Closures::open(state.path()).unwrap();
        closures.set("firearms", true).unwrap();
        closures.set("persons", true).unwrap();
        closures.set("persons", false).unwrap();
        let again = Closures::open(state.path()).unwrap();
        assert_eq!(again.all(), ["firearms"]);
        assert!(again.contains("firearms") && !again.contains("persons"));
    }

    #[test]
    fn a_closure_that_cannot_be_written_closes_all_the_same() {
        let state = tempfile::tempdir().unwrap();
        let closures = Closures::open(&state.path().join("gone")).unwrap();
        assert!(closures.set("firearms", true).is_err());
        assert!(closures.contains("firearms"));
        assert!(closures.set("firearms", false).is_err());
        assert!(closures.contains("firearms"), "what cannot be written is not opened");
    }
}
