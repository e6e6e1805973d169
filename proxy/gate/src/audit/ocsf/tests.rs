//! What every record says, and that it is valid.

mod long;

use std::{sync::Arc, time::Duration};

use http::{Method, Version};
use poort_enforce::{
    arrival::{Arrival, DeviceState},
    exchange::Exchange,
    facts::RequestFacts,
    reason::{Budget, ProtocolFault, Reason},
    record::{Decision, End, Outcome, Request, Verdict},
};
use poort_identity::{
    device::{Certificate, DeviceFault, Rejected},
    token::{Subject, SubjectKind, TokenFault},
};
use poort_policy::{Actor, DeviceFacts, PrincipalKind, Question};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Cause, LINE_LIMIT_BYTES, Stranger, encode, encode_stranger, encode_unknown, schema::schema};
use crate::audit::{
    About, Access, AccessEnded, Act, Authentication, Change, Changed, Detector, Finding, Looker, Record,
    Retirement, Review, Rule,
    tests::material::{
        at, broken_glass, certificate, connection, decision, digests, id, outcome, report, strange, subject,
    },
};
use crate::{
    ending::{Order, Whom},
    live::{Author, Replayed},
};

/// The line of a record: one line, valid JSON, no longer than allowed, valid by the schema.
fn line(name: &str, record: &Record) -> (String, Value) {
    let mut lines = b"before\n".to_vec();
    encode(record, &mut lines);
    let line = String::from_utf8(lines)
        .unwrap()
        .strip_prefix("before\n")
        .unwrap()
        .strip_suffix('\n')
        .unwrap()
        .to_owned();
    assert!(line.len() <= LINE_LIMIT_BYTES, "{name}: {} bytes", line.len());
    assert!(!line.chars().any(char::is_control), "{name}: {line}");
    let event = serde_json::from_str(&line).unwrap();
    if let Some(schema) = schema() {
        assert_eq!(schema.faults(&event), Vec::<String>::new(), "{name}: {line}");
    }
    (line, event)
}

fn decided(name: &str, decision: Decision) -> Value {
    line(name, &Record::Decision(Box::new(decision), digests())).1
}

fn ended(name: &str, outcome: Outcome) -> Value {
    line(name, &Record::Outcome(outcome)).1
}

#[test]
fn an_allowed_consultation_says_everything() {
    let event = decided("allowed", decision(5));
    for (pointer, value) in [
        ("/activity_id", json!(3)),
        ("/type_uid", json!(400_203)),
        ("/time", json!(1_772_366_400_000_u64)),
        ("/severity_id", json!(1)),
        ("/action_id", json!(1)),
        ("/disposition_id", json!(1)),
        ("/status_id", json!(1)),
        ("/is_alert", json!(false)),
        ("/metadata/correlation_uid", json!("05".repeat(16))),
        ("/metadata/event_code", json!("decision")),
        ("/metadata/profiles", json!(["host", "security_control"])),
        ("/actor/user/uid", json!("zone|4711")),
        ("/actor/user/name", json!("j.peeters")),
        ("/actor/user/type_id", json!(1)),
        ("/actor/user/groups/0", json!({ "name": "officer", "type": "role" })),
        ("/actor/user/groups/2", json!({ "name": "team-a", "type": "unit" })),
        ("/actor/session/is_mfa", json!(true)),
        ("/actor/session/expiration_time", json!(1_772_366_700_000_u64)),
        ("/actor/app_uid", json!("tablet")),
        ("/actor/idp/name", json!("zone")),
        ("/device/uid", json!(certificate().name)),
        ("/device/is_managed", json!(true)),
        ("/device/is_compliant", json!(true)),
        ("/device/is_trusted", json!(true)),
        ("/device/groups/0", json!({ "name": "cars", "type": "fleet" })),
        ("/tls/certificate/serial_number", json!("0a1b")),
        ("/tls/certificate/fingerprints/0/value", json!("ab".repeat(32))),
        ("/tls/certificate/sans/0", json!({ "type": "spiffe", "name": certificate().name })),
        ("/src_endpoint/ip", json!("192.0.2.9")),
        ("/dst_endpoint/svc_name", json!("persons")),
        ("/http_request/http_method", json!("GET")),
        ("/http_request/version", json!("2")),
        (
            "/http_request/url",
            json!({ "scheme": "https", "hostname": "persons.example", "path": "/persons/85.01" }),
        ),
        ("/policy/uid", json!("ab".repeat(32))),
        (
            "/authorizations/0",
            json!({ "decision": "allow", "policy": { "uid": "officers-consult-persons" } }),
        ),
        ("/unmapped/code", json!(id(5).code())),
        ("/unmapped/operation", json!("consult")),
        ("/unmapped/purpose", json!("traffic stop")),
        ("/unmapped/case", json!("2026-17")),
        ("/unmapped/waf", json!({ "result": "not_inspected" })),
        ("/unmapped/steps/policy", json!(3)),
        ("/unmapped/digests/configuration", json!("cd".repeat(32))),
        ("/unmapped/dropped", json!(["federal-admin"])),
    ] {
        assert_eq!(event.pointer(pointer), Some(&value), "{pointer}");
    }
    let question: Question = serde_json::from_value(event["unmapped"]["question"].clone()).unwrap();
    assert_eq!(Some(question), decision(5).question, "the question can be put again from the record");
}

