//! What the record costs: CPU of a request, records a second, how long a request waits for the disk, and proving all of it afterwards.
//!
//! The log that proves the record is kept, with an anchor in another directory, as in operation. `POORT_BENCH_RECORDS` says how many records
//! are written and proved (a million without it, some 5 GB while it runs); `TMPDIR` says where, and a file system in memory is no disk.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench stops at the first thing that is not as it should be"
)]

mod floor;
mod records;
mod window;

use std::{
    env,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser as _;
use mimalloc::MiMalloc;
use poort::{
    audit::{
        Audit, AuditSettings, Digests, Record,
        tlog::{Keys, LOG_DIRECTORY, LogSettings, Signer},
    },
    cli::Cli,
    world::WallClock,
};
use poort_benches::{
    figures::{Figure, report},
    timing::{process_time, quantile, thread_time},
};
use poort_enforce::record::Decision;

use window::Window;

/// As the shipped program has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const RECORDS: usize = 1_000_000;
/// Requests one after another.
const WAITS: u64 = 3_000;
/// Requests that are made at once, before any of them is written.
const PIECE: usize = 256;
/// Proving ten million records may take half a minute, and so many bytes.
const PROVING_A_RECORD: f64 = 30.0 / 10e6;
const PROVING_MEGABYTES: f64 = 200.0;
/// What the child says of its memory begins with this.
const PEAK: &str = "peak: ";

fn main() -> ExitCode {
    // As its own child, this program is `poort`.
    if env::args().nth(1).as_deref() == Some("audit") {
        let code = Cli::parse().obey();
        eprintln!("{PEAK}{}", peak());
        return code;
    }
    let records = env::var("POORT_BENCH_RECORDS").map_or(RECORDS, |text| text.parse().expect("a number"));
    let directory = tempfile::tempdir().unwrap();
    let ground = Ground::new(directory.path());
    one_at_a_time(&ground);
    let batch = as_fast_as_they_come(&ground, records);
    floor(&ground, records, batch);
    proving(&ground, records);
    ExitCode::SUCCESS
}

/// The most memory this process has held at once, in kB. What `wait` says of a child counts what its parent held when it began.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let held = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    held.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

struct Ground<'a> {
    directory: &'a Path,
    keys: Arc<Keys>,
}

impl<'a> Ground<'a> {
    fn new(directory: &'a Path) -> Self {
        let (secret, public) = Signer::generate("gate.example/audit").unwrap();
        fs::write(directory.join("key"), public.to_string()).unwrap();
        Self { directory, keys: Arc::new(Keys::parse(&secret).unwrap()) }
    }

    fn anchor(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}-anchor"))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.directory.join(name).join(LOG_DIRECTORY)
    }

    /// A record of that name, which is durable, and proved by a log with an anchor.
    fn open(&self, name: &str) -> Audit {
        fs::create_dir_all(self.anchor(name)).unwrap();
        let log = LogSettings {
            directory: self.log(name),
            keys: Arc::clone(&self.keys),
            anchor: Some(self.anchor(name)),
        };
        let settings = AuditSettings::new(self.directory.join(name), true);
        Audit::open(AuditSettings { log: Some(log), ..settings }, WallClock).unwrap().0
    }
}

/// Requests one after another, each waiting for its sync, beside the bare write and sync of as many bytes.
fn one_at_a_time(ground: &Ground<'_>) {
    let audit = ground.open("waits");
    let digests = Arc::<Digests>::default();
    let template = records::decision(0);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut file = File::options().append(true).create(true).open(ground.directory.join("bare")).unwrap();
    let (mut bare, mut waits) = (vec![], vec![]);
    for number in 0..WAITS {
        let start = Instant::now();
        file.write_all(&[b'x'; 2500]).unwrap();
        file.sync_data().unwrap();
        bare.push(start.elapsed().as_secs_f64() * 1e6);
        let start = Instant::now();
        let ticket = audit.append(decision(&template, number, &digests)).unwrap();
        runtime.block_on(ticket.durable()).unwrap();
        waits.push(start.elapsed().as_secs_f64() * 1e6);
        audit.append(records::outcome(number)).unwrap();
    }
    for (share, name) in [(0.5, "p50"), (0.99, "p99")] {
        let sync = quantile(&mut bare, share);
        report(&Figure::plain(&format!("audit/a bare write and fdatasync, {name}"), sync, "µs")).unwrap();
        let wait = quantile(&mut waits, share);
        report(&Figure::with_goal(&format!("audit/a request's wait, {name}"), wait, "µs", sync + 300.0))
            .unwrap();
    }
}

