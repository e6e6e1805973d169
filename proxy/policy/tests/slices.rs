//! The law of the slices: what is decided over a slice, with a specialised and split condition, is what Cedar's own
//! authorizer decides over the whole set, with a request and entities that went through the schema.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::{Authorizer, Entities, EntityUid, PolicySet, Request, Schema};
use common::{device, engine, group, question, shipped, source, user, world};
use poort_policy::{
    Actor, BreakGlass, Context, Corpus, Decision, DeviceFacts, Engine, Group, Operation, Principal,
    PrincipalKind, Question, ShiftFacts,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

/// Cedar as documented: JSON in, checked against the schema, the whole set evaluated.
struct Oracle {
    schema: Schema,
    policies: PolicySet,
    fixed: Vec<Value>,
    above: Vec<(String, Vec<String>)>,
}

impl Oracle {
    fn new(corpus: &Corpus) -> Self {
        let schema: Schema = corpus.schema.text.parse().unwrap();
        let text: Vec<&str> = corpus.policies.iter().map(|file| file.text.as_str()).collect();
        let parsed: PolicySet = text.join("\n").parse().unwrap();
        let named =
            parsed.policies().map(|policy| policy.new_id(policy.annotation("id").unwrap().parse().unwrap()));
        let policies = PolicySet::from_policies(named).unwrap();
        let groups = |kind: &'static str, groups: &[Group]| -> Vec<Value> {
            let parents =
                |group: &Group| -> Vec<Value> { group.parents.iter().map(|name| uid(kind, name)).collect() };
            groups.iter().map(|group| entity(kind, &group.name, json!({}), parents(group))).collect()
        };
        let mut fixed = groups("Role", &corpus.roles);
        fixed.extend(groups("Unit", &corpus.units));
        fixed.extend(groups("Classification", &corpus.classifications));
        fixed.extend(corpus.fleets.iter().map(|fleet| entity("Fleet", fleet, json!({}), vec![])));
        fixed.extend(corpus.sources.iter().map(|source| {
            let classification = uid("Classification", &source.classification);
            entity("Source", &source.id, json!({ "owner": source.owner }), vec![classification])
        }));
        let above = corpus.units.iter().map(|unit| (unit.name.clone(), unit.parents.clone())).collect();
        Self { schema, policies, fixed, above }
    }

    fn decide(&self, question: &Question) -> Decision {
        let (kind, id) = principal(&question.principal);
        let action: EntityUid = format!("Poort::Action::\"{}\"", question.operation).parse().unwrap();
        let context =
            cedar_policy::Context::from_json_value(context(question), Some((&self.schema, &action))).unwrap();
        let principal: EntityUid = format!("Poort::{kind}::\"{id}\"").parse().unwrap();
        let resource: EntityUid = format!("Poort::Source::\"{}\"", question.source).parse().unwrap();
        let request = Request::new(principal, action, resource, context, Some(&self.schema)).unwrap();
        let entities =
            Entities::from_json_value(Value::Array(self.entities(question)), Some(&self.schema)).unwrap();
        let response = Authorizer::new().is_authorized(&request, &self.policies, &entities);
        let errors: Vec<String> = response.diagnostics().errors().map(ToString::to_string).collect();
        let allow = response.decision() == cedar_policy::Decision::Allow && errors.is_empty();
        let reasons: BTreeSet<Arc<str>> =
            response.diagnostics().reason().map(|id| Arc::from(id.to_string())).collect();
        let permits = response.decision() == cedar_policy::Decision::Allow;
        let determining =
            if permits && !errors.is_empty() { Vec::new() } else { reasons.into_iter().collect() };
        Decision { allow, determining, obligations: Vec::new(), errors, disagreements: Vec::new() }
    }

    fn entities(&self, question: &Question) -> Vec<Value> {
        let mut all = self.fixed.clone();
        let asks = &question.principal;
        let (kind, id) = principal(asks);
        let known = |name: &Arc<str>, kind: &'static str| {
            self.fixed.iter().any(|entity| entity["uid"] == uid(kind, name)).then(|| uid(kind, name))
        };
        if asks.kind != PrincipalKind::Device {
            let roles = asks.roles.iter().filter_map(|role| known(role, "Role"));
            let parents = roles.chain(asks.units.iter().filter_map(|unit| known(unit, "Unit"))).collect();
            all.push(entity(
                kind,
                id,
                json!({ "issuer": asks.issuer.as_deref().unwrap_or_default() }),
                parents,
            ));
        }
        let mut devices: Vec<DeviceFacts> = question.device.iter().cloned().collect();
        devices.extend(question.actor.iter().map(|actor| actor.device.clone()));
        if asks.kind == PrincipalKind::Device && devices.iter().all(|device| device.id != asks.id) {
            devices.push(DeviceFacts {
                id: id.to_owned(),
                fleet: None,
                unit: None,
                managed: false,
                compliant: false,
            });
        }
        devices.sort_by(|a, b| a.id.cmp(&b.id));
        devices.dedup();
        for device in &devices {
            let mut attributes = json!({ "managed": device.managed, "compliant": device.compliant });
            let unit =
                device.unit.as_ref().filter(|unit| self.above.iter().any(|(name, _)| **name == ***unit));
            if let Some(unit) = unit {
                attributes["unit"] = uid("Unit", unit);
            }
            let fleet = device.fleet.as_ref().and_then(|fleet| known(fleet, "Fleet"));
            let parents = fleet.into_iter().chain(unit.map(|unit| uid("Unit", unit))).collect();
            all.push(entity("Device", &device.id, attributes, parents));
        }
        if let Some(service) = question.actor.as_ref().and_then(|actor| actor.service.as_ref())
            && *service != asks.id
        {
            all.push(entity("Service", service, json!({ "issuer": "zone" }), vec![]));
        }
        all
    }
}

