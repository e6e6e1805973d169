//! `policy`: the policies are asked. The question is put before any body is read, with an inspection score of 0.

use std::{
    ops::ControlFlow::{Break, Continue},
    sync::Arc,
};

use poort_policy::{
    Context, Decision, Inspection, Mode, Obligation, Prepared, PrincipalKind, Question, RequestContext,
    SessionFacts, ShiftFacts, TimeFacts,
    annotations::{BODY_HASH, LOG, REASON, language},
};

use crate::{
    arrival::Arrival,
    checks::{
        shift::Added,
        stated::{self, Alternatives},
    },
    exchange::Exchange,
    pipeline::{Flow, Pipeline, Refusal, Remedy, Rules, StepUp, Stop, refuse},
    ports::Ports,
    reason::Reason,
    stated::Glass,
    subject::Holder,
};

/// Beyond this nobody asks how long ago a sign-in was, in seconds: no session lasts longer.
const LONGEST_AGE: u64 = 24 * 3600;

pub(crate) fn check<P: Ports>(
    pipeline: &Pipeline<P>,
    arrival: &Arrival<'_>,
    exchange: &mut Exchange,
) -> Flow {
    let rules = &pipeline.rules;
    stated::find(pipeline, arrival, exchange)?;
    let (Some(mut question), Some(holder)) = (question(rules, exchange), &exchange.holder) else {
        return refuse(Reason::Internal);
    };
    let added = Added::of(pipeline, exchange, &question);
    question.context.shift = added.count();
    let prepared = holder.prepared(&rules.engine, question.device.as_ref(), question.actor.as_ref());
    let decision = ask(rules, holder, &question, &prepared);
    // A purpose is asked of whoever may, once it is stated; of nobody else.
    let flow = match decision.allow {
        true => stated::demand(exchange, &question),
        false => Break(refusal(rules, exchange, &question, &prepared, &decision)),
    };
    added.settle(flow.is_continue());
    exchange.hash_body = asks_for_body_hash(&decision);
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
    let flow = match decision.allow {
        true => Continue(()),
        false => Break(refusal(rules, exchange, &question, &prepared, &decision)),
    };
    both(first, &mut decision);
    exchange.hash_body = asks_for_body_hash(&decision);
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

fn refusal(
    rules: &Rules,
    exchange: &Exchange,
    question: &Question,
    prepared: &Prepared,
    decision: &Decision,
) -> Stop {
    let others = Alternatives { rules, question, prepared };
    let (reason, step_up) = match decision.errors.is_empty() {
        false => (Reason::PolicyError, None),
        true => match sign_in_that_would_do(rules, question, prepared, decision) {
            Some(step_up) => (Reason::StrongerSignIn, Some(Box::new(step_up))),
            None => (others.first().unwrap_or(Reason::Policy), None),
        },
    };
    if matches!(reason, Reason::PurposeRequired | Reason::CaseRequired) {
        return Stop::Refuse(stated::unstated(exchange, reason));
    }
    let glass = reason == Reason::Policy && others.glass_would_do(exchange);
    let refusal = Refusal { step_up, remedy: glass.then_some(Remedy::BreakGlass), ..reason.into() };
    let Some(author) = author(decision) else { return Stop::Refuse(refusal) };
    let said = || decision.obligations.iter().filter(|one| one.policy == author);
    let translation = |one: &Obligation| Some((language(&one.key)?.into(), Arc::clone(&one.value)));
    Stop::Refuse(Refusal {
        advice: said().find(|one| &*one.key == REASON).map(|one| Arc::clone(&one.value)),
        translations: said().filter_map(translation).collect(),
        ..refusal
    })
}

/// The first policy that says why it refuses.
fn author(decision: &Decision) -> Option<Arc<str>> {
    let speaks = |one: &&Obligation| &*one.key == REASON || language(&one.key).is_some();
    decision.obligations.iter().find(speaks).map(|one| Arc::clone(&one.policy))
}

/// The sign-in after which the same question would be allowed, if there is one: of a certain class that a policy names, or else any strong
/// one; or else a recent one. Only refused requests pay for asking again, and only a person can sign in.
fn sign_in_that_would_do(
    rules: &Rules,
    question: &Question,
    prepared: &Prepared,
    decision: &Decision,
) -> Option<StepUp> {
    if question.principal.kind != PrincipalKind::User {
        return None;
    }
    let now = &question.context.session;
    let allows = |session: &SessionFacts| {
        let mut other = question.clone();
        other.context.session = session.clone();
        rules.engine.decide_alone(&other, prepared).allow
    };
    let classes = rules.engine.step_ups(question, prepared, decision).into_iter().map(|class| {
        let strong = now.strong || rules.strong.contains(&*class);
        let session = SessionFacts { acr: Some(class.to_string()), strong, ..now.clone() };
        (StepUp { class: Some(class), ..StepUp::default() }, session)
    });
    let strong = (StepUp { strong: true, ..StepUp::default() }, SessionFacts { strong: true, ..now.clone() });
    let mut ways: Vec<_> = classes.chain((!now.strong).then_some(strong)).collect();
    if let Some((way, _)) = ways.iter().find(|(_, session)| session != now && allows(session)) {
        return Some(way.clone());
    }
    ways.insert(0, (StepUp::default(), now.clone()));
    let aged = |session: &SessionFacts, age| SessionFacts { auth_age: Some(age), ..session.clone() };
    let (way, session) = ways.into_iter().find(|(_, session)| allows(&aged(session, 0)))?;
    let max_age = oldest(now.auth_age.unwrap_or(LONGEST_AGE), |age| allows(&aged(&session, age)));
    Some(StepUp { max_age: Some(max_age), ..way })
}

/// The greatest age below `refused` that is allowed, by halving, where one of nothing is.
fn oldest(refused: u64, allowed: impl Fn(u64) -> bool) -> u64 {
    let (mut good, mut bad) = (0, refused);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        *(if allowed(middle) { &mut good } else { &mut bad }) = middle;
    }
    good
}

/// Whether what decided asks for the body's digest in the record.
fn asks_for_body_hash(decision: &Decision) -> bool {
    decision.obligations.iter().any(|one| &*one.key == LOG && &*one.value == BODY_HASH)
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
            shift: ShiftFacts::default(),
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
