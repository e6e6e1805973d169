//! `policy`: the policies are asked. The question is put before any body is read, with an inspection score of 0.

use std::{
    ops::ControlFlow::{Break, Continue},
    sync::Arc,
};

use poort_policy::{
    Context, Decision, Inspection, Prepared, Question, RequestContext, SessionFacts, TimeFacts,
};

use crate::{
    arrival::Arrival,
    checks::stated::{self, Alternatives},
    exchange::Exchange,
    pipeline::{Flow, Pipeline, Refusal, Remedy, Rules, Stop, refuse},
    reason::Reason,
    stated::Glass,
};

/// The annotation whose value is shown to the person who was refused.
const REASON: &str = "reason";

pub(crate) fn check<P>(pipeline: &Pipeline<P>, arrival: &Arrival<'_>, exchange: &mut Exchange) -> Flow {
    let rules = &pipeline.rules;
    stated::find(pipeline, arrival, exchange)?;
    let (Some(question), Some(holder)) = (question(rules, exchange), &exchange.holder) else {
        return refuse(Reason::Internal);
    };
    let prepared = holder.prepared(&rules.engine, question.device.as_ref(), question.actor.as_ref());
    let decision = rules.engine.decide(&question, &prepared);
    // A purpose is asked of whoever may, once it is stated; of nobody else.
    let flow = match decision.allow {
        true => stated::demand(exchange, &question),
        false => Break(refusal(rules, exchange, &question, &prepared, &decision)),
    };
    exchange.asked = Some((question, decision));
    flow
}

/// Asks once more, now that inspection has found something: both answers must allow, and what both ask for is done.
pub(crate) fn check_again<P>(pipeline: &Pipeline<P>, exchange: &mut Exchange, score: u32) -> Flow {
    let rules = &pipeline.rules;
    let (asked, holder) = (exchange.asked.take(), &exchange.holder);
    let asked = asked.or_else(|| Some((exchange.question.take()?, Decision::default())));
    let (Some((mut question, first)), Some(holder)) = (asked, holder) else {
        return refuse(Reason::Internal);
    };
    question.context.inspection = Inspection { score };
    let prepared = holder.prepared(&rules.engine, question.device.as_ref(), question.actor.as_ref());
    let mut decision = rules.engine.decide(&question, &prepared);
    let flow = match decision.allow {
        true => Continue(()),
        false => Break(refusal(rules, exchange, &question, &prepared, &decision)),
    };
    if decision.allow {
        unite(&mut decision.determining, first.determining);
        unite(&mut decision.obligations, first.obligations);
    }
    exchange.asked = Some((question, decision));
    flow
}

fn unite<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

fn refusal(
    rules: &Rules,
    exchange: &Exchange,
    question: &Question,
    prepared: &Prepared,
    decision: &Decision,
) -> Stop {
    let others = Alternatives { rules, question, prepared };
    let reason = match decision.errors.is_empty() {
        true => others.first().unwrap_or(Reason::Policy),
        false => Reason::PolicyError,
    };
    if matches!(reason, Reason::PurposeRequired | Reason::CaseRequired) {
        return Stop::Refuse(stated::unstated(exchange, reason));
    }
    let advice = decision.obligations.iter().find(|obligation| &*obligation.key == REASON);
    let glass = reason == Reason::Policy && others.glass_would_do(exchange);
    Stop::Refuse(Refusal {
        advice: advice.map(|advice| Arc::clone(&advice.value)),
        remedy: glass.then_some(Remedy::BreakGlass),
        ..reason.into()
    })
}

fn question(rules: &Rules, exchange: &mut Exchange) -> Option<Question> {
    let session = session(rules, exchange);
    let (facts, holder) = (exchange.facts.as_ref()?, exchange.holder.as_ref()?);
    let source = Arc::clone(&exchange.source()?.id);
    let meaning = exchange.meaning.as_mut()?;
    Some(Question {
        principal: holder.principal.clone(),
        // On behalf of an officer, the device at hand is the aggregator's, and it is the actor's.
        device: if exchange.actor.is_some() { None } else { exchange.device.clone() },
        actor: exchange.actor.clone(),
        operation: meaning.operation,
        source,
        context: Context {
            request: RequestContext {
                method: facts.method.as_str().to_owned(),
                host: facts.host.clone(),
                path: facts.target.path.clone(),
                address: exchange.connection.address,
                captures: std::mem::take(&mut meaning.captures),
            },
            purpose: exchange.stated.purpose.as_deref().map(str::to_owned),
            case: exchange.stated.case.as_deref().map(str::to_owned),
            break_glass: exchange.stated.glass.as_ref().map(Glass::facts),
            inspection: Inspection::default(),
            session,
            time: TimeFacts::at(exchange.received, (rules.time_zone)(exchange.received)),
        },
    })
}

fn session(rules: &Rules, exchange: &Exchange) -> SessionFacts {
    let Some(subject) = exchange.holder.as_ref().and_then(|holder| holder.subject.as_ref()) else {
        return SessionFacts::default();
    };
    let received = exchange.received.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    SessionFacts {
        acr: subject.acr.clone(),
        amr: subject.amr.clone(),
        auth_age: subject.auth_time.map(|at| received.saturating_sub(at)),
        strong: subject.acr.iter().chain(&subject.amr).any(|value| rules.strong.contains(value)),
    }
}
