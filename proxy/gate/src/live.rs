//! What the gate runs on now: the current snapshot, and how it is replaced.

mod apply;
mod start_only;

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use parking_lot::{Mutex, MutexGuard};
use poort_identity::Trust;
use tokio::sync::watch;

pub(crate) use apply::CONFIRM_WITHIN;
use apply::Waiting;
pub use apply::{Apply, Author, Replayed};
use start_only::StartOnly;

use crate::{
    audit::{Audit, tlog::LOG_DIRECTORY},
    carry_over::CarryOver,
    config::{Checked, Fault, Faults, Warning, checked::FileRead},
    editions::Ledger,
    last_good,
    listen::{Admission, Certificates, LiveTls, LiveTrust},
    listeners,
    metrics::End,
    request_ids::RequestIds,
    signin::Store,
    snapshot::{self, Built, Snapshot},
};

/// The running gate's configuration and everything that its parts share.
pub struct Live {
    snapshot: ArcSwap<Snapshot>,
    generation: AtomicU64,
    changed: watch::Sender<u64>,
    /// Whether streams are to end, since the gate does.
    streams_end: AtomicBool,
    file: PathBuf,
    state: PathBuf,
    files: Mutex<Vec<PathBuf>>,
    ends: Mutex<Vec<End>>,
    checkpoint: Option<PathBuf>,
    /// What no reload changes, as it was at the start.
    started_with: StartOnly,
    reloading: Mutex<()>,
    /// Which editions of the policies there were.
    ledger: Mutex<Ledger>,
    /// What is in force and waits to be confirmed.
    waiting: Mutex<Option<Waiting>>,
    listeners: HashMap<SocketAddr, Arc<LiveTls>>,
    /// Limits on connections.
    pub admission: Arc<Admission>,
    /// Which client certificates are believed.
    pub trust: Arc<LiveTrust>,
    /// Which certificates of people who look are believed; none without a console.
    pub visitors: Option<Arc<LiveTrust>>,
    /// What survives reloads.
    pub carry: Arc<CarryOver>,
    /// The decision log.
    pub audit: Arc<Audit>,
    /// Names for requests.
    pub ids: RequestIds,
}

/// A configuration that is about to be in force.
struct Prepared {
    checked: Checked,
    certificates: HashMap<SocketAddr, Arc<Certificates>>,
    snapshot: Snapshot,
    warnings: Vec<String>,
    /// Whether something of it is not in force before a restart.
    needs_restart: bool,
}

/// What a reload did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reloaded {
    /// The generation now in force.
    pub generation: u64,
    /// Its digest.
    pub digest: String,
    /// What should be looked at.
    pub warnings: Vec<String>,
}

/// What a gate is started with.
pub struct Start {
    /// `deploy/poort.yaml`.
    pub file: PathBuf,
    /// A checked configuration, the snapshot's and the listeners' own.
    pub checked: Checked,
    /// What survives reloads.
    pub carry: Arc<CarryOver>,
    /// The decision log.
    pub audit: Arc<Audit>,
    /// Where the configuration came from, for the metrics.
    pub origin: &'static str,
    /// Which editions of the policies there were.
    pub ledger: Ledger,
}

