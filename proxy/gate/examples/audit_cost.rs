//! What the record costs: `cargo run --release -p poort --example audit_cost -- [DIRECTORY]`. One JSON object a line.

use std::{
    env,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use poort::audit::{Audit, AuditSettings, Digests, Record};
use poort_enforce::{
    arrival::{Connection, DeviceState},
    data_subject::Answered,
    exchange::{RequestId, Step},
    pipeline::Check,
    ports::Clock,
    record::{Decision, End, Outcome, Request, Verdict},
};
use poort_identity::{
    device::{Certificate, NameKind},
    token::{Subject, SubjectKind},
};
use poort_policy::{
    Context, DeviceFacts, Operation, Principal, PrincipalKind, Question, RequestContext, SessionFacts,
    TimeFacts,
};

const ROUNDS: usize = 100;
const BURST: u16 = 1000;

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn ticks(&self) -> Instant {
        Instant::now()
    }
}

fn main() -> Result<()> {
    let directory =
        env::args_os().nth(1).map_or_else(|| env::temp_dir().join("poort-audit-cost"), PathBuf::from);
    fs::create_dir_all(&directory)?;
    bursts(&directory)?;
    one_at_a_time(&directory)?;
    fs::remove_dir_all(&directory)?;
    Ok(())
}

fn open(directory: &Path) -> Result<Audit> {
    let settings = AuditSettings { queue_bytes: 256 << 20, ..AuditSettings::new(directory.to_owned(), true) };
    Ok(Audit::open(settings, SystemClock)?.0)
}

/// Requests as fast as they come: what the request's thread spends on an append, and what the whole process does on a record.
fn bursts(directory: &Path) -> Result<()> {
    let audit = open(&directory.join("bursts"))?;
    let digests =
        Arc::new(Digests { policies: "ab".repeat(32), candidate: None, configuration: "cd".repeat(32) });
    let template = decision(0)?;
    let (mut appending, mut writing, mut wall) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut written = 0;
    for _ in 0..ROUNDS {
        let records: Vec<_> = (0..BURST)
            .flat_map(|number| {
                [Record::Decision(Box::new(copy(&template, number)), Arc::clone(&digests)), closing(number)]
            })
            .collect();
        written += records.len();
        let (own, all, start) = (cpu(UsageWho::RUSAGE_THREAD)?, cpu(UsageWho::RUSAGE_SELF)?, Instant::now());
        for record in records {
            audit.append(record)?;
        }
        let own = cpu(UsageWho::RUSAGE_THREAD)? - own;
        while audit.health().records < written as u64 {
            std::thread::sleep(Duration::from_millis(1));
        }
        appending += own;
        writing += (cpu(UsageWho::RUSAGE_SELF)? - all).saturating_sub(own);
        wall += start.elapsed();
    }
    audit.close();
    let bytes: u64 = fs::read_dir(directory.join("bursts"))?
        .map(|entry| entry?.metadata().map(|file| file.len()))
        .sum::<io::Result<_>>()?;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / written as f64;
    figure("audit_append_cpu", each(appending), "µs a record", None)?;
    figure("audit_write_cpu", each(writing), "µs a record", None)?;
    figure("audit_request_cpu", 2.0 * each(appending + writing), "µs a request", Goal::at_most(5.0))?;
    figure("audit_rate", written as f64 / wall.as_secs_f64(), "records a second", Goal::at_least(50_000.0))?;
    figure("audit_bytes", bytes as f64 / written as f64, "bytes a record", None)
}

/// Requests one after another, each waiting for its sync, beside the bare write and sync of as many bytes.
fn one_at_a_time(directory: &Path) -> Result<()> {
    let mut bare = Vec::new();
    let mut file = File::options().append(true).create(true).open(directory.join("bare"))?;
    for _ in 0..500 {
        let start = Instant::now();
        file.write_all(&[b'x'; 2500])?;
        file.sync_data()?;
        bare.push(start.elapsed());
    }
    let audit = open(&directory.join("waits"))?;
    let digests = Arc::new(Digests::default());
    let template = decision(0)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (mut waits, mut appending) = (Vec::new(), Duration::ZERO);
    for number in 0..500 {
        let record = Record::Decision(Box::new(copy(&template, number)), Arc::clone(&digests));
        let (own, start) = (cpu(UsageWho::RUSAGE_THREAD)?, Instant::now());
        let ticket = audit.append(record)?;
        appending += cpu(UsageWho::RUSAGE_THREAD)? - own;
        runtime.block_on(ticket.durable())?;
        waits.push(start.elapsed());
        audit.append(closing(number))?;
    }
    figure(
        "audit_append_cpu_idle",
        appending.as_secs_f64() * 1e6 / 500.0,
        "µs a record, the thread asleep",
        None,
    )?;
    for percent in [50, 99] {
        let sync = percentile(&mut bare, percent)?;
        figure(&format!("audit_bare_sync_p{percent}"), sync, "µs", None)?;
        let wait = percentile(&mut waits, percent)?;
        figure(&format!("audit_wait_p{percent}"), wait, "µs", Goal::at_most(sync + 300.0))?;
    }
    Ok(())
}

fn percentile(times: &mut [Duration], percent: usize) -> Result<f64> {
    times.sort();
    let time = times.get(times.len() * percent / 100).context("no times")?;
    Ok(time.as_secs_f64() * 1e6)
}

fn cpu(who: UsageWho) -> Result<Duration> {
    let usage = getrusage(who)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}

#[derive(Clone, Copy)]
struct Goal {
    value: f64,
    most: bool,
}

impl Goal {
    fn at_most(value: f64) -> Option<Self> {
        Some(Self { value, most: true })
    }

