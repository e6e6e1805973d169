//! What the gate keeps to and a solver does not know.
//!
//! A solver considers every entity there could be. The gate has a few sources, closed hierarchies and numbers within bounds, and it
//! makes the entities of a question itself ([`crate::Prepared`]). That is said here as Cedar policies that forbid everything else, and
//! only as far as the policies at hand can see it. What is left out is considered to be free, so a proof never rests on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy_core::ast::{EntityUID, ExprKind, Literal};

use crate::names::Kind;
use crate::operation::Operation;
use crate::registry::Registry;
use crate::shift::{ShiftCount, ShiftFacts};

use super::super::Workbench;
use super::property::Properties;
use super::{Assumption, deciding};

/// Every assumption, for policies and properties, and for earlier policies that they are compared with.
pub(super) fn all(bench: &Workbench, properties: &Properties, before: Option<&Workbench>) -> Vec<Assumption> {
    let mut seen = Seen::default();
    seen.look(bench);
    seen.look(properties.bench());
    before.into_iter().for_each(|before| seen.look(before));
    let world = World { bench, before, seen };
    let one = |words, limits| Assumption { words, limits };
    vec![
        one("the sources, their classifications and owners are those of `sources/`", world.sources()),
        one("who has a role or is in a unit has those that `entities.yaml` puts it in", world.groups()),
        one(
            "a device is in one fleet at most and in the unit that it is issued to; one that asks by itself is the device at hand, or unknown",
            world.devices(),
        ),
        one("an application's service account has no role and no unit", world.services()),
        one("a purpose is one of the zone's", world.purposes()),
        one(
            "numbers are such as the gate fills in: hours to 23, minutes to 59, weekdays 1 to 7, scores and ages from 0, counts of a shift to 1000; each is free of the others",
            numbers(),
        ),
    ]
}

/// A policy that forbids what an engine does not know: sources of other policies.
pub(super) fn only_known_sources(bench: &Workbench) -> String {
    let known = list(bench.corpus.sources.iter().map(|source| Kind::Source.uid(&source.id)));
    always(&format!("{known}.contains(resource)"))
}

/// What keeps two sets from being compared: the same role, unit or source means something else.
pub(super) fn apart(bench: &Workbench, before: &Workbench) -> Vec<String> {
    let mut apart = BTreeSet::new();
    for (kind, uid) in declared(bench).into_iter().chain(declared(before)) {
        let (now, then) = (above(&bench.engine.registry, &uid), above(&before.engine.registry, &uid));
        // One that only one of them has must not bring anything of the other's along.
        let both = [bench, before].into_iter().all(|one| one.engine.registry.find(&uid).is_some());
        let name = uid.eid().as_ref() as &str;
        if kind == Kind::Unit && !both {
            // A device's unit that nobody declared is none, which no policy here could say.
            apart.insert(format!("unit `{name}` is there in one of the two only"));
        } else if now != then && (both || kind != Kind::Source) {
            let groups = now.symmetric_difference(&then).map(|name| format!("`{name}`"));
            apart.insert(format!(
                "{} `{}` is in {} in one of the two only",
                kind.word(),
                name,
                groups.collect::<Vec<_>>().join(", ")
            ));
        }
    }
    apart.extend(
        Operation::ALL
            .into_iter()
            .filter(|operation| is_regrouped(*operation, bench, before))
            .map(|operation| format!("`{operation}` is in other groups of actions in one of the two")),
    );
    let owner = |bench: &Workbench| -> BTreeMap<String, String> {
        bench.corpus.sources.iter().map(|source| (source.id.clone(), source.owner.clone())).collect()
    };
    let then = owner(before);
    for (id, owner) in owner(bench) {
        if then.get(&id).is_some_and(|other| *other != owner) {
            apart.insert(format!("source `{id}` has two owners"));
        }
    }
    apart.into_iter().collect()
}

/// Whether an operation is in a group of actions of the one schema, and not in that group of the other. A group that only one of them has is
/// named by its own policies alone.
fn is_regrouped(operation: Operation, bench: &Workbench, before: &Workbench) -> bool {
    let uid = Kind::Action.uid(operation.as_str());
    let groups = |of: &Workbench, known: &Workbench| -> BTreeSet<EntityUID> {
        let all = of.engine.registry.with_ancestors(&uid);
        all.filter(|group| known.engine.registry.find(group).is_some()).cloned().collect()
    };
    groups(bench, before) != groups(before, bench)
}

