//! What is put to a solver, and what is made of its answers. The solver itself is in the tests of the whole.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::time::Duration;

use cedar_policy::{Context as CedarContext, Entities, PolicySet, Request, ValidationMode, Validator};
use common::{device, engine, file, question, shipped, user, with};
use poort_policy::{
    Actor, BreakGlass, Context, Corpus, Demand, DeviceFacts, Engine, Operation, Principal, PrincipalKind,
    Question, ShiftFacts,
    workbench::{
        Proof, Properties, Workbench,
        prove::{Answer, Ask, Outcome, Said, Verdict},
    },
};

const STRONG: &str = "@id(\"strong\") @says(\"Firearms need a strong sign-in.\")\n\
    forbid (principal, action, resource == Poort::Source::\"firearms\") unless { context.session.strong };";

fn bench(corpus: Corpus) -> Workbench {
    Workbench::load(corpus).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn properties(bench: &Workbench, text: &str) -> Properties {
    bench.properties(vec![file("zone.cedar", text)]).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn all_sets<'p>(proof: &'p Proof<'_>) -> impl Iterator<Item = &'p PolicySet> {
    proof.sets().iter().flat_map(|set| std::iter::once(&set.plain).chain(&set.exact))
}

/// A condition that does not fit would make every proof fail.
#[test]
fn everything_that_is_asked_fits_the_schema() {
    let bench = bench(demanding());
    let properties = properties(&bench, STRONG);
    let proof = Proof::new(&bench, &properties, Some(&bench), true).unwrap();
    let validator = Validator::new(proof.schema().clone());
    for set in all_sets(&proof) {
        let result = validator.validate(set, ValidationMode::Strict);
        let errors: Vec<_> = result.validation_errors().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }
    assert_eq!(proof.environments().len(), 21);
    assert!(
        matches!(proof.checks()[0].ask, Ask::NoErrors { .. }),
        "on it depends what is right for the others"
    );
}

/// What may come with a question.
const CIRCUMSTANCES: [fn(&mut Context); 4] = [
    |_| {},
    |context| context.session.strong = true,
    |context| {
        context.session.strong = true;
        context.session.auth_age = Some(60);
        context.case = Some("2026/1".to_owned());
        context.purpose = Some("investigation".to_owned());
    },
    |context| {
        context.break_glass = Some(BreakGlass { reason: "x".to_owned(), case: "y".to_owned() });
        context.inspection.score = u32::MAX;
        context.session.auth_age = Some(u64::MAX >> 1);
        context.shift = ShiftFacts { subjects: Some(0), devices: Some(1), officers: Some(ShiftFacts::MOST) };
    },
];

/// Questions of every kind, of which a gate could be asked each.
fn questions() -> Vec<Question> {
    let service = |principal: Principal| Principal { kind: PrincipalKind::Service, ..principal };
    let itself = |id: &str| {
        let id = format!("spiffe://zone.example/{id}");
        Principal { kind: PrincipalKind::Device, id, issuer: None, roles: vec![], units: vec![] }
    };
    let principals = [
        user("zone|amina", &["officer"], &["team-a"]),
        user("zone|bert", &["supervisor"], &["team-b", "nowhere"]),
        user("federal|dirk", &["federal-partner", "stranger"], &[]),
        user("zone|all", &["firearms-desk", "registry-sync", "supervisor"], &["zone"]),
        service(user("zone|sync", &["registry-sync"], &["zone"])),
        itself("device/car-12"),
        itself("device/unknown"),
    ];
    let car = device("device/car-12", "cars", Some("team-a"));
    let devices = [
        None,
        Some(car.clone()),
        Some(DeviceFacts { managed: false, ..device("device/desk-4", "office", Some("zone")) }),
        Some(device("device/desk-5", "office", Some("nowhere"))),
    ];
    let workload = device("workload/search", "workloads", None);
    let actors = [
        None,
        Some(Actor { device: workload.clone(), service: Some("zone|sync".to_owned()) }),
        Some(Actor { device: DeviceFacts { compliant: false, ..workload }, service: None }),
    ];
    let mut all = Vec::new();
    for principal in principals {
        for device in &devices {
            for actor in &actors {
                for operation in Operation::ALL {
                    for source in ["persons", "vehicles", "firearms"] {
                        for change in CIRCUMSTANCES {
                            let mut one = question(principal.clone(), device.clone(), operation, source);
                            one.actor.clone_from(actor);
                            change(&mut one.context);
                            all.push(one);
                        }
                    }
                }
            }
        }
    }
    all
}

fn allows(engine: &Engine, question: &Question) -> bool {
    let prepared = engine.prepare(&question.principal, question.device.as_ref(), question.actor.as_ref());
    let decision = engine.decide(question, &prepared);
    decision.allow
}

/// An engine of a set that was made for a solver.
fn engine_of(corpus: &Corpus, set: &PolicySet) -> Engine {
    let text: Vec<String> = set.policies().map(|policy| format!("{policy}\n")).collect();
    engine(&Corpus { policies: vec![file("made.cedar", &text.concat())], ..corpus.clone() })
}

/// An assumption that is wrong would prove what is not so.
#[test]
fn nothing_that_can_be_asked_is_left_out_of_consideration() {
    let corpus = shipped();
    let bench = bench(corpus.clone());
    let properties = properties(&bench, STRONG);
    let proof = Proof::new(&bench, &properties, None, false).unwrap();
    let Ask::NoErrors { together: (anything, _), .. } = proof.checks()[0].ask else { panic!() };
    let askable = engine_of(&corpus, &proof.sets()[anything].plain);
    for question in questions() {
        assert!(allows(&askable, &question), "{question:?}");
    }
}

/// Policies of which some err for some questions.
const ERRING: [&str; 3] = [
    "@id(\"a\") permit (principal, action, resource) when { context.session has auth_age && context.session.auth_age * 2 > 100 };",
    "@id(\"b\") permit (principal is Poort::User in Poort::Role::\"officer\", action == Poort::Action::\"consult\", resource);",
    "@id(\"c\") forbid (principal, action, resource in Poort::Classification::\"secret\") unless { context.inspection.score * 9223372036854775807 >= 0 };",
];

#[test]
fn all_policies_as_one_allow_what_the_engine_allows() {
    let corpus = with(&[("a.cedar", &ERRING.join("\n"))]);
    let bench = bench(corpus.clone());
    let none = bench.properties(Vec::new()).unwrap();
    let proof = Proof::new(&bench, &none, None, false).unwrap();
    let exact = proof.sets().iter().find_map(|set| set.exact.as_ref()).unwrap();
    let (whole, real) = (engine_of(&corpus, exact), engine(&corpus));
    let (mut allowed, mut erred) = (0, 0);
    for question in questions() {
        let prepared = real.prepare(&question.principal, question.device.as_ref(), question.actor.as_ref());
        let decision = real.decide(&question, &prepared);
        assert_eq!(allows(&whole, &question), decision.allow, "{question:?}");
        allowed += usize::from(decision.allow);
        erred += usize::from(!decision.errors.is_empty());
    }
    assert!(allowed > 100 && erred > 100, "both were seen: {allowed}, {erred}");
}

/// The shipped corpus, where firearms demand a purpose of a consultation and a case of an alteration.
fn demanding() -> Corpus {
    let mut corpus = shipped();
    let firearms = corpus.sources.iter_mut().find(|source| source.id == "firearms").unwrap();
    firearms.demands = vec![
        Demand { operation: Operation::Consult, purpose: true, case: false },
        Demand { operation: Operation::Alter, purpose: false, case: true },
    ];
    corpus
}

#[test]
fn what_a_source_demands_to_be_stated_counts_as_policies_do() {
    let corpus = demanding();
    let bench = bench(corpus.clone());
    let properties = properties(&bench, STRONG);
    let proof = Proof::new(&bench, &properties, None, false).unwrap();
    let now = proof.sets().iter().find(|set| set.exact.is_some()).unwrap();
    let real = engine(&corpus);
    let mut demanded = 0;
    for set in [&now.plain, now.exact.as_ref().unwrap()] {
        let with_demands = engine_of(&corpus, set);
        for question in questions() {
            let context = &question.context;
            let unstated = question.source.as_ref() == "firearms"
                && match question.operation {
                    Operation::Consult => context.purpose.is_none(),
                    Operation::Alter => context.case.is_none(),
                    _ => false,
                };
            let allowed = allows(&real, &question);
            assert_eq!(allows(&with_demands, &question), allowed && !unstated, "{question:?}");
            demanded += usize::from(allowed && unstated);
        }
    }
    assert!(demanded > 10, "{demanded}");
}

#[test]
fn a_demand_is_in_what_is_shown_of_a_counter_example() {
    let (lax, strict) = (bench(shipped()), bench(demanding()));
    let purpose = "@id(\"purpose\") @says(\"x\")\n\
        forbid (principal, action == Poort::Action::\"consult\", resource == Poort::Source::\"firearms\") unless { context has purpose };";
    let claimed = properties(&lax, purpose);
    let proof = Proof::new(&lax, &claimed, None, false).unwrap();
    let (request, entities) = model(&proof, true);
    let unstated = |context: CedarContext| {
        let kept = context.into_iter().filter(|(name, _)| name != "purpose");
        CedarContext::from_pairs(kept).unwrap()
    };
    let context = unstated(request.context().unwrap().clone());
    let (principal, action, source) =
        (request.principal().unwrap(), request.action().unwrap(), request.resource().unwrap());
    let ask = || {
        let request = Request::new(
            principal.clone(),
            action.clone(),
            source.clone(),
            context.clone(),
            Some(proof.schema()),
        );
        Said::Fails(Some(Box::new((request.unwrap(), entities.clone()))))
    };
    let outcome = concluded(&proof, ask(), true);
    assert!(matches!(outcome.verdict, Verdict::Refuted(..)), "{outcome:?}");

    // Where the source's file demands one, the gate refuses: no counter-example.
    let demanded = properties(&strict, purpose);
    let held = Proof::new(&strict, &demanded, None, false).unwrap();
    let outcome = concluded(&held, ask(), true);
    assert!(matches!(outcome.verdict, Verdict::Unknown(_)), "{outcome:?}");

    // A demand that was taken away is something that is newly allowed, and who refused it is said.
    let none = lax.properties(Vec::new()).unwrap();
    let compared = Proof::new(&lax, &none, Some(&strict), false).unwrap();
    let place = compared
        .environments()
        .iter()
        .position(|one| one.kind == PrincipalKind::User && one.operation == Operation::Consult)
        .unwrap();
    let newly = compared.claims().iter().position(|claim| &*claim.name == "nothing-new").unwrap();
    let check = compared.checks().iter().position(|check| check.claim == newly).unwrap();
    let answer = Answer { environment: place, check, said: ask(), took: Duration::ZERO };
    let usual = question(user("x", &[], &[]), None, Operation::Use, "firearms").context;
    let outcome = compared.conclude(vec![answer], &|_| usual.clone()).remove(newly);
    let Verdict::Refuted(examples, _) = &outcome.verdict else { panic!("{outcome:?}") };
    assert!(examples[0].decision.allow);
    let before = examples[0].before.as_ref().unwrap();
    assert_eq!((before.allow, &before.determining), (false, &common::names(&["sources/firearms.yaml"])));
}

/// A counter-example as a solver gives one: somebody who consults firearms.
fn model(proof: &Proof<'_>, strong: bool) -> (Request, Entities) {
    let context = format!(
        r#"{{ "device": {{ "__entity": {{ "type": "Poort::Device", "id": "D" }} }},
             "request": {{ "method": "", "host": "B", "path": "", "address": {{ "__extn": {{ "fn": "ip", "arg": "1.2.3.4/8" }} }},
                          "captures": {{ "plate": "C" }} }},
             "purpose": "AA", "break_glass": {{ "reason": "", "case": "" }}, "inspection": {{ "score": 0 }},
             "session": {{ "amr": ["x"], "strong": {strong}, "auth_age": 7 }}, "shift": {{ "subjects": 7 }},
             "time": {{ "epoch": 5, "hour": 23, "minute": 59, "weekday": 7 }} }}"#
    );
    let entities = r#"[
        { "uid": { "type": "Poort::User", "id": "" }, "attrs": { "issuer": "" },
          "parents": [{ "type": "Poort::Role", "id": "supervisor" }, { "type": "Poort::Role", "id": "officer" }, { "type": "Poort::Role", "id": "made-up" }] },
        { "uid": { "type": "Poort::Device", "id": "D" }, "attrs": { "managed": true, "compliant": true },
          "parents": [{ "type": "Poort::Fleet", "id": "cars" }] }
    ]"#;
    let uid = |text: &str| text.parse().unwrap();
    let action = uid("Poort::Action::\"consult\"");
    let context = CedarContext::from_json_str(&context, Some((proof.schema(), &action))).unwrap();
    let request = Request::new(
        uid("Poort::User::\"\""),
        action,
        uid("Poort::Source::\"firearms\""),
        context,
        Some(proof.schema()),
    );
    (request.unwrap(), Entities::from_json_str(entities, None).unwrap())
}

