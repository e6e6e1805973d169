//! What a gate does besides serving: keys and addresses kept fresh, signals, the clock, the control socket, draining at the end.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use pingora::{server::ShutdownWatch, services::background::BackgroundService};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::sleep,
};

use crate::{control, live::Live, snapshot::Snapshot};

/// How often upstream names are resolved again.
const RESOLVE: Duration = Duration::from_secs(30);
/// How often watched files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// A clock that moves by more than this against the monotonic one has jumped: tokens and certificates are judged by it.
const JUMP: Duration = Duration::from_secs(2);
/// For how long nothing may be in flight before a stopping gate believes that it is done.
const QUIET: Duration = Duration::from_millis(200);

/// The background work of one gate.
pub struct Housekeeping {
    live: Arc<Live>,
    drain: Duration,
    watch: bool,
}

impl Housekeeping {
    /// For this gate; `watch` reloads when a file changes.
    #[must_use]
    pub fn new(live: Arc<Live>, drain: Duration, watch: bool) -> Self {
        Self { live, drain, watch }
    }
}

#[async_trait]
impl BackgroundService for Housekeeping {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_fresh(Arc::clone(&self.live)));
        tasks.spawn(obey_hangups(Arc::clone(&self.live)));
        tasks.spawn(watch_clock(Arc::clone(&self.live)));
        if self.watch {
            tasks.spawn(watch_files(Arc::clone(&self.live)));
        }
        match control::listen(self.live.state()) {
            Ok(listener) => {
                tasks.spawn(control::serve(listener, Arc::clone(&self.live)));
            }
            Err(fault) => tracing::error!(event = "no_control_socket", %fault, remedy = "reload by SIGHUP"),
        }
        // The sender is gone only when the process is going too.
        let _ = shutdown.changed().await;
        tasks.abort_all();
        self.drain().await;
    }
}

impl Housekeeping {
    /// Waits for what is in flight, then ends the process: the server library would wait out the whole period.
    async fn drain(&self) {
        let deadline = Instant::now() + self.drain;
        let mut quiet_since = None;
        tracing::info!(event = "draining", in_flight = self.live.carry.in_flight.current());
        while Instant::now() < deadline {
            let busy = self.live.carry.in_flight.current() > 0;
            let since = *quiet_since.get_or_insert_with(Instant::now);
            if busy {
                quiet_since = None;
            } else if since.elapsed() >= QUIET {
                break;
            }
            sleep(QUIET / 10).await;
        }
        let left = self.live.carry.in_flight.current();
        let live = Arc::clone(&self.live);
        // Closing waits for the disk.
        let closed = tokio::task::spawn_blocking(move || live.audit.close()).await;
        tracing::info!(event = "stopped", left, recorded = closed.is_ok());
        std::process::exit(i32::from(left > 0));
    }
}

/// Keys and addresses of the snapshot in force; of the next one when it comes.
async fn keep_fresh(live: Arc<Live>) {
    let mut changes = live.changes();
    loop {
        let snapshot = live.snapshot();
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let snapshot = Arc::clone(&snapshot);
            async move { snapshot.pipeline.ports.keys.keep_fresh().await }
        });
        for source in snapshot.upstreams.keys().cloned() {
            tasks.spawn(resolve(Arc::clone(&snapshot), source));
        }
        drop(snapshot);
        if changes.changed().await.is_err() {
            return;
        }
    }
}

async fn resolve(snapshot: Arc<Snapshot>, source: Arc<str>) {
    if let Some(upstream) = snapshot.upstreams.get(&source) {
        upstream.pool.resolve(RESOLVE).await;
    }
}

async fn obey_hangups(live: Arc<Live>) {
    let Ok(mut hangups) = signal(SignalKind::hangup()) else { return };
    while hangups.recv().await.is_some() {
        let live = Arc::clone(&live);
        // Its result is logged and counted where it is made.
        let _ = tokio::task::spawn_blocking(move || live.reload().is_ok()).await;
    }
}

async fn watch_clock(live: Arc<Live>) {
    let (mut wall, mut steady) = (SystemTime::now(), Instant::now());
    loop {
        sleep(Duration::from_secs(1)).await;
        let (wall_now, steady_now) = (SystemTime::now(), Instant::now());
        let elapsed = steady_now.saturating_duration_since(steady);
        let moved = wall_now.duration_since(wall + elapsed).unwrap_or_else(|back| back.duration());
        if moved > JUMP {
            live.carry.metrics.clock_jumps.inc();
            tracing::error!(event = "clock_jumped", by = ?moved, back = wall_now < wall + elapsed);
        }
        (wall, steady) = (wall_now, steady_now);
    }
}

type Stamp = Option<(SystemTime, u64)>;

async fn watch_files(live: Arc<Live>) {
    let mut before = stamps(&live.files());
    loop {
        sleep(LOOK).await;
        let now = stamps(&live.files());
        if now == before {
            continue;
        }
        // An editor or a deployment writes several files: wait until they hold still.
        sleep(LOOK).await;
        if stamps(&live.files()) != now {
            continue;
        }
        let reloading = Arc::clone(&live);
        let _ = tokio::task::spawn_blocking(move || reloading.reload().is_ok()).await;
        before = stamps(&live.files());
    }
}

/// When each file, and each directory of one, was last changed: a new file changes its directory.
fn stamps(files: &[PathBuf]) -> BTreeMap<PathBuf, Stamp> {
    let directories = files.iter().filter_map(|file| file.parent()).map(Path::to_path_buf);
    let stamp = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.iter().cloned().chain(directories).map(|path| (path.clone(), stamp(&path))).collect()
}
