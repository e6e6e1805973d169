//! What each policy says to a question, and why.

use std::collections::BTreeMap;

use cedar_policy_core::ast::{
    Entity, EntityUID, Expr, ExprKind, Literal, Request, SlotEnv, Value, ValueKind, Var,
};
use cedar_policy_core::entities::{Dereference, Entities};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;

use crate::circumstances::build;
use crate::decision::Decision;
use crate::names::{Kind, entry};
use crate::prepared::with;
use crate::question::Question;
use crate::reads::{Reads, chain, children};
use crate::slices::{action_fits, covers};

use super::condition::Clause;
use super::{Sheet, Workbench};

/// What came of a question, policy by policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The answer.
    pub decision: Decision,
    /// Every policy that is about this source and operation, in the order of the corpus.
    pub weighed: Vec<Weighed>,
}

/// What one policy says to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighed {
    /// Its place in [`Workbench::sheets`].
    pub sheet: usize,
    /// How far it got.
    pub stage: Stage,
    /// What its conditions say, by their places in [`Sheet::conditions`]; those that were not asked are left out.
    pub answers: BTreeMap<usize, bool>,
}

/// How far a policy got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// It is about somebody else.
    OtherPrincipal,
    /// Its conditions do not hold: these are why, by their places in [`Sheet::conditions`].
    Fails(Vec<usize>),
    /// It applies.
    Applies,
    /// One of its conditions erred, so everything is refused. Which, and what Cedar says.
    Errs(Option<usize>, String),
}

impl Workbench {
    /// Puts a question, and says what each policy made of it.
    #[must_use]
    pub fn trace(&self, question: &Question) -> Trace {
        let prepared =
            self.engine.prepare(&question.principal, question.device.as_ref(), question.actor.as_ref());
        let decision = self.engine.decide(question, &prepared);
        let weighed = Scene::new(self, question).map(|scene| scene.weighed()).unwrap_or_default();
        Trace { decision, weighed }
    }
}

/// A question with all it is asked over.
pub(super) struct Scene<'w> {
    bench: &'w Workbench,
    principal: EntityUID,
    source: EntityUID,
    action: EntityUID,
    request: Request,
    entities: Entities,
}

impl<'w> Scene<'w> {
    /// None where there is nothing to look at: a principal that is described in two ways, an address that is none.
    pub(super) fn new(bench: &'w Workbench, question: &Question) -> Option<Self> {
        let engine = &bench.engine;
        let prepared = engine.prepare(&question.principal, question.device.as_ref(), question.actor.as_ref());
        let inner = prepared.inner();
        let captures = &engine.vocabulary.captures;
        let context = build(&question.context, &inner.company, captures, Reads::ALL).ok()?;
        let (action, source) =
            (Kind::Action.uid(question.operation.as_str()), Kind::Source.uid(&question.source));
        let request =
            Request::new_unchecked(inner.principal.clone(), entry(&action), entry(&source), Some(context));
        let own = inner.entities.as_ref().ok()?;
        let own = own.iter().map(|entity| std::sync::Arc::new(entity.clone()));
        let entities = with(bench.entities.clone(), own).ok()?;
        Some(Self { bench, principal: inner.principal.uid()?.clone(), source, action, request, entities })
    }

    fn weighed(&self) -> Vec<Weighed> {
        let sheets = self.bench.sheets.iter().enumerate();
        sheets
            .filter(|(_, sheet)| self.concerns(sheet))
            .map(|(index, sheet)| self.weigh(index, sheet))
            .collect()
    }

    /// Whether a policy is about this source and operation.
    fn concerns(&self, sheet: &Sheet) -> bool {
        let policy = &sheet.parsed.policy;
        let registry = &self.bench.engine.registry;
        let resource = policy.resource_constraint();
        action_fits(registry, policy.action_constraint(), &self.action)
            && covers(resource.as_inner(), &self.source, |group| self.is_in(&self.source, group))
    }

    fn is_in(&self, uid: &EntityUID, group: &EntityUID) -> bool {
        self.entity(uid).is_some_and(|entity| entity.is_descendant_of(group))
    }

    pub(super) fn entity(&self, uid: &EntityUID) -> Option<&Entity> {
        match self.entities.entity(uid) {
            Dereference::Data(entity) => Some(entity),
            _ => None,
        }
    }

