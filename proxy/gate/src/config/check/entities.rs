//! `entities.yaml`, and whether names used elsewhere are in it.

use std::collections::BTreeMap;

use poort_policy::Group;

use crate::config::{
    checked::zone::Entities,
    raw::{Part, Scalar, Table, entities as raw},
};

use super::{
    cursor::{Field, Here},
    distinct::distinct,
    report::Report,
    suggest, value,
};

pub(super) fn check(report: &Report, whole: Field<'_, Part<raw::Entities>>) -> Option<Entities> {
    let entities = whole.required("roles:", |here| Some(here.open()))?;
    let roles = groups(report, "role", entities.field("roles", |raw| &raw.roles));
    let units = groups(report, "unit", entities.field("units", |raw| &raw.units));
    let classifications =
        groups(report, "classification", entities.field("classifications", |raw| &raw.classifications));
    let fleets = entities.field("fleets", |raw| &raw.fleets).items(|here| Some((name(here)?, here.spot)));
    let fleets = distinct(fleets).map(|fleets| fleets.into_iter().collect());
    Some(Entities { roles: roles?, units: units?, classifications: classifications?, fleets: fleets? })
}

/// A name that policies may speak of. A comma or blank would end it in a header.
fn name(here: Here<'_, Scalar>) -> Option<String> {
    let text = value::text(here)?;
    match objection(&text) {
        Some(objection) => {
            here.spot.fault(objection);
            None
        }
        None => Some(text),
    }
}

fn objection(name: &str) -> Option<String> {
    let sound = name.len() <= 128
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    (!sound).then(|| format!("`{name}` is no name; use at most 128 letters, digits, `-`, `_` and `.`"))
}

fn groups(report: &Report, what: &str, field: Field<'_, Table<Part<raw::Group>>>) -> Option<Vec<Group>> {
    let known: Vec<String> = field
        .optional(|table| Some(table.value.0.iter().map(|(name, _)| name.clone()).collect()))
        .flatten()
        .unwrap_or_default();
    let groups = field.or(Vec::new(), |table| {
        table.each(|name, spot, here| {
            let named = match objection(name) {
                Some(objection) => {
                    spot.fault(objection);
                    None
                }
                None => Some(name.to_owned()),
            };
            let parents = here.open().field("in", |raw| &raw.parents).items(|here| {
                let parent = value::text(here)?;
                let known = Names::new(what, known.iter().map(String::as_str));
                known.find(here, &parent)?;
                Some((parent, here.spot))
            });
            Some(Group { name: named?, parents: distinct(parents)?, place: spot.place() })
        })
    })?;
    acyclic(report, what, &groups).then_some(groups)
}

/// Whether nothing is in itself, through whatever others.
fn acyclic(report: &Report, what: &str, groups: &[Group]) -> bool {
    let by_name: BTreeMap<&str, &Group> = groups.iter().map(|group| (group.name.as_str(), group)).collect();
    let mut sound = true;
    for group in groups {
        let mut seen = Vec::new();
        let mut waiting: Vec<&str> = group.parents.iter().map(String::as_str).collect();
        while let Some(name) = waiting.pop() {
            if seen.contains(&name) {
                continue;
            }
            seen.push(name);
            waiting.extend(
                by_name.get(name).into_iter().flat_map(|next| next.parents.iter().map(String::as_str)),
            );
        }
        if seen.contains(&group.name.as_str()) {
            let message =
                format!("the {what} `{}` is in itself; take one `in` out of the circle", group.name);
            report.fault(group.place.clone(), message);
            sound = false;
        }
    }
    sound
}

/// The names of one kind; none if `entities.yaml` could not be read, and then all are believed: the fault there is enough.
#[derive(Clone)]
pub(super) struct Names<'a> {
    what: &'a str,
    known: Option<Vec<&'a str>>,
}

impl<'a> Names<'a> {
    fn new(what: &'a str, known: impl Iterator<Item = &'a str>) -> Self {
        Self { what, known: Some(known.collect()) }
    }

    /// Whether a name is known; one that is not is reported.
    pub(super) fn find(&self, here: Here<'_, Scalar>, name: &str) -> Option<()> {
        let Some(known) = &self.known else { return Some(()) };
        if known.contains(&name) {
            return Some(());
        }
        let instead = suggest::instead(name, known.iter().copied());
        here.spot.fault(format!("the {} `{name}` is not in `entities.yaml`{instead}", self.what));
        None
    }

    /// A value that is one of them.
    pub(super) fn read(&self, here: Here<'_, Scalar>) -> Option<String> {
        let name = value::text(here)?;
        self.find(here, &name)?;
        Some(name)
    }
}

/// All names.
#[derive(Clone)]
pub(super) struct Vocabulary<'a> {
    pub(super) roles: Names<'a>,
    pub(super) units: Names<'a>,
    pub(super) classifications: Names<'a>,
    pub(super) fleets: Names<'a>,
}

impl<'a> Vocabulary<'a> {
    pub(super) fn new(entities: Option<&'a Entities>) -> Self {
        let groups = |of: fn(&Entities) -> &Vec<Group>| {
            entities.map(|entities| of(entities).iter().map(|group| group.name.as_str()).collect())
        };
        let fleets = entities.map(|entities| entities.fleets.iter().map(String::as_str).collect());
        Self {
            roles: Names { what: "role", known: groups(|entities| &entities.roles) },
            units: Names { what: "unit", known: groups(|entities| &entities.units) },
            classifications: Names {
                what: "classification",
                known: groups(|entities| &entities.classifications),
            },
            fleets: Names { what: "fleet", known: fleets },
        }
    }
}