/// Requests as fast as the record takes them: a decision and an outcome each, from one thread beside the one that writes. So many records
/// were written at once, on average.
fn as_fast_as_they_come(ground: &Ground<'_>, records: usize) -> usize {
    let audit = ground.open("fast");
    let digests =
        Arc::new(Digests { policies: "ab".repeat(32), candidate: None, configuration: "cd".repeat(32) });
    let template = records::decision(0);
    let requests = records as u64 / 2;
    let (mut window, mut appends, mut making) = (Window::default(), vec![], Duration::ZERO);
    let (start, before) = (Instant::now(), process_time(std::process::id()).unwrap());
    for first in (0..requests).step_by(PIECE) {
        // Making them is the pipeline's work, and has a figure there.
        let own = thread_time();
        let piece: Vec<_> = (first..requests.min(first + PIECE as u64))
            .map(|number| (decision(&template, number, &digests), records::outcome(number)))
            .collect();
        making += thread_time() - own;
        for (decision, outcome) in piece {
            window.make_room();
            let begun = Instant::now();
            window.add(audit.append(decision).unwrap());
            audit.append(outcome).unwrap();
            appends.push(begun.elapsed().as_secs_f64() * 1e6);
        }
    }
    audit.close();
    let took = start.elapsed().as_secs_f64();
    let cost = process_time(std::process::id()).unwrap() - before - making;
    let each = cost.as_secs_f64() * 1e6 / requests as f64;
    report(&Figure::with_goal("audit/CPU of a request, both records", each, "µs", 5.0)).unwrap();
    report(&Figure::at_least("audit/records written", records as f64 / took, "/s", 50_000.0)).unwrap();
    let slowest = quantile(&mut appends, 0.999);
    report(&Figure::plain("audit/what a request's thread waits meanwhile, p99.9", slowest, "µs")).unwrap();
    records / audit.health().batches.max(1) as usize
}

/// What of that the bytes alone cost, whoever writes them.
fn floor(ground: &Ground<'_>, records: usize, batch: usize) {
    let first = fs::read_dir(ground.directory.join("waits")).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        (path.extension()? == "jsonl").then(|| fs::read_to_string(path).unwrap())
    });
    let text = first.last().unwrap();
    let mut lengths = text.split_inclusive('\n').map(str::len);
    let bytes = [lengths.next().unwrap(), lengths.next().unwrap()];
    let cost = floor::cost(&ground.directory.join("floor"), bytes, batch.max(1), records / 2);
    let name = format!("audit/CPU of writing and hashing {} bytes alone", bytes[0] + bytes[1]);
    report(&Figure::plain(&name, cost, "µs")).unwrap();
}

fn decision(template: &Decision, number: u64, digests: &Arc<Digests>) -> Record {
    Record::Decision(Box::new(records::copy(template, number)), Arc::clone(digests))
}

/// `poort audit verify`, as somebody who does not trust the gate runs it.
fn proving(ground: &Ground<'_>, records: usize) {
    let start = Instant::now();
    let output = Command::new(env::current_exe().unwrap())
        .args(["audit", "verify", "--log"])
        .arg(ground.log("fast"))
        .arg("--key")
        .arg(ground.directory.join("key"))
        .arg("--anchor")
        .arg(ground.anchor("fast"))
        .output()
        .unwrap();
    let took = start.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(&format!("{records} entries, whole and unchanged")), "{said}");
    let name = format!("audit/proving {records} records");
    report(&Figure::with_goal(&name, took, "s", PROVING_A_RECORD * records as f64)).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let kilobytes: u64 = errors.lines().find_map(|line| line.strip_prefix(PEAK)).unwrap().parse().unwrap();
    let name = format!("{name}, memory");
    report(&Figure::with_goal(&name, kilobytes as f64 / 1e3, "MB", PROVING_MEGABYTES)).unwrap();
}
