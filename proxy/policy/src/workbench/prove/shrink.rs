//! The smallest question for which something is still so.
//!
//! A solver fills in whatever it likes. Each part is put back to what is usual, one after the other, as long as the question still
//! shows what it is to show.

use std::sync::Arc;

use crate::names::Kind;
use crate::question::{Context, DeviceFacts, PrincipalKind, Question};

/// A question in which nothing more can be left out, and in which nobody has more than it takes: whom a role or unit is in is said by
/// `above`. `purpose` is one that can be stated.
pub(super) fn smallest(
    question: Question,
    usual: &dyn Fn(&str) -> Context,
    purpose: &str,
    above: &dyn Fn(Kind, &str) -> Vec<Arc<str>>,
    still: &dyn Fn(&Question) -> bool,
) -> Question {
    let usual = usual(&question.source);
    let mut smallest = question;
    // What could not be left out may be once something else is.
    loop {
        let before = smallest.clone();
        for change in changes(&smallest, &usual, purpose, above) {
            let mut smaller = smallest.clone();
            change(&mut smaller);
            if smaller != smallest && still(&smaller) {
                smallest = smaller;
            }
        }
        if smallest == before {
            return smallest;
        }
    }
}

type Change = Box<dyn Fn(&mut Question)>;

fn changes(
    question: &Question,
    usual: &Context,
    purpose: &str,
    above: &dyn Fn(Kind, &str) -> Vec<Arc<str>>,
) -> Vec<Change> {
    let mut all: Vec<Change> = Vec::new();
    let mut add = |change: Change| all.push(change);
    add(Box::new(|question| question.actor = None));
    add(Box::new(|question| {
        if let Some(actor) = &mut question.actor {
            actor.service = None;
        }
    }));
    add(Box::new(|question| question.device = None));
    names(&mut add);
    posture(&mut add);
    let roles: fn(&mut Question) -> &mut Vec<Arc<str>> = |question| &mut question.principal.roles;
    let units: fn(&mut Question) -> &mut Vec<Arc<str>> = |question| &mut question.principal.units;
    for (kind, of, held) in
        [(Kind::Role, roles, &question.principal.roles), (Kind::Unit, units, &question.principal.units)]
    {
        for group in held {
            let (one, other) = (Arc::clone(group), Arc::clone(group));
            let weaker = above(kind, group);
            add(Box::new(move |question| of(question).retain(|kept| *kept != one)));
            add(Box::new(move |question| {
                of(question).retain(|kept| *kept != other && !weaker.contains(kept));
                of(question).extend(weaker.iter().cloned());
            }));
        }
    }
    let purpose = purpose.to_owned();
    add(Box::new(move |question| {
        question.context.purpose.iter_mut().for_each(|stated| purpose.clone_into(stated));
    }));
    circumstances(question, usual, &mut add);
    all
}

/// Names that say nothing.
fn names(add: &mut dyn FnMut(Change)) {
    add(Box::new(|question| {
        let principal = &mut question.principal;
        match principal.kind {
            PrincipalKind::User => principal.id = "zone|somebody".to_owned(),
            PrincipalKind::Service => principal.id = "zone|some-service".to_owned(),
            PrincipalKind::Device => {
                if let Some(device) = question.device.as_mut().filter(|device| device.id == principal.id) {
                    "some-device".clone_into(&mut device.id);
                }
                principal.id = "some-device".to_owned();
            }
        }
        principal.issuer = principal.id.split_once('|').map(|(issuer, _)| issuer.into());
    }));
    add(Box::new(|question| {
        if let Some(device) = &mut question.device
            && question.principal.kind != PrincipalKind::Device
        {
            "some-device".clone_into(&mut device.id);
        }
    }));
    add(Box::new(|question| {
        if let Some(actor) = &mut question.actor {
            "some-application".clone_into(&mut actor.device.id);
        }
    }));
}

/// A device like any other.
fn posture(add: &mut dyn FnMut(Change)) {
    let each: [fn(&mut DeviceFacts); 4] = [
        |device| device.managed = true,
        |device| device.compliant = true,
        |device| device.unit = None,
        |device| device.fleet = None,
    ];
    for change in each {
        add(Box::new(move |question| question.device.iter_mut().for_each(change)));
        add(Box::new(move |question| {
            question.actor.iter_mut().for_each(|actor| change(&mut actor.device));
        }));
    }
}

fn circumstances(question: &Question, usual: &Context, add: &mut dyn FnMut(Change)) {
    let usual = Arc::new(usual.clone());
    let parts: [fn(&mut Context, &Context); 21] = [
        |context, _| context.purpose = None,
        |context, _| context.case = None,
        |context, _| context.break_glass = None,
        |context, _| context.session.acr = None,
        |context, _| context.session.amr.clear(),
        |context, _| context.session.auth_age = None,
        |context, _| context.session.strong = false,
        |context, _| context.shift.subjects = None,
        |context, _| context.shift.devices = None,
        |context, _| context.shift.officers = None,
        |context, usual| context.inspection = usual.inspection,
        |context, usual| context.time = usual.time,
        |context, usual| context.request.method.clone_from(&usual.request.method),
        |context, usual| context.request.host.clone_from(&usual.request.host),
        |context, usual| context.request.path.clone_from(&usual.request.path),
        |context, usual| context.request.address = usual.request.address,
        |context, _| context.request.captures.clear(),
        |context, _| context.case.iter_mut().for_each(stated),
        |context, _| {
            context.break_glass.iter_mut().for_each(|glass| {
                stated(&mut glass.reason);
                stated(&mut glass.case);
            });
        },
        |context, usual| context.time.minute = usual.time.minute,
        // The clock and the calendar agree again.
        |context, usual| {
            let (time, usual) = (&mut context.time, &usual.time);
            let apart = |one: u8, other: u8| i64::from(one) - i64::from(other);
            time.epoch = usual.epoch
                + apart(time.weekday, usual.weekday) * 86_400
                + apart(time.hour, usual.hour) * 3_600
                + apart(time.minute, usual.minute) * 60;
        },
    ];
    for part in parts {
        let usual = Arc::clone(&usual);
        add(Box::new(move |question| part(&mut question.context, &usual)));
    }
    for name in question.context.request.captures.keys() {
        let (name, other) = (name.clone(), name.clone());
        add(Box::new(move |question| drop(question.context.request.captures.remove(&name))));
        add(Box::new(move |question| {
            question.context.request.captures.entry(other.clone()).and_modify(stated);
        }));
    }
}

fn stated(words: &mut String) {
    "stated".clone_into(words);
}
