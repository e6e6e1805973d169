//! Whether one scope of principals holds another.

use cedar_policy_core::ast::{
    EntityReference, EntityUID, PrincipalConstraint, PrincipalOrResourceConstraint,
};

use crate::registry::Registry;
use crate::slices::is_in;

/// Whether everybody whom `narrow` fits is somebody whom `wide` fits. `false` where that cannot be said.
pub(super) fn includes(
    registry: &Registry,
    wide: &PrincipalConstraint,
    narrow: &PrincipalConstraint,
) -> bool {
    use PrincipalOrResourceConstraint::{Any, Eq, In, Is, IsIn};
    let within = |inner: &EntityReference, outer: &EntityReference| match (inner, outer) {
        (EntityReference::EUID(inner), EntityReference::EUID(outer)) => {
            inner == outer || is_in(registry, inner, outer)
        }
        _ => false,
    };
    let kind = |one: &EntityReference| match one {
        EntityReference::EUID(uid) => Some(EntityUID::entity_type(uid).clone()),
        EntityReference::Slot(_) => None,
    };
    match (wide.as_inner(), narrow.as_inner()) {
        (Any, _) => true,
        (Is(wide), Is(narrow) | IsIn(narrow, _)) => wide == narrow,
        (Is(wide), Eq(one)) => kind(one).as_ref() == Some(wide.as_ref()),
        (In(outer), In(inner) | IsIn(_, inner)) => within(inner, outer),
        (IsIn(wide, outer), IsIn(narrow, inner)) => wide == narrow && within(inner, outer),
        (wide, narrow) => wide == narrow,
    }
}
