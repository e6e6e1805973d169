//! The frame around the checks: order, time, what is observed, what is given back.

use std::time::Duration;

use http::Method;
use poort_enforce::{
    pipeline::{Admission, Answer, Check},
    reason::{Class, ProtocolFault, Reason},
    record::{Decision, Verdict},
};
use poort_identity::device::DeviceFault;

use crate::fixture::{Ask, Zone, rejected};

#[test]
fn a_permit_comes_after_every_check_in_order() {
    let zone = Zone::new();
    let answered = Ask::get("persons.example", "/persons/85").token(&zone.issuer.officer()).put(&zone);
    assert_eq!(answered.steps(), Check::ALL.map(|check| (check, true)));
    let permit = answered.permit().unwrap();
    assert_eq!((&*permit.source().id, permit.prefix()), ("persons", "/"));
    assert_eq!(permit.holder().principal.id, "zone|jan");
}

#[test]
fn nothing_follows_a_refusal() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    let ask = || Ask::get("persons.example", "/persons/85").token(&token);
    zone.source("vehicles").closed.store(true, std::sync::atomic::Ordering::Release);
    let cases = [
        ("protocol", ask().fault(ProtocolFault::Header), Check::Protocol),
        ("route", Ask::get("nowhere.example", "/"), Check::Route),
        ("device", ask().device(rejected(DeviceFault::Revoked)), Check::Device),
        ("subject", Ask::get("persons.example", "/persons/85"), Check::Subject),
        ("policy", ask().method(Method::PUT), Check::Policy),
        ("waf", ask().header("content-length", "1001"), Check::Waf),
    ];
    for (name, ask, last) in cases {
        let answered = ask.put(&zone);
        assert!(matches!(answered.admission, Admission::Refusal(_)), "{name}");
        let until = Check::ALL.iter().position(|check| *check == last).unwrap();
        let expected: Vec<_> = Check::ALL[..=until].iter().map(|check| (*check, *check != last)).collect();
        assert_eq!(answered.steps(), expected, "{name}");
    }
}

#[test]
fn each_step_is_timed_by_the_steady_clock_and_observed() {
    let zone = Zone::new();
    let answered = Ask::get("persons.example", "/persons/85").token(&zone.issuer.officer()).put(&zone);
    let micros: Vec<_> = answered.exchange.steps.iter().map(|step| step.took).collect();
    assert_eq!(micros, (1..=8).map(Duration::from_micros).collect::<Vec<_>>());
    let steps: Vec<_> =
        answered.exchange.steps.iter().map(|step| (step.check, step.took, step.passed)).collect();
    assert_eq!(zone.ports.inner().checked, steps);
    assert_eq!(zone.ports.inner().decided, [(Some("persons".to_owned()), Verdict::Allow)]);
}

#[test]
fn a_decision_is_observed_with_its_source_once_there_is_one() {
    let zone = Zone::new();
    let cases = [
        ("no source", Ask::get("nowhere.example", "/"), None, Verdict::Refuse(Reason::NoRoute)),
        (
            "a source, and no token",
            Ask::get("persons.example", "/persons/85"),
            Some("persons"),
            Verdict::Refuse(Reason::SubjectMissing),
        ),
        ("preflight", preflight(), Some("portal"), Verdict::Answer),
    ];
    for (name, ask, source, verdict) in cases {
        zone.ports.forget();
        ask.put(&zone);
        assert_eq!(zone.ports.inner().decided, [(source.map(str::to_owned), verdict)], "{name}");
    }
}

#[test]
fn a_preflight_is_answered_without_device_and_subject() {
    let zone = Zone::new();
    let answered = preflight().put(&zone);
    assert!(matches!(answered.admission, Admission::Answer(Answer::Preflight(_))), "{answered:?}");
    let passed: Vec<_> = answered.steps().into_iter().map(|(check, _)| check).collect();
    assert_eq!(passed, [Check::Protocol, Check::Flood, Check::Route]);
}

fn preflight() -> Ask {
    Ask::get("portal.example", "/")
        .method(Method::OPTIONS)
        .device(poort_enforce::arrival::DeviceState::Absent)
        .header("origin", "https://map.example")
        .header("access-control-request-method", "GET")
}

#[test]
fn a_record_holds_what_was_found_and_no_query() {
    let zone = Zone::new();
    let mut answered = Ask::get("persons.example", "/search?name=Jan&secret=hunter2")
        .token(&zone.issuer.officer())
        .put(&zone);
    let record = Decision::of(&mut answered.exchange, Verdict::of(&answered.admission));
    assert_eq!(record.verdict, Verdict::Allow);
    assert_eq!(record.source.as_deref(), Some("persons"));
    assert_eq!(record.request.as_ref().map(|request| &*request.path), Some("/search"));
    assert_eq!(record.subject.as_ref().map(|subject| &*subject.id), Some("zone|jan"));
    assert_eq!(record.device.as_ref().map(|device| device.managed), Some(true));
    assert!(record.policy.as_ref().is_some_and(|policy| policy.allow));
    assert_eq!(record.steps.len(), Check::ALL.len());
    assert!(!format!("{record:?}").contains("hunter2"));
    let question = record.question.unwrap();
    assert_eq!(question.context.request.captures.get("name").map(String::as_str), Some("Jan"));
}

#[test]
fn every_device_fault_is_told_as_its_class() {
    use poort_identity::device::Unfit;
    let zone = Zone::new();
    for (fault, class) in [
        (DeviceFault::Foreign, Class::DeviceRejected),
        (DeviceFault::Expired, Class::DeviceExpired),
        (DeviceFault::NotYetValid, Class::DeviceExpired),
        (DeviceFault::Revoked, Class::DeviceRevoked),
        (DeviceFault::RevocationUnknown, Class::GateUnavailable),
        (DeviceFault::Unfit(Unfit::Key), Class::DeviceRejected),
        (DeviceFault::Nameless, Class::DeviceRejected),
    ] {
        // Optional or not: a certificate that is shown is judged.
        for host in ["persons.example", "portal.example"] {
            let answered = Ask::get(host, "/status").device(rejected(fault)).put(&zone);
            assert_eq!(answered.reason(), Some(&Reason::Device(fault)), "{fault:?} at {host}");
            assert_eq!(answered.reason().map(Reason::class), Some(class), "{fault:?} at {host}");
        }
    }
}
