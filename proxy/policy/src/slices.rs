//! Which policies can apply to which source and operation, found once at load.
//!
//! Cedar evaluates every policy of a set for every request: with 4,000 policies over 400 sources that is milliseconds,
//! nearly all spent on policies about other sources. A slice holds those whose scope fits one source and one operation,
//! with that part of the scope taken out and the condition specialised. Which principals fit is worked out once for a
//! prepared principal. What is left to evaluate in a request is the conditions of the few policies that remain.
//!
//! INVARIANT: a slice answers as the whole set would, errors included: the scope of a policy cannot err, so a policy
//! whose scope does not fit neither applies nor errs. A property test holds this against Cedar's own authorizer.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cedar_policy_core::ast::{
    ActionConstraint, Effect, Entity, EntityReference, EntityUID, EntityUIDEntry, Expr, PrincipalConstraint,
    PrincipalOrResourceConstraint, Var,
};
use cedar_policy_core::entities::Entities;
use smol_str::SmolStr;

use crate::decision::Obligation;
use crate::names::{Kind, entry};
use crate::operation::Operation;
use crate::parse::Parsed;
use crate::plan::{Memory, Plan, Planner};
use crate::prepared::with;
use crate::registry::Registry;
use crate::specialise::{Specialiser, boolean, depends_on};

/// A policy in a slice. Every request of a source reads all rules of its slice, and in a large zone none of them is in a cache: they
/// stand side by side, and lead only to what many slices share, and to the label of what decided.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// What is left to evaluate; nothing when it always holds.
    pub(crate) condition: Option<Arc<Plan>>,
    pub(crate) label: Arc<Label>,
    /// Index of its principal constraint in [`Slices::principals`].
    pub(crate) principal: u32,
    pub(crate) permits: bool,
}

/// What a policy is called and asks for.
#[derive(Debug)]
pub(crate) struct Label {
    pub(crate) id: Arc<str>,
    pub(crate) obligations: Vec<Obligation>,
}

/// The policies that can apply to one operation on one source.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) source: EntityUIDEntry,
    pub(crate) action: EntityUIDEntry,
    pub(crate) rules: Box<[Rule]>,
    /// Those that are asked and do not count. Apart, so that what decides costs nothing more.
    pub(crate) shadow: Box<[Rule]>,
}

impl Slice {
    /// All of them.
    pub(crate) fn every(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().chain(&self.shadow)
    }
}

/// All slices.
#[derive(Debug)]
pub(crate) struct Slices {
    by_source: HashMap<Arc<str>, Vec<Slice>>,
    /// Every principal constraint of any policy, once.
    principals: Vec<PrincipalConstraint>,
    /// What conditions say of principal, device and actor only, once.
    company: Vec<Expr>,
}

impl Slices {
    pub(crate) fn find(&self, source: &str, operation: Operation) -> Option<&Slice> {
        self.by_source.get(source)?.get(operation as usize)
    }

    /// Every slice, with what it is of.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, Operation, &Slice)> {
        self.by_source.iter().flat_map(|(source, slices)| {
            Operation::ALL.into_iter().zip(slices).map(|(operation, slice)| (&**source, operation, slice))
        })
    }

    pub(crate) fn principals(&self) -> &[PrincipalConstraint] {
        &self.principals
    }

    /// For every principal constraint, whether it fits a principal that is in `ancestors`.
    pub(crate) fn fitting(&self, principal: &Entity) -> Fitting {
        let mut fitting = Fitting(vec![0; self.principals.len().div_ceil(64)]);
        for (index, constraint) in self.principals.iter().enumerate() {
            if covers(constraint.as_inner(), principal.uid(), |group| principal.is_descendant_of(group)) {
                fitting.set(index);
            }
        }
        fitting
    }

    /// Room for a prepared principal to remember the answers to [`Slices::company`].
    pub(crate) fn memory(&self) -> Memory {
        Memory::new(self.company.len())
    }

    pub(crate) fn company(&self) -> &[Expr] {
        &self.company
    }
}

