//! A directory of policies by itself: as much of the security team's files as decisions depend on.
//!
//! Certificates, keys and sources' addresses are left alone, so that policies can be looked at where there are none, such as in the
//! pipeline of a repository.

use std::collections::BTreeMap;

use poort_enforce::operations::{Operations, Rule, certain_demands};
use poort_policy::{
    Corpus, Operation, ShiftCount, SourceFacts,
    workbench::{IssuerUse, SourceUse, Surroundings},
};

use crate::{
    config::{
        checked::{
            policies::Policies,
            zone::{Entities, InventoryDevice},
        },
        raw::{self, Part, Scalar},
    },
    trials::Trials,
};

use super::{
    cursor::Field,
    desk::{self, Desk},
    distinct::distinct,
    entities::{self, Vocabulary},
    folder, inventory, mission, name, operation,
    report::File,
    source, trial, value, zone,
};

/// Reads what is in a directory, with the policies of `access`, and tests if they are wanted; none after a fault.
pub(super) fn check(
    desk: &Desk<'_>,
    directory: &File,
    access: &File,
    tests: Option<&File>,
) -> Option<(Policies, Trials)> {
    let read = desk.document::<raw::entities::Entities>(directory.inside("entities.yaml"), None);
    let entities = read.and_then(|document| entities::check(desk.report, document.field(desk.report)));
    let vocabulary = Vocabulary::new(entities.as_ref());
    let zone = zone(desk, &vocabulary, directory.inside("poort.yaml"));
    let sources = sources(desk, &vocabulary, &directory.inside("sources"));
    let access = folder::access(desk, access);
    let properties = folder::properties(desk, &directory.inside("properties"));
    let console = folder::console(desk, &directory.inside("console.cedar"));
    let Entities { roles, units, classifications, fleets } = entities.clone()?;
    let (Zone { issuers, inventory, strong, purposes, counted }, sources, access) =
        (zone?, sources?, access?);
    let (properties, console) = (properties?, console?);
    let corpus = Corpus {
        schema: access.schema,
        policies: access.policies,
        roles,
        units,
        classifications,
        fleets: fleets.into_iter().collect(),
        sources: sources.iter().map(|source| source.facts.clone()).collect(),
        purposes,
        counted,
    };
    let devices = inventory.iter().map(|device| device.name.clone()).collect();
    let operations: BTreeMap<_, _> = sources
        .iter()
        .map(|source| (source.used.id.clone(), Operations::new(source.rules.clone())))
        .collect();
    let around = Surroundings {
        sources: sources.into_iter().map(|source| source.used).collect(),
        issuers,
        devices,
        strong,
    };
    let policies =
        Policies { corpus, properties, console, around, inventory, operations, warnings: Vec::new() };
    let trials = match tests {
        Some(tests) => trial::check(desk, &vocabulary, tests, &policies)?,
        None => Trials::default(),
    };
    Some((policies, trials))
}

/// What decisions depend on of the main file and the inventory.
struct Zone {
    issuers: Vec<IssuerUse>,
    inventory: Vec<InventoryDevice>,
    strong: Vec<String>,
    purposes: Vec<String>,
    counted: Vec<ShiftCount>,
}