impl Live {
    /// Builds the first generation.
    ///
    /// # Errors
    /// Every fault that only building finds.
    pub fn start(start: Start) -> Result<Self, Faults> {
        let Start { file, checked, carry, audit, origin, ledger } = start;
        let digest = snapshot::digest(&checked);
        let snapshot = Snapshot::build(Built::of(&checked, &digest), &carry, 1)?;
        snapshot.bind();
        let admission = Admission::new(listeners::budgets(&checked.deploy));
        let state = checked.deploy.state.clone();
        let files = Mutex::new(paths(&checked));
        let ends = Mutex::new(End::all(&checked));
        let started_with = StartOnly::of(&checked);
        let audit_log = checked.deploy.audit.log.as_ref();
        let checkpoint =
            audit_log.map(|_| checked.deploy.audit.directory.join(LOG_DIRECTORY).join("checkpoint"));
        let Checked { mut deploy, zone, .. } = checked;
        let trust = Trust::new(zone.devices.anchors, zone.devices.revocations, zone.devices.rule);
        let trust = Arc::new(LiveTrust::new(trust));
        audit.expect(zone.unusual);
        let visitors = deploy.visitors.take().map(|trust| Arc::new(LiveTrust::new(trust)));
        let listeners = listeners::tls(&deploy, &trust, visitors.as_ref())?;
        let live = Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            generation: AtomicU64::new(1),
            changed: watch::Sender::new(1),
            streams_end: AtomicBool::new(false),
            file,
            state,
            files,
            ends,
            checkpoint,
            started_with,
            reloading: Mutex::new(()),
            ledger: Mutex::new(ledger),
            waiting: Mutex::default(),
            listeners,
            admission,
            trust,
            visitors,
            carry,
            audit,
            ids: RequestIds::new(),
        };
        live.announce(origin);
        Ok(live)
    }

    /// The snapshot in force.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Says when the snapshot was replaced.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Has every stream ended that is open or begins: the gate stops, and none would end by itself.
    pub fn end_streams(&self) {
        self.streams_end.store(true, Ordering::Release);
        self.changed.send_replace(self.generation.load(Ordering::Acquire));
    }

    /// Whether streams are to end.
    pub(crate) fn ends_streams(&self) -> bool {
        self.streams_end.load(Ordering::Acquire)
    }

    /// The TLS of a listener.
    #[must_use]
    pub fn tls(&self, address: SocketAddr) -> Option<Arc<LiveTls>> {
        self.listeners.get(&address).cloned()
    }

    /// Where the gate keeps what survives a restart.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The files that the snapshot in force was built from.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.files.lock().clone()
    }

    /// When the certificates that the snapshot in force was built from end.
    pub(crate) fn ends(&self) -> MutexGuard<'_, Vec<End>> {
        self.ends.lock()
    }

    /// Since when the newest checkpoint is there, if the record is kept in a log.
    pub(crate) fn checkpoint_age(&self, now: SystemTime) -> Option<Duration> {
        let made = std::fs::metadata(self.checkpoint.as_ref()?).and_then(|file| file.modified());
        Some(now.duration_since(made.ok()?).unwrap_or_default())
    }

    /// Reads the files again: built aside, swapped whole. On any fault everything stays as it is.
    ///
    /// # Errors
    /// Every fault of every file.
    pub fn reload(&self) -> Result<Reloaded, Faults> {
        let _one_at_a_time = self.reloading.lock();
        let result = self.load_again();
        let metrics = &self.carry.metrics;
        metrics.reloaded(result.is_ok(), snapshot::seconds(SystemTime::now()));
        match &result {
            Ok(reloaded) => tracing::info!(event = "reloaded", reloaded.generation, reloaded.digest),
            Err(faults) => tracing::error!(event = "reload_refused", %faults),
        }
        result
    }

    /// Everything that can fail of a configuration, before the first thing is replaced.
    fn prepare(&self, checked: Checked) -> Result<Prepared, Faults> {
        let certificates = listeners::certificates(&checked.deploy)?;
        let digest = snapshot::digest(&checked);
        // Each has a number of its own, also where two are built for one reload: what is remembered of one is not believed of the other.
        let generation = self.generation.fetch_add(1, Ordering::AcqRel) + 1;
        let snapshot = Snapshot::build(Built::of(&checked, &digest), &self.carry, generation)?;
        let mut warnings = self.restart_warnings(&checked);
        if checked.seal().is_some() && matches!(*self.carry.sessions, Store::Memory(_)) {
            let what = if checked.zone.sign_in.is_some() {
                "`sign_in` is new; sessions are"
            } else {
                "`state: keys:` are new; pins are"
            };
            warnings.push(format!("{what} kept in memory alone until a restart"));
        }
        let needs_restart = !warnings.is_empty();
        warnings.extend(self.closed_no_more(&checked));
        warnings.extend(checked.warnings.iter().chain(&snapshot.warnings).map(ToString::to_string));
        Ok(Prepared { checked, certificates, snapshot, warnings, needs_restart })
    }

    /// A configuration that is in force and needs no confirming is what the gate starts from when the files are broken.
    fn keep(&self, files: &[FileRead], warnings: &mut Vec<String>) {
        let kept = last_good::keep(&self.state, &self.file, files);
        warnings.extend(
            kept.err().map(|fault| format!("the last good configuration could not be kept: {fault}")),
        );
    }

    fn install(&self, prepared: Prepared) -> Result<Reloaded, Faults> {
        let Prepared { checked, certificates, snapshot, mut warnings, needs_restart } = prepared;
        let (generation, digest) = (snapshot.generation, Arc::clone(&snapshot.digest));
        self.admission.replace(listeners::budgets(&checked.deploy));
        *self.files.lock() = paths(&checked);
        *self.ends.lock() = End::all(&checked);
        if let Some(seal) = checked.seal() {
            self.carry.sessions.seal_with(seal);
        }
        self.audit.expect(checked.zone.unusual);
        let devices = checked.zone.devices;
        let trust = Trust::new(devices.anchors, devices.revocations, devices.rule);
        warnings.extend(believe(&self.trust, trust));
        if let (Some(visitors), Some(trust)) = (&self.visitors, checked.deploy.visitors) {
            warnings.extend(believe(visitors, trust));
        }
        for (address, certificates) in certificates {
            if let Some(tls) = self.listeners.get(&address) {
                tls.replace(certificates).map_err(|fault| one_fault(fault.to_string()))?;
            }
        }
        snapshot.bind();
        self.snapshot.store(Arc::new(snapshot));
        self.carry.metrics.restart_needed(needs_restart);
        self.announce("files");
        Ok(Reloaded { generation, digest: digest.to_string(), warnings })
    }

    /// Closes or opens one source at once, without reading any file.
    ///
    /// # Errors
    /// When the source is unknown, the closure cannot be kept, or the files are broken on opening.
    pub fn close(&self, source: &str, close: bool) -> Result<Reloaded, String> {
        // The closure of a source that is gone can be taken back all the same.
        let is_left = !close && self.carry.closures.contains(source);
        if !is_left && !self.snapshot().upstreams.contains_key(source) {
            let mut known: Vec<_> = self.snapshot().upstreams.keys().map(ToString::to_string).collect();
            known.sort_unstable();
            return Err(format!("no source `{source}`; there are {}", known.join(", ")));
        }
        let kept = self.carry.closures.set(source, close);
        self.carry.closed(source);
        let snapshot = self.snapshot();
        self.changed.send_replace(snapshot.generation);
        tracing::warn!(event = "source_closure", source, close, kept = kept.is_ok());
        match kept {
            Ok(()) => Ok(Reloaded {
                generation: snapshot.generation,
                digest: snapshot.digest.to_string(),
                warnings: Vec::new(),
            }),
            Err(fault) if close => Err(format!(
                "`{source}` is closed until the gate stops, but that could not be kept on disk: {fault}"
            )),
            Err(fault) => {
                Err(format!("`{source}` stays closed: its opening could not be kept on disk: {fault}"))
            }
        }
    }

    /// Closures of sources that these files do not have: under another name, such a source is open.
    fn closed_no_more(&self, checked: &Checked) -> Vec<String> {
        let is_there = |closed: &String| checked.sources.iter().any(|source| source.id == *closed);
        let gone = self.carry.closures.all().into_iter().filter(|closed| !is_there(closed));
        let told = |closed| {
            format!(
                "`{closed}` is closed, and no source is called that any more; where it has another name, it is open: `poort reload --deny` that one, and `poort reload --allow {closed}`"
            )
        };
        gone.map(told).collect()
    }

    /// What a reload cannot change.
    fn restart_warnings(&self, checked: &Checked) -> Vec<String> {
        let wanted: Vec<_> = checked.deploy.tls_listeners().map(|listener| listener.address).collect();
        let missing = wanted.iter().filter(|address| !self.listeners.contains_key(address));
        let missing = missing.map(|address| format!("listener `{address}` is new; it needs a restart"));
        let gone = self.listeners.keys().filter(|address| !wanted.contains(address));
        let gone = gone.map(|address| format!("listener `{address}` is gone; it stays until a restart"));
        missing.chain(gone).chain(self.started_with.differences(&StartOnly::of(checked))).collect()
    }

    fn announce(&self, origin: &str) {
        let snapshot = self.snapshot();
        self.carry.metrics.in_force(&snapshot.digest, origin, snapshot::seconds(SystemTime::now()));
        self.changed.send_replace(snapshot.generation);
    }
}

fn paths(checked: &Checked) -> Vec<PathBuf> {
    checked.files.iter().map(|file| file.path.clone()).collect()
}

/// One fault without a place.
pub(crate) fn one_fault(message: String) -> Faults {
    Faults::new(vec![Fault { place: poort_policy::Place::default(), message }])
}

/// Puts a trust in force; what should be looked at.
fn believe(live: &LiveTrust, trust: Trust) -> Vec<String> {
    let (trust, older) = trust.after(&live.load().trust);
    live.replace(trust);
    let told = |issuer: &String| {
        format!(
            "the revocation list of `{issuer}` is older than the one in force, which stays, since it may lack what was revoked in between; fetch the \
             newest, or restart if the authority's clock was ahead"
        )
    };
    older.iter().map(told).collect()
}

/// Warnings as text, one a line.
#[must_use]
pub fn lines(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(ToString::to_string).collect()
}