fn declared(bench: &Workbench) -> Vec<(Kind, EntityUID)> {
    let all = bench.engine.registry.entities().map(|entity| entity.uid().clone());
    let kinds = [Kind::Role, Kind::Unit, Kind::Source];
    all.filter_map(|uid| Kind::of(&uid).filter(|kind| kinds.contains(kind)).map(|kind| (kind, uid))).collect()
}

/// Names of the groups that a group is in.
pub(super) fn groups_above(benches: &[&Workbench], kind: Kind, name: &str) -> Vec<Arc<str>> {
    let uid = kind.uid(name);
    let all: BTreeSet<String> =
        benches.iter().flat_map(|bench| above(&bench.engine.registry, &uid)).collect();
    all.into_iter().map(Into::into).collect()
}

/// Names of what an entity is in.
fn above(registry: &Registry, uid: &EntityUID) -> BTreeSet<String> {
    let all = registry.with_ancestors(uid).filter(|other| *other != uid);
    all.map(|other| (other.eid().as_ref() as &str).to_owned()).collect()
}

/// What policies name and read.
#[derive(Default)]
struct Seen {
    entities: BTreeMap<Kind, BTreeSet<EntityUID>>,
    attributes: BTreeSet<String>,
}

impl Seen {
    fn look(&mut self, bench: &Workbench) {
        for sheet in deciding(bench) {
            let condition = sheet.parsed.policy.condition();
            for part in condition.subexpressions() {
                match part.expr_kind() {
                    ExprKind::Lit(Literal::EntityUID(uid)) => {
                        if let Some(kind) = Kind::of(uid) {
                            self.entities.entry(kind).or_default().insert((**uid).clone());
                        }
                    }
                    ExprKind::GetAttr { attr, .. } => drop(self.attributes.insert(attr.to_string())),
                    _ => {}
                }
            }
        }
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &EntityUID> {
        self.entities.get(&kind).into_iter().flatten()
    }
}

/// The policies' world, as far as they see it.
struct World<'w> {
    bench: &'w Workbench,
    before: Option<&'w Workbench>,
    seen: Seen,
}

