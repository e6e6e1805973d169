//! Recorded questions put to other policies: who gains and who loses what.
//!
//! Two questions that differ only in what no policy of their source and operation can read have one answer, so they are asked
//! once: a day of a zone's traffic is a few thousand questions.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::decision::{Decision, Mode};
use crate::engine::Engine;
use crate::plan::Plan;
use crate::prepared::Prepared;
use crate::question::{Actor, Context, DeviceFacts, Principal, PrincipalKind, Question};
use crate::reads::Reads;
use crate::shift::ShiftCount;

/// How many principals are kept prepared. Beyond it all are prepared anew: a zone has fewer.
const PREPARED: usize = 50_000;
/// How many answers are remembered. Beyond it all are asked anew.
const REMEMBERED: usize = 2_000_000;
/// How many examples a group shows.
const EXAMPLES: usize = 3;

/// What was decided when a question was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// What was asked.
    pub question: Question,
    /// Whether the policies allowed it.
    pub allow: bool,
    /// Which policies decided.
    pub by: Vec<Arc<str>>,
    /// What the request is called for people, such as a code.
    pub name: Arc<str>,
    /// Its place in the record: of several examples the first are kept.
    pub order: u64,
}

/// Which way an answer changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turn {
    /// Refused then, allowed now.
    Gain,
    /// Allowed then, refused now.
    Loss,
}

/// Changed answers that are told together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// Which way.
    pub turn: Turn,
    /// The roles of those who asked, or what kind of principal they are where they have none.
    pub role: Arc<str>,
    /// The source.
    pub source: Arc<str>,
    /// The operation.
    pub operation: &'static str,
    /// The policies that decided then.
    pub then: Vec<Arc<str>>,
    /// The policies that decide now.
    pub now: Vec<Arc<str>>,
}

/// How many there are in a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// How many requests.
    pub requests: u64,
    /// How many principals.
    pub principals: BTreeSet<String>,
    /// The first few.
    pub examples: Vec<Example>,
}

/// One request whose answer changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Example {
    /// Its place in the record.
    pub order: u64,
    /// What the request is called for people.
    pub name: Arc<str>,
    /// Who asked.
    pub principal: String,
    /// On which device.
    pub device: Option<String>,
    /// What went wrong, if that is why it is refused now.
    pub error: Option<String>,
}

/// What came of a replay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Decisions that were asked again.
    pub decisions: u64,
    /// Questions that were put to the policies: equal ones are put once.
    pub asked: u64,
    /// Decisions that come out the same, by other policies.
    pub by_others: u64,
    /// What changed.
    pub groups: BTreeMap<Group, Members>,
    /// What would change beyond that if the policies in shadow counted: `then` is what decides now, and `now` what would.
    pub in_shadow: BTreeMap<Group, Members>,
}

impl Tally {
    /// How many answers changed which way.
    #[must_use]
    pub fn turned(&self, turn: Turn) -> u64 {
        count(&self.groups, turn)
    }

    /// How many more would, if the policies in shadow counted.
    #[must_use]
    pub fn turned_in_shadow(&self, turn: Turn) -> u64 {
        count(&self.in_shadow, turn)
    }

    /// Takes over what another replay of the same policies found elsewhere in the record.
    pub fn merge(&mut self, other: Self) {
        self.decisions += other.decisions;
        self.asked += other.asked;
        self.by_others += other.by_others;
        gather(&mut self.groups, other.groups);
        gather(&mut self.in_shadow, other.in_shadow);
    }
}

fn count(groups: &BTreeMap<Group, Members>, turn: Turn) -> u64 {
    groups.iter().filter(|(group, _)| group.turn == turn).map(|(_, members)| members.requests).sum()
}

fn gather(all: &mut BTreeMap<Group, Members>, more: BTreeMap<Group, Members>) {
    for (group, members) in more {
        let own = all.entry(group).or_default();
        own.requests += members.requests;
        own.principals.extend(members.principals);
        own.examples.extend(members.examples);
        own.examples.sort();
        own.examples.truncate(EXAMPLES);
    }
}

/// Puts recorded questions to an engine.
pub struct Replay<'e> {
    engine: &'e Engine,
    reads: HashMap<(Arc<str>, u8), Reads>,
    prepared: HashMap<Box<[u8]>, Prepared>,
    answers: HashMap<Box<[u8]>, Decision>,
    key: Vec<u8>,
    tally: Tally,
}

