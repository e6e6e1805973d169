//! What a solver says, and what that means.

use std::collections::BTreeMap;
use std::time::Duration;

use cedar_policy::{Entities, Request};

use crate::decision::Decision;
use crate::question::{Context, PrincipalKind, Question};

use super::super::{Stage, Workbench};
use super::{Ask, Claim, Claimed, Kind, Proof, assume, demand, shrink, witness};

/// At most so many counter-examples are kept of one claim.
const KEPT: usize = 10;
/// At most so many environments are named with one reason.
const PLACES: usize = 3;

/// What a solver says to one check in one environment.
#[derive(Debug)]
pub struct Answer {
    /// The place of the environment in [`Proof::environments`].
    pub environment: usize,
    /// The place of the check in [`Proof::checks`].
    pub check: usize,
    /// What it says.
    pub said: Said,
    /// How long it took.
    pub took: Duration,
}

/// What a solver says.
#[derive(Debug)]
pub enum Said {
    /// Yes.
    Holds,
    /// No; and a counter-example, where it was asked for one.
    Fails(Option<Box<(Request, Entities)>>),
    /// It does not know: why.
    Unknown(String),
}

/// What came of a claim.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The claim.
    pub claim: Claim,
    /// Whether it holds.
    pub verdict: Verdict,
    /// How long the solver took.
    pub took: Duration,
}

/// Whether a claim holds.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// For every possible question.
    Proved,
    /// Not for these questions, each of which was asked: at least one. And where it is not known, the reasons.
    Refuted(Vec<Counterexample>, Vec<String>),
    /// A property that no possible question is described by, so it says nothing.
    Idle,
    /// It is not known; the reasons, at least one.
    Unknown(Vec<String>),
}

/// A question for which a claim does not hold, as small as it can be.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// The question.
    pub question: Question,
    /// What the gate answers; a refusal for want of a statement is by the source's file.
    pub decision: Decision,
    /// What it answered by the earlier policies, where there are some.
    pub before: Option<Decision>,
    /// What erred, where that is the matter.
    pub errors: Vec<String>,
}