#[test]
fn refusals_have_a_disposition_a_severity_and_their_reason() {
    let token = Reason::Token(TokenFault::Expired);
    for (reason, disposition, severity, alert) in [
        (Reason::StrongerSignIn, 23, 1, false),
        (Reason::Policy, 26, 3, false),
        (Reason::SubjectMissing, 26, 1, false),
        (token, 26, 1, false),
        (Reason::Device(DeviceFault::Revoked), 24, 4, true),
        (Reason::Device(DeviceFault::Expired), 26, 2, false),
        (Reason::Protocol(ProtocolFault::LengthAndEncoding), 25, 3, false),
        (Reason::Limit(Budget::Device), 2, 3, false),
        (Reason::NoRoute, 25, 2, false),
        (Reason::SourceClosed, 2, 2, false),
        (Reason::PolicyError, 26, 3, false),
        (Reason::RecordUnwritable, 27, 4, true),
        (Reason::SourceUnreachable, 27, 3, false),
    ] {
        let code = reason.code();
        let event = decided(code, Decision { verdict: Verdict::Refuse(reason), ..decision(1) });
        let seen =
            (&event["disposition_id"], &event["severity_id"], &event["is_alert"], &event["status_detail"]);
        assert_eq!(seen, (&json!(disposition), &json!(severity), &json!(alert), &json!(code)));
        assert_eq!((&event["action_id"], &event["status_id"]), (&json!(2), &json!(2)), "{code}");
        assert_eq!(event["message"], format!("request refused: {code}"));
    }
}

fn check(cases: impl IntoIterator<Item = (&'static str, Decision, &'static str, Value)>) {
    for (name, decision, pointer, value) in cases {
        let event = decided(name, decision);
        assert_eq!(event.pointer(pointer).unwrap_or(&Value::Null), &value, "{name}");
    }
}

fn rejected(certificate: Option<Box<Certificate>>) -> Decision {
    let rejected = Rejected { certificate, fault: DeviceFault::Revoked };
    let connection = connection(DeviceState::Rejected(Arc::new(rejected)));
    Decision { connection, ..strange(Reason::Device(DeviceFault::Revoked)) }
}

fn asking(change: impl FnOnce(&mut Question)) -> Decision {
    let mut decision = decision(1);
    change(decision.question.as_mut().unwrap());
    decision
}

#[test]
fn every_kind_of_caller_is_valid() {
    let service = Subject { kind: SubjectKind::Service, display: None, ..subject() };
    let device = asking(|question| question.principal.kind = PrincipalKind::Device);
    let workload = "spiffe://zone.example/workload/search";
    check([
        ("nobody knows", strange(Reason::SubjectMissing), "/actor", Value::Null),
        ("rejected, named", rejected(Some(Box::new(certificate()))), "/device/is_trusted", json!(false)),
        ("rejected, nameless", rejected(None), "/unmapped/certificate", json!("certificate_revoked")),
        (
            "a device on its own account",
            Decision { subject: None, ..device },
            "/actor/user/type",
            json!("Device"),
        ),
        (
            "a service",
            Decision { subject: Some(Arc::new(service)), ..decision(1) },
            "/actor/user/type_id",
            json!(4),
        ),
        (
            "on behalf",
            asking(|question| question.actor = Some(aggregator())),
            "/actor/invoked_by",
            json!(workload),
        ),
    ]);
}