fn principal(principal: &Principal) -> (&'static str, &str) {
    let kind = match principal.kind {
        PrincipalKind::User => "User",
        PrincipalKind::Service => "Service",
        PrincipalKind::Device => "Device",
    };
    (kind, &principal.id)
}

fn uid(kind: &str, id: &str) -> Value {
    json!({ "type": format!("Poort::{kind}"), "id": id })
}

#[expect(clippy::needless_pass_by_value, reason = "written in place by every caller")]
fn entity(kind: &str, id: &str, attrs: Value, parents: Vec<Value>) -> Value {
    json!({ "uid": uid(kind, id), "attrs": attrs, "parents": parents })
}

fn context(question: &Question) -> Value {
    let (context, request) = (&question.context, &question.context.request);
    let device = |device: &DeviceFacts| uid("Device", &device.id);
    // The schema declares no `colour`: Cedar would refuse it, we leave it out.
    let mut captures = request.captures.clone();
    captures.remove("colour");
    let mut json = json!({
        "request": {
            "method": request.method, "host": request.host, "path": request.path, "captures": captures,
            "address": request.address.to_string(),
        },
        "inspection": { "score": context.inspection.score },
        "session": { "amr": context.session.amr, "strong": context.session.strong },
        "shift": context.shift,
        "time": {
            "epoch": context.time.epoch, "hour": context.time.hour, "minute": context.time.minute,
            "weekday": context.time.weekday,
        },
    });
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            json[name] = value;
        }
    };
    put("device", question.device.as_ref().map(device));
    put("purpose", context.purpose.as_ref().map(|text| json!(text)));
    put("case", context.case.as_ref().map(|text| json!(text)));
    put(
        "break_glass",
        context.break_glass.as_ref().map(|glass| json!({ "reason": glass.reason, "case": glass.case })),
    );
    put(
        "actor",
        question.actor.as_ref().map(|actor| {
            let mut json = json!({ "device": device(&actor.device) });
            if let Some(service) = &actor.service {
                json["service"] = uid("Service", service);
            }
            json
        }),
    );
    if let Some(acr) = &context.session.acr {
        json["session"]["acr"] = json!(acr);
    }
    if let Some(age) = context.session.auth_age {
        json["session"]["auth_age"] = json!(age);
    }
    json
}

const PRINCIPALS: &[&str] = &[
    "principal",
    "principal",
    "principal",
    "principal is Poort::User",
    "principal is Poort::Device",
    "principal in Poort::Role::\"officer\"",
    "principal in Poort::Unit::\"zone\"",
    "principal is Poort::User in Poort::Role::\"supervisor\"",
    "principal is Poort::Service in Poort::Unit::\"team-a\"",
    "principal is Poort::Device in Poort::Fleet::\"cars\"",
    "principal == Poort::User::\"zone|amina\"",
    "principal in Poort::User::\"zone|amina\"",
    "principal == Poort::Device::\"spiffe://zone.example/car\"",
];

const ACTIONS: &[&str] = &[
    "action",
    "action",
    "action",
    "action == Poort::Action::\"consult\"",
    "action in [Poort::Action::\"consult\", Poort::Action::\"use\"]",
    "action in Poort::Action::\"changing\"",
    "action in [Poort::Action::\"changing\", Poort::Action::\"use\"]",
    "action == Poort::Action::\"erase\"",
];

