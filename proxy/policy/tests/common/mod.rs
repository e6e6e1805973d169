//! The shipped corpus, and people and devices to ask with.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::disallowed_methods, reason = "the shipped policies are files")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use poort_policy::{
    Context, Corpus, DeviceFacts, Engine, Group, Inspection, Operation, Place, PolicyFile, Principal,
    PrincipalKind, Question, RequestContext, SessionFacts, ShiftCount, ShiftFacts, SourceFacts, TimeFacts,
};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entities {
    roles: BTreeMap<String, Within>,
    units: BTreeMap<String, Within>,
    fleets: Vec<String>,
    classifications: BTreeMap<String, Within>,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Within {
    r#in: Vec<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies")
}

fn read(path: &Path) -> PolicyFile {
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    PolicyFile { name, text: std::fs::read_to_string(path).unwrap(), shadow: false }
}

fn groups(declared: BTreeMap<String, Within>) -> Vec<Group> {
    declared.into_iter().map(|(name, within)| group(&name, &within.r#in)).collect()
}

pub(crate) fn group(name: &str, parents: &[impl AsRef<str>]) -> Group {
    let parents = parents.iter().map(|parent| parent.as_ref().to_owned()).collect();
    Group {
        name: name.to_owned(),
        parents,
        place: Place { file: "entities.yaml".into(), line: 1, column: 1 },
    }
}

pub(crate) fn source(id: &str, classification: &str) -> SourceFacts {
    let place = Place { file: format!("sources/{id}.yaml").into(), line: 1, column: 1 };
    SourceFacts {
        id: id.to_owned(),
        classification: classification.to_owned(),
        owner: format!("{id} desk"),
        place,
        demands: Vec::new(),
    }
}

pub(crate) fn file(name: &str, text: &str) -> PolicyFile {
    PolicyFile { name: name.to_owned(), text: text.to_owned(), shadow: false }
}

/// Everything shipped but the policies.
pub(crate) fn world() -> Corpus {
    let entities: Entities = serde_yaml::from_str(&read(&folder().join("entities.yaml")).text).unwrap();
    Corpus {
        schema: read(&folder().join("access/schema.cedarschema")),
        policies: Vec::new(),
        roles: groups(entities.roles),
        units: groups(entities.units),
        classifications: groups(entities.classifications),
        fleets: entities.fleets,
        sources: vec![
            source("persons", "restricted"),
            source("vehicles", "restricted"),
            source("firearms", "secret"),
        ],
        purposes: vec!["patrol".to_owned(), "investigation".to_owned()],
        counted: ShiftCount::ALL.to_vec(),
    }
}

/// Everything shipped.
pub(crate) fn shipped() -> Corpus {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder().join("access")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "cedar"));
    paths.sort();
    Corpus { policies: paths.iter().map(|path| read(path)).collect(), ..world() }
}

/// The shipped world with these policies only.
pub(crate) fn with(policies: &[(&str, &str)]) -> Corpus {
    Corpus { policies: policies.iter().map(|(name, text)| file(name, text)).collect(), ..world() }
}

pub(crate) fn engine(corpus: &Corpus) -> Engine {
    Engine::load(corpus).unwrap_or_else(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        panic!("{}", faults.join("\n"))
    })
}

pub(crate) fn names(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

pub(crate) fn user(id: &str, roles: &[&str], units: &[&str]) -> Principal {
    let issuer = id.split_once('|').map(|(issuer, _)| Arc::from(issuer));
    Principal {
        kind: PrincipalKind::User,
        id: id.to_owned(),
        issuer,
        roles: names(roles),
        units: names(units),
    }
}

pub(crate) fn device(id: &str, fleet: &str, unit: Option<&str>) -> DeviceFacts {
    let id = format!("spiffe://zone.example/{id}");
    DeviceFacts { id, fleet: Some(fleet.into()), unit: unit.map(Arc::from), managed: true, compliant: true }
}

pub(crate) fn question(
    principal: Principal,
    device: Option<DeviceFacts>,
    operation: Operation,
    source: &str,
) -> Question {
    let request = RequestContext {
        method: "GET".to_owned(),
        host: format!("{source}.zone.example"),
        path: "/search".to_owned(),
        address: [10, 1, 2, 3].into(),
        captures: BTreeMap::new(),
    };
    let context = Context {
        request,
        purpose: None,
        case: None,
        break_glass: None,
        inspection: Inspection::default(),
        session: SessionFacts::default(),
        shift: ShiftFacts::default(),
        time: TimeFacts::at(UNIX_EPOCH + Duration::from_secs(1_770_000_000), 3600),
    };
    Question { principal, device, actor: None, operation, source: source.into(), context }
}
