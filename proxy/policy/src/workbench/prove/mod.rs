//! What holds for every possible question, or a question for which it does not.
//!
//! A property is written as a policy is: a `forbid` says what is never allowed, a `permit` what is always allowed, whatever the
//! policies beside it say. Whether they keep to it is a question for a solver, which this crate does not know: a [`Proof`] says what
//! is to be asked ([`Proof::environments`], [`Proof::checks`]), somebody else asks it, and [`Proof::conclude`] makes of the answers
//! what they mean.
//!
//! - [`property`]: from files to properties; [`claim`]: what is claimed, and what a solver is asked; [`answer`]: what it says, and what that means;
//! - `demand`: what the sources' files want to be stated, which counts as policies do;
//! - `assume`: what the gate keeps to and Cedar does not know, such as which sources there are; each is said;
//! - `whole`: all policies as one that permits what the engine allows, for where one errs: Cedar leaves that one out, the engine refuses;
//! - `witness` makes a question of a solver's counter-example, `shrink` the smallest one that still is one.

pub mod answer;
mod assume;
pub mod claim;
mod demand;
pub mod property;
mod shrink;
mod whole;
mod witness;

pub use answer::{Answer, Counterexample, Outcome, Said, Verdict};
pub use claim::{Ask, Check, Claim, Claimed, Set};
pub use property::{Kind, Properties, Property};

use cedar_policy::{Policy, RequestEnv, Schema};
use cedar_policy_core::ast::{Effect, PolicyID};

use crate::names;
use crate::operation::Operation;
use crate::question::PrincipalKind;

use super::{Sheet, Workbench};

/// What is to be proved of some policies.
#[derive(Debug)]
pub struct Proof<'w> {
    bench: &'w Workbench,
    properties: &'w Properties,
    before: Option<&'w Workbench>,
    schema: Schema,
    claims: Vec<Claim>,
    assumptions: Vec<Assumption>,
    environments: Vec<Environment>,
    sets: Vec<Set>,
    checks: Vec<Check>,
}

/// Something that is taken for granted, because the gate sees to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumption {
    /// What, for people.
    pub words: &'static str,
    /// The same as Cedar policies: what they forbid is not considered. Empty where the policies cannot see any of it.
    pub limits: Vec<String>,
}

/// A kind of principal and an operation: a proof is made for each by itself, and together they are every question.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Who asks.
    pub kind: PrincipalKind,
    /// What is done.
    pub operation: Operation,
    /// The same for Cedar.
    pub request: RequestEnv,
}

impl<'w> Proof<'w> {
    /// What is to be proved: every property, that no policy errs, and of `before` that nothing more is allowed, and, if they should be
    /// `equal`, nothing less.
    ///
    /// # Errors
    /// Why the policies cannot be compared with those of `before`.
    pub fn new(
        bench: &'w Workbench,
        properties: &'w Properties,
        before: Option<&'w Workbench>,
        equal: bool,
    ) -> Result<Self, Vec<String>> {
        // It was parsed when the policies were loaded.
        let schema = Schema::from_cedarschema_str(&bench.corpus.schema.text)
            .map(|(schema, _)| schema)
            .map_err(|error| vec![error.to_string()])?;
        if let Some(before) = before {
            comparable(bench, before)?;
        }
        let assumptions = assume::all(bench, properties, before);
        let environments = environments(&schema);
        let (claims, sets, checks) = (Vec::new(), Vec::new(), Vec::new());
        let mut proof =
            Self { bench, properties, before, schema, claims, assumptions, environments, sets, checks };
        proof.claim(equal).map_err(|error| vec![error])?;
        Ok(proof)
    }

    /// Leaves everything out but the claim of this name; false where there is none.
    pub fn only(&mut self, name: &str) -> bool {
        let Some(kept) = self.claims.iter().position(|claim| *claim.name == *name) else { return false };
        self.claims = self.claims.split_off(kept);
        self.claims.truncate(1);
        let needed = |check: &Check| check.claim == kept || matches!(check.ask, Ask::NoErrors { .. });
        self.checks.retain(needed);
        // A check of no claim is asked, since others depend on it, and its answer is not told.
        self.checks.iter_mut().for_each(|check| check.claim = usize::from(check.claim != kept));
        true
    }

    /// What is claimed of them, as it is written.
    #[must_use]
    pub fn properties(&self) -> &Properties {
        self.properties
    }

    /// What is claimed, in the order in which it is told.
    #[must_use]
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// What is taken for granted.
    #[must_use]
    pub fn assumptions(&self) -> &[Assumption] {
        &self.assumptions
    }

    /// Every kind of principal with every operation that the schema lets it do.
    #[must_use]
    pub fn environments(&self) -> &[Environment] {
        &self.environments
    }

    /// What is asked in each environment.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The sets that checks are about.
    #[must_use]
    pub fn sets(&self) -> &[Set] {
        &self.sets
    }

    /// The schema that all of them are in.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }
}

/// The policies that decide.
fn deciding(bench: &Workbench) -> impl Iterator<Item = &Sheet> {
    bench.sheets.iter().filter(|sheet| !sheet.shadow)
}

fn policies(bench: &Workbench) -> Vec<Policy> {
    deciding(bench).map(|sheet| sheet.parsed.policy.clone().into()).collect()
}

/// A policy that applies where another does, with this effect.
fn with_effect(policy: &cedar_policy_core::ast::Policy, effect: Effect) -> Policy {
    let id = PolicyID::from_string(policy.id());
    cedar_policy_core::ast::Policy::from_when_clause(effect, policy.condition(), id, None).into()
}

fn environments(schema: &Schema) -> Vec<Environment> {
    let kinds = [
        (PrincipalKind::User, names::Kind::User),
        (PrincipalKind::Service, names::Kind::Service),
        (PrincipalKind::Device, names::Kind::Device),
    ];
    let all = schema.request_envs().filter_map(|request| {
        let principal = request.principal().to_string();
        let (kind, _) = kinds.into_iter().find(|(_, kind)| kind.name() == principal)?;
        let operation: &str = request.action().id().unescaped();
        Some(Environment { kind, operation: operation.parse().ok()?, request })
    });
    let mut all: Vec<Environment> = all.collect();
    all.sort_by_key(|environment| (environment.kind, environment.operation));
    all
}

/// Both sets are asked the same questions over the same entities: what sets these apart is named.
fn comparable(bench: &Workbench, before: &Workbench) -> Result<(), Vec<String>> {
    let mut apart = assume::apart(bench, before);
    if !bench.engine.vocabulary.lets_as(&before.engine.vocabulary) {
        apart.push("the schemas let other kinds of principal do other operations".to_owned());
    }
    let corpus = crate::Corpus { schema: bench.corpus.schema.clone(), ..before.corpus.clone() };
    if let Err(faults) = Workbench::load(corpus) {
        apart.extend(faults.iter().map(|fault| format!("the schema is another one: {fault}")));
    }
    if apart.is_empty() { Ok(()) } else { Err(apart) }
}
