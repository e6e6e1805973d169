//! What is left of a condition, split by when it can be known.
//!
//! Parts about the principal, its device and the actor are the same for every request of a prepared principal: each is
//! evaluated once, by Cedar, and remembered. Parts of a simple shape about the request are answered from the question
//! ([`Fact`]). The rest is evaluated by Cedar in every request, over a context that holds only what it reads. So all that
//! is ours is `&&`, `||`, `!` and `if`, as the Cedar language defines them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use cedar_policy_core::ast::{
    Context as CedarContext, Entity, Expr, ExprKind, Literal, Request, SlotEnv, UnaryOp, Value, ValueKind,
};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use smol_str::SmolStr;

use crate::circumstances::build;
use crate::facts::Fact;
use crate::prepared::{Inner, with};
use crate::question::Context;
use crate::reads::Reads;
use crate::registry::Registry;
use crate::slices::Slice;
use crate::specialise::looked_into;

const UNKNOWN: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;

/// A condition, ready to be asked.
#[derive(Debug)]
pub(crate) enum Plan {
    /// About principal, device and actor only: an index into what a prepared principal remembers.
    Company(usize),
    /// Answered from the question; by Cedar when what it is about is absent.
    Fact(Fact, Box<Leaf>),
    /// Evaluated by Cedar.
    Cedar(Leaf),
    Not(Box<Plan>),
    And(Box<[Plan; 2]>),
    Or(Box<[Plan; 2]>),
    If(Box<[Plan; 3]>),
}

/// An expression for Cedar, with what it needs.
#[derive(Debug)]
pub(crate) struct Leaf {
    expr: Expr,
    reads: Reads,
    /// Entities that it looks into and a request does not bring. Mostly none.
    extra: Vec<Arc<Entity>>,
}

/// Makes plans, and numbers what they say of principals, devices and actors.
pub(crate) struct Planner<'a> {
    captures: &'a BTreeSet<SmolStr>,
    registry: &'a Registry,
    pub(crate) company: Vec<Expr>,
    numbers: HashMap<Expr, usize>,
    plans: HashMap<Expr, Arc<Plan>>,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(captures: &'a BTreeSet<SmolStr>, registry: &'a Registry) -> Self {
        Self { captures, registry, company: Vec::new(), numbers: HashMap::new(), plans: HashMap::new() }
    }

    /// The plan of a condition, the same one for all policies that read alike: where each source has its own policies, most
    /// differ in their scopes only.
    pub(crate) fn shared(&mut self, expr: &Expr) -> Arc<Plan> {
        if let Some(plan) = self.plans.get(expr) {
            return Arc::clone(plan);
        }
        let plan = Arc::new(self.plan(expr));
        self.plans.insert(expr.clone(), Arc::clone(&plan));
        plan
    }

    /// The plan of a boolean expression that says nothing any more of `action` or `resource`.
    fn plan(&mut self, expr: &Expr) -> Plan {
        let mut looked = Vec::new();
        looked_into(expr, &mut looked);
        if looked.is_empty() && !Reads::of(expr).beyond(Reads::DEVICE.and(Reads::ACTOR)) {
            return Plan::Company(self.number(expr));
        }
        if let Some(fact) = Fact::of(expr, self.captures) {
            return Plan::Fact(fact, Box::new(self.leaf(expr)));
        }
        let plan = match expr.expr_kind() {
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => Plan::Not(Box::new(self.plan(arg))),
            ExprKind::And { left, right } => Plan::And(Box::new([self.plan(left), self.plan(right)])),
            ExprKind::Or { left, right } => Plan::Or(Box::new([self.plan(left), self.plan(right)])),
            ExprKind::If { test_expr, then_expr, else_expr } => {
                Plan::If(Box::new([self.plan(test_expr), self.plan(then_expr), self.plan(else_expr)]))
            }
            _ => return Plan::Cedar(self.leaf(expr)),
        };
        // Where nothing was gained, one evaluation is cheaper than several.
        if plan.parts().iter().all(|part| matches!(part, Plan::Cedar(_))) {
            Plan::Cedar(self.leaf(expr))
        } else {
            plan
        }
    }

    fn number(&mut self, expr: &Expr) -> usize {
        if let Some(number) = self.numbers.get(expr) {
            return *number;
        }
        self.company.push(expr.clone());
        self.numbers.insert(expr.clone(), self.company.len() - 1);
        self.company.len() - 1
    }

    fn leaf(&self, expr: &Expr) -> Leaf {
        let mut looked = Vec::new();
        looked_into(expr, &mut looked);
        looked.sort();
        looked.dedup();
        let extra = looked.iter().filter_map(|uid| self.registry.find(uid)).cloned().collect();
        Leaf { reads: Reads::of(expr), expr: expr.clone(), extra }
    }
}

