//! Example questions that a schema must fit: everything there, and as little there as can be.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use cedar_policy_core::ast::Entity;
use smol_str::SmolStr;

use crate::corpus::{Corpus, Group, SourceFacts};
use crate::prepared::Prepared;
use crate::question::{
    Actor, BreakGlass, Context, DeviceFacts, Inspection, Principal, PrincipalKind, RequestContext,
    SessionFacts,
};
use crate::registry::Registry;
use crate::shift::ShiftFacts;
use crate::slices::Slicer;
use crate::time::TimeFacts;

/// The example source.
pub(crate) const SOURCE: &str = "example";
const GROUP: &str = "example";
const ABOVE: &str = "above";

/// Examples of everything that varies from question to question.
pub(crate) struct Examples {
    pub(crate) prepared: Vec<Prepared>,
    pub(crate) contexts: [Context; 2],
    /// What the corpus would declare.
    pub(crate) entities: Vec<Arc<Entity>>,
}

/// # Errors
/// As [`Slicer::new`].
pub(crate) fn all(captures: &BTreeSet<SmolStr>) -> Result<Examples, String> {
    let corpus = corpus();
    let registry = Registry::new(&corpus, &mut Vec::new());
    let slices = Slicer::new(&registry, captures)?.slice(&[], &[]);
    let digest = Arc::from("");
    let kinds = [PrincipalKind::User, PrincipalKind::Service, PrincipalKind::Device];
    let prepared = kinds.into_iter().flat_map(|kind| {
        let engine = (&digest, &registry, &slices);
        let actor = Actor { device: device("workload", true), service: Some("issuer|service".to_owned()) };
        [
            Prepared::new(engine, &principal(kind, true), Some(&device("device", true)), Some(&actor)),
            Prepared::new(
                engine,
                &principal(kind, true),
                None,
                Some(&Actor { service: None, ..actor.clone() }),
            ),
            Prepared::new(engine, &principal(kind, false), Some(&device("device", false)), None),
            Prepared::new(engine, &principal(kind, false), None, None),
        ]
    });
    Ok(Examples {
        prepared: prepared.collect(),
        contexts: [full(captures), bare()],
        entities: registry.entities().cloned().collect(),
    })
}

fn corpus() -> Corpus {
    let above = Group { name: ABOVE.to_owned(), ..Group::default() };
    let groups =
        vec![Group { name: GROUP.to_owned(), parents: vec![ABOVE.to_owned()], ..Group::default() }, above];
    let (classification, owner) = (GROUP.to_owned(), "owner".to_owned());
    Corpus {
        roles: groups.clone(),
        units: groups.clone(),
        classifications: groups,
        fleets: vec![GROUP.to_owned()],
        sources: vec![SourceFacts { id: SOURCE.to_owned(), classification, owner, ..SourceFacts::default() }],
        ..Corpus::default()
    }
}

fn principal(kind: PrincipalKind, full: bool) -> Principal {
    let groups: Vec<Arc<str>> =
        if full && kind != PrincipalKind::Device { vec![Arc::from(GROUP)] } else { Vec::new() };
    let id = if kind == PrincipalKind::Device { "device" } else { "issuer|subject" };
    Principal { kind, id: id.to_owned(), issuer: None, roles: groups.clone(), units: groups }
}

fn device(id: &str, full: bool) -> DeviceFacts {
    let group = full.then(|| Arc::from(GROUP));
    DeviceFacts { id: id.to_owned(), fleet: group.clone(), unit: group, managed: full, compliant: full }
}

fn bare() -> Context {
    let request = RequestContext {
        method: "GET".to_owned(),
        host: "example".to_owned(),
        path: "/".to_owned(),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        captures: std::collections::BTreeMap::new(),
    };
    Context {
        request,
        purpose: None,
        case: None,
        break_glass: None,
        inspection: Inspection::default(),
        session: SessionFacts::default(),
        shift: ShiftFacts::default(),
        time: TimeFacts::at(UNIX_EPOCH, 0),
    }
}

fn full(captures: &BTreeSet<SmolStr>) -> Context {
    let bare = bare();
    let some = || Some("example".to_owned());
    let captures = captures.iter().map(|name| (name.to_string(), "example".to_owned())).collect();
    Context {
        request: RequestContext { captures, ..bare.request },
        purpose: some(),
        case: some(),
        break_glass: Some(BreakGlass { reason: "example".to_owned(), case: "example".to_owned() }),
        session: SessionFacts { acr: some(), amr: vec!["mfa".to_owned()], auth_age: Some(1), strong: true },
        shift: ShiftFacts { subjects: Some(1), devices: Some(1), officers: Some(1) },
        ..bare
    }
}
