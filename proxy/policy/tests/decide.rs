//! Answers: errors refuse, obligations come from what decided, and a question stands for itself.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;

use common::{device, engine, names, question, shipped, user, with};
use poort_policy::{
    Actor, BreakGlass, Decision, Engine, Obligation, Operation, Principal, PrincipalKind, Question,
    UnknownOperation,
};

fn ask(engine: &Engine, question: &Question) -> Decision {
    let prepared = engine.prepare(&question.principal, question.device.as_ref(), question.actor.as_ref());
    engine.decide(question, &prepared)
}

fn officer() -> Question {
    let car = device("device/car-12", "cars", Some("team-a"));
    question(user("zone|amina", &["officer"], &["team-a"]), Some(car), Operation::Consult, "persons")
}

#[test]
fn any_error_refuses() {
    let permit = "@id(\"permit\") @reason(\"come in\") permit (principal, action, resource);";
    let overflow = "context.inspection.score + 9223372036854775807 > 0";
    let cases = [
        ("nothing errs", "forbid (principal, action, resource)", "false || context has case", true, 0),
        ("a permit errs", "permit (principal, action, resource)", overflow, false, 1),
        ("a forbid errs", "forbid (principal, action, resource)", overflow, false, 1),
        (
            "for another source",
            "forbid (principal, action, resource == Poort::Source::\"firearms\")",
            overflow,
            true,
            0,
        ),
        (
            "behind a guard",
            "forbid (principal, action, resource)",
            &format!("context has case && {overflow}"),
            true,
            0,
        ),
        (
            "about the device",
            "forbid (principal, action, resource)",
            "if context.device.managed then 9223372036854775807 + 1 > 0 else false",
            false,
            1,
        ),
    ];
    for (name, scope, condition, allow, errors) in cases {
        // Strict validation wants `has` first.
        let guarded = format!("@id(\"second\") {scope} when {{ context has device && ({condition}) }};");
        let engine = engine(&with(&[("a.cedar", &format!("{permit}\n{guarded}"))]));
        let mut asked = officer();
        asked.context.inspection.score = 1;
        for round in ["first", "again"] {
            let decision = ask(&engine, &asked);
            assert_eq!(
                (decision.allow, decision.errors.len()),
                (allow, errors),
                "{name}, {round}: {decision:?}"
            );
            assert!(
                decision.errors.iter().all(|error| error.contains("policy `second`: integer overflow")),
                "{decision:?}"
            );
            let promised = if allow { names(&["permit"]) } else { vec![] };
            assert_eq!(decision.determining, promised, "{name}, {round}");
            assert_eq!(
                decision.obligations.len(),
                promised.len(),
                "an error makes no promise: {name}, {round}"
            );
        }
    }
}

#[test]
fn what_the_corpus_does_not_know_is_refused_in_words() {
    let mut corpus = with(&[("a.cedar", "permit (principal, action, resource);")]);
    let schema = corpus.schema.text.replace(
        "action collect, alter, consult, disclose, combine, erase, use appliesTo",
        "action erase appliesTo { principal: [User], resource: Source, context: Circumstances };
         action collect, alter, consult, disclose, combine, use appliesTo",
    );
    assert_ne!(schema, corpus.schema.text);
    corpus.schema.text = schema;
    let engine = engine(&corpus);
    assert!(ask(&engine, &officer()).allow);

    let decision = ask(&engine, &Question { source: "archive".into(), ..officer() });
    assert_eq!(decision.errors, ["source `archive` is unknown to the policies"]);
    assert!(!decision.allow && decision.determining.is_empty());

    let erase = Question { operation: Operation::Erase, ..officer() };
    assert!(ask(&engine, &erase).allow);
    let service = Principal { kind: PrincipalKind::Service, ..erase.principal.clone() };
    let decision = ask(&engine, &Question { principal: service, ..erase });
    assert_eq!(decision.errors, ["the schema lets no principal of this kind do `erase`"]);
    assert!(!decision.allow);
}

#[test]
fn one_device_has_one_posture() {
    let engine = engine(&with(&[("a.cedar", "permit (principal, action, resource);")]));
    let mut asked = officer();
    let car = asked.device.clone().unwrap();
    asked.actor = Some(Actor { device: car.clone(), service: None });
    assert!(ask(&engine, &asked).allow, "named twice alike");
    asked.actor.as_mut().unwrap().device.compliant = false;
    let decision = ask(&engine, &asked);
    assert!(
        !decision.allow && decision.errors[0].contains("one entity is described in two ways"),
        "{decision:?}"
    );
}

