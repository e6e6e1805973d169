//! Records, clocks and disks to test with.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parking_lot::{Condvar, Mutex};
use poort_enforce::{
    arrival::{Connection, DeviceState},
    data_subject::{Kind, Named, PseudonymKey},
    exchange::{RequestId, Step},
    inspect::{BodySeen, Finding, Matched, Mode, Report},
    pipeline::Check,
    ports::Clock,
    reason::Reason,
    record::{Decision, End, Outcome, Request, Verdict},
    stated::Glass,
};
use poort_identity::{
    device::{Certificate, NameKind},
    token::{Subject, SubjectKind},
};
use poort_policy::{
    Context, DeviceFacts, Operation, Principal, PrincipalKind, Question, RequestContext, SessionFacts,
    TimeFacts,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::audit::{
    Audit, AuditSettings, BrokenGlass, Digests, Record, Recovered,
    disk::{Blocks, Disk, DiskFile, LocalDisk},
    settings::AuditFault,
};

/// 2026-03-01, 12:00 UTC.
pub(crate) const NOON: u64 = 1_772_366_400;
pub(crate) const FILE: &str = "audit-20260301.jsonl";

/// A clock that is set by hand; its ticks are real.
#[derive(Clone)]
pub(crate) struct HandClock(Arc<Mutex<SystemTime>>);

impl HandClock {
    pub(crate) fn at_noon() -> Self {
        Self(Arc::new(Mutex::new(at(0))))
    }

    pub(crate) fn set(&self, time: SystemTime) {
        *self.0.lock() = time;
    }
}

impl Clock for HandClock {
    fn now(&self) -> SystemTime {
        *self.0.lock()
    }

    fn ticks(&self) -> Instant {
        Instant::now()
    }
}

/// So many seconds after noon.
pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOON + seconds)
}

/// A directory, in memory where there is one: thousands of syncs.
pub(crate) fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Quick to retry, and never lingering.
pub(crate) fn settings(directory: &Path) -> AuditSettings {
    AuditSettings {
        linger: Duration::from_millis(1),
        retry: Duration::from_millis(1),
        reserve_bytes: 0,
        wal_bytes: 64 << 10,
        ..AuditSettings::new(directory.to_owned(), true)
    }
}

pub(crate) fn open(directory: &Path) -> Result<(Audit, Recovered), AuditFault> {
    Audit::open(settings(directory), HandClock::at_noon())
}

pub(crate) fn open_on(disk: &TrickyDisk, settings: AuditSettings) -> Audit {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Audit::open_on(&disk, settings, Arc::new(HandClock::at_noon())).unwrap().0
}

/// The lines of a file, each of them JSON.
pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "a torn end: {text:?}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `metadata.uid` of each line of the file of noon's day.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    lines(&directory.join(FILE))
        .iter()
        .map(|line| line["metadata"]["uid"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn decision_name(number: u8) -> String {
    format!("{}/decision", id(number))
}

pub(crate) fn outcome_name(number: u8) -> String {
    format!("{}/outcome", id(number))
}

/// Waits, with a limit, until something holds that another thread brings about.
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} did not come about");
        std::thread::yield_now();
    }
}

pub(crate) fn id(number: u8) -> RequestId {
    RequestId([number; 16])
}

pub(crate) fn record(number: u8) -> Record {
    Record::Decision(Box::new(decision(number)), digests())
}

pub(crate) fn digests() -> Arc<Digests> {
    Arc::new(Digests { policies: "ab".repeat(32), candidate: None, configuration: "cd".repeat(32) })
}

pub(crate) fn closing(number: u8) -> Record {
    Record::Outcome(outcome(number))
}

/// A glass that was broken for a source.
pub(crate) fn broken_glass(number: u8, source: &str) -> BrokenGlass {
    BrokenGlass {
        time: at(0),
        glass: Glass {
            id: id(number),
            source: source.into(),
            reason: "a child is missing".into(),
            case: "2026/4711".into(),
            until: at(900),
        },
        who: (&subject()).into(),
        device: certificate().name,
        session: "s-1".into(),
    }
}

pub(crate) fn outcome(number: u8) -> Outcome {
    Outcome {
        id: id(number),
        ended: at(1),
        source: Some("persons".into()),
        status: Some(200),
        attempts: 1,
        received_bytes: 0,
        sent_bytes: 1234,
        duration: Duration::from_micros(12_345),
        subjects: Named::default(),
        disagreements: vec![],
        body_sha256: None,
        inspection: None,
        end: End::Complete,
        failure: None,
    }
}