    fn at_least(value: f64) -> Option<Self> {
        Some(Self { value, most: false })
    }
}

fn figure(name: &str, value: f64, unit: &str, goal: Option<Goal>) -> Result<()> {
    let rounded = (value * 100.0).round() / 100.0;
    let met = goal.map(|goal| if goal.most { value <= goal.value } else { value >= goal.value });
    let goal = goal.map(|goal| goal.value.round());
    let line = serde_json::json!({ "name": name, "value": rounded, "unit": unit, "goal": goal, "met": met });
    writeln!(io::stdout(), "{line}").context("standard output is closed")
}

fn id(number: u16) -> RequestId {
    let mut id = [0x5a; 16];
    for (place, byte) in id.iter_mut().zip(number.to_le_bytes()) {
        *place = byte;
    }
    RequestId(id)
}

fn closing(number: u16) -> Record {
    Record::Outcome(Outcome {
        id: id(number),
        ended: SystemTime::now(),
        source: Some("persons".into()),
        status: Some(200),
        attempts: 1,
        received_bytes: 0,
        sent_bytes: 4096,
        duration: Duration::from_millis(12),
        subjects: Answered::default(),
        disagreements: vec![],
        body_sha256: None,
        inspection: None,
        end: End::Complete,
        failure: None,
    })
}

fn copy(decision: &Decision, number: u16) -> Decision {
    Decision {
        id: id(number),
        received: decision.received,
        connection: decision.connection.clone(),
        request: decision.request.clone(),
        source: decision.source.clone(),
        device: decision.device.clone(),
        subject: decision.subject.clone(),
        subjects: decision.subjects.clone(),
        question: decision.question.clone(),
        policy: decision.policy.clone(),
        glass: decision.glass,
        inspection: decision.inspection.clone(),
        verdict: decision.verdict.clone(),
        steps: decision.steps.clone(),
    }
}

/// An officer's consultation, as full as they come.
fn decision(number: u16) -> Result<Decision> {
    let name = "spiffe://zone.example/device/car-12";
    let received = SystemTime::now();
    let certificate = Certificate {
        name: name.into(),
        kind: NameKind::Spiffe,
        serial: "0a1b2c3d4e5f".into(),
        sha256: [0xab; 32],
        issuer: "CN=Devices,O=Zone".into(),
        not_before: received,
        not_after: received,
    };
    let device = DeviceFacts {
        id: name.into(),
        fleet: Some("cars".into()),
        unit: Some("team-a".into()),
        managed: true,
        compliant: true,
    };
    let subject = subject(received);
    Ok(Decision {
        id: id(number),
        received,
        connection: Connection {
            id: 7,
            address: "2001:db8::9".parse()?,
            tls: "1.3",
            sni: Some("persons.example".into()),
            device: DeviceState::Accepted(Arc::new(certificate)),
        },
        request: Some(Request {
            method: http::Method::GET,
            host: "persons.example".into(),
            path: "/persons/85.01.02-123.45".into(),
            version: http::Version::HTTP_2,
        }),
        source: Some("persons".into()),
        subjects: [].into_iter().collect(),
        question: Some(question(&subject, &device, received)?),
        device: Some(device),
        subject: Some(Arc::new(subject)),
        glass: None,
        policy: Some(poort_policy::Decision {
            allow: true,
            determining: vec!["officers-consult-persons".into()],
            obligations: vec![],
            errors: vec![],
            disagreements: vec![],
        }),
        inspection: None,
        verdict: Verdict::Allow,
        steps: Check::ALL
            .into_iter()
            .map(|check| Step { check, took: Duration::from_micros(3), passed: true })
            .collect(),
    })
}

fn subject(received: SystemTime) -> Subject {
    Subject {
        id: "zone|2f9c1f0e-8a55-4c0e-9d0a-1c2b3d4e5f60".into(),
        kind: SubjectKind::User,
        issuer: "zone".into(),
        roles: vec!["officer".into(), "supervisor".into()],
        units: vec!["team-a".into()],
        acr: Some("https://refeds.org/profile/mfa".into()),
        amr: vec!["hwk".into()],
        auth_time: Some(1_772_366_400),
        issued: None,
        expires: received,
        token_id: Some("5e1c5a0e-3c53-4a11-a2ab-0d2c7f3b2d11".into()),
        client: Some("tablet".into()),
        actor: None,
        display: Some("j.peeters".into()),
        dropped: vec![],
        certificate: None,
        generation: 1,
    }
}

fn question(subject: &Subject, device: &DeviceFacts, received: SystemTime) -> Result<Question> {
    Ok(Question {
        principal: Principal {
            kind: PrincipalKind::User,
            id: subject.id.clone(),
            issuer: Some("zone".into()),
            roles: subject.roles.clone(),
            units: subject.units.clone(),
        },
        device: Some(device.clone()),
        actor: None,
        operation: Operation::Consult,
        source: "persons".into(),
        context: Context {
            request: RequestContext {
                method: "GET".into(),
                host: "persons.example".into(),
                path: "/persons/85.01.02-123.45".into(),
                address: "2001:db8::9".parse()?,
                captures: [("national_number".to_owned(), "85.01.02-123.45".to_owned())].into(),
            },
            purpose: Some("traffic stop".into()),
            case: Some("2026-17".into()),
            break_glass: None,
            inspection: poort_policy::Inspection::default(),
            session: SessionFacts {
                acr: subject.acr.clone(),
                amr: subject.amr.clone(),
                auth_age: Some(600),
                strong: true,
            },
            shift: poort_policy::ShiftFacts::default(),
            time: TimeFacts::at(received, 3600),
        },
    })
}