fn zone(desk: &Desk<'_>, vocabulary: &Vocabulary<'_>, file: File) -> Option<Zone> {
    let document = desk.document::<raw::zone::Zone>(file, None)?;
    let zone = document.field(desk.report).required("issuers:", |here| Some(here.open()))?;
    let issuers = zone.field("issuers", |raw| &raw.issuers).each(|here| {
        let issuer = here.open();
        let alias = issuer.field("alias", |raw| &raw.alias).required("alias: zone", value::text);
        let granted = |key: &'static str, of: fn(&raw::zone::Issuer) -> &raw::Block<raw::zone::Claim>| {
            issuer
                .field(key, of)
                .or(Vec::new(), |here| grants(here.open().field("grants", |raw| &raw.grants)))
        };
        let roles = granted("roles", |raw| &raw.roles);
        let units = granted("units", |raw| &raw.units);
        Some(IssuerUse { alias: alias?, roles: roles?, units: units? })
    });
    let strong = zone.field("strong_sign_in", |raw| &raw.strong_sign_in).each(value::text);
    let named = zone.field("devices", |raw| &raw.devices).required(
        "devices: { inventory: inventory.yaml }",
        |here| {
            let inventory = here.open().field("inventory", |raw| &raw.inventory);
            inventory.required("inventory: inventory.yaml", |here| Some((desk::path(here)?, here.spot)))
        },
    );
    let inventory = named.and_then(|(file, spot)| {
        let document = desk.document::<raw::inventory::Inventory>(file, Some(spot))?;
        inventory::check(vocabulary, document.field(desk.report))
    });
    let purposes = zone.field("purposes", |raw| &raw.purposes);
    let purposes = mission::purposes(purposes, zone.field("cases", |raw| &raw.cases));
    let purposes = purposes.map(|all| all.all().iter().map(|one| one.name.to_string()).collect());
    let counted = zone.field("unusual", |raw| &raw.unusual).or(Vec::new(), |here| zone::counted(here.open()));
    Some(Zone {
        issuers: issuers?,
        inventory: inventory?,
        strong: strong?,
        purposes: purposes?,
        counted: counted?,
    })
}

fn grants(field: Field<'_, raw::Table<Scalar>>) -> Option<Vec<String>> {
    field.or(Vec::new(), |table| table.each(|_, _, here| value::text(here)))
}

/// What decisions depend on of a source.
struct Source {
    facts: SourceFacts,
    used: SourceUse,
    rules: Vec<Rule>,
}

fn sources(desk: &Desk<'_>, vocabulary: &Vocabulary<'_>, directory: &File) -> Option<Vec<Source>> {
    let files = folder::files(desk, directory, "yaml", "one file for each source, such as `persons.yaml`");
    let read = files.into_iter().map(|(name, file)| {
        let document = desk.document::<raw::source::Source>(file, None)?;
        source(vocabulary, name.trim_end_matches(".yaml"), document.field(desk.report))
    });
    // Read to the end before giving up.
    read.collect::<Vec<_>>().into_iter().collect()
}

fn source(
    vocabulary: &Vocabulary<'_>,
    id: &str,
    whole: Field<'_, Part<raw::source::Source>>,
) -> Option<Source> {
    let source = whole.required("title:", |here| Some(here.open()))?;
    let named = source::named(source, vocabulary);
    let hosts = source.field("hosts", |raw| &raw.hosts);
    let hosts = hosts.some_items("hosts: [persons.zone.example]", |here| {
        name::host_name(here).map(|host| (host, here.spot))
    });
    let prefixes = source.field("prefixes", |raw| &raw.prefixes).each(name::prefix);
    let lines = source.field("operations", |raw| &raw.operations);
    let demands = mission::usual_demands(source);
    let rules = operation::check(lines, prefixes.as_deref().unwrap_or_default(), demands.unwrap_or_default());
    let mut operations: Vec<(Operation, _)> = Vec::new();
    // What is wrong with them was said above.
    let _ = lines.items(|here| {
        let word = here.open().field("operation", |raw| &raw.operation);
        let found = word.optional(|here| Some((operation::operation(here)?, here.spot.place())))??;
        if operations.iter().all(|(known, _)| *known != found.0) {
            operations.push(found);
        }
        Some(())
    });
    let (hosts, named, rules, _) = (distinct(hosts)?, named?, rules?, demands?);
    let place = source.spot.place();
    let (classification, classified_at) = named.classification;
    let facts = SourceFacts {
        id: id.to_owned(),
        classification,
        owner: named.owner,
        place: classified_at,
        demands: certain_demands(&rules),
    };
    Some(Source { facts, used: SourceUse { id: id.to_owned(), place, hosts, operations }, rules })
}
