//! What a gate does besides serving: keys and addresses kept fresh, signals, the clock, the control socket, draining at the end.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use parking_lot::Mutex;
use pingora::{server::ShutdownWatch, services::background::BackgroundService};
use tokio::{signal::unix::Signal, task::JoinSet, time::sleep};

use crate::{control, live::Live, service_manager, snapshot::Snapshot};

/// How often upstream names are resolved again.
const RESOLVE: Duration = Duration::from_secs(30);
/// How often watched files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How often it is looked whether policies on trial are due to go back.
const TRIAL: Duration = Duration::from_millis(250);
/// How often findings are written down.
const REPORT: Duration = Duration::from_secs(60);
/// How often what is over is forgotten.
const SWEEP: Duration = Duration::from_secs(60);
/// A clock that moves by more than this against the monotonic one has jumped: tokens and certificates are judged by it.
const JUMP: Duration = Duration::from_secs(2);
/// For how long nothing may be in flight before a stopping gate believes that it is done.
const QUIET: Duration = Duration::from_millis(200);
/// How long streams may take to end, where requests in flight have taken all the time there was.
const STREAMS_END: Duration = Duration::from_millis(500);

/// The background work of one gate.
pub struct Housekeeping {
    live: Arc<Live>,
    drain: Duration,
    watch: bool,
    hangups: Mutex<Option<Signal>>,
}

impl Housekeeping {
    /// For this gate; `watch` reloads when a file changes, and each of the `hangups` reloads too.
    #[must_use]
    pub fn new(live: Arc<Live>, drain: Duration, watch: bool, hangups: Signal) -> Self {
        Self { live, drain, watch, hangups: Mutex::new(Some(hangups)) }
    }
}

#[async_trait]
impl BackgroundService for Housekeeping {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_fresh(Arc::clone(&self.live)));
        if let Some(hangups) = self.hangups.lock().take() {
            tasks.spawn(obey_hangups(Arc::clone(&self.live), hangups));
        }
        tasks.spawn(watch_clock(Arc::clone(&self.live)));
        tasks.spawn(report_findings(Arc::clone(&self.live)));
        tasks.spawn(sweep_sessions(Arc::clone(&self.live)));
        let live = Arc::clone(&self.live);
        tasks.spawn(async move { live.carry.sessions.listen().await });
        tasks.spawn(watch_trial(Arc::clone(&self.live)));
        if self.watch {
            tasks.spawn(watch_files(Arc::clone(&self.live)));
        }
        match control::listen(self.live.state()) {
            Ok(listener) => {
                tasks.spawn(control::serve(listener, Arc::clone(&self.live)));
            }
            Err(fault) => tracing::error!(event = "no_control_socket", %fault, remedy = "reload by SIGHUP"),
        }
        service_manager::tell(service_manager::READY);
        // The sender is gone only when the process is going too.
        let _ = shutdown.changed().await;
        service_manager::tell(service_manager::STOPPING);
        tasks.abort_all();
        self.drain().await;
    }
}

impl Housekeeping {
    /// Waits for what is in flight, then ends the process: the server library would wait out the whole period.
    async fn drain(&self) {
        tracing::info!(event = "draining", in_flight = self.live.carry.in_flight.current());
        let deadline = Instant::now() + self.drain;
        self.quiet(deadline, || self.in_flight_but_streams()).await;
        // A stream ends by nothing else, and a gate that waits for one lets nobody in meanwhile.
        self.live.end_streams();
        self.quiet(deadline.max(Instant::now() + STREAMS_END), || self.live.carry.in_flight.current()).await;
        let left = self.live.carry.in_flight.current();
        let live = Arc::clone(&self.live);
        // Closing waits for the disk.
        let closed = tokio::task::spawn_blocking(move || live.audit.close()).await;
        tracing::info!(event = "stopped", left, recorded = closed.is_ok());
        std::process::exit(i32::from(left > 0));
    }