#[test]
fn obligations_come_from_what_decided() {
    let text = "
        @id(\"one\") @reason(\"first\") @log(\"body-hash\") @unbreakable permit (principal, action, resource);
        @id(\"two\") @reason(\"second\") permit (principal, action, resource) when { context.session.strong };
        @id(\"three\") @reason(\"third\") forbid (principal, action, resource) when { context.inspection.score > 4 };
        @id(\"four\") @reason(\"fourth\") forbid (principal, action == Poort::Action::\"erase\", resource);";
    let engine = engine(&with(&[("a.cedar", text)]));
    let obligation = |key: &str, value: &str, policy: &str| Obligation {
        key: key.into(),
        value: value.into(),
        policy: policy.into(),
    };
    let one = [
        obligation("log", "body-hash", "one"),
        obligation("reason", "first", "one"),
        obligation("unbreakable", "", "one"),
    ];

    let decision = ask(&engine, &officer());
    assert_eq!((decision.allow, decision.determining), (true, names(&["one"])));
    assert_eq!(decision.obligations, one);

    let mut strong = officer();
    strong.context.session.strong = true;
    let decision = ask(&engine, &strong);
    assert_eq!((decision.allow, decision.determining), (true, names(&["one", "two"])));
    assert_eq!(decision.obligations, [one.as_slice(), &[obligation("reason", "second", "two")]].concat());

    strong.context.inspection.score = 5;
    strong.operation = Operation::Erase;
    let decision = ask(&engine, &strong);
    assert_eq!((decision.allow, decision.determining), (false, names(&["three", "four"])));
    assert_eq!(
        decision.obligations,
        [obligation("reason", "third", "three"), obligation("reason", "fourth", "four")]
    );
}

#[test]
fn what_was_prepared_for_another_changes_no_answer() {
    let (engine, other) =
        (engine(&shipped()), engine(&with(&[("a.cedar", "permit (principal, action, resource);")])));
    let asked = officer();
    let stranger = user("zone|stranger", &[], &[]);
    let supervisor = user("zone|amina", &["supervisor"], &["team-a"]);
    let mut unmanaged = asked.device.clone().unwrap();
    unmanaged.managed = false;
    let device = asked.device.as_ref();
    let actor = Actor { device: unmanaged.clone(), service: None };
    let prepared = [
        ("its own", engine.prepare(&asked.principal, device, None)),
        ("a stranger's", engine.prepare(&stranger, device, None)),
        ("one with another role", engine.prepare(&supervisor, device, None)),
        ("one without a device", engine.prepare(&asked.principal, None, None)),
        ("one at a worse device", engine.prepare(&asked.principal, Some(&unmanaged), None)),
        ("one with an actor", engine.prepare(&asked.principal, device, Some(&actor))),
        ("one of another engine", other.prepare(&asked.principal, device, None)),
    ];
    for (name, prepared) in prepared {
        let decision = engine.decide(&asked, &prepared);
        assert_eq!((decision.allow, decision.determining), (true, names(&["officers-consult"])), "{name}");
        let refused = Question { principal: stranger.clone(), ..asked.clone() };
        assert!(!engine.decide(&refused, &prepared).allow, "{name}, for a stranger");
    }
}

#[test]
fn a_question_is_written_whole_and_short() {
    let mut asked = officer();
    asked.context.request.captures =
        BTreeMap::from([("national_number".to_owned(), "85.07.30-033.28".to_owned())]);
    let short = serde_json::to_string(&asked).unwrap();
    assert_eq!(
        short,
        r#"{"principal":{"kind":"user","id":"zone|amina","issuer":"zone","roles":["officer"],"units":["team-a"]},"#.to_owned()
            + r#""device":{"id":"spiffe://zone.example/device/car-12","fleet":"cars","unit":"team-a","managed":true,"compliant":true},"#
            + r#""operation":"consult","source":"persons","context":{"request":{"method":"GET","host":"persons.zone.example","#
            + r#""path":"/search","address":"10.1.2.3","captures":{"national_number":"85.07.30-033.28"}},"#
            + r#""time":{"epoch":1770000000,"hour":3,"minute":40,"weekday":1}}}"#
    );

    let mut full = asked.clone();
    full.actor = Some(Actor {
        device: device("workload/search", "workloads", None),
        service: Some("zone|search".to_owned()),
    });
    full.context.purpose = Some("road check".to_owned());
    full.context.case = Some("2026/4711".to_owned());
    full.context.break_glass = Some(BreakGlass { reason: "urgent".to_owned(), case: "2026/4711".to_owned() });
    full.context.inspection.score = 3;
    full.context.session.acr = Some("phrh".to_owned());
    full.context.session.amr = vec!["pwd".to_owned(), "hwk".to_owned()];
    full.context.session.auth_age = Some(12);
    full.context.session.strong = true;
    let bare = Question { device: None, ..question(user("x", &[], &[]), None, Operation::Use, "persons") };
    let engine = engine(&shipped());
    for one in [asked, full, bare] {
        let read: Question = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!(read, one);
        assert_eq!(ask(&engine, &read), ask(&engine, &one));
    }
    let decision = ask(&engine, &officer());
    let read: Decision = serde_json::from_str(&serde_json::to_string(&decision).unwrap()).unwrap();
    assert_eq!(read, decision);
}

#[test]
fn a_question_with_an_unknown_word_is_not_read() {
    let sound = serde_json::to_string(&officer()).unwrap();
    let cases = [
        ("an unknown key", sound.replace("\"operation\"", "\"query\":\"x\",\"operation\"")),
        ("an unknown operation", sound.replace("\"consult\"", "\"delete\"")),
        ("no principal", sound.replace("\"principal\"", "\"other\"")),
        ("a name as address", sound.replace("10.1.2.3", "gate.example")),
    ];
    for (name, text) in cases {
        assert_ne!(text, sound, "{name}");
        assert!(serde_json::from_str::<Question>(&text).is_err(), "{name}");
    }
    let unknown = "delete".parse::<Operation>();
    assert_eq!(unknown, Err(UnknownOperation("delete".to_owned())));
    assert!(unknown.unwrap_err().to_string().contains("use one of `collect`"));
}

#[test]
fn an_engine_is_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<Engine>();
    shared::<poort_policy::Prepared>();
}
