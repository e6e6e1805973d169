//! The closed part of the world: roles, units, fleets, classifications and sources, with everything they are in.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use cedar_policy_core::ast::{Entity, EntityUID, Value};
use cedar_policy_core::fuzzy_match::fuzzy_search_limited;
use smol_str::SmolStr;

use crate::corpus::{Corpus, Group, Place, SourceFacts};
use crate::fault::Fault;
use crate::names::{Kind, entity};

/// How many letters a name may be off for us to suggest another.
const TYPO: usize = 2;

/// All entities that the corpus declares, each with its transitive closure.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    entities: HashMap<EntityUID, Arc<Entity>>,
    names: BTreeMap<Kind, Vec<String>>,
}

impl Registry {
    pub(crate) fn new(corpus: &Corpus, faults: &mut Vec<Fault>) -> Self {
        let mut registry = Self::default();
        registry.groups(Kind::Role, &corpus.roles, faults);
        registry.groups(Kind::Unit, &corpus.units, faults);
        registry.groups(Kind::Classification, &corpus.classifications, faults);
        for name in &corpus.fleets {
            registry.declare(Kind::Fleet, name, &Place::default(), faults);
            registry.add(entity(Kind::Fleet.uid(name), [], HashSet::new()));
        }
        for source in &corpus.sources {
            registry.source(source, faults);
        }
        registry
    }

    pub(crate) fn find(&self, uid: &EntityUID) -> Option<&Arc<Entity>> {
        self.entities.get(uid)
    }

    /// The entity itself and all it is in; nothing for a name that is not declared.
    pub(crate) fn with_ancestors(&self, uid: &EntityUID) -> impl Iterator<Item = &EntityUID> {
        self.entities.get(uid).into_iter().flat_map(|one| std::iter::once(one.uid()).chain(one.ancestors()))
    }

    pub(crate) fn entities(&self) -> impl Iterator<Item = &Arc<Entity>> {
        self.entities.values()
    }

    pub(crate) fn add(&mut self, entity: Arc<Entity>) {
        self.entities.insert(entity.uid().clone(), entity);
    }

    /// Why a policy that names this entity cannot mean it, if so. Users, services and devices are open worlds.
    pub(crate) fn misnomer(&self, uid: &EntityUID) -> Option<(String, String)> {
        let kind = Kind::of(uid)?;
        let closed =
            matches!(kind, Kind::Role | Kind::Unit | Kind::Fleet | Kind::Classification | Kind::Source);
        if !closed || self.entities.contains_key(uid) {
            return None;
        }
        let (word, name) = (kind.word(), uid.eid().as_ref() as &str);
        Some((format!("there is no {word} `{name}`: this would never match"), self.suggest(kind, name)))
    }

    /// What to do about a name that is not declared.
    fn suggest(&self, kind: Kind, name: &str) -> String {
        let place = if kind == Kind::Source { "sources/" } else { "entities.yaml" };
        let known = self.names.get(&kind).map(Vec::as_slice).unwrap_or_default();
        match fuzzy_search_limited(name, known, Some(TYPO)) {
            Some(near) => format!("write `{near}`, or declare it in {place}"),
            None => format!("declare it in {place}, or name one that is there"),
        }
    }

    fn declare(&mut self, kind: Kind, name: &str, place: &Place, faults: &mut Vec<Fault>) {
        let word = kind.word();
        let names = self.names.entry(kind).or_default();
        if name.is_empty() {
            faults.push(Fault::at(place, format!("a {word} has an empty name"), "give it a name"));
        }
        if names.iter().any(|known| known == name) {
            faults.push(Fault::at(
                place,
                format!("{word} `{name}` is declared twice"),
                "keep one of the two",
            ));
        }
        names.push(name.to_owned());
    }

    fn groups(&mut self, kind: Kind, groups: &[Group], faults: &mut Vec<Fault>) {
        for group in groups {
            self.declare(kind, &group.name, &group.place, faults);
        }
        let parents: HashMap<&str, &[String]> =
            groups.iter().map(|group| (group.name.as_str(), group.parents.as_slice())).collect();
        for group in groups {
            for parent in group.parents.iter().filter(|parent| !parents.contains_key(parent.as_str())) {
                let message =
                    format!("{} `{}` is in `{parent}`, which does not exist", kind.word(), group.name);
                faults.push(Fault::at(&group.place, message, self.suggest(kind, parent)));
            }
            let above = ancestors(&group.name, &parents);
            if above.contains(group.name.as_str()) {
                let message =
                    format!("{} `{}` is in itself, directly or by a detour", kind.word(), group.name);
                faults.push(Fault::at(&group.place, message, "break the circle: remove one `in`"));
            }
            self.add(entity(
                kind.uid(&group.name),
                [],
                above.into_iter().map(|name| kind.uid(name)).collect(),
            ));
        }
    }

    fn source(&mut self, source: &SourceFacts, faults: &mut Vec<Fault>) {
        self.declare(Kind::Source, &source.id, &source.place, faults);
        let classification = Kind::Classification.uid(&source.classification);
        if self.find(&classification).is_none() {
            let message = format!("source `{}`: no classification `{}`", source.id, source.classification);
            let help = self.suggest(Kind::Classification, &source.classification);
            faults.push(Fault::at(&source.place, message, help));
        }
        let ancestors = self.with_ancestors(&classification).cloned().collect();
        let owner = Value::from(SmolStr::new(&source.owner));
        self.add(entity(Kind::Source.uid(&source.id), [("owner".into(), owner.into())], ancestors));
    }
}

/// Everything above `name`; contains `name` itself only if it is in a circle.
fn ancestors<'a>(name: &str, parents: &HashMap<&str, &'a [String]>) -> HashSet<&'a str> {
    let mut found = HashSet::new();
    let mut ahead: Vec<&'a str> =
        parents.get(name).copied().unwrap_or_default().iter().map(String::as_str).collect();
    while let Some(next) = ahead.pop() {
        if parents.contains_key(next) && found.insert(next) {
            ahead.extend(parents.get(next).copied().unwrap_or_default().iter().map(String::as_str));
        }
    }
    found
}