/// A set of principal constraints.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fitting(Vec<u64>);

impl Fitting {
    fn set(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    pub(crate) fn holds(&self, index: u32) -> bool {
        self.0.get(index as usize / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }
}

/// Whether a scope constraint fits an entity, as Cedar evaluates it.
pub(crate) fn covers(
    constraint: &PrincipalOrResourceConstraint,
    uid: &EntityUID,
    is_in: impl Fn(&EntityUID) -> bool,
) -> bool {
    use PrincipalOrResourceConstraint::{Any, Eq, In, Is, IsIn};
    let within = |group: &EntityUID| uid == group || is_in(group);
    match constraint {
        Any => true,
        Is(kind) => uid.entity_type() == kind.as_ref(),
        Eq(EntityReference::EUID(one)) => uid == one.as_ref(),
        In(EntityReference::EUID(group)) => within(group),
        IsIn(kind, EntityReference::EUID(group)) => uid.entity_type() == kind.as_ref() && within(group),
        // Templates do not load; were there one, leaving out a forbid would be the worse mistake.
        Eq(EntityReference::Slot(_)) | In(EntityReference::Slot(_)) | IsIn(_, EntityReference::Slot(_)) => {
            true
        }
    }
}

/// Builds the slices of parsed policies.
pub(crate) struct Slicer<'a> {
    registry: &'a Registry,
    entities: Entities,
    planner: Planner<'a>,
    principals: Vec<PrincipalConstraint>,
    numbers: HashMap<PrincipalConstraint, u32>,
}

/// A policy with what all its slices share.
struct Draft<'a> {
    parsed: &'a Parsed,
    principal: u32,
    condition: Option<Arc<Expr>>,
    by_source: bool,
    by_action: bool,
    label: Arc<Label>,
    /// Rules already made of it: most sources share one.
    made: HashMap<Option<Expr>, Rule>,
}

impl<'a> Slicer<'a> {
    /// # Errors
    /// When Cedar does not take the registry for a set of entities: conditions evaluated over another would be wrong.
    pub(crate) fn new(registry: &'a Registry, captures: &'a BTreeSet<SmolStr>) -> Result<Self, String> {
        Ok(Self {
            registry,
            entities: with(Entities::new(), registry.entities().cloned())?,
            planner: Planner::new(captures, registry),
            principals: Vec::new(),
            numbers: HashMap::new(),
        })
    }

    pub(crate) fn slice(mut self, policies: &[Parsed], sources: &[Arc<str>]) -> Slices {
        let mut drafts: Vec<Draft<'_>> = policies.iter().map(|parsed| self.draft(parsed)).collect();
        let near = self.candidates(policies, sources);
        let mut by_source = HashMap::new();
        for (source, near) in sources.iter().zip(near) {
            let slices = Operation::ALL.map(|operation| self.one(&mut drafts, &near, source, operation));
            by_source.insert(Arc::clone(source), Vec::from(slices));
        }
        Slices { by_source, principals: self.principals, company: self.planner.company }
    }

