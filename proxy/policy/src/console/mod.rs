//! Who may look at a gate's console: policies of their own, in a file and a vocabulary of their own.
//!
//! They have nothing to do with who reaches a source: a certificate of the operators' opens no register, and an officer's no console.

mod words;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request, RestrictedExpression,
    Schema,
};

use crate::annotations::{Of, REASON};
use crate::corpus::{Corpus, Group, PolicyFile};
use crate::fault::Fault;
use crate::load;
use crate::parse::{self, Lines, Parsed};
use crate::question::DeviceFacts;
use crate::registry::Registry;
use crate::time::TimeFacts;

pub use words::{Act, View};

/// The vocabulary. It is the program's, not a file's: nothing of it is to be extended.
static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "a constant, parsed by every test")]
    let (schema, _) =
        Schema::from_cedarschema_str(include_str!("schema.cedarschema")).expect("a constant schema");
    schema
});

/// Who looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The name in the certificate.
    pub name: String,
    /// What the inventory has of it.
    pub device: Option<DeviceFacts>,
    /// Where from.
    pub address: IpAddr,
    /// When.
    pub time: TimeFacts,
}

/// What the policies say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it may be.
    pub allow: bool,
    /// Which of them decided; none where nothing permits it, or one of them could not be evaluated.
    pub determining: Vec<String>,
    /// What those that forbid it tell (`@reason`), the first of them.
    pub reason: Option<Arc<str>>,
}

/// Who may look at what; never changes. Share it in an `Arc`.
#[derive(Debug)]
pub struct Console {
    set: PolicySet,
    reasons: Vec<(Arc<str>, Arc<str>)>,
    units: Vec<Group>,
    fleets: Vec<String>,
}

impl Console {
    /// Parses and validates the policies of one file.
    ///
    /// # Errors
    /// Every fault with its line and column: what does not parse, does not fit the vocabulary under strict validation, can never apply,
    /// or names a unit or a fleet that there is not; no policy at all.
    pub fn load(file: &PolicyFile, units: &[Group], fleets: &[String]) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let files = [Lines::of(file, Of::Console)];
        let policies = parse::policies(&files, &mut faults);
        if policies.is_empty() && faults.is_empty() {
            let [lines] = &files;
            let help = "write at least one `permit`, or remove the file, which closes the console";
            faults.push(Fault::at(&lines.whole(), "there is no policy, so nobody would see anything", help));
        }
        let corpus = Corpus { units: units.to_vec(), fleets: fleets.to_vec(), ..Corpus::default() };
        // What is wrong with the names themselves is said where access is loaded.
        let registry = Registry::new(&corpus, &mut Vec::new());
        for parsed in &policies {
            load::misnomers(&files, &registry, parsed, &mut faults);
        }
        load::validate(&files, SCHEMA.clone(), &policies, &mut faults);
        if !faults.is_empty() {
            faults.sort();
            faults.dedup();
            return Err(faults);
        }
        let Corpus { units, fleets, .. } = corpus;
        Ok(Self { set: set(&policies), reasons: reasons(&policies), units, fleets })
    }

    /// Whether somebody may do something at a page. What cannot be evaluated is a refusal.
    #[must_use]
    pub fn may(&self, visitor: &Visitor, act: Act, view: View) -> Answer {
        let refused = Answer { allow: false, determining: Vec::new(), reason: None };
        let Some((request, entities)) = self.request(visitor, act, view) else { return refused };
        let response = Authorizer::new().is_authorized(&request, &self.set, &entities);
        // SECURITY: a `forbid` that errs is skipped by Cedar.
        if response.diagnostics().errors().next().is_some() {
            return refused;
        }
        let mut determining: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        determining.sort();
        let allow = response.decision() == Decision::Allow;
        let told = self.reasons.iter().find(|(id, _)| determining.iter().any(|one| **one == **id));
        let reason = told.filter(|_| !allow).map(|(_, reason)| Arc::clone(reason));
        Answer { allow, determining, reason }
    }

    fn request(&self, visitor: &Visitor, act: Act, view: View) -> Option<(Request, Entities)> {
        let unit = visitor.device.as_ref().and_then(|device| device.unit.as_deref());
        let unit = unit.filter(|unit| self.units.iter().any(|known| known.name == *unit));
        let unit = unit.and_then(|unit| words::uid("Unit", unit));
        let principal = words::uid("Certificate", &visitor.name)?;
        let time = visitor.time;
        let time = [
            ("epoch", time.epoch),
            ("hour", time.hour.into()),
            ("minute", time.minute.into()),
            ("weekday", time.weekday.into()),
        ];
        let time = time.map(|(name, value)| (name.to_owned(), RestrictedExpression::new_long(value)));
        let mut context = vec![
            ("address".to_owned(), RestrictedExpression::new_ip(visitor.address.to_string())),
            ("time".to_owned(), RestrictedExpression::new_record(time).ok()?),
        ];
        let of_unit = unit.clone().map(RestrictedExpression::new_entity_uid);
        context.extend(of_unit.map(|unit| ("unit".to_owned(), unit)));
        let context = Context::from_pairs(context).ok()?;
        let (action, resource) = (words::uid("Action", act.as_str())?, words::uid("View", view.as_str())?);
        let mut entities = self.groups()?;
        entities.push(certificate(principal.clone(), visitor, unit)?);
        let entities = Entities::from_entities(entities, Some(&SCHEMA)).ok()?;
        let request = Request::new(principal, action, resource, context, Some(&SCHEMA)).ok()?;
        Some((request, entities))
    }

    fn groups(&self) -> Option<Vec<Entity>> {
        let unit = |group: &Group| {
            let parents: Option<HashSet<EntityUid>> =
                group.parents.iter().map(|parent| words::uid("Unit", parent)).collect();
            Some(Entity::new_no_attrs(words::uid("Unit", &group.name)?, parents?))
        };
        let fleet = |name: &String| Some(Entity::new_no_attrs(words::uid("Fleet", name)?, HashSet::new()));
        self.units.iter().map(unit).chain(self.fleets.iter().map(fleet)).collect()
    }
}

fn certificate(uid: EntityUid, visitor: &Visitor, unit: Option<EntityUid>) -> Option<Entity> {
    let device = visitor.device.as_ref();
    let fleet = device.and_then(|device| words::uid("Fleet", device.fleet.as_deref()?));
    let posture = |of: fn(&DeviceFacts) -> bool| RestrictedExpression::new_bool(device.is_some_and(of));
    let attributes = [
        ("name".to_owned(), RestrictedExpression::new_string(visitor.name.clone())),
        ("managed".to_owned(), posture(|device| device.managed)),
        ("compliant".to_owned(), posture(|device| device.compliant)),
    ];
    Entity::new(uid, attributes.into(), fleet.into_iter().chain(unit).collect()).ok()
}

fn set(policies: &[Parsed]) -> PolicySet {
    let mut set = PolicySet::new();
    for parsed in policies {
        // Fails for an id used twice only, which is a fault.
        let _ = set.add(parsed.policy.clone().into());
    }
    set
}

fn reasons(policies: &[Parsed]) -> Vec<(Arc<str>, Arc<str>)> {
    let told = |parsed: &Parsed| {
        let (_, reason) = parsed.annotations.iter().find(|(key, _)| **key == *REASON)?;
        Some((Arc::clone(&parsed.id), Arc::clone(reason)))
    };
    policies.iter().filter_map(told).collect()
}

#[cfg(test)]
mod tests;
