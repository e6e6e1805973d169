//! What the gate runs on now: the current snapshot, and how it is replaced.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use poort_identity::Trust;
use tokio::sync::watch;

use crate::{
    audit::Audit,
    carry_over::CarryOver,
    config::{self, Checked, Fault, Faults, Warning},
    last_good,
    listen::{Admission, LiveTls, LiveTrust},
    listeners,
    request_ids::RequestIds,
    snapshot::{self, Built, Snapshot},
};

/// The running gate's configuration and everything that its parts share.
pub struct Live {
    snapshot: ArcSwap<Snapshot>,
    generation: AtomicU64,
    changed: watch::Sender<u64>,
    file: PathBuf,
    state: PathBuf,
    files: Mutex<Vec<PathBuf>>,
    expiries: Mutex<Vec<(&'static str, String, SystemTime)>>,
    reloading: Mutex<()>,
    listeners: HashMap<SocketAddr, Arc<LiveTls>>,
    /// Limits on connections.
    pub admission: Arc<Admission>,
    /// Which client certificates are believed.
    pub trust: Arc<LiveTrust>,
    /// What survives reloads.
    pub carry: Arc<CarryOver>,
    /// The decision log.
    pub audit: Arc<Audit>,
    /// Names for requests.
    pub ids: RequestIds,
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
}

impl Live {
    /// Builds the first generation.
    ///
    /// # Errors
    /// Every fault that only building finds.
    pub fn start(start: Start) -> Result<Self, Faults> {
        let Start { file, checked, carry, audit, origin } = start;
        let digest = snapshot::digest(&checked);
        let snapshot = Snapshot::build(Built::of(&checked, &digest), &carry, 1)?;
        let admission = Admission::new(listeners::budgets(&checked.deploy));
        let state = checked.deploy.state.clone();
        let files = Mutex::new(paths(&checked));
        let expiries = Mutex::new(expiries(&checked));
        let Checked { deploy, zone, .. } = checked;
        let trust = Trust::new(zone.devices.anchors, zone.devices.revocations, zone.devices.rule);
        let trust = Arc::new(LiveTrust::new(trust));
        let listeners = listeners::tls(&deploy, &trust)?;
        let live = Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            generation: AtomicU64::new(1),
            changed: watch::Sender::new(1),
            file,
            state,
            files,
            expiries,
            reloading: Mutex::new(()),
            listeners,
            admission,
            trust,
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

    /// Brings up to date what is measured only when somebody looks.
    pub fn observe(&self) {
        let (metrics, now) = (&self.carry.metrics, SystemTime::now());
        for issuer in self.snapshot().pipeline.ports.keys.iter() {
            let age = issuer.age().map_or(-1, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
            metrics.keys_age.with_label_values(&[issuer.alias()]).set(age);
        }
        for list in self.trust.load().trust.revocations().ages(now) {
            let labels = [&*list.issuer];
            metrics.crl_remaining.with_label_values(&labels).set(until(list.next_update, now));
            metrics.crl_half_life.with_label_values(&labels).set(i64::from(list.half_life_passed));
        }
        for (role, name, ends) in self.expiries.lock().iter() {
            metrics.certificate_remaining.with_label_values(&[role, name.as_str()]).set(until(*ends, now));
        }
        self.observe_inspection(now);
        let audit = self.audit.health();
        metrics.audit_failures.set(i64::try_from(audit.failures + audit.lost).unwrap_or(i64::MAX));
        metrics.audit_queue.set(i64::try_from(audit.queued_bytes).unwrap_or(i64::MAX));
        metrics.audit_entries.set(i64::try_from(audit.log_entries).unwrap_or(i64::MAX));
        let unchecked = audit.log_entries.saturating_sub(audit.checked_entries);
        metrics.audit_unchecked.set(i64::try_from(unchecked).unwrap_or(i64::MAX));
        metrics.open.set(i64::try_from(self.admission.open()).unwrap_or(i64::MAX));
    }

    fn observe_inspection(&self, now: SystemTime) {
        let metrics = &self.carry.metrics;
        metrics.waf_held.set(i64::try_from(self.carry.bodies.held()).unwrap_or(i64::MAX));
        // What a reload took away is not to be watched any more.
        metrics.waf_detecting.reset();
        metrics.waf_exclusions.reset();
        for source in self.snapshot().pipeline.rules.routes.sources() {
            let Some(inspector) = &source.inspector else { continue };
            if let Some(since) = inspector.since {
                metrics.waf_detecting.with_label_values(&[&*source.id]).set(until(now, since));
            }
            // Of several for one rule the next to end counts, and it is set last.
            let mut exclusions: Vec<_> = inspector.exclusions.iter().collect();
            exclusions.sort_by_key(|exclusion| std::cmp::Reverse(exclusion.ends));
            for exclusion in exclusions {
                let labels = [&*source.id, &*exclusion.rule];
                metrics.waf_exclusions.with_label_values(&labels).set(until(exclusion.ends, now));
            }
        }
    }

    /// Reads the files again: built aside, swapped whole. On any fault everything stays as it is.
    ///
    /// # Errors
    /// Every fault of every file.
    pub fn reload(&self) -> Result<Reloaded, Faults> {
        let _one_at_a_time = self.reloading.lock();
        let result = config::load(&self.file).and_then(|checked| self.replace(checked));
        let metrics = &self.carry.metrics;
        metrics.reloads.with_label_values(&[if result.is_ok() { "success" } else { "failure" }]).inc();
        metrics.reload_ok.set(i64::from(result.is_ok()));
        match &result {
            Ok(reloaded) => tracing::info!(event = "reloaded", reloaded.generation, reloaded.digest),
            Err(faults) => tracing::error!(event = "reload_refused", %faults),
        }
        result
    }

    fn replace(&self, checked: Checked) -> Result<Reloaded, Faults> {
        let certificates = listeners::certificates(&checked.deploy)?;
        let digest = snapshot::digest(&checked);
        // Everything that can fail comes before the first thing that is replaced.
        let generation = self.generation.load(Ordering::Acquire) + 1;
        let snapshot = Snapshot::build(Built::of(&checked, &digest), &self.carry, generation)?;
        let mut warnings = self.listener_warnings(&checked);
        warnings.extend(checked.warnings.iter().chain(&snapshot.warnings).map(ToString::to_string));
        let kept = last_good::keep(&self.state, &self.file, &checked);
        warnings.extend(
            kept.err().map(|fault| format!("the last good configuration could not be kept: {fault}")),
        );
        self.admission.replace(listeners::budgets(&checked.deploy));
        *self.files.lock() = paths(&checked);
        *self.expiries.lock() = expiries(&checked);
        let devices = checked.zone.devices;
        self.trust.replace(Trust::new(devices.anchors, devices.revocations, devices.rule));
        for (address, certificates) in certificates {
            if let Some(tls) = self.listeners.get(&address) {
                tls.replace(certificates).map_err(|fault| one_fault(fault.to_string()))?;
            }
        }
        self.generation.store(generation, Ordering::Release);
        self.snapshot.store(Arc::new(snapshot));
        self.announce("files");
        Ok(Reloaded { generation, digest: digest.to_string(), warnings })
    }

    /// Closes or opens one source at once, without reading any file.
    ///
    /// # Errors
    /// When the source is unknown, the closure cannot be kept, or the files are broken on opening.
    pub fn close(&self, source: &str, close: bool) -> Result<Reloaded, String> {
        if !self.snapshot().upstreams.contains_key(source) {
            let known: Vec<_> = self.snapshot().upstreams.keys().map(ToString::to_string).collect();
            return Err(format!("no source `{source}`; there are {}", known.join(", ")));
        }
        let kept = self.carry.closures.set(source, close);
        let snapshot = self.snapshot();
        let now = snapshot.pipeline.rules.routes.sources().iter().find(|known| &*known.id == source).cloned();
        if let Some(source) = now {
            source.closed.store(self.carry.closures.contains(&source.id), Ordering::Release);
        }
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

    /// What a reload cannot change.
    fn listener_warnings(&self, checked: &Checked) -> Vec<String> {
        let wanted: Vec<_> = checked.deploy.listeners.iter().map(|listener| listener.address).collect();
        let missing = wanted.iter().filter(|address| !self.listeners.contains_key(address));
        let missing =
            missing.map(|address| format!("listener `{address}` is new; it needs a restart or an upgrade"));
        let gone = self.listeners.keys().filter(|address| !wanted.contains(address));
        let gone = gone
            .map(|address| format!("listener `{address}` is gone; it stays until a restart or an upgrade"));
        missing.chain(gone).collect()
    }

    fn announce(&self, origin: &str) {
        let snapshot = self.snapshot();
        let metrics = &self.carry.metrics;
        metrics.configuration.reset();
        metrics.configuration.with_label_values(&[&*snapshot.digest, origin]).set(1);
        metrics.loaded_at.set(snapshot::seconds(SystemTime::now()));
        self.changed.send_replace(snapshot.generation);
    }
}

fn paths(checked: &Checked) -> Vec<PathBuf> {
    checked.files.iter().map(|file| file.path.clone()).collect()
}

/// When the gate's own certificates end, by what they are for.
fn expiries(checked: &Checked) -> Vec<(&'static str, String, SystemTime)> {
    let listeners = checked.deploy.listeners.iter().flat_map(|listener| &listener.certificates);
    let servers = listeners.map(|identity| {
        let name = identity.names.first().cloned().unwrap_or_default();
        ("server", name, identity.not_after)
    });
    let sources = checked.sources.iter().filter_map(|source| {
        let identity = source.upstream.tls.as_ref()?.identity.as_ref()?;
        Some(("upstream_client", source.id.clone(), identity.not_after))
    });
    servers.chain(sources).collect()
}

/// Seconds until a time; negative after it.
fn until(time: SystemTime, now: SystemTime) -> i64 {
    snapshot::seconds(time).saturating_sub(snapshot::seconds(now))
}

/// One fault without a place.
pub(crate) fn one_fault(message: String) -> Faults {
    Faults::new(vec![Fault { place: poort_policy::Place::default(), message }])
}

/// Warnings as text, one a line.
#[must_use]
pub fn lines(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(ToString::to_string).collect()
}