impl Plan {
    fn parts(&self) -> &[Self] {
        match self {
            Self::Company(_) | Self::Fact(..) | Self::Cedar(_) => &[],
            Self::Not(part) => std::slice::from_ref(part),
            Self::And(parts) | Self::Or(parts) => parts.as_slice(),
            Self::If(parts) => parts.as_slice(),
        }
    }

    /// What of a question it can read beside principal, device and actor.
    pub(crate) fn reads(&self) -> Reads {
        match self {
            Self::Company(_) => Reads::NOTHING,
            Self::Fact(_, leaf) => leaf.reads,
            Self::Cedar(leaf) => leaf.reads,
            _ => self.parts().iter().fold(Reads::NOTHING, |reads, part| reads.and(part.reads())),
        }
    }

    /// Whether the condition holds.
    ///
    /// # Errors
    /// What Cedar says when evaluating it errs.
    pub(crate) fn holds(&self, asked: &Asked<'_>) -> Result<bool, String> {
        match self {
            Self::Company(index) => asked.of_company(*index),
            Self::Fact(fact, leaf) => fact.holds(asked.context).map_or_else(|| asked.of_cedar(leaf), Ok),
            Self::Cedar(leaf) => asked.of_cedar(leaf),
            Self::Not(part) => part.holds(asked).map(|holds| !holds),
            Self::And(parts) => {
                let [left, right] = parts.as_ref();
                Ok(left.holds(asked)? && right.holds(asked)?)
            }
            Self::Or(parts) => {
                let [left, right] = parts.as_ref();
                Ok(left.holds(asked)? || right.holds(asked)?)
            }
            Self::If(parts) => {
                let [test, then, otherwise] = parts.as_ref();
                if test.holds(asked)? { then.holds(asked) } else { otherwise.holds(asked) }
            }
        }
    }
}

/// What a prepared principal remembers of itself: one answer for each expression in [`Planner::company`].
#[derive(Debug)]
pub(crate) struct Memory(Box<[AtomicU8]>);

impl Memory {
    pub(crate) fn new(size: usize) -> Self {
        Self((0..size).map(|_| AtomicU8::new(UNKNOWN)).collect())
    }
}

/// One question, while it is being asked.
pub(crate) struct Asked<'a> {
    pub(crate) context: &'a Context,
    pub(crate) captures: &'a BTreeSet<SmolStr>,
    pub(crate) slice: &'a Slice,
    pub(crate) company: &'a [Expr],
    pub(crate) prepared: &'a Inner,
    pub(crate) entities: &'a Entities,
}

impl Asked<'_> {
    fn of_company(&self, index: usize) -> Result<bool, String> {
        let unnumbered = || format!("condition {index} is unknown");
        let memory = self.prepared.memory.0.get(index).ok_or_else(unnumbered)?;
        // Every thread would find the same answer, so no order is needed; an error is found anew each time.
        match memory.load(Ordering::Relaxed) {
            FALSE => return Ok(false),
            TRUE => return Ok(true),
            _ => {}
        }
        let expr = self.company.get(index).ok_or_else(unnumbered)?;
        let holds = self.evaluate(expr, self.prepared.company.context(), self.entities)?;
        memory.store(if holds { TRUE } else { FALSE }, Ordering::Relaxed);
        Ok(holds)
    }

    fn of_cedar(&self, leaf: &Leaf) -> Result<bool, String> {
        let context = build(self.context, &self.prepared.company, self.captures, leaf.reads)?;
        if leaf.extra.is_empty() {
            return self.evaluate(&leaf.expr, context, self.entities);
        }
        let entities = with(self.entities.clone(), leaf.extra.iter().cloned())?;
        self.evaluate(&leaf.expr, context, &entities)
    }

    fn evaluate(&self, expr: &Expr, context: CedarContext, entities: &Entities) -> Result<bool, String> {
        let (principal, slice) = (self.prepared.principal.clone(), self.slice);
        let request =
            Request::new_unchecked(principal, slice.action.clone(), slice.source.clone(), Some(context));
        let evaluator = Evaluator::new(request, entities, Extensions::all_available());
        match evaluator.interpret(expr, &SlotEnv::new()) {
            Ok(Value { value: ValueKind::Lit(Literal::Bool(holds)), .. }) => Ok(holds),
            Ok(_) => Err("a condition is neither true nor false".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}