const RESOURCES: &[&str] = &[
    "resource",
    "resource",
    "resource",
    "resource == Poort::Source::\"persons\"",
    "resource == Poort::Source::\"firearms\"",
    "resource in Poort::Source::\"vehicles\"",
    "resource in Poort::Classification::\"secret\"",
    "resource in Poort::Classification::\"restricted\"",
    "resource is Poort::Source",
    "resource is Poort::Source in Poort::Classification::\"restricted\"",
];

/// Every one is a boolean; some err for some questions (an overflow), some say more of the source than the scope.
const ATOMS: &[&str] = &[
    "true",
    "context has device",
    "context has device && context.device.managed",
    "context has device && context.device in Poort::Fleet::\"cars\"",
    "context has device.unit && principal in context.device.unit",
    "context has device.unit && context.device.unit in Poort::Unit::\"zone\"",
    "context has device && context.device has unit",
    "(if context has device then Poort::Source::\"firearms\" else Poort::Source::\"persons\").owner == \"firearms desk\"",
    "context has actor && context.actor.device.compliant",
    "context has actor.service && context.actor.service == Poort::Service::\"zone|search\"",
    "context has actor && context has device && context.actor.device == context.device",
    "principal in Poort::Role::\"supervisor\"",
    "principal is Poort::User && principal.issuer == \"zone\"",
    "principal has issuer && principal.issuer == context.request.host",
    "principal is Poort::Device && principal.compliant",
    "resource in Poort::Classification::\"secret\"",
    "resource == Poort::Source::\"vehicles\"",
    "resource.owner == \"firearms desk\"",
    "resource.owner == context.request.method",
    "[Poort::Source::\"persons\", Poort::Source::\"vehicles\"].contains(resource)",
    "[resource.owner, \"GET\"].contains(context.request.method)",
    "action == Poort::Action::\"consult\"",
    "action in Poort::Action::\"changing\"",
    "(if context has purpose then Poort::Source::\"firearms\" else resource).owner == \"firearms desk\"",
    "Poort::Unit::\"team-a\" in (if context has case then Poort::Unit::\"zone\" else Poort::Unit::\"team-b\")",
    "Poort::Role::\"supervisor\" in Poort::Role::\"officer\"",
    "context.session.strong",
    "context.session.amr.contains(\"hwk\")",
    "context.session.amr.containsAny([\"otp\", \"hwk\"])",
    "context.session has acr && context.session.acr == \"phrh\"",
    "context.session has auth_age && context.session.auth_age < 600",
    "context has session.auth_age && 600 <= context.session.auth_age",
    "context.session has auth_age && context.session.auth_age * 4611686018427387904 > 0",
    "context.inspection.score + 9223372036854775805 > 0",
    "context.inspection.score > 2",
    "context.shift has subjects && context.shift.subjects > 39",
    "context has shift.officers && context.shift.officers < 1000",
    "context.shift has devices && context.shift.devices * 9223372036854775807 > 0",
    "resource == Poort::Source::\"firearms\" && 9223372036854775807 + 1 > 0",
    "context.time.hour >= 22 || context.time.hour < 6",
    "context.time.weekday == 7",
    "context has purpose && context.purpose like \"*check*\"",
    "context has case && context has purpose && context.case == context.purpose",
    "context has break_glass && context.break_glass.reason != \"\"",
    "context.request.path like \"/persons/*\"",
    "[\"GET\", \"HEAD\"].contains(context.request.method)",
    "context.request.captures has plate && context.request.captures.plate == \"1-ABC-123\"",
    "context has request.captures.plate",
    "!(context.request.captures has colour)",
    "context.request.address.isInRange(ip(\"10.0.0.0/8\"))",
    "context.request.address.isLoopback() || context.request.address.isIpv6()",
    "context.request == context.request",
    "context == context",
    "{ where: context.request }.where.method == \"GET\"",
];

fn condition() -> impl Strategy<Value = String> {
    let leaf = select(ATOMS).prop_map(|atom| format!("({atom})"));
    leaf.prop_recursive(3, 12, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            inner.clone().prop_map(|a| format!("!{a}")),
            two.clone().prop_map(|(a, b)| format!("({a} && {b})")),
            two.prop_map(|(a, b)| format!("({a} || {b})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("(if {a} then {b} else {c})")),
        ]
    })
}

