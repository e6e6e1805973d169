//! The fixed words of the vocabulary: namespace `Poort`, its entity types, and how an id becomes an entity.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, LazyLock};

use cedar_policy_core::ast::{Eid, Entity, EntityType, EntityUID, EntityUIDEntry, PartialValue};
use smol_str::SmolStr;

/// The entity types of the vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    User,
    Service,
    Device,
    Role,
    Unit,
    Fleet,
    Source,
    Classification,
    Action,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::User,
        Self::Service,
        Self::Device,
        Self::Role,
        Self::Unit,
        Self::Fleet,
        Self::Source,
        Self::Classification,
        Self::Action,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::User => "Poort::User",
            Self::Service => "Poort::Service",
            Self::Device => "Poort::Device",
            Self::Role => "Poort::Role",
            Self::Unit => "Poort::Unit",
            Self::Fleet => "Poort::Fleet",
            Self::Source => "Poort::Source",
            Self::Classification => "Poort::Classification",
            Self::Action => "Poort::Action",
        }
    }

    /// The word for it in a message.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Device => "device",
            Self::Role => "role",
            Self::Unit => "unit",
            Self::Fleet => "fleet",
            Self::Source => "source",
            Self::Classification => "classification",
            Self::Action => "action",
        }
    }

    pub(crate) fn entity_type(self) -> &'static EntityType {
        static TYPES: LazyLock<BTreeMap<Kind, EntityType>> = LazyLock::new(|| {
            #[expect(clippy::expect_used, reason = "constant names, parsed by every test")]
            Kind::ALL.map(|kind| (kind, kind.name().parse().expect("a constant name"))).into()
        });
        #[expect(clippy::expect_used, reason = "the map holds every kind")]
        TYPES.get(&self).expect("every kind")
    }

    pub(crate) fn uid(self, id: &str) -> EntityUID {
        EntityUID::from_components(self.entity_type().clone(), Eid::new(id), None)
    }

    /// The kind of an entity, when it is one of ours.
    pub(crate) fn of(uid: &EntityUID) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.entity_type() == uid.entity_type())
    }
}

/// A request's view of an entity. Cloning it costs one reference count.
pub(crate) fn entry(uid: &EntityUID) -> EntityUIDEntry {
    EntityUIDEntry::known(uid.clone(), None)
}

/// An entity whose ancestors are already closed.
pub(crate) fn entity(
    uid: EntityUID,
    attributes: impl IntoIterator<Item = (SmolStr, PartialValue)>,
    ancestors: HashSet<EntityUID>,
) -> Arc<Entity> {
    // Parents and farther ancestors answer `in` alike, so one set will do.
    Arc::new(Entity::new_with_attr_partial_value(uid, attributes, HashSet::new(), ancestors, []))
}