impl World<'_> {
    fn sources(&self) -> Vec<String> {
        let owned = self.benches().flat_map(|bench| &bench.corpus.sources);
        let owned: BTreeMap<EntityUID, &str> =
            owned.map(|source| (Kind::Source.uid(&source.id), source.owner.as_str())).collect();
        let mut limits = vec![always(&format!("{}.contains(resource)", list(owned.keys().cloned())))];
        for classification in self.seen.of(Kind::Classification) {
            let members: Vec<EntityUID> =
                owned.keys().filter(|source| self.is_in(source, classification)).cloned().collect();
            limits.push(if members.is_empty() {
                always(&format!("!(resource in {classification})"))
            } else {
                always(&format!("(resource in {classification}) == {}.contains(resource)", list(members)))
            });
        }
        if self.seen.attributes.contains("owner") {
            limits.extend(owned.iter().map(|(source, owner)| {
                given(
                    &format!("resource == {source}"),
                    &format!("resource.owner == \"{}\"", owner.escape_debug()),
                )
            }));
        }
        limits
    }

    /// Belonging to one group means belonging to those above it.
    fn groups(&self) -> Vec<String> {
        let roles: Vec<EntityUID> = self.seen.of(Kind::Role).cloned().collect();
        [roles, self.units()].iter().flat_map(|groups| self.climbs(groups)).collect()
    }

    fn climbs(&self, groups: &[EntityUID]) -> Vec<String> {
        let climb = |group: &EntityUID| {
            let above = groups.iter().filter(|above| *above != group && self.is_in(group, above));
            let climb = |above| given(&format!("principal in {group}"), &format!("principal in {above}"));
            above.map(climb).collect::<Vec<_>>()
        };
        groups.iter().flat_map(climb).collect()
    }

    /// A policy that looks at a device's unit may look at any of them.
    fn units(&self) -> Vec<EntityUID> {
        if self.seen.attributes.contains("unit") {
            self.all_units()
        } else {
            self.seen.of(Kind::Unit).cloned().collect()
        }
    }

    fn devices(&self) -> Vec<String> {
        let devices = [
            ("context has device", "context.device"),
            ("context has actor", "context.actor.device"),
            ("principal is Poort::Device", "principal"),
        ];
        let mut all: Vec<String> =
            devices.iter().flat_map(|(at_hand, device)| self.device(at_hand, device)).collect();
        let mut unknown: Vec<String> =
            ["!principal.managed", "!principal.compliant", "!(principal has unit)"].map(str::to_owned).into();
        unknown.extend(self.seen.of(Kind::Fleet).map(|fleet| format!("!(principal in {fleet})")));
        all.push(given(
            "principal is Poort::Device",
            &format!("context has device && context.device == principal || {}", unknown.join(" && ")),
        ));
        all
    }

    fn device(&self, at_hand: &str, device: &str) -> Vec<String> {
        let fleets: Vec<&EntityUID> = self.seen.of(Kind::Fleet).collect();
        let mut all = Vec::new();
        for (index, fleet) in fleets.iter().enumerate() {
            let others = fleets.iter().skip(index + 1);
            all.extend(
                others.map(|other| given(at_hand, &format!("!({device} in {fleet} && {device} in {other})"))),
            );
        }
        let units = self.all_units();
        if units.is_empty() {
            all.push(given(at_hand, &format!("!({device} has unit)")));
            return all;
        }
        let known = format!("{}.contains({device}.unit)", list(units.iter().cloned()));
        all.push(given(&format!("{at_hand} && {device} has unit"), &known));
        for unit in self.seen.of(Kind::Unit) {
            let below = list(units.iter().filter(|below| self.is_in(below, unit)).cloned());
            let issued = format!("({device} has unit && {below}.contains({device}.unit))");
            all.push(given(at_hand, &format!("({device} in {unit}) == {issued}")));
        }
        all
    }

    fn services(&self) -> Vec<String> {
        let groups = self.seen.of(Kind::Role).cloned().chain(self.units());
        let groups: Vec<String> = groups.map(|group| format!("context.actor.service in {group}")).collect();
        if groups.is_empty() {
            return Vec::new();
        }
        let itself = "principal is Poort::Service && context.actor.service == principal";
        let with = "context has actor && context.actor has service";
        vec![given(with, &format!("{itself} || !({})", groups.join(" || ")))]
    }

    /// A word that is on nobody's list is taken for no purpose at all.
    fn purposes(&self) -> Vec<String> {
        let any = |bench: &Workbench| bench.corpus.purposes.is_empty();
        if self.benches().any(any) {
            return Vec::new();
        }
        let known: BTreeSet<&String> = self.benches().flat_map(|bench| &bench.corpus.purposes).collect();
        let known: Vec<String> =
            known.into_iter().map(|name| format!("\"{}\"", name.escape_debug())).collect();
        vec![given("context has purpose", &format!("[{}].contains(context.purpose)", known.join(", ")))]
    }

    /// Whether a group or source is another one, or in it.
    fn is_in(&self, uid: &EntityUID, group: &EntityUID) -> bool {
        self.benches().any(|bench| bench.engine.registry.with_ancestors(uid).any(|above| above == group))
    }

    fn all_units(&self) -> Vec<EntityUID> {
        let units = self.benches().flat_map(|bench| &bench.corpus.units);
        let units: BTreeSet<EntityUID> = units.map(|unit| Kind::Unit.uid(&unit.name)).collect();
        units.into_iter().collect()
    }

    fn benches(&self) -> impl Iterator<Item = &Workbench> {
        std::iter::once(self.bench).chain(self.before)
    }
}

fn numbers() -> Vec<String> {
    let bounds = [
        "context.time.epoch >= 0",
        "context.time.hour >= 0 && context.time.hour <= 23",
        "context.time.minute >= 0 && context.time.minute <= 59",
        "context.time.weekday >= 1 && context.time.weekday <= 7",
        "context.inspection.score >= 0 && context.inspection.score <= 4294967295",
    ];
    let age = given("context.session has auth_age", "context.session.auth_age >= 0");
    let counted = ShiftCount::ALL.into_iter().map(|kind| {
        let count = format!("context.shift.{kind}");
        let most = ShiftFacts::MOST;
        given(&format!("context.shift has {kind}"), &format!("{count} >= 0 && {count} <= {most}"))
    });
    bounds.map(always).into_iter().chain([age]).chain(counted).collect()
}

/// Nothing else is considered. A `forbid` says so to a solver.
fn always(then: &str) -> String {
    format!("forbid (principal, action, resource) unless {{ {then} }};")
}

/// Where the one holds, nothing is considered but where the other does. `has` counts across the two, as in any policy.
fn given(given: &str, then: &str) -> String {
    format!("forbid (principal, action, resource) when {{ {given} }} unless {{ {then} }};")
}

fn list(entities: impl IntoIterator<Item = EntityUID>) -> String {
    let names: Vec<String> = entities.into_iter().map(|uid| uid.to_string()).collect();
    format!("[{}]", names.join(", "))
}