/// One policy a line.
fn policy() -> impl Strategy<Value = String> {
    let scope = (select(PRINCIPALS), select(ACTIONS), select(RESOURCES));
    let effect = prop_oneof![3 => Just("permit"), 1 => Just("forbid")];
    (effect, scope, condition(), prop::option::of(condition())).prop_map(
        |(effect, (principal, action, resource), when, unless)| {
            let unless = unless.map(|unless| format!(" unless {{ {unless} }}")).unwrap_or_default();
            format!("{effect} ({principal}, {action}, {resource}) when {{ {when} }}{unless};")
        },
    )
}

fn question_strategy() -> impl Strategy<Value = Question> {
    let id = |kind| match kind {
        PrincipalKind::User => "zone|amina",
        PrincipalKind::Service => "zone|search",
        PrincipalKind::Device => "spiffe://zone.example/car",
    };
    let kinds = [PrincipalKind::User, PrincipalKind::User, PrincipalKind::Service, PrincipalKind::Device];
    let roles = subsequence(vec!["officer", "supervisor", "firearms-desk", "nonsense"], 0..=2);
    let units = subsequence(vec!["zone", "team-a", "nonsense"], 0..=2);
    let asks = (select(kinds.to_vec()), roles, units).prop_map(move |(kind, roles, units)| match kind {
        PrincipalKind::Device => Principal { kind, issuer: None, ..user(id(kind), &[], &[]) },
        _ => Principal { kind, ..user(id(kind), &roles, &units) },
    });
    let target =
        (select(Operation::ALL.to_vec()), select(vec!["persons", "vehicles", "firearms", "archive"]));
    let actor = prop::option::weighted(0.3, (facts("search"), any::<bool>()));
    (asks, prop::option::weighted(0.8, facts("car")), actor, target, circumstances()).prop_map(
        |(asks, device, actor, (operation, source), context)| {
            let service = |has: bool| has.then(|| "zone|search".to_owned());
            let mut asked = question(asks, device, operation, source);
            asked.actor = actor.map(|(device, has)| Actor { device, service: service(has) });
            asked.context = context;
            asked
        },
    )
}

fn facts(name: &'static str) -> impl Strategy<Value = DeviceFacts> {
    let fleets = select(vec![None, Some("cars"), Some("office"), Some("nonsense")]);
    let units = select(vec![None, Some("team-a"), Some("zone"), Some("nonsense")]);
    (fleets, units, any::<bool>(), any::<bool>()).prop_map(move |(fleet, unit, managed, compliant)| {
        DeviceFacts {
            fleet: fleet.map(Arc::from),
            unit: unit.map(Arc::from),
            managed,
            compliant,
            ..device(name, "cars", None)
        }
    })
}

fn circumstances() -> impl Strategy<Value = Context> {
    let texts = |all: &[&'static str]| prop::option::of(select(all.to_vec()));
    let stated = (texts(&["check", "road check"]), texts(&["check", "4711"]), any::<bool>());
    let session = (
        texts(&["phrh", "pwd"]),
        subsequence(vec!["pwd", "otp", "hwk"], 0..=2),
        select(vec![None, Some(0), Some(1), Some(600), Some(u64::from(u32::MAX))]),
        any::<bool>(),
    );
    let request = (
        select(vec!["GET", "POST", "firearms desk"]),
        select(vec!["/persons/1", "/search"]),
        texts(&["1-ABC-123", "X"]),
        texts(&["red"]),
        select(vec!["10.9.8.7", "127.0.0.1", "2001:db8::1"]),
    );
    let moment = (0u8..24, 1u8..8, select(vec![0u32, 1, 3, 5]));
    let count = || select(vec![None, Some(0), Some(1), Some(39), Some(40), Some(ShiftFacts::MOST)]);
    let shift = (count(), count(), count());
    (stated, session, request, moment, shift).prop_map(|(stated, session, request, moment, shift)| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let mut context = question(user("", &[], &[]), None, Operation::Use, "vehicles").context;
        (context.purpose, context.case) = (owned(stated.0), owned(stated.1));
        context.break_glass =
            stated.2.then(|| BreakGlass { reason: "urgent".to_owned(), case: "4711".to_owned() });
        context.session.acr = owned(session.0);
        context.session.amr = session.1.iter().map(|&text| text.to_owned()).collect();
        (context.session.auth_age, context.session.strong) = (session.2, session.3);
        (context.request.method, context.request.path) = (request.0.to_owned(), request.1.to_owned());
        let captures = [("plate", request.2), ("colour", request.3)];
        context.request.captures = captures
            .into_iter()
            .filter_map(|(name, text)| Some((name.to_owned(), text?.to_owned())))
            .collect();
        context.request.address = request.4.parse().unwrap();
        (context.time.hour, context.time.weekday) = (moment.0, moment.1);
        context.inspection.score = moment.2;
        let (subjects, devices, officers) = shift;
        context.shift = ShiftFacts { subjects, devices, officers };
        context
    })
}