    /// Waits until nothing that counts has been in flight for a while, but not for longer than until then.
    async fn quiet(&self, deadline: Instant, in_flight: impl Fn() -> u32 + Send) {
        let mut quiet_since = None;
        while Instant::now() < deadline {
            let since = *quiet_since.get_or_insert_with(Instant::now);
            if in_flight() > 0 {
                quiet_since = None;
            } else if since.elapsed() >= QUIET {
                return;
            }
            sleep(QUIET / 10).await;
        }
    }

    fn in_flight_but_streams(&self) -> u32 {
        let streams = u32::try_from(self.live.carry.metrics.streams.get()).unwrap_or_default();
        self.live.carry.in_flight.current().saturating_sub(streams)
    }
}

/// What a SOC looks into, once a minute.
async fn report_findings(live: Arc<Live>) {
    loop {
        sleep(REPORT).await;
        live.audit.report_findings();
    }
}

/// Sessions, sign-ins and names that are over.
async fn sweep_sessions(live: Arc<Live>) {
    loop {
        sleep(SWEEP).await;
        let live = Arc::clone(&live);
        let _ = tokio::task::spawn_blocking(move || live.carry.sessions.sweep(SystemTime::now())).await;
    }
}

/// Policies that nobody confirms go back.
async fn watch_trial(live: Arc<Live>) {
    loop {
        sleep(TRIAL).await;
        if live.is_waiting() {
            let live = Arc::clone(&live);
            let _ = tokio::task::spawn_blocking(move || live.revert_if_due()).await;
        }
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

async fn obey_hangups(live: Arc<Live>, mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        let live = Arc::clone(&live);
        // Its result is logged and counted where it is made.
        let _ = tokio::task::spawn_blocking(move || live.reload().is_ok()).await;
    }
}

async fn watch_clock(live: Arc<Live>) {
    let mut before = Clocks::now();
    loop {
        sleep(Duration::from_secs(1)).await;
        let now = Clocks::now();
        if let Some((moved, back)) = before.jump(now) {
            live.carry.metrics.clock_jumps.inc();
            tracing::error!(event = "clock_jumped", by = ?moved, back);
        }
        before = now;
    }
}

/// The time of day, and a clock that never jumps, at one moment.
#[derive(Clone, Copy)]
struct Clocks {
    wall: SystemTime,
    steady: Instant,
}

impl Clocks {
    fn now() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }

    /// By how much the time of day has jumped until `later`, if it has, and whether back.
    fn jump(self, later: Self) -> Option<(Duration, bool)> {
        let expected = self.wall + later.steady.saturating_duration_since(self.steady);
        let (moved, back) = match later.wall.duration_since(expected) {
            Ok(forward) => (forward, false),
            Err(back) => (back.duration(), true),
        };
        (moved > JUMP).then_some((moved, back))
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
        // A file that changed while it was read counts as not yet read.
        before = stamps(&live.files());
        for (path, stamp) in &mut before {
            *stamp = now.get(path).copied().unwrap_or(*stamp);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_told_from_time_that_passes() {
        let before = Clocks::now();
        let after = |wall: i64, steady: u64| {
            let elapsed = Duration::from_millis(wall.unsigned_abs());
            let wall = if wall < 0 { before.wall - elapsed } else { before.wall + elapsed };
            before.jump(Clocks { wall, steady: before.steady + Duration::from_millis(steady) })
        };
        let ms = Duration::from_millis;
        for (what, wall, steady, jump) in [
            ("time passes", 1_000, 1_000, None),
            ("the machine was busy", 60_000, 60_000, None),
            ("a clock is corrected a little", 3_000, 1_000, None),
            ("a jump ahead", 3_001, 1_000, Some((ms(2_001), false))),
            ("a jump back", 0, 2_001, Some((ms(2_001), true))),
            ("a jump back by an hour", -3_599_000, 1_000, Some((ms(3_600_000), true))),
        ] {
            assert_eq!(after(wall, steady), jump, "{what}");
        }
    }
}
