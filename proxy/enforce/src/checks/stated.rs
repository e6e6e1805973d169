//! What is stated beside a request, and what of it is missing: a part of `policy`.

use std::{
    ops::ControlFlow::{Break, Continue},
    sync::Arc,
};

use poort_policy::{BreakGlass, Prepared, PrincipalKind, Question};

use crate::{
    arrival::Arrival,
    exchange::Exchange,
    pipeline::{Flow, Pipeline, Refusal, Remedy, Rules, Stop, refuse},
    reason::Reason,
    stated::{Demands, Stated, StatedBy, StatedFault},
};

/// Finds what is stated: by the session, or by a listed application in its headers.
pub(super) fn find<P>(pipeline: &Pipeline<P>, arrival: &Arrival<'_>, exchange: &mut Exchange) -> Flow {
    let Some(source) = exchange.source() else { return refuse(Reason::Internal) };
    exchange.stated = match (&exchange.statements, speaker(exchange)) {
        (Some(statements), _) => {
            let stated = statements.for_source(&source.id, exchange.received);
            // The zone's list may have changed since: what is not on it is not stated.
            let known = |name: &Arc<str>| pipeline.rules.purposes.find(name).is_some();
            Stated { purpose: stated.purpose.filter(known), ..stated }
        }
        (None, Some(by)) => match by.read(&arrival.head.headers, &pipeline.rules.purposes) {
            Ok(stated) => stated,
            Err(StatedFault::Purpose) => return refuse(Reason::PurposeUnknown),
            Err(StatedFault::Case) => return refuse(Reason::CaseMalformed),
        },
        (None, None) => Stated::default(),
    };
    Continue(())
}

/// The source's list, if the calling workload is on it.
///
/// SECURITY: by the name in its certificate, which nobody else can show; a session speaks for itself, whatever headers a page adds.
fn speaker(exchange: &Exchange) -> Option<&StatedBy> {
    let name = &exchange.connection.device.accepted()?.name;
    exchange.source()?.stated_by.as_ref().filter(|by| by.workloads.contains(name))
}

/// Refuses what the policies allow as long as something that the source's file demands is not stated.
pub(super) fn demand(exchange: &Exchange, question: &Question) -> Flow {
    let demands = exchange.meaning.as_ref().map(|meaning| meaning.demands).unwrap_or_default();
    match missing(demands, question) {
        Some(reason) => Break(Stop::Refuse(unstated(exchange, reason))),
        None => Continue(()),
    }
}

fn missing(demands: Demands, question: &Question) -> Option<Reason> {
    let context = &question.context;
    if demands.purpose && context.purpose.is_none() {
        return Some(Reason::PurposeRequired);
    }
    (demands.case && context.case.is_none()).then_some(Reason::CaseRequired)
}

/// A refusal for want of a statement: an application on the list is told its headers, a person the way to the page.
pub(super) fn unstated(exchange: &Exchange, reason: Reason) -> Refusal {
    let advice = speaker(exchange).map(|by| Arc::clone(&by.advice));
    let remedy = advice.is_none().then_some(Remedy::Mission);
    Refusal { remedy, advice, ..reason.into() }
}

/// What would make a refusal an allow. Only refused requests pay for asking again.
pub(super) struct Alternatives<'a> {
    pub(super) rules: &'a Rules,
    pub(super) question: &'a Question,
    pub(super) prepared: &'a Prepared,
}

impl Alternatives<'_> {
    /// Whether the same question would be allowed after a change.
    fn allows(&self, change: impl FnOnce(&mut Question)) -> bool {
        let mut other = self.question.clone();
        change(&mut other);
        self.rules.engine.decide_alone(&other, self.prepared).allow
    }

    /// What has to be done first where no sign-in alone would do: to state a purpose or a case; or both, and the sign-in comes first.
    pub(super) fn first(&self) -> Option<Reason> {
        let context = &self.question.context;
        if self.stated_would_do(false) {
            return Some(unsaid(context.purpose.is_none()));
        }
        let may_be_stronger = self.question.principal.kind == PrincipalKind::User && !context.session.strong;
        (may_be_stronger && self.stated_would_do(true)).then_some(Reason::StrongerSignIn)
    }

    /// Whether any purpose of the zone's, or a case, would do where none is stated.
    fn stated_would_do(&self, strong: bool) -> bool {
        let context = &self.question.context;
        if context.purpose.is_some() && context.case.is_some() {
            return false;
        }
        // One's own case is the one that the request is about.
        let captured = context.request.captures.get("case_number").map_or("stated", String::as_str);
        let case = context.case.as_deref().unwrap_or(captured);
        let purposes = self.rules.purposes.all().iter().map(|purpose| &*purpose.name);
        let stated = context.purpose.as_deref().into_iter();
        let known = purposes.take_while(|_| context.purpose.is_none());
        stated.chain(known).any(|purpose| {
            self.allows(|other| {
                other.context.purpose = Some(purpose.to_owned());
                other.context.case = Some(case.to_owned());
                other.context.session.strong |= strong;
            })
        })
    }

    /// Whether a broken glass would do, for a person who asks by themselves. Only in a browser's session can they break it.
    pub(super) fn glass_would_do(&self, exchange: &Exchange) -> bool {
        let can = self.rules.sign_in.is_some()
            && exchange.actor.is_none()
            && self.question.principal.kind == PrincipalKind::User
            && self.question.context.break_glass.is_none();
        let words = || "stated".to_owned();
        can && self.allows(|other| {
            other.context.break_glass = Some(BreakGlass { reason: words(), case: words() });
            // A purpose that is still to be stated is asked for afterwards.
            other.context.purpose.get_or_insert_with(words);
            other.context.case.get_or_insert_with(words);
        })
    }
}

fn unsaid(purpose: bool) -> Reason {
    if purpose { Reason::PurposeRequired } else { Reason::CaseRequired }
}