    fn weigh(&self, index: usize, sheet: &Sheet) -> Weighed {
        let mut answers = BTreeMap::new();
        let constraint = sheet.parsed.policy.principal_constraint();
        let fits = covers(constraint.as_inner(), &self.principal, |group| self.is_in(&self.principal, group));
        let stage = match &sheet.clause {
            _ if !fits => Stage::OtherPrincipal,
            None => Stage::Applies,
            Some(clause) => match self.holds(sheet, clause, &mut answers) {
                Ok((true, _)) => Stage::Applies,
                Ok((false, why)) => Stage::Fails(why),
                Err((condition, error)) => Stage::Errs(condition, error),
            },
        };
        Weighed { sheet: index, stage, answers }
    }

    /// Whether a clause holds, and the conditions that made it so.
    fn holds(
        &self,
        sheet: &Sheet,
        clause: &Clause,
        answers: &mut BTreeMap<usize, bool>,
    ) -> Result<(bool, Vec<usize>), (Option<usize>, String)> {
        match clause {
            Clause::Fixed(value) => Ok((*value, Vec::new())),
            Clause::Condition(index) => {
                let condition = sheet.conditions.get(*index).ok_or((None, String::new()))?;
                let holds = self.truth(&condition.expr).map_err(|error| (Some(*index), error))?;
                answers.insert(*index, holds);
                Ok((holds, vec![*index]))
            }
            Clause::Not(inner) => self.holds(sheet, inner, answers).map(|(holds, why)| (!holds, why)),
            Clause::And(parts) => self.joined(sheet, parts, false, answers),
            Clause::Or(parts) => self.joined(sheet, parts, true, answers),
            Clause::If(parts) => {
                let [test, then, otherwise] = parts.as_ref();
                let (chosen, mut why) = self.holds(sheet, test, answers)?;
                let (holds, more) = self.holds(sheet, if chosen { then } else { otherwise }, answers)?;
                why.extend(more);
                Ok((holds, why))
            }
        }
    }

    /// `&&` is decided by the first `false`, `||` by the first `true`; if none comes, all together decided.
    fn joined(
        &self,
        sheet: &Sheet,
        [left, right]: &[Clause; 2],
        decisive: bool,
        answers: &mut BTreeMap<usize, bool>,
    ) -> Result<(bool, Vec<usize>), (Option<usize>, String)> {
        let (first, mut why) = self.holds(sheet, left, answers)?;
        if first == decisive {
            return Ok((first, why));
        }
        let (second, more) = self.holds(sheet, right, answers)?;
        if second == decisive {
            return Ok((second, more));
        }
        why.extend(more);
        Ok((second, why))
    }

    fn truth(&self, expr: &Expr) -> Result<bool, String> {
        match self.value(expr)?.value_kind() {
            ValueKind::Lit(Literal::Bool(holds)) => Ok(*holds),
            _ => Err("a condition is neither true nor false".to_owned()),
        }
    }

    fn value(&self, expr: &Expr) -> Result<Value, String> {
        let evaluator = Evaluator::new(self.request.clone(), &self.entities, Extensions::all_available());
        evaluator.interpret(expr, &SlotEnv::new()).map_err(|error| error.to_string())
    }

    /// What a condition was asked over: the parts of the question that it names, each with its value; none for what is absent.
    pub(super) fn values(&self, expr: &Expr) -> Vec<(String, Option<Value>)> {
        let mut parts = Vec::new();
        named_parts(expr, &mut parts);
        let mut values: Vec<(String, Option<Value>)> = Vec::new();
        for part in parts {
            let text = part.to_string();
            if values.iter().all(|(known, _)| *known != text) {
                values.push((text, self.value(part).ok()));
            }
        }
        values
    }
}

/// The parts of a question that an expression names: `principal`, `context.session.strong` and the like.
fn named_parts<'e>(expr: &'e Expr, found: &mut Vec<&'e Expr>) {
    match expr.expr_kind() {
        ExprKind::Var(Var::Principal) => found.push(expr),
        ExprKind::GetAttr { .. } => {
            let root = chain(expr, &mut Vec::new());
            match root.expr_kind() {
                ExprKind::Var(_) => found.push(expr),
                _ => named_parts(root, found),
            }
        }
        _ => children(expr).into_iter().for_each(|child| named_parts(child, found)),
    }
}
