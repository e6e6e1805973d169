//! What the workbench says agrees with what the engine decides.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use common::{device, question, shipped, user, with};
use poort_policy::{
    Actor, BreakGlass, DeviceFacts, Operation, Principal, PrincipalKind, Question,
    workbench::{
        Case, Coverage, Expectation, Recorded, Replay, Stage, Standing, Step, Turn, Workbench,
        replay::{Group, Members},
    },
};
use proptest::prelude::*;

fn bench(policies: &[(&str, &str)]) -> Workbench {
    Workbench::load(with(policies)).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn officer() -> Principal {
    user("zone|amina", &["officer"], &["team-a"])
}

fn car() -> Option<DeviceFacts> {
    Some(device("device/car-12", "cars", Some("team-a")))
}

/// The shipped policies, loaded once: that takes a second where nothing is optimised.
static SHIPPED: LazyLock<Workbench> =
    LazyLock::new(|| Workbench::load(shipped()).unwrap_or_else(|faults| panic!("{faults:#?}")));

/// Questions of all kinds.
fn questions() -> impl Strategy<Value = Question> {
    let principals = prop_oneof![
        Just(officer()),
        Just(user("zone|bert", &["supervisor"], &["team-b"])),
        Just(user("zone|carla", &["firearms-desk"], &["zone"])),
        Just(user("federal|dirk", &["federal-partner", "officer"], &[])),
        Just(Principal { kind: PrincipalKind::Service, ..user("zone|sync", &["registry-sync"], &[]) }),
        Just(Principal {
            kind: PrincipalKind::Device,
            ..user("spiffe://zone.example/device/car-12", &[], &[])
        }),
    ];
    let devices = prop_oneof![
        Just(None),
        Just(car()),
        Just(Some(device("device/desk-4", "office", Some("zone")))),
        Just(Some(DeviceFacts { compliant: false, ..device("device/car-7", "cars", None) })),
        Just(Some(device("workload/search", "workloads", None))),
    ];
    let operations = prop::sample::select(Operation::ALL.to_vec());
    let sources = prop::sample::select(vec!["persons", "vehicles", "firearms", "unheard-of"]);
    let flags = prop::array::uniform7(any::<bool>());
    (principals, devices, any::<bool>(), operations, sources, flags, 0_u64..2_000).prop_map(
        |(
            principal,
            device,
            acted,
            operation,
            source,
            [strong, glass, case, purpose, odd, aged, counted],
            age,
        )| {
            let mut question = question(principal, device, operation, source);
            let workload = common::device("workload/search", "workloads", None);
            question.actor = acted.then_some(Actor { device: workload, service: None });
            let context = &mut question.context;
            context.session.strong = strong;
            context.session.auth_age = aged.then_some(age);
            let word = || "2026/4711".to_owned();
            context.break_glass = glass.then(|| BreakGlass { reason: word(), case: word() });
            context.case = case.then(word);
            context.purpose = purpose.then(word);
            context.inspection.score = u32::from(odd) * 3;
            context.shift.subjects = counted.then_some(age as u32);
            question
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// What applies in a trace is what determines the decision, and what would change a refusal does change it.
    #[test]
    fn a_trace_agrees_with_the_decision(question in questions()) {
        let bench = &*SHIPPED;
        let trace = bench.trace(&question);
        let applies = |permits: bool| -> Vec<Arc<str>> {
            let applying = trace.weighed.iter().filter(|weighed| weighed.stage == Stage::Applies);
            let sheets = applying.map(|weighed| &bench.sheets()[weighed.sheet]);
            sheets.filter(|sheet| sheet.permits == permits).map(|sheet| Arc::clone(&sheet.id)).collect()
        };
        let expected = match (applies(true), applies(false)) {
            (permits, forbids) if forbids.is_empty() => (!permits.is_empty(), permits),
            (_, forbids) => (false, forbids),
        };
        let decision = &trace.decision;
        if &*question.source != "unheard-of" {
            prop_assert_eq!((decision.allow, &decision.determining), (expected.0, &expected.1));
        }
        // Every condition that is said to be decisive was asked.
        for weighed in &trace.weighed {
            if let Stage::Fails(why) = &weighed.stage {
                prop_assert!(!why.is_empty() && why.iter().all(|index| weighed.answers.contains_key(index)));
            }
        }
    }

    /// Two questions with one answer may share it: whatever a replay says, asking each anew says too.
    #[test]
    fn a_replay_agrees_with_the_engine(questions in prop::collection::vec(questions(), 1..60), then in any::<u64>()) {
        let bench = &*SHIPPED;
        let mut replay = Replay::new(bench.engine());
        let mut expected: BTreeMap<(Turn, String), u64> = BTreeMap::new();
        for (number, question) in questions.iter().enumerate() {
            let allow = then >> (number % 64) & 1 == 1;
            let recorded = Recorded { question: question.clone(), allow, by: vec![], name: "K7M2QX".into(), order: 0 };
            replay.ask(&recorded);
            let now = bench.trace(question).decision.allow;
            let key = |turn| (turn, format!("{} {}", question.source, question.operation));
            match (allow, now) {
                (true, false) => *expected.entry(key(Turn::Loss)).or_default() += 1,
                (false, true) => *expected.entry(key(Turn::Gain)).or_default() += 1,
                _ => {}
            }
        }
        let tally = replay.finish();
        let mut found: BTreeMap<(Turn, String), u64> = BTreeMap::new();
        for (Group { turn, source, operation, .. }, Members { requests, .. }) in &tally.groups {
            *found.entry((*turn, format!("{source} {operation}"))).or_default() += requests;
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!(tally.decisions, questions.len() as u64);
        prop_assert!(tally.asked <= tally.decisions);
    }
}

/// The changes that would open a question, in words.
fn changes(bench: &Workbench, question: &Question) -> Vec<String> {
    let explanation = bench.explain(question);
    assert!(!explanation.decision.allow);
    let steps = |change: &poort_policy::workbench::Change| {
        change.steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
    };
    explanation.changes.iter().map(steps).collect()
}

#[test]
fn what_would_have_to_change() {
    let bench = &*SHIPPED;
    let mut firearms = question(officer(), car(), Operation::Consult, "firearms");
    assert_eq!(changes(bench, &firearms)[0], "a strong sign-in");
    firearms.device.as_mut().unwrap().compliant = false;
    assert_eq!(changes(bench, &firearms)[0], "a strong sign-in and the device meets the zone's rules again");
    let stranger = question(user("zone|x", &[], &["zone"]), car(), Operation::Consult, "persons");
    assert_eq!(changes(bench, &stranger)[0], "the role `officer`");
    let unknown = question(officer(), None, Operation::Consult, "persons");
    assert_eq!(changes(bench, &unknown)[0], "a known device that is managed and compliant");
    let bert = user("zone|bert", &["supervisor"], &["team-b"]);
    let disclose = question(bert, car(), Operation::Disclose, "persons");
    assert_eq!(changes(bench, &disclose)[0], "a strong sign-in and a stated purpose and a stated case");
    // Nothing opens what nothing permits.
    assert_eq!(
        changes(bench, &question(officer(), car(), Operation::Combine, "persons")),
        Vec::<String>::new()
    );
}

const QUOTA: &str = "@id(\"open\") permit (principal, action, resource);\n\
    @id(\"quota\") forbid (principal is Poort::User, action, resource)\n\
    when { context.shift has subjects && context.shift.subjects > 300 };\n";

#[test]
fn a_quota_of_a_shift_is_decided_explained_and_replayed() {
    let bench = bench(&[("quota.cedar", QUOTA)]);
    let counted = |subjects| {
        let mut asked = question(officer(), car(), Operation::Consult, "persons");
        asked.context.shift.subjects = subjects;
        asked
    };
    for (subjects, allow) in
        [(None, true), (Some(0), true), (Some(300), true), (Some(301), false), (Some(1_000), false)]
    {
        assert_eq!(bench.explain(&counted(subjects)).decision.allow, allow, "{subjects:?}");
    }
    let beyond = counted(Some(301));
    assert_eq!(changes(&bench, &beyond), ["the next shift, in which the count begins anew"]);
    let written = serde_json::to_value(&beyond).unwrap();
    assert_eq!(written["context"]["shift"], serde_json::json!({ "subjects": 301 }));
    assert_eq!(serde_json::from_value::<Question>(written).unwrap(), beyond, "the record can be asked again");
    let written = serde_json::to_value(counted(None)).unwrap();
    assert!(written["context"].get("shift").is_none(), "what nobody counts takes no room: {written}");
}

#[test]
fn changes_are_found_for_hours_methods_and_ones_own_case() {
    let text = "@id(\"a\") permit (principal in Poort::Role::\"officer\", action, resource)\n\
         when { context.time.hour >= 22 && context.session.amr.contains(\"hwk\") };\n\
         @id(\"b\") forbid (principal, action, resource) unless { context has case &&\n\
         context.request.captures has case_number && context.case == context.request.captures.case_number };";
    let bench = bench(&[("a.cedar", text)]);
    let mut own = question(officer(), car(), Operation::Consult, "persons");
    own.context.request.captures.insert("case_number".to_owned(), "2026/1".to_owned());
    let expected = "a sign-in with `hwk` and the case of the mission is the one asked for (`case_number`) and another time of day, such as 22:30";
    assert_eq!(changes(&bench, &own), [expected]);
}

#[test]
fn an_explanation_names_the_condition_and_its_value_and_nobody_else() {
    let text = "@id(\"vip\") forbid (principal, action, resource)\n\
         when { context.request.captures has national_number &&\n\
         [\"85073003328\", \"90010112345\"].contains(context.request.captures.national_number) &&\n\
         principal != Poort::User::\"zone|chief\" };\n\
         @id(\"chief\") permit (principal == Poort::User::\"zone|chief\", action, resource);\n\
         @id(\"all\") permit (principal in Poort::Role::\"officer\", action, resource)\n\
         when { context.request.captures.national_number like \"9001*\" };";
    let text = text.replace("when { context.request.captures.national_number like", "when { context.request.captures has national_number && context.request.captures.national_number like");
    let bench = bench(&[("a.cedar", &text)]);
    let mut asked = question(officer(), car(), Operation::Consult, "persons");
    asked.context.request.captures.insert("national_number".to_owned(), "85073003328".to_owned());
    let explanation = bench.explain(&asked);
    let [vip, chief, all] = explanation.policies.as_slice() else { panic!("{explanation:#?}") };
    assert_eq!((&*vip.id, &vip.standing), ("vip", &Standing::Applies));
    assert_eq!(
        vip.answers.iter().map(|answer| answer.text.as_str()).collect::<Vec<_>>(),
        [
            "context.request.captures has national_number",
            "[\"85073003328\", \"…\"].contains(context.request.captures.national_number)",
            "principal != Poort::User::\"…\"",
        ]
    );
    assert_eq!(chief.standing, Standing::OtherPrincipal("somebody else".to_owned()));
    let last = all.answers.last().unwrap();
    assert_eq!(last.text, "context.request.captures.national_number like \"…\"");
    assert_eq!((last.holds, last.decisive), (false, true));
    let (name, value) = ("context.request.captures.national_number", "\"85073003328\"");
    assert_eq!(last.values, [(name.to_owned(), Some(value.to_owned()))]);
    let shown = format!("{explanation:?}");
    assert!(!shown.contains("zone|chief"), "{shown}");
    assert!(!shown.contains("90010112345") && !shown.contains("9001*"), "{shown}");
}

fn case(line: usize, question: Question, allow: bool, by: &[&str]) -> Case {
    let place = poort_policy::Place { file: "t.yaml".into(), line, column: 3 };
    let expect = Expectation {
        allow,
        by: Some(common::names(by)),
        shadow: None,
        place: place.clone(),
        shadow_place: place.clone(),
    };
    Case { name: format!("test {line}"), place, question, expect }
}

#[test]
fn cases_are_judged_and_counted() {
    let bench = bench(&[(
        "a.cedar",
        "@id(\"a\") permit (principal, action, resource) when { context.session.strong || context has case };",
    )]);
    let mut coverage = Coverage::new(&bench);
    let mut strong = question(officer(), car(), Operation::Consult, "persons");
    strong.context.session.strong = true;
    let (trace, objection) = bench.judge(&case(1, strong.clone(), true, &["a"]));
    coverage.note(&trace);
    assert_eq!(objection, None);
    assert_eq!((coverage.of_policies().percent(), coverage.of_conditions().percent()), (100, 25));
    let weak = question(officer(), car(), Operation::Consult, "persons");
    let (trace, objection) = bench.judge(&case(2, weak.clone(), true, &["a"]));
    coverage.note(&trace);
    assert_eq!(
        objection.as_deref(),
        Some("expected: allowed by `a`; it is refused, since no policy permits it")
    );
    assert_eq!(coverage.of_conditions().percent(), 75);
    let gaps: Vec<_> =
        coverage.gaps(&bench).into_iter().map(|(place, _, what)| (place.column, what)).collect();
    assert_eq!(gaps, [(80, "no test in which `context has case` holds".to_owned())]);
    let faults = bench.faults_of(&[
        case(1, strong.clone(), true, &["a"]),
        case(2, weak.clone(), false, &[]),
        case(3, weak, true, &["b"]),
        case(4, strong, true, &[]),
    ]);
    let shown: Vec<_> = faults.iter().map(|fault| (fault.line, fault.message.as_str())).collect();
    assert_eq!(
        shown,
        [
            (3, "there is no policy `b`"),
            (3, "this asks the same as t.yaml:2:3 and expects something else"),
            (4, "this asks the same as t.yaml:1:3 and expects something else"),
        ]
    );
}

#[test]
fn what_would_help_is_found_of_the_largest_number_too() {
    let text = format!(
        "permit (principal, action, resource) when {{ context.session has auth_age && context.session.auth_age == {} }};",
        i64::MAX
    );
    let bench = bench(&[("a.cedar", &text)]);
    let explained = bench.explain(&question(officer(), car(), Operation::Consult, "persons"));
    let steps: Vec<_> = explained.changes.iter().flat_map(|change| &change.steps).collect();
    assert_eq!(steps, [&Step::Fresh(i64::MAX.unsigned_abs())]);
}

#[test]
fn a_replay_asks_equal_questions_once() {
    let bench = &*SHIPPED;
    let mut replay = Replay::new(bench.engine());
    let mut asked = question(officer(), car(), Operation::Consult, "persons");
    for number in 0..100_u32 {
        // What no policy of this source and operation reads.
        asked.context.time.epoch += 1;
        asked.context.request.path = format!("/persons/{number}");
        asked.context.request.captures.insert("national_number".to_owned(), number.to_string());
        let recorded = Recorded {
            question: asked.clone(),
            allow: number % 2 == 0,
            by: vec![],
            name: "X".into(),
            order: u64::from(number),
        };
        replay.ask(&recorded);
    }
    let tally = replay.finish();
    assert_eq!(
        (tally.decisions, tally.asked, tally.turned(Turn::Gain), tally.turned(Turn::Loss)),
        (100, 1, 50, 0)
    );
    let (group, members) = tally.groups.first_key_value().unwrap();
    assert_eq!((&*group.role, &*group.source, group.operation), ("officer", "persons", "consult"));
    assert_eq!((members.principals.len(), members.examples.len()), (1, 3));
}