#[test]
fn every_kind_of_request_is_valid() {
    let unread = Decision { request: None, source: None, ..strange(Reason::NoRoute) };
    let preflight = Decision { verdict: Verdict::Answer, policy: None, question: None, ..decision(1) };
    let request = |method: &[u8]| {
        let method = Method::from_bytes(method).unwrap();
        let request =
            decision(1).request.map(|request| Request { method, version: Version::HTTP_11, ..request });
        Decision { request, ..decision(1) }
    };
    check([
        ("without a single reading", unread, "/activity_id", json!(0)),
        ("a method of its own", request(b"PROPFIND"), "/activity_name", json!("PROPFIND")),
        ("a patch", request(b"PATCH"), "/type_uid", json!(400_209)),
        ("HTTP/1.1", request(b"GET"), "/http_request/version", json!("1.1")),
        ("a preflight", preflight, "/unmapped/verdict", json!("answer")),
    ]);
}

#[test]
fn what_inspection_found_is_told_without_what_was_written() {
    let report = report();
    let mut refused = decision(5);
    refused.verdict = Verdict::Refuse(Reason::Inspection);
    refused.inspection = Some(Box::new(report.clone()));
    let event = decided("refused", refused);
    assert_eq!((&event["disposition_id"], &event["status_detail"]), (&json!(2), &json!("waf")));
    let waf = &event["unmapped"]["waf"];
    for (name, value) in [
        ("result", json!("refused")),
        ("mode", json!("block")),
        ("level", json!(2)),
        ("rules", json!("ef".repeat(32))),
        ("score", json!(100)),
        ("threshold", json!(5)),
        ("body", json!("whole")),
        ("dropped", json!(9)),
    ] {
        assert_eq!(waf[name], value, "{name}");
    }
    assert_eq!(waf["matches"].as_array().map(Vec::len), Some(64));
    let first = json!({ "rule": 7, "message": "Bad %{ARGS.q}", "variable": "ARGS:q", "severity": 2 });
    assert_eq!(waf["matches"][0], first);
    let withheld = Outcome {
        failure: Some(Reason::AnswerInspection),
        inspection: Some(Box::new(report)),
        status: Some(502),
        ..outcome(1)
    };
    let event = ended("withheld", withheld);
    assert_eq!((&event["unmapped"]["waf"]["result"], &event["is_alert"]), (&json!("refused"), &json!(true)));
}

#[test]
fn signing_in_and_out_is_valid() {
    for (name, act, who, activity, status, detail) in [
        ("strong", Act::SignedIn { strong: true }, true, 1, 1, "signed_in"),
        ("failed", Act::Failed { code: "sign_in_state" }, false, 1, 2, "sign_in_state"),
        ("out", Act::SignedOut, true, 2, 1, "signed_out"),
        ("by the issuer", Act::SignedOutByIssuer, true, 2, 1, "signed_out_by_issuer"),
        ("taken over", Act::TakenOver, false, 2, 1, "taken_over"),
    ] {
        let authentication = Authentication {
            time: at(0),
            act,
            who: who.then(|| (&subject()).into()),
            device: (act != Act::SignedOutByIssuer).then(|| certificate().name),
            session: who.then(|| "ab12".into()),
            request: (act != Act::SignedOutByIssuer).then(|| id(1)),
            ended: 1,
        };
        let event = line(name, &Record::Authentication(Box::new(authentication))).1;
        let seen = (&event["type_uid"], &event["status_id"], &event["status_detail"]);
        assert_eq!(seen, (&json!(300_200 + activity), &json!(status), &json!(detail)), "{name}");
        assert_eq!(event["user"]["uid"], if who { "zone|4711" } else { "unknown" }, "{name}");
        assert_eq!(event["is_mfa"], if name == "strong" { json!(true) } else { Value::Null }, "{name}");
    }
    let mut lines = vec![];
    let cause = Cause::handshake("tls_certificate_foreign");
    let stranger = Stranger { prefix: "192.0.2.0/24", cause, count: 7, first: at(0), last: at(9) };
    encode_stranger(&stranger, &mut lines);
    let event: Value = serde_json::from_slice(&lines).unwrap();
    if let Some(schema) = schema() {
        assert_eq!(schema.faults(&event), Vec::<String>::new(), "{event}");
    }
    assert_eq!((&event["class_uid"], &event["count"]), (&json!(3002), &json!(7)));
    assert_eq!(event["src_endpoint"]["subnet_uid"], "192.0.2.0/24");
}

