//! A zone with so many policies over so many sources.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    sync::Arc,
    time::Duration,
};

use http::Method;
use poort_enforce::{
    gauge::Gauge,
    inspect::Room,
    normal::UrlForms,
    operations::{Operations, Rule},
    pipeline::{Pipeline, Rules},
    routes::Routes,
    source::{Demand, Source, Streams},
    subject::OpenSessions,
};
use poort_identity::token::VerifiedTokens;
use poort_policy::{Corpus, DeviceFacts, Engine, Group, Operation, PolicyFile, SourceFacts};

use crate::{
    officers::{Issuer, believed},
    ports::Quiet,
};

/// How many devices are in the inventory.
pub(crate) const DEVICES: usize = 2_000;

const SCHEMA: &str = include_str!("../../policies/access/schema.cedarschema");

/// What holds everywhere, as in the shipped policies.
const EVERYWHERE: &str = r#"
@id("device-known") forbid (principal, action, resource) unless { context has device || context has actor };
@id("device-managed") forbid (principal, action, resource) when { context has device }
  unless { context.device.managed && context.device.compliant };
@id("secret") forbid (principal, action, resource in Poort::Classification::"secret") unless { context.session.strong };
"#;

/// A pipeline over `policies` policies about `sources` sources.
pub(crate) fn pipeline(issuer: &Issuer, policies: usize, sources: usize) -> Pipeline<Quiet> {
    let rules = Rules {
        routes: Routes::new((0..sources).map(|number| Arc::new(source(number))).collect()),
        issuers: believed(),
        pinning: HashSet::new(),
        sign_in: None,
        purposes: Arc::default(),
        inventory: (0..DEVICES)
            .map(|number| (device_name(number), posture(number)))
            .collect::<HashMap<_, _>>(),
        aggregators: HashSet::from(["spiffe://zone.example/workload/search".to_owned()]),
        engine: engine(policies, sources, ""),
        candidate: None,
        strong: HashSet::from(["https://refeds.org/profile/mfa".to_owned(), "phrh".to_owned()]),
        failure_cost: 5,
        counted: None,
        time_zone: Arc::new(|_| 3600),
    };
    Pipeline {
        rules,
        ports: Quiet(issuer.keys()),
        in_flight: Gauge::new(10_000),
        bodies: Room::new(0),
        tokens: VerifiedTokens::new(100_000),
        sessions: OpenSessions::new(1),
    }
}

/// A policy in shadow that would refuse every officer without a strong sign-in.
pub(crate) const SHADOW: &str = r#"@id("shadow") @shadow("measured") forbid (principal, action, resource) unless { context.session.strong };"#;

/// The policies alone, with some more.
pub(crate) fn engine(policies: usize, sources: usize, more: &str) -> Engine {
    let mut corpus = corpus(policies, sources);
    corpus.policies.push(PolicyFile { name: "more.cedar".to_owned(), text: more.to_owned(), shadow: false });
    Engine::load(&corpus).unwrap()
}

/// The name of one device.
pub(crate) fn device_name(number: usize) -> String {
    format!("spiffe://zone.example/device/car-{number}")
}

fn posture(number: usize) -> DeviceFacts {
    DeviceFacts {
        id: device_name(number),
        fleet: Some("cars".into()),
        unit: Some("team-a".into()),
        managed: true,
        compliant: true,
    }
}

fn source(number: usize) -> Source {
    let rule = |methods: &[Method], path: &str, query: &[&str], operation| {
        Rule::new(methods.to_vec(), path, query.iter().map(|key| (*key).to_owned()).collect(), operation)
    };
    Source {
        id: format!("source-{number}").into(),
        hosts: vec![host(number)],
        prefixes: vec!["/".to_owned()],
        device: Demand::Required,
        subject: Demand::Required,
        token_binding: Demand::Optional,
        operations: Operations::new(vec![
            rule(&[Method::GET], "/status", &[], Operation::Use),
            rule(&[Method::POST], "/vehicles/{plate}/sightings", &[], Operation::Collect),
            rule(&[Method::PUT, Method::PATCH], "/vehicles/{plate}", &[], Operation::Alter),
            rule(&[Method::GET], "/search", &["name", "plate"], Operation::Consult),
            rule(&[Method::GET], "/vehicles/{plate}/**", &["name"], Operation::Consult),
        ]),
        url_forms: UrlForms::default(),
        streams: Streams { websocket: false, events: false, readmit: Duration::from_secs(60) },
        cors: None,
        on_behalf_of: HashSet::from(["spiffe://zone.example/workload/search".to_owned()]),
        stated_by: None,
        in_flight: Gauge::new(1_000),
        body_limit: 10 << 20,
        data_subjects: None,
        inspector: None,
        signs_in_by_connection: false,
        closed: Arc::default(),
    }
}

/// The host of one source.
pub(crate) fn host(number: usize) -> String {
    format!("source-{number}.zone.example")
}

fn corpus(policies: usize, sources: usize) -> Corpus {
    let group = |name: &str, parents: &[&str]| Group {
        name: name.to_owned(),
        parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        ..Group::default()
    };
    let mut text = EVERYWHERE.to_owned();
    (3..policies).for_each(|number| policy(&mut text, number, number % sources, number / sources));
    let facts = |number: usize| SourceFacts {
        id: format!("source-{number}"),
        classification: if number.is_multiple_of(3) { "secret" } else { "restricted" }.to_owned(),
        owner: "desk".to_owned(),
        ..SourceFacts::default()
    };
    Corpus {
        schema: PolicyFile { name: "schema.cedarschema".to_owned(), text: SCHEMA.to_owned(), shadow: false },
        policies: vec![PolicyFile { name: "all.cedar".to_owned(), text, shadow: false }],
        roles: vec![group("officer", &[]), group("supervisor", &["officer"])],
        units: vec![group("zone", &[]), group("team-a", &["zone"]), group("team-b", &["zone"])],
        classifications: vec![group("restricted", &[]), group("secret", &[])],
        fleets: vec!["cars".to_owned(), "office".to_owned()],
        sources: (0..sources).map(facts).collect(),
        purposes: Vec::new(),
        counted: Vec::new(),
    }
}

/// A policy about one source, each kind that a zone writes in turn. Every fifth lets officers in.
fn policy(text: &mut String, number: usize, source: usize, turn: usize) {
    const KINDS: [(&str, &str); 5] = [
        (
            "permit (principal is Poort::User in Poort::Role::\"officer\", action in [Poort::Action::\"consult\", Poort::Action::\"use\"],",
            "principal in Poort::Unit::\"zone\" && context has device && context.device in Poort::Fleet::\"cars\"",
        ),
        (
            "permit (principal in Poort::Role::\"supervisor\", action in [Poort::Action::\"consult\", Poort::Action::\"alter\"],",
            "context.session.strong && context.session has auth_age && context.session.auth_age < 3600",
        ),
        (
            "forbid (principal, action,",
            "context.request.path like \"*/admin/*\" && !(principal in Poort::Role::\"supervisor\")",
        ),
        (
            "forbid (principal, action == Poort::Action::\"consult\",",
            "context.request.captures has plate && context.request.captures.plate like \"X-*\" && context.session.strong == false",
        ),
        ("permit (principal is Poort::User, action,", "context has purpose && context has case"),
    ];
    let (scope, when) = KINDS[turn % KINDS.len()];
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "@id(\"p{number}\") @reason(\"number {number}\") {scope} resource == Poort::Source::\"source-{source}\") when {{ {when} }};"
    );
}
