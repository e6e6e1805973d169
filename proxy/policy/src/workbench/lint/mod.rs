//! What loads but is hardly meant.
//!
//! A lint never says of a sound policy that it is wrong: each but `unbounded` is about something that has no effect, whatever is asked.

mod constant;
mod glass;
mod names;
mod reach;
mod scope;
mod sources;

use cedar_policy_core::ast::{ActionConstraint, PrincipalOrResourceConstraint::Any};

use crate::corpus::Place;
use crate::operation::Operation;

use super::{Sheet, Workbench};

/// Every lint's name and what it is about.
pub const NAMES: [(&str, &str); 13] = [
    ("no-source", "a policy that applies to no source"),
    ("never-asked", "a policy about operations that no request is"),
    ("overruled", "a permit that a forbid always overrules"),
    ("redundant", "a policy that decides nothing that another does not"),
    ("always-true", "a condition that always holds"),
    ("always-false", "a condition that never holds"),
    ("unreachable-source", "a source, or an operation of one, that is permitted to nobody"),
    ("unknown-action", "an action of the schema that no operation is"),
    ("unknown-name", "a name that nobody and nothing bears"),
    ("ungranted", "a role or unit that no issuer grants"),
    ("not-unbreakable", "an `@unbreakable` that a broken glass moves, or that stands on a permit"),
    ("unbounded", "a permit of everything to everybody"),
    ("no-id", "a policy without an id of its own"),
];

/// Something that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lint {
    /// Where it stands.
    pub place: Place,
    /// How many bytes of the file it is about; 0 where that is not known.
    pub length: usize,
    /// One of [`NAMES`].
    pub name: &'static str,
    /// What it is.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// What is known of the zone beside its policies. What is empty is not known, and nothing is said of it.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// What each source's file makes of requests.
    pub sources: Vec<SourceUse>,
    /// Who vouches for whom.
    pub issuers: Vec<IssuerUse>,
    /// Names in certificates of devices.
    pub devices: Vec<String>,
    /// `acr` and `amr` values that count as a strong sign-in.
    pub strong: Vec<String>,
}

/// What a source's file makes of requests.
#[derive(Debug, Clone, Default)]
pub struct SourceUse {
    /// Its id.
    pub id: String,
    /// Its file's beginning.
    pub place: Place,
    /// Its names.
    pub hosts: Vec<String>,
    /// The operations that requests to it can be, each where it stands first.
    pub operations: Vec<(Operation, Place)>,
}

/// Whom an issuer vouches for.
#[derive(Debug, Clone, Default)]
pub struct IssuerUse {
    /// What it is called in ids.
    pub alias: String,
    /// Roles that it may assert.
    pub roles: Vec<String>,
    /// Units that it may assert.
    pub units: Vec<String>,
}

impl Workbench {
    /// What loads but is hardly meant, by file, line and column.
    #[must_use]
    pub fn lint(&self, around: &Surroundings) -> Vec<Lint> {
        let mut found = Vec::new();
        reach::policies(self, around, &mut found);
        constant::conditions(self, &mut found);
        sources::all(self, around, &mut found);
        names::all(self, around, &mut found);
        glass::all(self, &mut found);
        for sheet in self.sheets.iter().filter(|sheet| is_unbounded(sheet)) {
            found.push(Lint {
                place: sheet.place.clone(),
                length: 0,
                name: "unbounded",
                message: format!("permit `{}` allows everything to everybody, at every source", sheet.id),
                help: "say to whom, what and where in its scope, or under which conditions".to_owned(),
            });
        }
        for sheet in self.sheets.iter().filter(|sheet| !sheet.named) {
            found.push(Lint {
                place: sheet.place.clone(),
                length: 0,
                name: "no-id",
                message: format!("this policy has no id: records and tests know it as `{}`", sheet.id),
                help: "give it an `@id(\"…\")`, so that it keeps its name when a line moves".to_owned(),
            });
        }
        found.sort();
        found.dedup();
        found
    }
}

/// Whether a policy that counts permits whatever is asked. Only forbids keep anything closed then.
fn is_unbounded(sheet: &Sheet) -> bool {
    let policy = &sheet.parsed.policy;
    sheet.permits
        && !sheet.shadow
        && sheet.clause.is_none()
        && matches!(policy.principal_constraint().as_inner(), Any)
        && matches!(policy.action_constraint(), ActionConstraint::Any)
        && matches!(policy.resource_constraint().as_inner(), Any)
}