#[test]
fn findings_and_looks_at_the_record_are_valid() {
    for (name, detector, who, refused, severity, alert) in [
        ("tried", Detector::Request, Some("zone|an"), true, 3, false),
        ("passed", Detector::Request, Some("zone|an"), false, 2, false),
        ("withheld", Detector::Answer, None, true, 4, true),
        ("stolen", Detector::Binding, None, true, 4, true),
        ("unusual", Detector::Unusual, Some("zone|an"), false, 4, true),
    ] {
        let text = |text: &str| Some(text.into());
        let about = About {
            detector,
            rule: "942100".into(),
            who: who.map(Into::into),
            device: text("spiffe://zone.example/device/car-12"),
            source: text("persons"),
            refused,
        };
        let finding = Finding {
            about,
            title: "SQL \u{1b}[31m injection".into(),
            count: 7,
            first: at(0),
            last: at(9),
            request: id(1),
        };
        let event = line(name, &Record::Finding(Box::new(finding))).1;
        assert_eq!((&event["severity_id"], &event["is_alert"]), (&json!(severity), &json!(alert)), "{name}");
        assert_eq!((&event["count"], &event["type_uid"]), (&json!(7), &json!(200_401)), "{name}");
        assert_eq!(event["finding_info"]["analytic"]["uid"], "942100", "{name}");
        assert_eq!(event["unmapped"]["code"], id(1).code(), "{name}");
    }
    let access = Access {
        time: at(0),
        command: "audit export".into(),
        by: Looker::Machine { uid: 1000, user: Some("dpo".into()), signed_in: None },
        reason: Some("request 2026/17".into()),
        wanted: vec![("subject".into(), "ab".repeat(16))],
        shown: 3,
        refused: false,
        source: None,
    };
    let wordy = Access { reason: Some("\u{1}".repeat(80_000)), ..access.clone() };
    line("somebody who has much to say", &Record::Access(Box::new(wordy)));
    let event = line("access", &Record::Access(Box::new(access.clone()))).1;
    assert_eq!((&event["actor"]["user"]["uid"], &event["count"]), (&json!("1000"), &json!(3)));
    assert_eq!(event["unmapped"]["wanted"]["subject"], "ab".repeat(16));
    let certificate = "spiffe://zone.example/staff/els".to_owned();
    let by = Looker::Console { certificate: certificate.clone(), address: [127, 0, 0, 1].into() };
    let refused = Access { by, refused: true, shown: 0, ..access.clone() };
    let event = line("refused access", &Record::Access(Box::new(refused))).1;
    assert_eq!((&event["actor"]["user"]["uid"], &event["status_id"]), (&json!(certificate), &json!(2)));
    assert_eq!((&event["src_endpoint"]["ip"], &event["action_id"]), (&json!("127.0.0.1"), &json!(2)));
    let examined = Access { source: Some("firearms".into()), command: "doctor".into(), ..access };
    let event = line("examination", &Record::Access(Box::new(examined))).1;
    assert_eq!(event["entity"], json!({ "name": "firearms", "type": "Source" }));
    assert_eq!(event["message"], "source examined: request 2026/17");
}

