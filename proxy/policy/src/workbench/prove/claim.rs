//! What is claimed of policies, and what a solver is asked about it.

use std::sync::Arc;

use cedar_policy::{Policy, PolicyId, PolicySet};
use cedar_policy_core::ast::Effect;

use crate::corpus::Place;

use super::super::Workbench;
use super::{Kind, Proof, Property, assume, deciding, demand, policies, whole};

/// One thing that is claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its name: a property's `@id`, or one of ours.
    pub name: Arc<str>,
    /// What it says, for people.
    pub words: Arc<str>,
    /// Where a property is written.
    pub place: Option<Place>,
    /// What is claimed.
    pub of: Claimed,
}

/// What is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// What a property describes is never, or always, allowed: its place in [`Properties::all`].
    Property(usize),
    /// No policy and no property errs.
    NoErrors,
    /// Nothing is allowed that earlier policies refused.
    NothingNew,
    /// Nothing is refused that earlier policies allowed.
    NothingLost,
}

/// What is asked of a solver, in each environment.
#[derive(Debug, Clone)]
pub struct Check {
    /// Which of [`Proof::claims`] it is for.
    pub claim: usize,
    /// What is asked.
    pub ask: Ask,
}

/// Policies that a check is about.
#[derive(Debug, Clone)]
pub struct Set {
    /// As they are written. Cedar leaves out what errs, so this is right only where nothing does.
    pub plain: PolicySet,
    /// As the engine decides, errors included: right everywhere, and several times as hard for a solver. None where it is the same.
    pub exact: Option<PolicySet>,
}

/// What is asked of a solver. Numbers are places in [`Proof::sets`].
#[derive(Debug, Clone)]
pub enum Ask {
    /// Whether none of these policies ever errs. It is the first check, since on it depends which sets are right for the others.
    NoErrors {
        /// Policies one by one, whatever is asked: those of which strict validation does not say already that they never err.
        each: Vec<Policy>,
        /// Policies of which it is not claimed, and on which other checks depend all the same.
        others: Vec<Policy>,
        /// Where one of `each` errs: whether what can be asked, the left set, is all that makes none of them err, the right one.
        together: (usize, usize),
    },
    /// Whether everything that the left set allows is allowed by the right one.
    Implies(usize, usize),
    /// Whether the set allows nothing at all. A property that describes nothing would hold of any policies.
    Nothing(usize),
}

impl Proof<'_> {
    /// Claims everything there is to claim.
    pub(super) fn claim(&mut self, equal: bool) -> Result<(), String> {
        let everything = "permit (principal, action, resource);";
        let properties = self.properties;
        let now = self.decisions(self.bench, "", false)?;
        let asked = self.decisions(self.bench, "", true)?;
        let anything = self.set(Vec::new(), everything, true)?;
        let sound = self.set(vec![whole::sound([self.bench, properties.bench()])], "", false)?;
        let mut each = fallible(self.bench);
        each.extend(fallible(properties.bench()));
        let others = self.before.map(fallible).unwrap_or_default();
        let no_errors = Ask::NoErrors { each, others, together: (anything, sound) };
        self.check(properties.all().len(), no_errors);
        for (index, property) in properties.all().iter().enumerate() {
            let Property { name, words, place, kind } = property;
            let claim = self.name(name, words, Some(place), Claimed::Property(index));
            let described = |effect| properties.described(index, effect).into_iter().collect();
            let subject = self.set(described(Effect::Permit), "", true)?;
            match kind {
                Kind::Never => {
                    let but = self.set(described(Effect::Forbid), everything, false)?;
                    self.check(claim, Ask::Implies(asked, but));
                }
                Kind::Always => self.check(claim, Ask::Implies(subject, now)),
            }
            self.check(claim, Ask::Nothing(subject));
        }
        let words = "No policy errs: what cannot be evaluated would refuse everybody.";
        self.name("no-policy-errs", words, None, Claimed::NoErrors);
        match self.before {
            Some(before) => self.compare(before, asked, equal),
            None => Ok(()),
        }
    }

    /// Claims what changed from earlier policies. What these do not know they refuse.
    fn compare(&mut self, before: &Workbench, asked: usize, equal: bool) -> Result<(), String> {
        let words = "Nothing is allowed that the other policies refuse.";
        let claim = self.name("nothing-new", words, None, Claimed::NothingNew);
        let then = self.decisions(before, &assume::only_known_sources(before), false)?;
        self.check(claim, Ask::Implies(asked, then));
        if equal {
            let words = "Nothing is refused that the other policies allow.";
            let claim = self.name("nothing-lost", words, None, Claimed::NothingLost);
            let then = self.decisions(before, &assume::only_known_sources(before), true)?;
            let known = assume::only_known_sources(self.bench);
            let now = self.decisions(self.bench, &known, false)?;
            self.check(claim, Ask::Implies(then, now));
        }
        Ok(())
    }

    fn name(&mut self, name: &str, words: &str, place: Option<&Place>, of: Claimed) -> usize {
        self.claims.push(Claim { name: name.into(), words: words.into(), place: place.cloned(), of });
        self.claims.len() - 1
    }

    fn check(&mut self, claim: usize, ask: Ask) {
        self.checks.push(Check { claim, ask });
    }

    /// What some policies and the demands of their sources allow, and others as text beside them.
    fn decisions(&mut self, bench: &Workbench, more: &str, assuming: bool) -> Result<usize, String> {
        let more = &format!("{}{more}", demand::forbids(bench));
        let plain = self.written(policies(bench), more, assuming)?;
        let exact = Some(self.written(vec![whole::engine(bench)], more, assuming)?);
        self.sets.push(Set { plain, exact });
        Ok(self.sets.len() - 1)
    }

    /// A set of policies none of which is one that decides.
    fn set(&mut self, policies: Vec<Policy>, more: &str, assuming: bool) -> Result<usize, String> {
        let plain = self.written(policies, more, assuming)?;
        self.sets.push(Set { plain, exact: None });
        Ok(self.sets.len() - 1)
    }

    /// These policies and others as text; under the assumptions, if they are to allow only what can be asked.
    fn written(&self, policies: Vec<Policy>, more: &str, assuming: bool) -> Result<PolicySet, String> {
        let mut text = more.to_owned();
        if assuming {
            for limit in self.assumptions.iter().flat_map(|assumption| &assumption.limits) {
                text.push_str(limit);
            }
        }
        let ours: PolicySet = text.parse().map_err(|error| format!("{error}"))?;
        let mut set = PolicySet::new();
        for (index, policy) in policies.into_iter().chain(ours.policies().cloned()).enumerate() {
            set.add(policy.new_id(PolicyId::new(format!("p{index}")))).map_err(|error| error.to_string())?;
        }
        Ok(set)
    }
}

fn fallible(bench: &Workbench) -> Vec<Policy> {
    let all = deciding(bench).filter(|sheet| whole::may_err(sheet));
    all.map(|sheet| sheet.parsed.policy.clone().into()).collect()
}
