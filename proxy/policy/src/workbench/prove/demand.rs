//! What the sources' files demand to be stated, as policies.
//!
//! The gate refuses what policies allow as long as a purpose or case that the source's file demands is not stated. Proved is what the
//! gate lets through, so a demand counts as a `forbid` does, and losing one is a change like any other.

use std::fmt::Write as _;

use crate::corpus::Demand;
use crate::decision::Decision;
use crate::names::Kind;
use crate::operation::Operation;
use crate::question::Question;

use super::super::Workbench;

/// What can be stated, as the context calls it, and whether it is demanded.
type Stated = (&'static str, fn(&Demand) -> bool);

/// The demands of all sources as Cedar policies: at most two for each operation, however many sources there are.
pub(super) fn forbids(bench: &Workbench) -> String {
    let kinds: [Stated; 2] = [("purpose", |demand| demand.purpose), ("case", |demand| demand.case)];
    let mut text = String::new();
    for (operation, (what, is_demanded)) in
        Operation::ALL.into_iter().flat_map(|operation| kinds.map(|kind| (operation, kind)))
    {
        let demands = |demand: &Demand| demand.operation == operation && is_demanded(demand);
        let sources = bench.corpus.sources.iter().filter(|source| source.demands.iter().any(demands));
        let sources: Vec<String> = sources.map(|source| Kind::Source.uid(&source.id).to_string()).collect();
        if !sources.is_empty() {
            let (action, sources) = (Kind::Action.uid(operation.as_str()), sources.join(", "));
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "forbid (principal, action == {action}, resource) when {{ [{sources}].contains(resource) }} unless {{ context has {what} }};"
            );
        }
    }
    text
}

/// What the gate answers: what the policies say, unless something that is demanded is not stated.
pub(super) fn decide(bench: &Workbench, question: &Question) -> Decision {
    let engine = bench.engine();
    let prepared = engine.prepare(&question.principal, question.device.as_ref(), question.actor.as_ref());
    let decision = engine.decide(question, &prepared);
    if decision.allow && unmet(bench, question) {
        let file = format!("sources/{}.yaml", question.source);
        return Decision { allow: false, determining: vec![file.into()], ..Decision::default() };
    }
    decision
}

fn unmet(bench: &Workbench, question: &Question) -> bool {
    let source = bench.corpus.sources.iter().find(|source| *source.id == *question.source);
    let mut demands = source.into_iter().flat_map(|source| &source.demands);
    demands.any(|demand| {
        demand.operation == question.operation
            && (demand.purpose && question.context.purpose.is_none()
                || demand.case && question.context.case.is_none())
    })
}