#[test]
fn a_retirement_is_valid_and_reads_back() {
    let rule = Rule { source: Some("persons".into()), retention: "5y".into(), before: 1_614_556_800_000 };
    let by = Looker::Machine { uid: 1000, user: Some("dpo".into()), signed_in: None };
    let ranges = vec![(0, 9), (12, 12)];
    let retirement = Retirement { time: at(0), id: "00ff".into(), by, rules: vec![rule.clone()], ranges };
    let event = line("retirement", &Record::Retirement(Box::new(retirement.clone()))).1;
    assert_eq!((&event["count"], &event["type_uid"]), (&json!(11), &json!(300_404)));
    let mut text = Vec::new();
    encode(&Record::Retirement(Box::new(retirement)), &mut text);
    let read = super::retirement::read(text.strip_suffix(b"\n").unwrap()).unwrap();
    assert_eq!((read.rules, read.ranges, &*read.id), (vec![rule], vec![(0, 9), (12, 12)], "00ff"));
    let full = vec![(u64::MAX / 4, u64::MAX / 4 + 1); Retirement::RANGES];
    let by = Looker::Machine { uid: 0, user: None, signed_in: None };
    let full = Retirement { time: at(0), id: "1".into(), by, rules: vec![], ranges: full };
    assert!(line("the longest", &Record::Retirement(Box::new(full))).1["unmapped"]["ranges"].is_array());
}

#[test]
fn a_change_of_the_policies_is_valid() {
    let (user, signed_in) = (Some("sec".to_owned()), Some("els".to_owned()));
    let author = Author { uid: 1000, user, signed_in, reason: Some("ticket \u{1b}[31m 7".into()) };
    for (act, activity, who) in [
        (Changed::Applied, 10, "1000"),
        (Changed::Confirmed, 3, "1000"),
        (Changed::RolledBack, 3, "1000"),
        (Changed::Reverted, 11, "poort"),
    ] {
        let change = Change {
            replayed: Some(Replayed { decisions: 9, gained: 1, lost: 2 }),
            over_limit: Some("meant".into()),
            ..Change::by(act, &author, "ab".repeat(32), "cd".repeat(32))
        };
        let event = line(act.as_str(), &Record::Change(Box::new(change))).1;
        assert_eq!((&event["activity_id"], &event["actor"]["user"]["uid"]), (&json!(activity), &json!(who)));
        assert_eq!(
            (&event["entity"]["uid"], &event["entity_result"]["uid"]),
            (&json!("ab".repeat(32)), &json!("cd".repeat(32)))
        );
        assert_eq!(event["unmapped"]["signed_in"], "els");
        assert_eq!(event["unmapped"]["replay"], json!({ "decisions": 9, "gained": 1, "lost": 2 }));
        assert_eq!(event["status_detail"], act.as_str());
    }
}