impl<'e> Replay<'e> {
    /// Nothing asked yet.
    #[must_use]
    pub fn new(engine: &'e Engine) -> Self {
        let reads = engine.slices.all().map(|(source, operation, slice)| {
            let conditions = slice.every().filter_map(|rule| rule.condition.as_deref());
            let reads = conditions.fold(Reads::NOTHING, |reads, plan| reads.and(Plan::reads(plan)));
            ((Arc::from(source), operation as u8), reads)
        });
        Self {
            engine,
            reads: reads.collect(),
            prepared: HashMap::new(),
            answers: HashMap::new(),
            key: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Asks a question again.
    pub fn ask(&mut self, recorded: &Recorded) {
        self.tally.decisions += 1;
        let question = &recorded.question;
        let place = (Arc::clone(&question.source), question.operation as u8);
        let reads = self.reads.get(&place).copied().unwrap_or(Reads::NOTHING);
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        let company = write_key(question, reads, &mut key);
        if let Some(decision) = self.answers.get(key.as_slice()) {
            note(&mut self.tally, recorded, decision);
        } else {
            let decision = self.decide(question, key.get(..company).unwrap_or_default());
            self.tally.asked += 1;
            note(&mut self.tally, recorded, &decision);
            if self.answers.len() >= REMEMBERED {
                self.answers.clear();
            }
            self.answers.insert(key.as_slice().into(), decision);
        }
        self.key = key;
    }

    /// What came of it.
    #[must_use]
    pub fn finish(self) -> Tally {
        self.tally
    }

    fn decide(&mut self, question: &Question, company: &[u8]) -> Decision {
        if let Some(prepared) = self.prepared.get(company) {
            return self.engine.decide(question, prepared);
        }
        let prepared =
            self.engine.prepare(&question.principal, question.device.as_ref(), question.actor.as_ref());
        let decision = self.engine.decide(question, &prepared);
        if self.prepared.len() >= PREPARED {
            self.prepared.clear();
        }
        self.prepared.insert(company.into(), prepared);
        decision
    }
}

fn note(tally: &mut Tally, recorded: &Recorded, decision: &Decision) {
    match turn(recorded.allow, decision.allow) {
        Some(turn) => {
            let by = (turn, recorded.by.as_slice(), decision.determining.as_slice());
            join(&mut tally.groups, recorded, by, decision.errors.first());
        }
        None => tally.by_others += u64::from(recorded.by != decision.determining),
    }
    if let Some(shadow) = decision.disagreement_of(Mode::Shadow)
        && let Some(turn) = turn(decision.allow, shadow.allow)
    {
        let by = (turn, decision.determining.as_slice(), shadow.determining.as_slice());
        join(&mut tally.in_shadow, recorded, by, shadow.errors.first());
    }
}

fn turn(then: bool, now: bool) -> Option<Turn> {
    match (then, now) {
        (false, true) => Some(Turn::Gain),
        (true, false) => Some(Turn::Loss),
        _ => None,
    }
}

/// Takes a request into the group that it belongs to.
fn join(
    groups: &mut BTreeMap<Group, Members>,
    recorded: &Recorded,
    (turn, then, now): (Turn, &[Arc<str>], &[Arc<str>]),
    error: Option<&String>,
) {
    let question = &recorded.question;
    let principal = &question.principal;
    let group = Group {
        turn,
        role: role(principal),
        source: Arc::clone(&question.source),
        operation: question.operation.as_str(),
        then: then.to_vec(),
        now: now.to_vec(),
    };
    let members = groups.entry(group).or_default();
    members.requests += 1;
    if !members.principals.contains(&principal.id) {
        members.principals.insert(principal.id.clone());
    }
    if members.examples.len() < EXAMPLES {
        members.examples.push(Example {
            order: recorded.order,
            name: Arc::clone(&recorded.name),
            principal: principal.id.clone(),
            device: question.device.as_ref().map(|device| device.id.clone()),
            error: error.cloned(),
        });
    }
}

fn role(principal: &Principal) -> Arc<str> {
    match (principal.roles.is_empty(), principal.kind) {
        (false, _) => {
            let roles: BTreeSet<&str> = principal.roles.iter().map(AsRef::as_ref).collect();
            roles.into_iter().collect::<Vec<_>>().join(" + ").into()
        }
        (true, PrincipalKind::Device) => Arc::from("a device"),
        (true, PrincipalKind::Service) => Arc::from("a service without a role"),
        (true, PrincipalKind::User) => Arc::from("a person without a role"),
    }
}

/// Everything of a question that an answer can depend on. Returns how much of it is about principal, device and actor.
///
/// INVARIANT: two questions with one key have one answer. Each part is written with its length or a mark, so that no two
/// questions run into each other.
fn write_key(question: &Question, reads: Reads, key: &mut Vec<u8>) -> usize {
    let Question { principal, device, actor, operation, source, context } = question;
    write_principal(principal, key);
    some(key, device.as_ref(), write_device);
    some(key, actor.as_ref(), |key, actor: &Actor| {
        write_device(key, &actor.device);
        some(key, actor.service.as_deref(), text);
    });
    let company = key.len();
    key.push(*operation as u8);
    text(key, source);
    write_context(context, reads, key);
    company
}

fn write_principal(principal: &Principal, key: &mut Vec<u8>) {
    let Principal { kind, id, issuer, roles, units } = principal;
    key.push(*kind as u8);
    text(key, id);
    some(key, issuer.as_deref(), text);
    for names in [roles, units] {
        key.extend((names.len() as u64).to_le_bytes());
        names.iter().for_each(|name| text(key, name));
    }
}

fn write_device(key: &mut Vec<u8>, device: &DeviceFacts) {
    let DeviceFacts { id, fleet, unit, managed, compliant } = device;
    text(key, id);
    some(key, fleet.as_deref(), text);
    some(key, unit.as_deref(), text);
    key.extend([u8::from(*managed), u8::from(*compliant)]);
}

fn write_context(context: &Context, reads: Reads, key: &mut Vec<u8>) {
    let Context { request, purpose, case, break_glass, inspection, session, shift, time } = context;
    let mut part = |of: Reads, write: &mut dyn FnMut(&mut Vec<u8>)| {
        if reads.any(of) {
            write(key);
        }
    };
    part(Reads::METHOD, &mut |key| text(key, &request.method));
    part(Reads::HOST, &mut |key| text(key, &request.host));
    part(Reads::PATH, &mut |key| text(key, &request.path));
    part(Reads::ADDRESS, &mut |key| match request.address {
        IpAddr::V4(address) => key.extend([&[4][..], &address.octets()].concat()),
        IpAddr::V6(address) => key.extend([&[6][..], &address.octets()].concat()),
    });
    part(Reads::CAPTURES, &mut |key| {
        key.extend((request.captures.len() as u64).to_le_bytes());
        for (name, value) in &request.captures {
            text(key, name);
            text(key, value);
        }
    });
    part(Reads::PURPOSE, &mut |key| some(key, purpose.as_deref(), text));
    part(Reads::CASE, &mut |key| some(key, case.as_deref(), text));
    part(Reads::BREAK_GLASS, &mut |key| {
        some(key, break_glass.as_ref(), |key, glass: &crate::question::BreakGlass| {
            text(key, &glass.reason);
            text(key, &glass.case);
        });
    });
    part(Reads::INSPECTION, &mut |key| key.extend(inspection.score.to_le_bytes()));
    part(Reads::ACR, &mut |key| some(key, session.acr.as_deref(), text));
    part(Reads::AMR, &mut |key| {
        key.extend((session.amr.len() as u64).to_le_bytes());
        session.amr.iter().for_each(|method| text(key, method));
    });
    part(Reads::AUTH_AGE, &mut |key| {
        some(key, session.auth_age.as_ref(), |key, age: &u64| key.extend(age.to_le_bytes()));
    });
    part(Reads::STRONG, &mut |key| key.push(u8::from(session.strong)));
    for kind in ShiftCount::ALL {
        part(Reads::counted(kind), &mut |key| {
            some(key, shift.of(kind).as_ref(), |key, number: &u32| key.extend(number.to_le_bytes()));
        });
    }
    part(Reads::EPOCH, &mut |key| key.extend(time.epoch.to_le_bytes()));
    part(Reads::CLOCK, &mut |key| key.extend([time.hour, time.minute, time.weekday]));
}

fn text(key: &mut Vec<u8>, text: &str) {
    key.extend((text.len() as u64).to_le_bytes());
    key.extend(text.as_bytes());
}

fn some<T: ?Sized>(key: &mut Vec<u8>, value: Option<&T>, write: impl FnOnce(&mut Vec<u8>, &T)) {
    key.push(u8::from(value.is_some()));
    if let Some(value) = value {
        write(key, value);
    }
}
