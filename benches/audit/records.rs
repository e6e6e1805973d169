//! What a gate writes down of an officer's consultation, as full as they come.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use poort::audit::Record;
use poort_enforce::{
    arrival::{Connection, DeviceState},
    data_subject::Named,
    exchange::{RequestId, Step},
    pipeline::Check,
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

fn id(number: u64) -> RequestId {
    let mut id = [0x5a; 16];
    for (place, byte) in id.iter_mut().zip(number.to_le_bytes()) {
        *place = byte;
    }
    RequestId(id)
}

pub(crate) fn outcome(number: u64) -> Record {
    Record::Outcome(Outcome {
        id: id(number),
        ended: SystemTime::now(),
        source: Some("persons".into()),
        status: Some(200),
        attempts: 1,
        received_bytes: 0,
        sent_bytes: 4096,
        duration: Duration::from_millis(12),
        subjects: Named::default(),
        disagreements: vec![],
        body_sha256: None,
        inspection: None,
        end: End::Complete,
        failure: None,
    })
}

pub(crate) fn copy(decision: &Decision, number: u64) -> Decision {
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
pub(crate) fn decision(number: u64) -> Decision {
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
    Decision {
        id: id(number),
        received,
        connection: Connection {
            id: 7,
            address: "2001:db8::9".parse().unwrap(),
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
        subjects: Named::default(),
        question: Some(question(&subject, &device, received)),
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
    }
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

fn question(subject: &Subject, device: &DeviceFacts, received: SystemTime) -> Question {
    Question {
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
                address: "2001:db8::9".parse().unwrap(),
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
    }
}