#[test]
fn access_that_was_ended_is_valid_and_says_who_whose_and_why() {
    let (user, signed_in) = (Some("soc".to_owned()), Some("els".to_owned()));
    let author = Author { uid: 1000, user, signed_in, reason: Some("stolen \u{1b}[31m".into()) };
    let (user, device) =
        (Whom::User("zone|4711".into()), Whom::Device("spiffe://zone.example/car-12".into()));
    let session = Whom::Session("AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap());
    for (whom, block, kind, name, activity, said) in [
        (&session, false, "Session", "AAAAAAAAAAAAAAAAAAAAAA", 11, "access_ended"),
        (&user, false, "User", "zone|4711", 11, "access_ended"),
        (&user, true, "User", "zone|4711", 12, "access_blocked"),
        (&device, false, "Device", "spiffe://zone.example/car-12", 12, "access_blocked"),
    ] {
        let order =
            Order { whom: whom.clone(), block, seconds: None, unlisted: false, author: author.clone() };
        let ended = AccessEnded::ended(&order, (said == "access_blocked").then(|| at(60)), at(0));
        let event = line(said, &Record::AccessEnded(Box::new(ended))).1;
        assert_eq!((&event["activity_id"], &event["status_detail"]), (&json!(activity), &json!(said)));
        assert_eq!(event["entity"], json!({ "type": kind, "uid": name }));
        assert_eq!(event["unmapped"]["signed_in"], "els");
        assert_eq!(event["actor"]["user"]["uid"], "1000", "{name}");
        assert!(event["unmapped"]["reason"].as_str().unwrap().starts_with("stolen"), "{event}");
        assert_eq!(event["unmapped"]["until"].is_i64(), said == "access_blocked", "{event}");
    }
    let restored = AccessEnded::restored(&user, &author, at(0));
    let event = line("restored", &Record::AccessEnded(Box::new(restored))).1;
    assert_eq!((&event["activity_id"], &event["status_detail"]), (&json!(13), &json!("access_restored")));
}

fn aggregator() -> Actor {
    let id = "spiffe://zone.example/workload/search".into();
    Actor {
        device: DeviceFacts { id, fleet: None, unit: None, managed: true, compliant: true },
        service: None,
    }
}

#[test]
fn every_kind_of_outcome_is_valid() {
    for (name, outcome, status, detail, severity) in [
        ("complete", outcome(1), 1, "complete", 1),
        ("cut", Outcome { end: End::SourceCut, ..outcome(1) }, 2, "source_cut", 2),
        ("aborted", Outcome { end: End::Aborted, status: None, source: None, ..outcome(1) }, 2, "aborted", 2),
        (
            "failed",
            Outcome { failure: Some(Reason::SourceTimeout), status: Some(504), ..outcome(1) },
            2,
            "source_timeout",
            3,
        ),
        (
            "endless",
            Outcome { duration: Duration::MAX, received_bytes: u64::MAX, ..outcome(1) },
            1,
            "complete",
            1,
        ),
    ] {
        let code = outcome.status;
        let event = ended(name, outcome);
        let seen = (&event["status_id"], &event["status_detail"], &event["severity_id"]);
        assert_eq!(seen, (&json!(status), &json!(detail), &json!(severity)), "{name}");
        assert_eq!(event["http_response"]["code"].as_u64(), code.map(u64::from), "{name}");
        assert_eq!(event["metadata"]["correlation_uid"], json!("01".repeat(16)), "{name}");
    }
    let complete = ended("complete", outcome(1));
    assert_eq!((&complete["duration"], &complete["unmapped"]["duration_us"]), (&json!(12), &json!(12_345)));
    assert_eq!(complete["traffic"], json!({ "bytes_in": 0, "bytes_out": 1234 }));
    let mut lines = Vec::new();
    encode_unknown(&"ab".repeat(16), None, at(0), &mut lines);
    let event = serde_json::from_slice(&lines).unwrap();
    assert_eq!(schema().map_or(vec![], |schema| schema.faults(&event)), Vec::<String>::new());
}

#[test]
fn no_secret_of_a_request_is_in_its_record() {
    let secrets = ["qs3cret", "t0k3n", "c00kie", "b4sic", "x-h3ader"];
    let target = "/persons/85.01?name=qs3cret&access_token=t0k3n";
    let (head, ()) = http::Request::builder()
        .uri(target)
        .header("host", "persons.example")
        .header("authorization", "Bearer t0k3n")
        .header("proxy-authorization", "Basic b4sic")
        .header("cookie", "session=c00kie")
        .header("x-secret", "x-h3ader")
        .body(())
        .unwrap()
        .into_parts();
    let arrival = Arrival { head: &head, target: target.as_bytes(), fault: None };
    let mut exchange = Exchange::open(id(1), at(0), decision(1).connection);
    exchange.facts = Some(RequestFacts::read(&arrival).unwrap());
    assert!(format!("{exchange:?}").contains("qs3cret"), "the exchange knows the query");
    for (name, decision) in [
        ("refused early", Decision::of(&mut exchange, Verdict::Refuse(Reason::TokenInQuery))),
        ("decided", Decision { request: Decision::of(&mut exchange, Verdict::Allow).request, ..decision(1) }),
    ] {
        let (line, event) = line(name, &Record::Decision(Box::new(decision), digests()));
        assert_eq!(event["http_request"]["url"]["path"], "/persons/85.01", "{name}");
        for secret in secrets {
            assert!(!line.contains(secret), "{name}: {secret} in {line}");
        }
    }
}

#[test]
fn a_broken_glass_and_its_review_say_who_and_why() {
    let broken = broken_glass(3, "persons");
    let event = line("broken glass", &Record::BrokenGlass(Box::new(broken.clone()))).1;
    for (pointer, value) in [
        ("/type_uid", json!(300_301)),
        ("/metadata/event_code", json!("break_glass")),
        ("/metadata/correlation_uid", json!("03".repeat(16))),
        ("/user/uid", json!("zone|4711")),
        ("/user/name", json!("j.peeters")),
        ("/privileges/0", json!("break_glass")),
        ("/session/expiration_time", json!(1_772_367_300_000_u64)),
        ("/dst_endpoint/svc_name", json!("persons")),
        ("/is_alert", json!(true)),
        ("/unmapped/glass", json!("03".repeat(16))),
        ("/unmapped/reason", json!("a child is missing")),
        ("/unmapped/case", json!("2026/4711")),
    ] {
        assert_eq!(event.pointer(pointer), Some(&value), "{pointer}: {event}");
    }
    if let Some(schema) = schema() {
        let mut bare = event.clone();
        bare.as_object_mut().unwrap().remove("privileges");
        let faults = schema.faults(&bare);
        assert!(
            faults.iter().any(|fault| fault.contains("has not just one of")),
            "and it can fail: {faults:?}"
        );
    }
    let review = Review {
        time: at(9),
        request: "03".repeat(16),
        code: broken.glass.id.code(),
        officer: "zone|4711".into(),
        finding: "found\r\nin order".into(),
        reviewer: "chief".into(),
        by: Looker::Machine { uid: 1000, user: Some("chief".into()), signed_in: None },
    };
    let event = line("review", &Record::Review(Box::new(review))).1;
    for (pointer, value) in [
        ("/type_uid", json!(300_403)),
        ("/actor/user/uid", json!("1000")),
        ("/entity/name", json!(broken.glass.id.code())),
        ("/unmapped/glass", json!("03".repeat(16))),
        ("/unmapped/officer", json!("zone|4711")),
        ("/unmapped/reviewer", json!("chief")),
    ] {
        assert_eq!(event.pointer(pointer), Some(&value), "{pointer}: {event}");
    }
    let used = decided("used", Decision { glass: Some(broken.glass.id), ..decision(1) });
    assert_eq!(used["unmapped"]["glass"], "03".repeat(16));
    let mut odd = broken_glass(4, "persons");
    odd.glass.reason = "\u{1b}[2J\"}".repeat(900).into();
    line("odd words", &Record::BrokenGlass(Box::new(odd)));
}

/// Text as an attacker would choose it.
fn odd() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        Just("\r\n".to_owned()),
        Just("\u{1b}[2J".to_owned()),
        Just("\"}".to_owned()),
        Just("\u{0}".repeat(300)),
        Just("👮".repeat(700)),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_client_sends_is_one_valid_line(texts in proptest::collection::vec(odd(), 12)) {
        let text = |place: usize| texts[place].clone();
        let mut decision = decision(1);
        decision.request = Some(Request { host: text(0), path: text(1), ..decision.request.unwrap() });
        decision.connection.sni = Some(text(2).into());
        decision.connection.device = DeviceState::Accepted(Arc::new({
            let mut certificate = certificate();
            (certificate.name, certificate.issuer, certificate.serial) = (text(3), text(4), text(5));
            certificate
        }));
        decision.subject = Some(Arc::new(Subject {
            id: text(6), display: Some(text(7)), client: Some(text(8)), actor: Some(text(9)), token_id: Some(text(10)),
            dropped: vec![text(11); 32], roles: vec![text(0).into(); 200], units: vec![text(1).into(); 200], ..subject()
        }));
        let question = decision.question.as_mut().unwrap();
        question.context.request.captures.insert(text(2), text(3));
        (question.context.purpose, question.context.case) = (Some(text(4)), Some(text(5)));
        decision.policy.as_mut().unwrap().determining = vec![text(6).into(); 100];
        decided("odd", decision);
    }
}