pub(crate) fn certificate() -> Certificate {
    Certificate {
        name: "spiffe://zone.example/device/car-12".into(),
        kind: NameKind::Spiffe,
        serial: "0a1b".into(),
        sha256: [0xab; 32],
        issuer: "CN=Devices,O=Zone".into(),
        not_before: at(0) - Duration::from_secs(86_400),
        not_after: at(86_400),
    }
}

pub(crate) fn connection(device: DeviceState) -> Connection {
    let address = [192, 0, 2, 9].into();
    Connection { id: 7, address, tls: "1.3", sni: Some("persons.example".into()), device }
}

/// What inspection finds in an attack: one rule, seventy times.
pub(crate) fn report() -> Report {
    let files: poort_waf::Files = [(
        "a.conf".to_owned(),
        br#"SecAction "id:7,phase:1,pass,msg:'Bad %{ARGS.q}',severity:CRITICAL""#.to_vec(),
    )]
    .into();
    let program =
        poort_waf::Program::compile(&files, &["a.conf"], &poort_waf::LoadLimits::default()).unwrap();
    let mut transaction =
        poort_waf::Transaction::new(Arc::new(program), poort_waf::TransactionLimits::default());
    let nowhere = ([0, 0, 0, 0].into(), 0);
    transaction.open(&poort_waf::Opening { id: "1", now: 0, client: nowhere, server: nowhere });
    transaction.phase1();
    let found =
        Matched { rule: transaction.matches()[0].rule.clone(), variable: "ARGS:q".into(), data: None };
    Report {
        mode: Mode::Block,
        level: 2,
        rules: "ef".repeat(32).into(),
        finding: Finding::Refused,
        score: 100,
        threshold: 5,
        body: BodySeen::Whole,
        matches: vec![found; 70],
        dropped: 3,
    }
}

pub(crate) fn subject() -> Subject {
    Subject {
        id: "zone|4711".into(),
        kind: SubjectKind::User,
        issuer: "zone".into(),
        roles: vec!["officer".into(), "supervisor".into()],
        units: vec!["team-a".into()],
        acr: Some("https://refeds.org/profile/mfa".into()),
        amr: vec!["hwk".into()],
        auth_time: Some(NOON - 600),
        issued: None,
        expires: at(300),
        token_id: Some("jti-1".into()),
        client: Some("tablet".into()),
        actor: None,
        display: Some("j.peeters".into()),
        dropped: vec!["federal-admin".into()],
        certificate: None,
        generation: 1,
    }
}

fn device() -> DeviceFacts {
    DeviceFacts {
        id: certificate().name,
        fleet: Some("cars".into()),
        unit: Some("team-a".into()),
        managed: true,
        compliant: true,
    }
}

fn question() -> Question {
    Question {
        principal: Principal {
            kind: PrincipalKind::User,
            id: "zone|4711".into(),
            issuer: Some("zone".into()),
            roles: subject().roles,
            units: subject().units,
        },
        device: Some(device()),
        actor: None,
        operation: Operation::Consult,
        source: "persons".into(),
        context: Context {
            request: RequestContext {
                method: "GET".into(),
                host: "persons.example".into(),
                path: "/persons/85.01".into(),
                address: [192, 0, 2, 9].into(),
                captures: [("national_number".to_owned(), "85.01".to_owned())].into(),
            },
            purpose: Some("traffic stop".into()),
            case: Some("2026-17".into()),
            break_glass: None,
            inspection: poort_policy::Inspection::default(),
            session: SessionFacts {
                acr: subject().acr,
                amr: subject().amr,
                auth_age: Some(600),
                strong: true,
            },
            shift: poort_policy::ShiftFacts::default(),
            time: TimeFacts::at(at(0), 3600),
        },
    }
}

/// The key of the data protection officer.
pub(crate) fn pseudonyms() -> PseudonymKey {
    PseudonymKey::new(&[7; 32])
}

