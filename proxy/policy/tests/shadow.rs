//! Policies in shadow: asked, told of, and of no account.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{device, engine, names, question, user, with};
use poort_policy::{
    Corpus, Decision, Disagreement, Engine, Mode, Operation, PolicyFile, Question,
    workbench::{Case, Coverage, Expectation, Recorded, Replay, Turn, Workbench},
};

const OPEN: &str = "@id(\"open\") permit (principal, action == Poort::Action::\"consult\", resource);\n\
    @id(\"closed\") forbid (principal, action, resource == Poort::Source::\"firearms\");\n";
const NIGHT: &str = "@id(\"night\") @shadow(\"since March\") forbid (principal, action, resource)\n\
    when { context.time.hour >= 22 };\n";
const ALTER: &str = "@id(\"alter\") @shadow(\"since March\") permit (principal, action == Poort::Action::\"alter\", resource);\n";
const ERRS: &str = "@id(\"errs\") @shadow(\"since March\") forbid (principal, action, resource)\n\
    when { context.inspection.score + 9223372036854775807 > 0 };\n";

fn ask(engine: &Engine, question: &Question) -> Decision {
    let prepared = engine.prepare(&question.principal, question.device.as_ref(), question.actor.as_ref());
    engine.decide(question, &prepared)
}

fn asking(operation: Operation, source: &str, hour: u8, score: u32) -> Question {
    let car = device("device/car-12", "cars", Some("team-a"));
    let mut asked = question(user("zone|amina", &["officer"], &["team-a"]), Some(car), operation, source);
    asked.context.time.hour = hour;
    asked.context.inspection.score = score;
    asked
}

fn texts(shadow: &str) -> String {
    format!("{OPEN}{shadow}")
}

/// The same policies, in shadow no more.
fn promoted(shadow: &str) -> String {
    texts(&shadow.replace("@shadow(\"since March\")", ""))
}

/// What is asked in the zone, with a name.
fn questions() -> Vec<Question> {
    let mut all = Vec::new();
    for operation in [Operation::Consult, Operation::Alter] {
        for source in ["persons", "firearms"] {
            for hour in [10, 23] {
                for score in [0, 1] {
                    all.push(asking(operation, source, hour, score));
                }
            }
        }
    }
    all
}

#[test]
fn whatever_is_in_shadow_the_answer_is_the_same_and_the_disagreement_is_what_promotion_would_do() {
    for shadow in [NIGHT, ALTER, ERRS, &[NIGHT, ALTER].concat(), &[ERRS, NIGHT, ALTER].concat()] {
        let with_shadow = engine(&with(&[("a.cedar", &texts(shadow))]));
        let without = engine(&with(&[("a.cedar", OPEN)]));
        let counting = engine(&with(&[("a.cedar", &promoted(shadow))]));
        let mut disagreed = 0;
        for question in questions() {
            let seen = ask(&with_shadow, &question);
            let (plain, would) = (ask(&without, &question), ask(&counting, &question));
            let answer = Decision { disagreements: vec![], ..seen.clone() };
            assert_eq!(answer, plain, "{shadow}: {question:?}");
            let expected = (would.allow != plain.allow).then_some(would.allow);
            let found = seen.disagreement_of(Mode::Shadow);
            assert_eq!(found.map(|found| found.allow), expected, "{shadow}: {question:?}: {seen:?}");
            disagreed += usize::from(found.is_some());
            if let Some(found) = found {
                let counts: Vec<_> =
                    would.determining.iter().filter(|id| !plain.determining.contains(id)).cloned().collect();
                assert_eq!((&found.determining, &found.errors), (&counts, &would.errors), "{question:?}");
            }
        }
        assert!(disagreed > 0, "{shadow}");
    }
}

#[test]
fn what_inspection_found_can_be_shown_to_policies_in_shadow_alone() {
    let odd = "@id(\"odd\") forbid (principal, action, resource) when { context.inspection.score > 0 };\n\
        @id(\"odd in shadow\") @shadow(\"new\") forbid (principal, action, resource) when { context.inspection.score > 0 };\n";
    let engine = engine(&with(&[("a.cedar", &texts(odd))]));
    let clean = asking(Operation::Consult, "persons", 10, 0);
    let prepared = engine.prepare(&clean.principal, clean.device.as_ref(), None);
    let decision = engine.decide(&clean, &prepared);
    assert!(decision.allow && decision.disagreements.is_empty(), "{decision:?}");
    let found = engine.overshadow(&asking(Operation::Consult, "persons", 10, 4), &prepared, &decision);
    let expected = Disagreement {
        mode: Mode::Shadow,
        allow: false,
        determining: names(&["odd in shadow"]),
        errors: vec![],
    };
    assert_eq!(found, Some(expected));
    assert_eq!(engine.overshadow(&clean, &prepared, &decision), None);
    assert_eq!((engine.policies(), engine.shadows()), (4, 1));
}

