//! Entity Management (3004): what somebody did to something that is no request.

use serde::Serialize;

use super::{
    event::{Actor, Endpoint, User},
    text::{Cut, Shown, name},
};
use crate::audit::access::Looker;

/// What the class has beside the envelope. `U` is what OCSF has no word for.
#[derive(Serialize)]
pub(super) struct Managed<'a, U> {
    actor: Actor<'a>,
    entity: Entity<'a>,
    /// What it is now, where it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_result: Option<Entity<'a>>,
    src_endpoint: Endpoint<'a>,
    unmapped: Unmapped<'a, U>,
}

#[derive(Serialize)]
struct Unmapped<'a, U> {
    #[serde(flatten)]
    what: U,
    /// Whose hands they were, where the actor is the user that all commands are typed as.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_in: Option<Cut<'a>>,
}

/// What it was done to.
#[derive(Serialize)]
pub(super) struct Entity<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Cut<'a>>,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uid: Option<Cut<'a>>,
}

impl<'a> Entity<'a> {
    /// The record itself.
    pub(super) const RECORD: Self = Self { name: Some(name("audit")), kind: "Record", uid: None };
}

impl<'a, U> Managed<'a, U> {
    /// What somebody at the machine did, or the gate by itself.
    pub(super) fn here(user: User<'a>, entity: Entity<'a>, unmapped: U) -> Self {
        let unmapped = Unmapped { what: unmapped, signed_in: None };
        Self { actor: Actor::of(user), entity, entity_result: None, src_endpoint: Endpoint::here(), unmapped }
    }

    /// The same, by somebody who signed in at the machine to be that user.
    pub(super) fn signed_in(mut self, person: Option<&'a str>) -> Self {
        self.unmapped.signed_in = person.map(name);
        self
    }

    /// The same, where the entity is another one now.
    pub(super) fn became(self, entity: Entity<'a>) -> Self {
        Self { entity_result: Some(entity), ..self }
    }

    /// What somebody did who is at the machine or at the console; `id` names them.
    pub(super) fn by(looker: &'a Looker, id: &'a str, entity: Entity<'a>, unmapped: U) -> Self {
        let src_endpoint = match looker {
            Looker::Machine { .. } => Endpoint::here(),
            Looker::Console { certificate, address } => {
                Endpoint { name: name(certificate), ip: Some(Shown(*address)), ..Endpoint::here() }
            }
        };
        let here = Self::here(User::person(id, looker.called()), entity, unmapped);
        Self { src_endpoint, ..here.signed_in(looker.signed_in()) }
    }
}
