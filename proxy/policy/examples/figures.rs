//! Measures what a decision costs: `cargo run --release -p poort-policy --example figures`.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement reads a clock and tells")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use poort_policy::{
    Context, Corpus, DeviceFacts, Engine, Fault, Group, Inspection, Operation, PolicyFile, Principal,
    PrincipalKind, Question, RequestContext, SessionFacts, ShiftFacts, SourceFacts, TimeFacts,
};

const SCHEMA: &str = include_str!("../../../policies/access/schema.cedarschema");
/// Three policies for everything, as a zone has them.
const EVERYWHERE: &str = r#"
@id("device") forbid (principal, action, resource) when { context has device }
  unless { context.device.managed && context.device.compliant };
@id("no-device") forbid (principal, action, resource) unless { context has device || context has actor };
@id("secret") forbid (principal, action, resource in Poort::Classification::"secret") unless { context.session.strong };
"#;

fn main() -> Result<(), Vec<Fault>> {
    println!("{:<44} {:>9} {:>9} {:>9} {:>9}", "", "load ms", "prepare", "decide", "reprepare");
    for (policies, sources) in [(40, 1), (40, 3), (40, 8), (400, 40), (4_000, 400)] {
        row(policies, sources)?;
    }
    Ok(())
}

fn row(policies: usize, sources: usize) -> Result<(), Vec<Fault>> {
    let corpus = corpus(policies, sources);
    let start = Instant::now();
    let engine = Engine::load(&corpus)?;
    let loaded = start.elapsed();
    let questions: Vec<Question> =
        (0..64).map(|n| question(&format!("source-{}", n % sources), n % 4 != 0)).collect();
    let ask = |question: &Question| {
        engine.prepare(&question.principal, question.device.as_ref(), question.actor.as_ref())
    };
    let Some(first) = questions.first() else { return Ok(()) };
    let (prepared, other) = (ask(first), engine.prepare(&first.principal, None, None));
    let allowed = questions.iter().filter(|question| engine.decide(question, &prepared).allow).count();
    let prepare = best(&questions, |question| drop(black_box(ask(question))));
    let decide = best(&questions, |question| drop(black_box(engine.decide(question, &prepared))));
    let anew = best(&questions, |question| drop(black_box(engine.decide(question, &other))));
    let name = format!("{policies} policies, {sources} sources, {allowed}/64 allowed");
    println!("{name:<44} {:>9.0} {prepare:>9.2} {decide:>9.2} {anew:>9.2}", loaded.as_secs_f64() * 1e3);
    Ok(())
}

/// Microseconds for one, in the best of 20 rounds.
fn best(questions: &[Question], one: impl Fn(&Question)) -> f64 {
    let round = || {
        let start = Instant::now();
        for _ in 0..100 {
            questions.iter().for_each(&one);
        }
        start.elapsed().as_secs_f64() * 1e6 / (100 * questions.len()) as f64
    };
    (0..20).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn corpus(policies: usize, sources: usize) -> Corpus {
    let group = |name: &str, parents: &[&str]| Group {
        name: name.to_owned(),
        parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        ..Group::default()
    };
    let mut text = EVERYWHERE.to_owned();
    for number in 3..policies {
        one(&mut text, number, number % sources);
    }
    let source = |number: usize| SourceFacts {
        id: format!("source-{number}"),
        classification: if number.is_multiple_of(3) { "secret" } else { "restricted" }.to_owned(),
        owner: "desk".to_owned(),
        ..SourceFacts::default()
    };
    Corpus {
        schema: PolicyFile { name: "schema.cedarschema".to_owned(), text: SCHEMA.to_owned(), shadow: false },
        policies: vec![PolicyFile { name: "all.cedar".to_owned(), text, shadow: false }],
        roles: vec![group("officer", &[]), group("supervisor", &["officer"]), group("desk", &["officer"])],
        units: vec![group("zone", &[]), group("team-a", &["zone"]), group("team-b", &["zone"])],
        classifications: vec![group("restricted", &[]), group("secret", &[])],
        fleets: vec!["cars".to_owned(), "office".to_owned()],
        sources: (0..sources).map(source).collect(),
        purposes: Vec::new(),
    }
}

/// A policy about one source, of a handful of kinds.
fn one(text: &mut String, number: usize, source: usize) {
    let (scope, when) = match number / 3 % 5 {
        0 => (
            "permit (principal is Poort::User in Poort::Role::\"officer\", action == Poort::Action::\"consult\",",
            "principal in Poort::Unit::\"zone\" && context has device && context.device in Poort::Fleet::\"cars\"",
        ),
        1 => (
            "permit (principal in Poort::Role::\"supervisor\", action in [Poort::Action::\"consult\", Poort::Action::\"alter\"],",
            "context.session.strong && context.session has auth_age && context.session.auth_age < 3600",
        ),
        2 => (
            "forbid (principal, action,",
            "context.request.path like \"*/admin/*\" && !(principal in Poort::Role::\"supervisor\")",
        ),
        3 => (
            "forbid (principal, action == Poort::Action::\"consult\",",
            "context.request.captures has plate && context.request.captures.plate like \"X-*\" && context.time.hour < 6",
        ),
        _ => {
            ("permit (principal in Poort::Role::\"desk\", action,", "context has purpose && context has case")
        }
    };
    let _ = writeln!(
        text,
        "@id(\"p{number}\") @reason(\"number {number}\") {scope} resource == Poort::Source::\"source-{source}\") when {{ {when} }};"
    );
}

fn question(source: &str, strong: bool) -> Question {
    let text = |text: &str| -> Arc<str> { text.into() };
    let request = RequestContext {
        method: "GET".to_owned(),
        host: "vehicles.zone.example".to_owned(),
        path: "/vehicles/1-ABC-123/owners".to_owned(),
        address: [10, 1, 2, 3].into(),
        captures: BTreeMap::from([("plate".to_owned(), "1-ABC-123".to_owned())]),
    };
    Question {
        principal: Principal {
            kind: PrincipalKind::User,
            id: "zone|0f9b2c34-97f5-4b53-9d2c-0a37b6c8f1aa".to_owned(),
            issuer: Some(text("zone")),
            roles: vec![text("supervisor")],
            units: vec![text("team-a")],
        },
        device: Some(DeviceFacts {
            id: "spiffe://zone.example/device/car-12".to_owned(),
            fleet: Some(text("cars")),
            unit: Some(text("team-a")),
            managed: true,
            compliant: true,
        }),
        actor: None,
        operation: Operation::Consult,
        source: text(source),
        context: Context {
            request,
            purpose: None,
            case: None,
            break_glass: None,
            inspection: Inspection::default(),
            session: SessionFacts { strong, auth_age: Some(600), ..SessionFacts::default() },
            shift: ShiftFacts::default(),
            time: TimeFacts::at(UNIX_EPOCH + Duration::from_secs(1_770_000_000), 3600),
        },
    }
}