impl Proof<'_> {
    /// What the answers mean. `usual` are the circumstances of a question to a source about which there is nothing to tell.
    #[must_use]
    pub fn conclude(&self, answers: Vec<Answer>, usual: &dyn Fn(&str) -> Context) -> Vec<Outcome> {
        let mut drafts: Vec<Draft> = self.claims.iter().map(|_| Draft::default()).collect();
        for answer in answers {
            let Some(check) = self.checks.get(answer.check) else { continue };
            let Some(draft) = drafts.get_mut(check.claim) else { continue };
            draft.took += answer.took;
            let idle = matches!(check.ask, Ask::Nothing(_));
            draft.asked += usize::from(!idle);
            match answer.said {
                Said::Holds => {}
                Said::Fails(_) if idle => draft.describes = true,
                Said::Fails(model) => {
                    self.refute(check.claim, answer.environment, model.as_deref(), usual, draft);
                }
                Said::Unknown(_) if idle && draft.describes => {}
                Said::Unknown(why) => draft.unknown.entry(why).or_default().push(answer.environment),
            }
        }
        self.claims.iter().cloned().zip(drafts).map(|(claim, draft)| self.outcome(claim, draft)).collect()
    }

    fn outcome(&self, claim: Claim, draft: Draft) -> Outcome {
        let unknown = draft.unknown.iter().map(|(why, environments)| self.spoken(why, environments));
        let unknown: Vec<String> = unknown.collect();
        let verdict = match claim.of {
            _ if !draft.refuted.is_empty() => Verdict::Refuted(draft.refuted, unknown),
            _ if !unknown.is_empty() => Verdict::Unknown(unknown),
            // SECURITY: what was not asked is not proved.
            _ if draft.asked != self.environments.len() => {
                Verdict::Unknown(vec!["not everything was asked".to_owned()])
            }
            Claimed::Property(_) if !draft.describes => Verdict::Idle,
            _ => Verdict::Proved,
        };
        Outcome { claim, verdict, took: draft.took }
    }

    /// Notes the question that a counter-example asks, if it is one of the gate's, too.
    fn refute(
        &self,
        claim: usize,
        environment: usize,
        model: Option<&(Request, Entities)>,
        usual: &dyn Fn(&str) -> Context,
        draft: &mut Draft,
    ) {
        let Some((claimed, place)) = self.claims.get(claim).zip(self.environments.get(environment)) else {
            return;
        };
        let benches: Vec<&Workbench> = std::iter::once(self.bench).chain(self.before).collect();
        let question = model
            .and_then(|model| witness::question(&benches, place, model, usual))
            .filter(|question| self.refutes(claimed.of, question));
        let Some(question) = question else {
            let why = "Cedar's counter-example is no question that the gate asks".to_owned();
            draft.unknown.entry(why).or_default().push(environment);
            return;
        };
        let above = |kind, name: &str| assume::groups_above(&benches, kind, name);
        let still = |smaller: &Question| self.refutes(claimed.of, smaller);
        let mut purposes = benches.iter().flat_map(|bench| &bench.corpus.purposes);
        let purpose = purposes.next().map_or("stated", String::as_str);
        let question = shrink::smallest(question, usual, purpose, &above, &still);
        let example = self.counterexample(question);
        // What errs does so for whoever asks; once is enough.
        let known = |other: &Counterexample| !example.errors.is_empty() && other.errors == example.errors;
        if draft.refuted.len() < KEPT && !draft.refuted.iter().any(known) {
            draft.refuted.push(example);
        }
    }

    fn counterexample(&self, question: Question) -> Counterexample {
        let decision = demand::decide(self.bench, &question);
        let before = self.before.map(|before| demand::decide(before, &question));
        let errors =
            errors(self.bench, &question).chain(errors(self.properties.bench(), &question)).collect();
        Counterexample { question, decision, before, errors }
    }

    /// Whether a claim does not hold of a question. It is asked, not derived.
    fn refutes(&self, claim: Claimed, question: &Question) -> bool {
        let now = || demand::decide(self.bench, question).allow;
        let then = || self.before.is_some_and(|before| demand::decide(before, question).allow);
        match claim {
            Claimed::Property(index) => {
                let Some(property) = self.properties.all().get(index) else { return false };
                now() == (property.kind == Kind::Never) && self.properties.describes(index, question)
            }
            Claimed::NoErrors => {
                errors(self.bench, question).chain(errors(self.properties.bench(), question)).next().is_some()
            }
            Claimed::NothingNew => now() && !then(),
            Claimed::NothingLost => then() && !now(),
        }
    }

    /// A reason, and where it is one.
    fn spoken(&self, why: &str, environments: &[usize]) -> String {
        if environments.len() == self.environments.len() {
            return why.to_owned();
        }
        let places = environments.iter().filter_map(|place| self.environments.get(*place));
        let places = places.map(|place| format!("{} and `{}`", asker(place.kind), place.operation));
        let mut places: Vec<String> = places.collect();
        let more = places.len().saturating_sub(PLACES);
        places.truncate(PLACES);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        format!("{}{more}: {why}", places.join(", "))
    }
}

/// What is known of a claim so far.
#[derive(Default)]
struct Draft {
    took: Duration,
    /// In how many environments.
    asked: usize,
    describes: bool,
    refuted: Vec<Counterexample>,
    /// By the reasons, in which environments.
    unknown: BTreeMap<String, Vec<usize>>,
}

/// What errs of some policies, each with its name.
fn errors<'b>(bench: &'b Workbench, question: &Question) -> impl Iterator<Item = String> + 'b {
    bench.trace(question).weighed.into_iter().filter_map(|weighed| {
        let Stage::Errs(_, error) = weighed.stage else { return None };
        let sheet = bench.sheets.get(weighed.sheet)?;
        Some(format!("`{}`: {error}", sheet.id))
    })
}

/// Who asks, in words.
const fn asker(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => "a person",
        PrincipalKind::Service => "a service",
        PrincipalKind::Device => "a device by itself",
    }
}