#[test]
fn a_file_is_in_shadow_as_a_whole() {
    let file = |name: &str, text: &str, shadow| PolicyFile { name: name.into(), text: text.into(), shadow };
    let base = with(&[]);
    let corpus = |shadow| Corpus {
        policies: vec![
            file("a.cedar", OPEN, false),
            file("b.cedar", &NIGHT.replace("@shadow(\"since March\")", ""), shadow),
        ],
        ..base.clone()
    };
    let (live, shadow) = (engine(&corpus(false)), engine(&corpus(true)));
    let late = asking(Operation::Consult, "persons", 23, 0);
    assert!(!ask(&live, &late).allow && ask(&shadow, &late).allow);
    assert_eq!(ask(&shadow, &late).disagreements.len(), 1);
    assert_ne!(live.digest(), shadow.digest(), "a record tells which of them decided");
}

#[test]
fn only_policies_in_shadow_are_no_policies() {
    let faults = Engine::load(&with(&[("a.cedar", ALTER)])).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert!(faults[0].message.contains("every policy is in shadow, so nothing would ever be allowed"));
    // And what is in shadow is checked like all others.
    let wrong = texts(
        "@id(\"x\") @shadow(\"new\") forbid (principal, action, resource) when { context.devise.managed };",
    );
    let faults = Engine::load(&with(&[("a.cedar", &wrong)])).unwrap_err();
    assert!(faults.iter().any(|fault| fault.message.contains("devise")), "{faults:?}");
}

fn bench(shadow: &str) -> Workbench {
    Workbench::load(with(&[("a.cedar", &texts(shadow))])).unwrap()
}

#[test]
fn tests_can_name_them_and_owe_them_nothing() {
    let bench = bench(&[NIGHT, ALTER].concat());
    let late = asking(Operation::Consult, "persons", 23, 0);
    let case = |shadow: Option<&[&str]>, by: &[&str]| Case {
        name: "late".to_owned(),
        place: Default::default(),
        question: late.clone(),
        expect: Expectation {
            allow: true,
            by: Some(names(by)),
            shadow: shadow.map(names),
            place: Default::default(),
            shadow_place: Default::default(),
        },
    };
    for (shadow, objection) in [
        (None, None),
        (Some(&["night"][..]), None),
        (
            Some(&["alter"][..]),
            Some("expected: another answer by `alter` in shadow; it would have been refused by `night`"),
        ),
        (Some(&[][..]), Some("expected: no policy in shadow would have made it another answer; it would")),
    ] {
        let (trace, found) = bench.judge(&case(shadow, &["open"]));
        match (objection, &found) {
            (None, None) => {}
            (Some(part), Some(found)) if found.contains(part) => {}
            _ => panic!("{shadow:?}: {found:?}"),
        }
        let mut coverage = Coverage::new(&bench);
        coverage.note(&trace);
        assert_eq!((coverage.of_policies().tried, coverage.of_policies().all), (1, 2));
        assert!(coverage.gaps(&bench).iter().all(|(_, _, what)| what.contains("`closed`")));
    }
    let wrong = [case(Some(&["open"]), &["night"]), case(Some(&["nite"]), &["open"])];
    let said: Vec<String> = bench.faults_of(&wrong).iter().map(ToString::to_string).collect();
    for part in [
        "policy `open` is not in shadow",
        "policy `night` is in shadow, so it decides nothing; name it under `shadow`",
        "there is no policy `nite`; did you mean `night`?",
    ] {
        assert!(said.iter().any(|said| said.contains(part)), "{part}: {said:#?}");
    }
}

#[test]
fn explanations_and_replays_tell_of_them() {
    let bench = bench(NIGHT);
    let late = asking(Operation::Consult, "persons", 23, 0);
    let explanation = bench.explain(&late);
    let night = explanation.policies.iter().find(|policy| &*policy.id == "night").unwrap();
    assert!(night.shadow && explanation.decision.allow);
    let mut replay = Replay::new(bench.engine());
    for (hour, order) in [(23, 1), (10, 2), (23, 3)] {
        replay.ask(&Recorded {
            question: asking(Operation::Consult, "persons", hour, 0),
            allow: true,
            by: names(&["open"]),
            name: "K7M2QX".into(),
            order,
        });
    }
    let tally = replay.finish();
    assert_eq!((tally.turned(Turn::Loss), tally.turned_in_shadow(Turn::Loss)), (0, 2), "{tally:?}");
    let (group, members) = tally.in_shadow.iter().next().unwrap();
    assert_eq!((&group.then, &group.now), (&names(&["open"]), &names(&["night"])));
    assert_eq!((members.requests, members.examples.len()), (2, 2));
}
