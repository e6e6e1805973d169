//! `policy`: the policies are asked. The question is put before any body is read, with an inspection score of 0.

use std::{
    ops::ControlFlow::{Break, Continue},
    sync::Arc,
};

use poort_policy::{
    Context, Decision, Inspection, Mode, Prepared, PrincipalKind, Question, RequestContext, SessionFacts,
    TimeFacts,
};

use crate::{
    exchange::Exchange,
    pipeline::{Flow, Pipeline, Refusal, Rules, Stop, refuse},
    reason::Reason,
    subject::Holder,
};

/// The annotation whose value is shown to the person who was refused.
const REASON: &str = "reason";

pub(crate) fn check<P>(pipeline: &Pipeline<P>, exchange: &mut Exchange) -> Flow {
    let rules = &pipeline.rules;
    let (Some(question), Some(holder)) = (question(rules, exchange), &exchange.holder) else {
        return refuse(Reason::Internal);
    };
    let prepared = holder.prepared(&rules.engine, question.device.as_ref(), question.actor.as_ref());
    let decision = ask(rules, holder, &question, &prepared);
    let flow =
        if decision.allow { Continue(()) } else { Break(refusal(rules, &question, &prepared, &decision)) };
    exchange.asked = Some((question, decision));
    flow
}

/// Asks once more, now that inspection has found something: both answers must allow, and what both ask for is done.
pub(crate) fn check_again<P>(pipeline: &Pipeline<P>, exchange: &mut Exchange, score: u32) -> Flow {
    let rules = &pipeline.rules;
    let asked = exchange.asked.take().or_else(|| exchange.question.take());
    let (Some((mut question, first)), Some(holder)) = (asked, &exchange.holder) else {
        return refuse(Reason::Internal);
    };
    question.context.inspection = Inspection { score };
    let prepared = holder.prepared(&rules.engine, question.device.as_ref(), question.actor.as_ref());
    let mut decision = ask(rules, holder, &question, &prepared);
    let flow =
        if decision.allow { Continue(()) } else { Break(refusal(rules, &question, &prepared, &decision)) };
    both(first, &mut decision);
    exchange.asked = Some((question, decision));
    flow
}

/// Shows policies in shadow what inspection found, where that may refuse nothing. The question that counts, and is recorded, stays as it
/// was answered.
pub(crate) fn watch_again<P>(pipeline: &Pipeline<P>, exchange: &mut Exchange, score: u32) {
    let rules = &pipeline.rules;
    if exchange.asked.is_none() {
        exchange.asked = exchange.question.take();
    }
    let (Some((question, decision)), Some(holder)) = (&mut exchange.asked, &exchange.holder) else { return };
    if rules.engine.shadows() == 0 || decision.disagreement_of(Mode::Shadow).is_some() {
        return;
    }
    let prepared = holder.prepared(&rules.engine, question.device.as_ref(), question.actor.as_ref());
    let clean = std::mem::replace(&mut question.context.inspection, Inspection { score });
    let found = rules.engine.overshadow(question, &prepared, decision);
    question.context.inspection = clean;
    decision.disagreements.extend(found);
}

/// The answer, with what those would have said that do not count.
fn ask(rules: &Rules, holder: &Holder, question: &Question, prepared: &Prepared) -> Decision {
    let mut decision = rules.engine.decide(question, prepared);
    if let Some(candidate) = &rules.candidate {
        let (device, actor) = (question.device.as_ref(), question.actor.as_ref());
        let prepared = holder.prepared_for_candidate(candidate, device, actor);
        let other = candidate.decide_alone(question, &prepared);
        decision.disagreements.extend(decision.disagreement(other));
    }
    decision
}

/// Joins the first answer, an allow, with the second one.
fn both(first: Decision, second: &mut Decision) {
    if second.allow {
        unite(&mut second.determining, first.determining);
        unite(&mut second.obligations, first.obligations);
    }
    // Whoever would have refused at first would not have been asked again.
    let refused: Vec<Mode> = first.disagreements.iter().map(|one| one.mode).collect();
    second.disagreements.retain(|one| !refused.contains(&one.mode));
    if second.allow {
        second.disagreements.extend(first.disagreements);
    }
}

fn unite<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

fn refusal(rules: &Rules, question: &Question, prepared: &Prepared, decision: &Decision) -> Stop {
    let advice = decision.obligations.iter().find(|obligation| &*obligation.key == REASON);
    let reason = if !decision.errors.is_empty() {
        Reason::PolicyError
    } else if strong_sign_in_would_do(rules, question, prepared) {
        Reason::StrongerSignIn
    } else {
        Reason::Policy
    };
    Stop::Refuse(Refusal {
        reason,
        retry_after: None,
        advice: advice.map(|advice| Arc::clone(&advice.value)),
    })
}

/// Whether the same question would be allowed after a strong sign-in. Only refused requests pay for asking twice, and only a person can
/// sign in.
fn strong_sign_in_would_do(rules: &Rules, question: &Question, prepared: &Prepared) -> bool {
    if question.context.session.strong || question.principal.kind != PrincipalKind::User {
        return false;
    }
    let mut stronger = question.clone();
    stronger.context.session.strong = true;
    rules.engine.decide_alone(&stronger, prepared).allow
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
            purpose: None,
            case: None,
            break_glass: None,
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