/// What comes of the property of these policies when a solver says this to the check of it, and of another that it describes something.
fn concluded_without(proof: &Proof<'_>, said: Said, describes: bool, left_out: usize) -> Outcome {
    let usual = question(user("x", &[], &[]), None, Operation::Use, "firearms").context;
    let environment = proof
        .environments()
        .iter()
        .position(|one| one.kind == PrincipalKind::User && one.operation == Operation::Consult);
    let mut said = Some(said);
    let mut answers = Vec::new();
    for place in 0..proof.environments().len() {
        for (check, one) in proof.checks().iter().enumerate() {
            let said = match one.ask {
                Ask::Implies(..) if Some(place) == environment => said.take().unwrap_or(Said::Holds),
                Ask::Nothing(_) if describes => Said::Fails(None),
                _ => Said::Holds,
            };
            answers.push(Answer { environment: place, check, said, took: Duration::from_millis(2) });
        }
    }
    answers.truncate(answers.len() - left_out);
    proof.conclude(answers, &|_| usual.clone()).remove(0)
}

fn concluded(proof: &Proof<'_>, said: Said, describes: bool) -> Outcome {
    concluded_without(proof, said, describes, 0)
}

#[test]
fn a_counter_example_is_asked_and_made_small() {
    let lax = shipped_without_strong();
    let (lax, strict) = (bench(lax), bench(shipped()));
    let claimed = properties(&lax, STRONG);
    let proof = Proof::new(&lax, &claimed, None, false).unwrap();
    let outcome = concluded(&proof, Said::Fails(Some(Box::new(model(&proof, false)))), true);
    let Verdict::Refuted(examples, unknown) = &outcome.verdict else { panic!("{outcome:?}") };
    assert!(unknown.is_empty() && examples.len() == 1);
    let found = &examples[0].question;
    assert_eq!(examples[0].decision.determining, common::names(&["firearms-break-glass"]));
    assert_eq!(
        (found.principal.id.as_str(), &found.principal.roles),
        ("zone|somebody", &common::names(&["officer"]))
    );
    assert_eq!(found.device.as_ref().unwrap().fleet, None, "it does not matter which");
    let glass = found.context.break_glass.as_ref().unwrap();
    assert_eq!(
        (glass.reason.as_str(), &found.context.purpose, found.context.time.hour),
        ("stated", &None, usual_hour())
    );

    // The same of policies that refuse it: Cedar must have been told something that is not so.
    let claimed = properties(&strict, STRONG);
    let proof = Proof::new(&strict, &claimed, None, false).unwrap();
    let outcome = concluded(&proof, Said::Fails(Some(Box::new(model(&proof, false)))), true);
    let Verdict::Unknown(reasons) = &outcome.verdict else { panic!("{outcome:?}") };
    assert_eq!(
        *reasons,
        ["a person and `consult`: Cedar's counter-example is no question that the gate asks"]
    );
}