    fn draft<'p>(&mut self, parsed: &'p Parsed) -> Draft<'p> {
        let policy = &parsed.policy;
        let constraint = policy.principal_constraint();
        let principal = *self.numbers.entry(constraint).or_insert_with_key(|constraint| {
            self.principals.push(constraint.clone());
            u32::try_from(self.principals.len() - 1).unwrap_or(u32::MAX)
        });
        let condition = policy.non_scope_constraints_arc().cloned();
        let depends = |var| condition.as_ref().is_some_and(|condition| depends_on(condition, var));
        let obligations = parsed
            .annotations
            .iter()
            .map(|(key, value)| Obligation {
                key: key.clone(),
                value: value.clone(),
                policy: parsed.id.clone(),
            })
            .collect();
        Draft {
            parsed,
            principal,
            by_source: depends(Var::Resource),
            by_action: depends(Var::Action),
            condition,
            label: Arc::new(Label { id: Arc::clone(&parsed.id), obligations }),
            made: HashMap::new(),
        }
    }

    /// For every source, the indexes of the policies whose resource scope fits it, in order.
    ///
    /// Policies with an equal scope are judged once, and `==` finds its source without trying all.
    fn candidates(&self, policies: &[Parsed], sources: &[Arc<str>]) -> Vec<Vec<usize>> {
        let uids: Vec<EntityUID> = sources.iter().map(|source| Kind::Source.uid(source)).collect();
        let places: HashMap<&EntityUID, usize> = uids.iter().zip(0..).collect();
        let mut fits: HashMap<PrincipalOrResourceConstraint, Vec<usize>> = HashMap::new();
        let mut near = vec![Vec::new(); sources.len()];
        for (index, parsed) in policies.iter().enumerate() {
            let constraint = parsed.policy.resource_constraint();
            let fitting =
                fits.entry(constraint.into_inner()).or_insert_with_key(|constraint| match constraint {
                    PrincipalOrResourceConstraint::Eq(EntityReference::EUID(one)) => {
                        places.get(one.as_ref()).copied().into_iter().collect()
                    }
                    _ => self.fitting_sources(constraint, &uids),
                });
            for &place in fitting.iter() {
                near.get_mut(place).into_iter().for_each(|near| near.push(index));
            }
        }
        near
    }

    fn fitting_sources(&self, constraint: &PrincipalOrResourceConstraint, uids: &[EntityUID]) -> Vec<usize> {
        let fits = |uid: &EntityUID| covers(constraint, uid, |group| is_in(self.registry, uid, group));
        uids.iter().zip(0..).filter(|(uid, _)| fits(uid)).map(|(_, place)| place).collect()
    }

    fn one(&mut self, drafts: &mut [Draft<'_>], near: &[usize], source: &str, operation: Operation) -> Slice {
        let (source, action) = (Kind::Source.uid(source), Kind::Action.uid(operation.as_str()));
        let specialiser = Specialiser::new(&action, &source, &self.entities);
        let (mut rules, mut shadow) = (Vec::new(), Vec::new());
        for &index in near {
            let Some(draft) = drafts.get_mut(index) else { continue };
            if action_fits(self.registry, draft.parsed.policy.action_constraint(), &action) {
                let place = if draft.parsed.shadow { &mut shadow } else { &mut rules };
                place.extend(draft.rule(&specialiser, &mut self.planner));
            }
        }
        Slice { source: entry(&source), action: entry(&action), rules: rules.into(), shadow: shadow.into() }
    }
}

pub(crate) fn action_fits(registry: &Registry, constraint: &ActionConstraint, action: &EntityUID) -> bool {
    let within = |group: &EntityUID| action == group || is_in(registry, action, group);
    match constraint {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(one) => one.as_ref() == action,
        ActionConstraint::In(groups) => groups.iter().any(|group| within(group)),
    }
}

pub(crate) fn is_in(registry: &Registry, uid: &EntityUID, group: &EntityUID) -> bool {
    registry.find(uid).is_some_and(|one| one.is_descendant_of(group))
}

impl Draft<'_> {
    /// The rule for one source and operation; none when its condition can never hold there.
    fn rule(&mut self, specialiser: &Specialiser<'_>, planner: &mut Planner<'_>) -> Option<Rule> {
        if !(self.by_source || self.by_action)
            && let Some(rule) = self.made.values().next()
        {
            return Some(rule.clone());
        }
        let condition = self.condition.as_ref().map(|condition| specialiser.apply(condition));
        let condition = match condition.as_ref().and_then(boolean) {
            Some(false) => return None,
            Some(true) => None,
            None => condition,
        };
        if let Some(rule) = self.made.get(&condition) {
            return Some(rule.clone());
        }
        let rule = Rule {
            condition: condition.as_ref().map(|condition| planner.shared(condition)),
            label: Arc::clone(&self.label),
            principal: self.principal,
            permits: self.parsed.policy.effect() == Effect::Permit,
        };
        self.made.insert(condition, rule.clone());
        Some(rule)
    }
}
