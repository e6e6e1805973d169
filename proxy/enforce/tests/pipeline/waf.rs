//! `waf`: what of a request is inspected, what is made of it, and what is left in the record.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Method;
use poort_enforce::{
    arrival::{Arrival, Length, Message},
    exchange::{Exchange, RequestId},
    inspect::{BodyRules, BodySeen, Exclusion, Finding, Inspector, Mode, RuleSet, Thresholds, Unframed},
    operations::PathPattern,
    pipeline::{Admission, Check},
    reason::{Budget, Reason},
    record::{Decision, Verdict},
};
use poort_waf::{Files, LoadLimits, Program, TransactionLimits};

use crate::fixture::{Answered, Ask, Zone, now};

/// Each "bad" scores five, each "odd" two, and each "few" one.
const RULES: &str = r#"
SecRule REQUEST_URI|REQUEST_HEADERS:X-Note "@contains worst" "id:9,phase:1,deny,status:403,log,msg:'In the head'"
SecRule ARGS|REQUEST_HEADERS:X-Note "@contains bad" "id:1,phase:2,pass,log,msg:'Bad %{MATCHED_VAR}',logdata:'%{MATCHED_VAR}',severity:CRITICAL,setvar:tx.blocking_inbound_anomaly_score=+5"
SecRule ARGS "@contains odd" "id:2,phase:2,pass,log,msg:'Odd',setvar:tx.blocking_inbound_anomaly_score=+3"
SecRule ARGS "@contains few" "id:3,phase:2,pass,log,msg:'Few',setvar:tx.blocking_inbound_anomaly_score=+1"
SecRule ARGS "@contains unread" "id:4,phase:1,pass,nolog,ctl:requestBodyAccess=Off"
SecAction "id:5,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}"
SecRule IP:seen "@eq 1" "id:6,phase:1,pass,log,msg:'Seen before'"
SecAction "id:7,phase:1,pass,nolog,setvar:ip.seen=1"
SecRule TX:blocking_inbound_anomaly_score "@ge %{tx.inbound_anomaly_score_threshold}" "id:8,phase:2,deny,status:403,log,msg:'Too much'"
"#;

const FORM: &str = "application/x-www-form-urlencoded";

fn rules() -> Arc<RuleSet> {
    let files: Files = [("a.conf".to_owned(), RULES.as_bytes().to_vec())].into();
    let program = Program::compile(&files, &["a.conf"], &LoadLimits::default()).unwrap();
    RuleSet::new(program, 1, "digest".into(), TransactionLimits::default())
}

pub(crate) fn inspector(mode: Mode) -> Inspector {
    Inspector {
        mode,
        since: None,
        rules: rules(),
        thresholds: Thresholds { inbound: 5, outbound: 4 },
        exclusions: Box::default(),
        body: BodyRules { limit: 500, unframed: Unframed::Refuse, within: Duration::from_secs(1) },
        answer: None,
        streams: false,
        records_data: false,
    }
}

/// A zone whose source `old`, which takes anything, is inspected.
fn zone(inspector: Inspector) -> Zone {
    let mut inspector = Some(Arc::new(inspector));
    Zone::with(|sources| {
        for source in sources.iter_mut().filter(|source| &*source.id == "old") {
            source.inspector = inspector.take();
        }
    })
}

/// A request with a body that comes in pieces; what is left of them afterwards was not read.
struct Sent<'a> {
    ask: &'a Ask,
    length: Length,
    pieces: Vec<&'static str>,
    broken: bool,
}

impl Message for Sent<'_> {
    fn arrival(&self) -> Arrival<'_> {
        self.ask.arrival()
    }

    fn length(&self) -> Length {
        self.length
    }

    async fn read(&mut self, _: Instant) -> Result<Option<Bytes>, Reason> {
        match self.pieces.is_empty() {
            true if self.broken => Err(Reason::BodyIncomplete),
            true => Ok(None),
            false => Ok(Some(Bytes::from_static(self.pieces.remove(0).as_bytes()))),
        }
    }
}

fn get(zone: &Zone, target: &str) -> Ask {
    Ask::get("old.example", target).token(&zone.issuer.officer())
}