/// The shipped world, a group of actions, a nested classification and a source more.
fn wide() -> Corpus {
    let mut corpus = world();
    let schema = corpus.schema.text.replace(
        "action collect, alter, consult, disclose, combine, erase, use appliesTo",
        "action changing;\n  action consult, disclose, combine, use appliesTo {
            principal: [User, Service, Device], resource: Source, context: Circumstances };
          action collect, alter, erase in [changing] appliesTo",
    );
    assert_ne!(schema, corpus.schema.text);
    corpus.schema.text = schema;
    corpus.classifications.push(group("top", &["secret"]));
    corpus.sources.push(source("archive", "top"));
    corpus
}

/// Loads the policies that strict validation takes; some random ones can never apply.
fn load(policies: &[String]) -> Option<(Engine, Corpus)> {
    let mut kept: Vec<String> =
        policies.iter().enumerate().map(|(index, policy)| format!("@id(\"p{index}\") {policy}")).collect();
    while !kept.is_empty() {
        let corpus = Corpus { policies: vec![common::file("p.cedar", &kept.join("\n"))], ..wide() };
        match Engine::load(&corpus) {
            Ok(engine) => return Some((engine, corpus)),
            Err(faults) => {
                let lines: BTreeSet<usize> = faults.iter().map(|fault| fault.line).collect();
                assert!(!lines.contains(&0), "{faults:?}");
                let mut line = 0;
                kept.retain(|_| {
                    line += 1;
                    !lines.contains(&line)
                });
            }
        }
    }
    None
}

fn agree(engine: &Engine, oracle: &Oracle, question: &Question) -> Decision {
    let prepared = engine.prepare(&question.principal, question.device.as_ref(), question.actor.as_ref());
    let mut decision = engine.decide(question, &prepared);
    assert_eq!(engine.decide(question, &prepared), decision, "asked twice");
    let nobody = engine.prepare(&user("zone|nobody", &[], &[]), None, None);
    assert_eq!(engine.decide(question, &nobody), decision, "prepared for somebody else");
    decision.determining.sort();
    let expected = oracle.decide(question);
    assert_eq!(
        (decision.allow, &decision.determining, decision.errors.len()),
        (expected.allow, &expected.determining, expected.errors.len()),
        "{question:#?}\nwe: {decision:#?}\nCedar: {expected:#?}"
    );
    decision
}

/// How often each kind of answer was seen: a law that only ever met refusals would prove little.
#[derive(Debug, Default)]
struct Seen {
    allowed: Cell<u32>,
    forbidden: Cell<u32>,
    erred: Cell<u32>,
    unmatched: Cell<u32>,
}

impl Seen {
    fn note(&self, decision: &Decision) {
        let kind = match decision {
            Decision { allow: true, .. } => &self.allowed,
            Decision { errors, .. } if !errors.is_empty() => &self.erred,
            Decision { determining, .. } if !determining.is_empty() => &self.forbidden,
            _ => &self.unmatched,
        };
        kind.set(kind.get() + 1);
    }

    fn least(&self) -> u32 {
        [&self.allowed, &self.forbidden, &self.erred, &self.unmatched]
            .map(Cell::get)
            .into_iter()
            .min()
            .unwrap()
    }
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    })
}

#[test]
fn a_slice_decides_as_the_whole_set_does() {
    let seen = Seen::default();
    let cases = (prop::collection::vec(policy(), 1..16), prop::collection::vec(question_strategy(), 16));
    let outcome = runner(64).run(&cases, |(policies, questions)| {
        if let Some((engine, corpus)) = load(&policies) {
            let oracle = Oracle::new(&corpus);
            questions.iter().for_each(|question| seen.note(&agree(&engine, &oracle, question)));
        }
        Ok(())
    });
    outcome.unwrap();

    assert!(seen.least() >= 10, "{seen:?}");
}

#[test]
fn the_shipped_policies_decide_as_cedar_does() {
    let mut corpus = shipped();
    corpus.sources.push(source("archive", "public"));
    let (engine, oracle) = (engine(&corpus), Oracle::new(&corpus));
    let outcome = runner(256).run(&question_strategy(), |question| {
        agree(&engine, &oracle, &question);
        Ok(())
    });
    outcome.unwrap();
}