fn usual_hour() -> u8 {
    question(user("x", &[], &[]), None, Operation::Use, "firearms").context.time.hour
}

fn shipped_without_strong() -> Corpus {
    let mut corpus = shipped();
    let lax = corpus.policies.iter_mut().find(|file| file.name == "firearms.cedar").unwrap();
    let whole = lax.text.clone();
    lax.text = lax.text.replace(
        "unless { context.session.strong };",
        "unless { context.session.strong || context has break_glass };",
    );
    lax.text = lax.text.replace(
        "when { context has break_glass && context.session.strong };",
        "when { context has break_glass };",
    );
    assert_ne!(whole, lax.text);
    corpus
}

#[test]
fn what_is_not_refuted_is_proved_only_if_it_is_known_and_says_something() {
    let bench = bench(shipped());
    let claimed = properties(&bench, STRONG);
    let proof = Proof::new(&bench, &claimed, None, false).unwrap();
    assert!(matches!(concluded(&proof, Said::Holds, true).verdict, Verdict::Proved));
    assert!(matches!(concluded(&proof, Said::Holds, false).verdict, Verdict::Idle));
    let outcome = concluded(&proof, Said::Unknown("too hard".to_owned()), true);
    let Verdict::Unknown(reasons) = outcome.verdict else { panic!() };
    assert_eq!(reasons, ["a person and `consult`: too hard"]);
    assert_eq!(outcome.took, Duration::from_millis(4 * 21));
    // The last environment, as if a process had been lost.
    let Verdict::Unknown(reasons) = concluded_without(&proof, Said::Holds, true, 3).verdict else { panic!() };
    assert_eq!(reasons, ["not everything was asked"]);
}

