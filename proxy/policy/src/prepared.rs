//! The entities of one principal at one device, built once and asked many times.

use std::collections::HashSet;
use std::sync::Arc;

use cedar_policy_core::ast::{Entity, EntityUID, EntityUIDEntry, PartialValue, Value};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;
use smol_str::SmolStr;

use crate::circumstances::{Company, known};
use crate::names::{Kind, entity, entry};
use crate::plan::Memory;
use crate::question::{Actor, DeviceFacts, Principal, PrincipalKind, Question};
use crate::registry::Registry;
use crate::slices::{Fitting, Slices};

/// A principal, its device and the actor as Cedar entities, each with all it is in.
///
/// Cheap to clone. Cache it for as long as the token, the posture and the engine hold.
#[derive(Debug, Clone)]
pub struct Prepared(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    digest: Arc<str>,
    of: Principal,
    device: Option<DeviceFacts>,
    actor: Option<Actor>,
    pub(crate) kind: PrincipalKind,
    pub(crate) principal: EntityUIDEntry,
    pub(crate) fitting: Fitting,
    pub(crate) company: Company,
    pub(crate) memory: Memory,
    /// The entities, or why there cannot be any.
    pub(crate) entities: Result<Entities, String>,
}

impl Prepared {
    pub(crate) fn new(
        (digest, registry, slices): (&Arc<str>, &Registry, &Slices),
        principal: &Principal,
        device: Option<&DeviceFacts>,
        actor: Option<&Actor>,
    ) -> Self {
        let uid = principal_uid(principal);
        let device_uid = device.map(|device| Kind::Device.uid(&device.id));
        let actor_uid = actor.map(|actor| Kind::Device.uid(&actor.device.id));
        let service_uid = actor.and_then(|actor| actor.service.as_deref()).map(|id| Kind::Service.uid(id));
        let own = principal_entity(registry, &uid, principal, device);
        let mut present = vec![Arc::clone(&own)];
        for facts in device.into_iter().chain(actor.map(|actor| &actor.device)) {
            present.push(device_entity(registry, facts));
            let unit = facts.unit.as_deref().map(|unit| Kind::Unit.uid(unit));
            present.extend(unit.and_then(|unit| registry.find(&unit)).cloned());
        }
        if let Some(service) = service_uid.as_ref().filter(|service| **service != uid) {
            present.push(account(service, None, HashSet::new()));
        }
        Self(Arc::new(Inner {
            digest: Arc::clone(digest),
            of: principal.clone(),
            device: device.cloned(),
            actor: actor.cloned(),
            kind: principal.kind,
            principal: entry(&uid),
            fitting: slices.fitting(&own),
            company: Company::new(
                device_uid.as_ref(),
                actor_uid.as_ref().map(|actor| (actor, service_uid.as_ref())),
            ),
            memory: slices.memory(),
            // A device may be named twice (it asks on its own account), but not with two postures.
            entities: with(Entities::new(), present),
        }))
    }

    /// Whether it was prepared for just this question, by the engine with this digest.
    pub(crate) fn serves(&self, digest: &str, question: &Question) -> bool {
        let inner = &*self.0;
        *inner.digest == *digest
            && inner.of == question.principal
            && inner.device == question.device
            && inner.actor == question.actor
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

fn principal_uid(principal: &Principal) -> EntityUID {
    let kind = match principal.kind {
        PrincipalKind::User => Kind::User,
        PrincipalKind::Service => Kind::Service,
        PrincipalKind::Device => Kind::Device,
    };
    kind.uid(&principal.id)
}

fn principal_entity(
    registry: &Registry,
    uid: &EntityUID,
    principal: &Principal,
    device: Option<&DeviceFacts>,
) -> Arc<Entity> {
    if principal.kind == PrincipalKind::Device {
        // Without facts it is a device that nobody manages.
        let unknown = DeviceFacts {
            id: principal.id.clone(),
            fleet: None,
            unit: None,
            managed: false,
            compliant: false,
        };
        return device_entity(
            registry,
            device.filter(|device| device.id == principal.id).unwrap_or(&unknown),
        );
    }
    let roles = principal.roles.iter().map(|role| Kind::Role.uid(role));
    let groups = roles.chain(principal.units.iter().map(|unit| Kind::Unit.uid(unit)));
    let ancestors =
        groups.flat_map(|group| registry.with_ancestors(&group).cloned().collect::<Vec<_>>()).collect();
    account(uid, principal.issuer.as_deref(), ancestors)
}

/// A user or a service. Without a named issuer it is the one in the id, before the bar.
fn account(uid: &EntityUID, issuer: Option<&str>, ancestors: HashSet<EntityUID>) -> Arc<Entity> {
    let id: &str = uid.eid().as_ref();
    let issuer = issuer.or_else(|| id.split_once('|').map(|(issuer, _)| issuer)).unwrap_or_default();
    entity(uid.clone(), [attribute("issuer", Value::from(SmolStr::new(issuer)))], ancestors)
}

fn device_entity(registry: &Registry, facts: &DeviceFacts) -> Arc<Entity> {
    let fleet = facts.fleet.as_deref().map(|fleet| Kind::Fleet.uid(fleet));
    // A unit that nobody declared is none, as for persons.
    let unit =
        facts.unit.as_deref().map(|unit| Kind::Unit.uid(unit)).filter(|unit| registry.find(unit).is_some());
    let groups = fleet.iter().chain(&unit);
    let ancestors = groups.flat_map(|group| registry.with_ancestors(group).cloned()).collect();
    let posture = [
        attribute("managed", Value::from(facts.managed)),
        attribute("compliant", Value::from(facts.compliant)),
    ];
    let unit = unit.as_ref().map(|unit| attribute("unit", known(unit)));
    entity(Kind::Device.uid(&facts.id), posture.into_iter().chain(unit), ancestors)
}

fn attribute(name: &'static str, value: Value) -> (SmolStr, PartialValue) {
    (SmolStr::new_static(name), PartialValue::from(value))
}

/// Adds entities whose ancestors are closed.
pub(crate) fn with(
    entities: Entities,
    more: impl IntoIterator<Item = Arc<Entity>>,
) -> Result<Entities, String> {
    let computed = TCComputation::AssumeAlreadyComputed;
    entities
        .add_entities(more, None::<&NoEntitiesSchema>, computed, Extensions::all_available())
        .map_err(|error| format!("one entity is described in two ways: {error}"))
}