/// An officer's allowed consultation, with everything in it.
pub(crate) fn decision(number: u8) -> Decision {
    let step = |check| Step { check, took: Duration::from_micros(3), passed: true };
    Decision {
        id: id(number),
        received: at(0),
        connection: connection(DeviceState::Accepted(Arc::new(certificate()))),
        request: Some(Request {
            method: http::Method::GET,
            host: "persons.example".into(),
            path: "/persons/85.01".into(),
            version: http::Version::HTTP_2,
        }),
        source: Some("persons".into()),
        device: Some(device()),
        subject: Some(Arc::new(subject())),
        subjects: [pseudonyms().pseudonym(Kind::NationalNumber, "85.01").unwrap()].into_iter().collect(),
        question: Some(question()),
        policy: Some(poort_policy::Decision {
            allow: true,
            determining: vec!["officers-consult-persons".into()],
            obligations: vec![],
            errors: vec![],
            disagreements: vec![],
        }),
        glass: None,
        inspection: None,
        verdict: Verdict::Allow,
        steps: Check::ALL.into_iter().map(step).collect(),
    }
}

/// A refusal of a caller that nobody knows.
pub(crate) fn strange(reason: Reason) -> Decision {
    Decision {
        connection: connection(DeviceState::Absent),
        device: None,
        subject: None,
        question: None,
        policy: None,
        verdict: Verdict::Refuse(reason),
        ..decision(1)
    }
}

/// A disk that fails when told to, counts, and lets a test hold its syncs.
#[derive(Clone, Default)]
pub(crate) struct TrickyDisk(pub(crate) Arc<Tricks>);

#[derive(Default)]
pub(crate) struct Tricks {
    pub(crate) fail_open: AtomicBool,
    pub(crate) fail_append: AtomicBool,
    pub(crate) fail_sync: AtomicBool,
    pub(crate) fail_cut: AtomicBool,
    /// Opens the device that is always full.
    pub(crate) full: AtomicBool,
    pub(crate) panic: AtomicBool,
    /// Files can be written in place.
    pub(crate) in_place: AtomicBool,
    pub(crate) fail_blocks: AtomicBool,
    pub(crate) syncs: AtomicUsize,
    held: Mutex<bool>,
    released: Condvar,
}

impl Tricks {
    /// From now on no sync comes back.
    pub(crate) fn hold(&self) {
        *self.held.lock() = true;
    }

    pub(crate) fn release(&self) {
        *self.held.lock() = false;
        self.released.notify_all();
    }
}

fn failing(flag: &AtomicBool) -> io::Result<()> {
    if flag.load(SeqCst) { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
}

struct TrickyFile(Arc<Tricks>, Box<dyn DiskFile>);

impl Disk for TrickyDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        failing(&self.0.fail_open)?;
        if self.0.full.load(SeqCst) {
            return Ok(Box::new(File::options().read(true).append(true).open("/dev/full")?));
        }
        Ok(Box::new(TrickyFile(Arc::clone(&self.0), LocalDisk.open(path)?)))
    }

    fn make_blocks(&self, path: &Path, bytes: u64) -> io::Result<Box<dyn Blocks>> {
        if !self.0.in_place.load(SeqCst) {
            return Err(ErrorKind::Unsupported.into());
        }
        Ok(Box::new(TrickyBlocks(Arc::clone(&self.0), LocalDisk.make_blocks(path, bytes)?)))
    }
}

struct TrickyBlocks(Arc<Tricks>, Box<dyn Blocks>);

impl Blocks for TrickyBlocks {
    fn write(&mut self, at: u64, blocks: &[u8]) -> io::Result<()> {
        failing(&self.0.fail_blocks)?;
        self.1.write(at, blocks)
    }

    fn is_at(&self, path: &Path) -> bool {
        self.1.is_at(path)
    }
}

impl DiskFile for TrickyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        assert!(!self.0.panic.load(SeqCst), "the test wants the thread to die");
        // A full disk takes a part.
        if failing(&self.0.fail_append).is_err() {
            self.1.append(&bytes[..bytes.len() / 2])?;
        }
        failing(&self.0.fail_append)?;
        self.1.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.syncs.fetch_add(1, SeqCst);
        let mut held = self.0.held.lock();
        while *held {
            self.0.released.wait(&mut held);
        }
        failing(&self.0.fail_sync)?;
        self.1.sync()
    }

    fn let_go(&self, bytes: Range<u64>) {
        self.1.let_go(bytes);
    }

    fn length(&self) -> io::Result<u64> {
        self.1.length()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        failing(&self.0.fail_cut)?;
        self.1.cut(length)
    }

    fn is_at(&self, path: &Path) -> bool {
        self.1.is_at(path)
    }
}

/// The path of the file of noon's day.
pub(crate) fn file(directory: &Path) -> PathBuf {
    directory.join(FILE)
}