fn post(zone: &Zone, length: Length, pieces: &[&'static str]) -> (Answered, usize) {
    put(zone, get(zone, "/form"), length, pieces)
}

/// Puts a form to a zone, in pieces; how many of them were not read.
pub(crate) fn put(zone: &Zone, ask: Ask, length: Length, pieces: &[&'static str]) -> (Answered, usize) {
    let ask = ask.method(Method::POST).header("content-type", FORM);
    let mut sent = Sent { ask: &ask, length, pieces: pieces.to_vec(), broken: false };
    let answered = ask.put_with(zone, &mut sent);
    (answered, sent.pieces.len())
}

fn seen(answered: &Answered) -> (Finding, BodySeen, u32, Vec<u64>) {
    let report = answered.exchange.inspection.as_ref().unwrap().request_report().unwrap();
    (report.finding, report.body, report.score, report.matches.iter().map(|found| found.rule.id).collect())
}

#[test]
fn heads_and_bodies_are_judged() {
    let zone = zone(inspector(Mode::Block));
    for (name, target, reason, finding) in [
        ("nothing", "/a?q=x", None, (Finding::Passed, 0)),
        ("bad", "/a?q=bad", Some(Reason::Inspection), (Finding::Refused, 5)),
        ("in the head", "/worst", Some(Reason::Inspection), (Finding::Refused, 0)),
        ("little", "/a?q=few", None, (Finding::Passed, 1)),
    ] {
        let answered = get(&zone, target).put(&zone);
        assert_eq!(answered.reason(), reason.as_ref(), "{name}");
        let (found, _, score, _) = seen(&answered);
        assert_eq!((found, score), finding, "{name}");
        assert_eq!(answered.steps().last(), Some(&(Check::Waf, reason.is_none())), "{name}");
    }
    let (answered, left) = post(&zone, Length::Known(7), &["q=", "bad", "xx"]);
    assert_eq!((answered.reason(), left), (Some(&Reason::Inspection), 0));
    assert_eq!(seen(&answered), (Finding::Refused, BodySeen::Whole, 5, vec![1, 8]));
    let (answered, _) = post(&zone, Length::Known(6), &["q=go", "od"]);
    assert!(answered.permit().is_some());
    let body = answered.exchange.inspection.as_ref().unwrap().body().cloned();
    assert_eq!(body.as_deref(), Some(&b"q=good"[..]), "the source gets what was judged");
    assert_eq!(zone.bodies.held(), 6, "for as long as the exchange lasts");
    drop(answered);
    assert_eq!(zone.bodies.held(), 0);
    let (answered, left) = post(&zone, Length::Known(10), &["q=unread"]);
    assert_eq!(
        (answered.permit().is_some(), left),
        (true, 0),
        "a rule may only see what was sent before it ran"
    );
}

#[test]
fn bodies_have_bounds() {
    let zone = zone(inspector(Mode::Block));
    let piece: &'static str = Box::leak("x".repeat(300).into_boxed_str());
    for (name, length, pieces, reason, unread) in [
        ("announced too large", Length::Known(501), vec![piece], Reason::BodyTooLarge, 1),
        ("as large as may be", Length::Known(500), vec![], Reason::Internal, 0),
        ("large without a length", Length::Unknown, vec![piece, piece, piece], Reason::LengthRequired, 1),
    ] {
        let (answered, left) = post(&zone, length, &pieces);
        if reason == Reason::Internal {
            assert!(answered.permit().is_some(), "{name}");
        } else {
            assert_eq!((answered.reason(), left), (Some(&reason), unread), "{name}");
        }
        drop(answered);
        assert_eq!(zone.bodies.held(), 0, "{name}");
    }
    let ask = get(&zone, "/form").method(Method::POST).header("content-type", FORM);
    let mut broken = Sent { ask: &ask, length: Length::Known(9), pieces: vec!["q="], broken: true };
    assert_eq!(ask.put_with(&zone, &mut broken).reason(), Some(&Reason::BodyIncomplete));

    let room = zone.bodies.hold(9_900).unwrap();
    let (answered, left) = post(&zone, Length::Known(101), &["x"]);
    assert_eq!((answered.reason(), left), (Some(&Reason::Limit(Budget::Bodies)), 1));
    let Admission::Refusal(refusal) = &answered.admission else { panic!("{answered:?}") };
    assert!(refusal.retry_after.is_some());
    drop(room);
    assert!(post(&zone, Length::Known(101), &["x"]).0.permit().is_some());
}

#[test]
fn detection_refuses_nothing() {
    let zone = zone(inspector(Mode::Detect));
    let answered = get(&zone, "/worst?q=bad+odd").put(&zone);
    assert!(answered.permit().is_some());
    let (finding, _, score, rules) = seen(&answered);
    assert_eq!((finding, score, rules), (Finding::Detected, 8, vec![9, 1, 2, 8]));
    let (question, _) = answered.exchange.asked.as_ref().unwrap();
    assert_eq!(question.context.inspection.score, 0, "nor do the policies refuse for its sake");
    let room = zone.bodies.hold(9_999).unwrap();
    for (name, length, body) in [
        ("too large", Length::Known(501), BodySeen::TooLarge),
        ("no room", Length::Known(400), BodySeen::NoRoom),
        ("without a length", Length::Unknown, BodySeen::Later),
    ] {
        let (answered, left) = post(&zone, length, &["q=bad"]);
        assert_eq!((answered.permit().is_some(), left), (true, 1), "{name}: left for whoever forwards it");
        assert_eq!(seen(&answered).1, body, "{name}");
    }
    drop(room);
}

#[test]
fn the_policies_hear_of_what_was_found() {
    let zone = zone(inspector(Mode::Block));
    let answered = get(&zone, "/a?q=odd").put(&zone);
    assert_eq!(answered.reason(), Some(&Reason::Policy));
    let Admission::Refusal(refusal) = &answered.admission else { panic!("{answered:?}") };
    assert_eq!(refusal.advice.as_deref(), Some("Odd words are for the desk."));
    assert_eq!(answered.exchange.asked.as_ref().unwrap().0.context.inspection.score, 3);
    let answered = get(&zone, "/a?q=few").put(&zone);
    let (question, decision) = answered.exchange.asked.as_ref().unwrap();
    assert_eq!((question.context.inspection.score, decision.allow), (1, true));
    assert_eq!(decision.determining.len(), 1, "one policy allows twice, and is named once: {decision:?}");
}

#[test]
fn exclusions_hold_where_and_while_they_should() {
    let excluding = |rule: &str, target: Option<&str>, path: Option<&str>, ends| {
        let mut inspector = inspector(Mode::Block);
        let what = poort_waf::Exclusion::new(&inspector.rules.program, rule, target).unwrap();
        inspector.exclusions =
            Box::new([Exclusion { what, rule: rule.into(), path: path.map(PathPattern::new), ends }]);
        zone(inspector)
    };
    let later = now() + Duration::from_secs(1);
    for (name, zone, target, passes) in [
        ("the rule", excluding("1", None, None, later), "/a?q=bad", true),
        ("another rule", excluding("2", None, None, later), "/a?q=bad", false),
        ("the target", excluding("1", Some("ARGS:q"), None, later), "/a?q=bad", true),
        ("another target", excluding("1", Some("ARGS:r"), None, later), "/a?q=bad", false),
        ("the path", excluding("1", None, Some("/a/{b}/**"), later), "/a/1/2?q=bad", true),
        ("another path", excluding("1", None, Some("/a/{b}"), later), "/b/1?q=bad", false),
        ("a path with two readings", excluding("1", None, Some("/a%2Fb"), later), "/a%2Fb?q=bad", false),
        ("over", excluding("1", None, None, now()), "/a?q=bad", false),
    ] {
        assert_eq!(get(&zone, target).put(&zone).permit().is_some(), passes, "{name}");
    }
}

#[test]
fn streams_pass_where_the_file_says_so() {
    let upgrade = |zone: &Zone| {
        let ask = get(zone, "/ws").header("connection", "upgrade").header("upgrade", "websocket");
        ask.header("sec-websocket-key", "a").header("sec-websocket-version", "13").put(zone)
    };
    let with = |mode, streams| {
        let mut inspector = Some(Arc::new(Inspector { streams, ..inspector(mode) }));
        Zone::with(|sources| {
            for source in sources.iter_mut().filter(|source| &*source.id == "old") {
                source.streams.websocket = true;
                source.inspector = inspector.take();
            }
        })
    };
    for (mode, streams, reason) in [
        (Mode::Block, false, Some(Reason::StreamUninspected)),
        (Mode::Block, true, None),
        (Mode::Detect, false, None),
    ] {
        let zone = with(mode, streams);
        assert_eq!(upgrade(&zone).reason(), reason.as_ref(), "{mode:?} {streams}");
    }
}

#[test]
fn the_record_names_rules_and_never_what_was_written() {
    for records_data in [false, true] {
        let zone = zone(Inspector { records_data, ..inspector(Mode::Block) });
        let mut answered = get(&zone, "/a?q=bad+secret").put(&zone);
        let decision = Decision::of(&mut answered.exchange, Verdict::Refuse(Reason::Inspection));
        let report = decision.inspection.as_deref().unwrap();
        assert_eq!((report.level, &*report.rules, report.threshold), (1, "digest", 5));
        let first = &report.matches[0];
        assert_eq!((first.rule.id, first.variable.as_str(), first.rule.severity), (1, "ARGS:q", Some(2)));
        assert_eq!(first.data.as_deref(), records_data.then_some("bad secret"));
        assert_eq!(format!("{report:?}").contains("secret"), records_data);
        let inspected = zone.ports.inner().inspected.clone();
        assert_eq!((inspected.len(), inspected[0].0.as_str()), (1, "old"), "and it is counted once");
    }
}

#[test]
fn a_transaction_that_serves_again_has_forgotten_everything() {
    let zone = zone(inspector(Mode::Block));
    for _ in 0..3 {
        let (finding, _, score, rules) = seen(&get(&zone, "/a?q=few").put(&zone));
        assert_eq!((finding, score, rules), (Finding::Passed, 1, vec![3]), "collections, scores and matches");
    }
}

#[test]
fn a_stream_that_is_admitted_again_is_inspected_and_not_counted_again() {
    let zone = zone(inspector(Mode::Detect));
    let ask = Ask::get("old.example", "/a?q=bad").token(&zone.issuer.officer());
    assert!(ask.put(&zone).permit().is_some());
    assert_eq!(zone.ports.inner().inspected.len(), 1);
    let again = ask.put_in(&zone, Exchange::reopen(RequestId([7; 16]), now(), ask.connection.clone()));
    assert!(again.permit().is_some() && again.exchange.inspection.is_some());
    assert_eq!(zone.ports.inner().inspected.len(), 1);
}