#[test]
fn sets_over_other_people_or_sources_are_not_compared() {
    let (now, mut other) = (bench(shipped()), shipped());
    other.roles.push(common::group("inspector", &["officer"]));
    other.sources[0].classification = "secret".to_owned();
    other.sources[1].owner = "somebody else".to_owned();
    // A new source and a role that brings nothing along are no hindrance.
    other.sources.push(common::source("fines", "restricted"));
    other.roles.push(common::group("clerk", &[] as &[&str]));
    other.units.push(common::group("team-c", &[] as &[&str]));
    let none = now.properties(Vec::new()).unwrap();
    let apart = Proof::new(&now, &none, Some(&bench(other)), false).unwrap_err();
    assert_eq!(
        apart,
        [
            "role `inspector` is in `officer` in one of the two only",
            "source `persons` is in `restricted`, `secret` in one of the two only",
            "source `vehicles` has two owners",
            "unit `team-c` is there in one of the two only",
        ]
    );
}

/// A policy that names a group of actions says something else once another action is in it.
#[test]
fn sets_over_other_groups_of_actions_are_not_compared() {
    let grouped = |consult: &str, rest: &str, named: &str| {
        let mut corpus = with(&[(
            "a.cedar",
            &format!("permit (principal, action in Poort::Action::\"{named}\", resource);"),
        )]);
        let whole = corpus.schema.text.replace(
            "action collect, alter, consult, disclose, combine, erase, use appliesTo",
            &format!("action see, touch;\n action consult in [{consult}] appliesTo {{ principal: [User, Service, Device], resource: Source, context: Circumstances }};\n\
                      action collect, alter, disclose, combine, erase, use in [{rest}] appliesTo"),
        );
        assert_ne!(whole, corpus.schema.text);
        corpus.schema.text = whole;
        bench(corpus)
    };
    let (now, then) = (grouped("see", "see, touch", "see"), grouped("see", "touch", "see"));
    let erase = question(user("zone|amina", &[], &[]), None, Operation::Erase, "persons");
    let allowed = [&now, &then].map(|bench| bench.trace(&erase).decision.allow);
    assert_eq!(allowed, [true, false]);
    let none = now.properties(Vec::new()).unwrap();
    let apart = Proof::new(&now, &none, Some(&then), false).unwrap_err();
    assert!(
        apart.contains(&"`erase` is in other groups of actions in one of the two".to_owned()),
        "{apart:?}"
    );
    assert_eq!(apart.len(), 6);
    // A group that the earlier schema has not is named by nothing there.
    let same =
        bench(with(&[("a.cedar", "permit (principal, action == Poort::Action::\"consult\", resource);")]));
    let none = then.properties(Vec::new()).unwrap();
    assert!(Proof::new(&then, &none, Some(&same), false).is_ok());
}
