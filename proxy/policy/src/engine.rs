//! The decision point.

use std::sync::Arc;

use crate::annotations::Of;
use crate::annotations::STEP_UP;
use crate::corpus::Corpus;
use crate::decision::{Decision, Disagreement, Mode};
use crate::digest::digest;
use crate::fault::Fault;
use crate::load::{self, Loaded};
use crate::parse::Parsed;
use crate::plan::Asked;
use crate::prepared::{Inner, Prepared};
use crate::question::{Actor, DeviceFacts, Principal, Question};
use crate::registry::Registry;
use crate::schema::Vocabulary;
use crate::slices::{Rule, Slices};

/// How many ways to step up are tried for one refusal.
const MOST_STEP_UPS: usize = 4;

/// Compiled policies: decides questions, holds no lock, never changes. Share it in an `Arc`.
#[derive(Debug)]
pub struct Engine {
    digest: Arc<str>,
    policies: usize,
    shadows: usize,
    pub(crate) registry: Registry,
    pub(crate) slices: Slices,
    pub(crate) vocabulary: Vocabulary,
}

impl Engine {
    /// Parses, validates and compiles a corpus.
    ///
    /// # Errors
    /// Every fault of every file at once, ordered by file, line and column: what does not parse, does not fit the schema
    /// under strict validation, can never apply or names what does not exist; ids used twice; circles in a hierarchy;
    /// no policy at all.
    pub fn load(corpus: &Corpus) -> Result<Self, Vec<Fault>> {
        load::load(corpus, Of::Policies).map(|loaded| Self::new(corpus, loaded).0)
    }

    /// From a corpus and what it compiled to; and its policies, which deciding needs no more.
    pub(crate) fn new(corpus: &Corpus, loaded: Loaded) -> (Self, Vec<Parsed>) {
        let Loaded { policies, registry, slices, vocabulary } = loaded;
        let shadows = policies.iter().filter(|parsed| parsed.shadow).count();
        let digest = digest(corpus);
        (Self { digest, policies: policies.len(), shadows, registry, slices, vocabulary }, policies)
    }

    /// Builds the entities of a principal, its device and the actor.
    ///
    /// The caller caches the outcome for as long as the token and the posture hold. One prepared for other facts or by
    /// an engine with another digest is never wrong, only slower: [`Engine::decide`] then prepares anew.
    #[must_use]
    pub fn prepare(
        &self,
        principal: &Principal,
        device: Option<&DeviceFacts>,
        actor: Option<&Actor>,
    ) -> Prepared {
        Prepared::new((&self.digest, &self.registry, &self.slices), principal, device, actor)
    }

    /// Decides a question. The answer depends on nothing but the question and this engine's corpus.
    ///
    /// A source or an operation that the corpus does not know, and any error while evaluating a policy, is a refusal
    /// with an entry in [`Decision::errors`]. Policies in shadow are asked last and change none of it: where the answer would
    /// have been another one with them, it has an entry in [`Decision::disagreements`].
    #[must_use]
    pub fn decide(&self, question: &Question, prepared: &Prepared) -> Decision {
        self.with(question, prepared, |asked| {
            let mut decision = weigh(asked);
            decision.disagreements.extend(overshadow(asked, &decision));
            decision
        })
        .unwrap_or_else(refused)
    }

    /// As [`Engine::decide`], without the policies in shadow.
    #[must_use]
    pub fn decide_alone(&self, question: &Question, prepared: &Prepared) -> Decision {
        self.with(question, prepared, weigh).unwrap_or_else(refused)
    }

    /// What the policies in shadow would have made of an answer, had they been asked this question with the others; none
    /// where it would have been the same. The question may differ from the one that was answered: what inspection found
    /// without being allowed to refuse anything is for policies in shadow alone.
    #[must_use]
    pub fn overshadow(
        &self,
        question: &Question,
        prepared: &Prepared,
        decision: &Decision,
    ) -> Option<Disagreement> {
        // What has no slice was refused, and policies in shadow could not have allowed it.
        self.with(question, prepared, |asked| overshadow(asked, decision)).ok().flatten()
    }

    /// The `acr` values of sign-ins that a refusal's policies ask for (`@step_up`): those that forbade it, or else those that permit to
    /// this principal what nothing permitted. Whether one would do is for whoever asks to try.
    #[must_use]
    pub fn step_ups(&self, question: &Question, prepared: &Prepared, refusal: &Decision) -> Vec<Arc<str>> {
        let of_forbids = refusal.obligations.iter().filter(|one| &*one.key == STEP_UP);
        let mut classes: Vec<_> = of_forbids.map(|one| Arc::clone(&one.value)).collect();
        if refusal.determining.is_empty() {
            let of_permits = self.with(question, prepared, |asked| {
                let fits = |rule: &&Rule| rule.permits && asked.prepared.fitting.holds(rule.principal);
                let owed = asked.slice.rules.iter().filter(fits).flat_map(|rule| &rule.label.obligations);
                owed.filter(|one| &*one.key == STEP_UP).map(|one| Arc::clone(&one.value)).collect()
            });
            classes = of_permits.unwrap_or_default();
        }
        classes.sort();
        classes.dedup();
        classes.truncate(MOST_STEP_UPS);
        classes
    }

    /// How many policies are in shadow.
    #[must_use]
    pub fn shadows(&self) -> usize {
        self.shadows
    }

    /// How many policies there are, those in shadow included.
    #[must_use]
    pub fn policies(&self) -> usize {
        self.policies
    }

    /// SHA-256 over everything this engine was loaded from, in lower-case hex. Independent of the order of files.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The names that policies may use under `context.request.captures`; a source capturing another does so in vain.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.vocabulary.captures.iter().map(AsRef::as_ref)
    }

    /// Asks with what was prepared, or with what is prepared anew where that was for another question.
    fn with<T>(
        &self,
        question: &Question,
        prepared: &Prepared,
        ask: impl FnOnce(&Asked<'_>) -> T,
    ) -> Result<T, String> {
        if prepared.serves(&self.digest, question) {
            return self.ask(question, prepared.inner(), ask);
        }
        let device = question.device.as_ref();
        let fresh = self.prepare(&question.principal, device, question.actor.as_ref());
        self.ask(question, fresh.inner(), ask)
    }

    fn ask<T>(
        &self,
        question: &Question,
        prepared: &Inner,
        ask: impl FnOnce(&Asked<'_>) -> T,
    ) -> Result<T, String> {
        let operation = question.operation;
        let slice = self
            .slices
            .find(&question.source, operation)
            .ok_or_else(|| format!("source `{}` is unknown to the policies", question.source))?;
        if !self.vocabulary.lets(prepared.kind, operation) {
            return Err(format!("the schema lets no principal of this kind do `{operation}`"));
        }
        let asked = Asked {
            context: &question.context,
            captures: &self.vocabulary.captures,
            slice,
            company: self.slices.company(),
            prepared,
            entities: prepared.entities.as_ref().map_err(Clone::clone)?,
        };
        Ok(ask(&asked))
    }
}

/// The rules that apply, and what went wrong with others.
#[derive(Default)]
struct Weighed<'r> {
    permits: Vec<&'r Rule>,
    forbids: Vec<&'r Rule>,
    errors: Vec<String>,
}

impl<'r> Weighed<'r> {
    /// Asks every rule whose principal constraint fits.
    fn of(rules: &'r [Rule], asked: &Asked<'_>) -> Self {
        let mut weighed = Self::default();
        for rule in rules.iter().filter(|rule| asked.prepared.fitting.holds(rule.principal)) {
            match rule.condition.as_ref().map_or(Ok(true), |condition| condition.holds(asked)) {
                Ok(false) => {}
                Ok(true) if rule.permits => weighed.permits.push(rule),
                Ok(true) => weighed.forbids.push(rule),
                Err(error) => weighed.errors.push(format!("policy `{}`: {error}", rule.label.id)),
            }
        }
        weighed
    }
}

/// Forbids before permits, and an error before either.
fn weigh(asked: &Asked<'_>) -> Decision {
    let Weighed { permits, forbids, errors } = Weighed::of(&asked.slice.rules, asked);
    // SECURITY: Cedar leaves an erring policy out. An erring `forbid` would then not forbid, so any error refuses.
    let allow = errors.is_empty() && forbids.is_empty() && !permits.is_empty();
    let determining = match (allow, forbids.is_empty()) {
        (true, _) => permits,
        (false, false) => forbids,
        // Nothing applied, or an error decided: what a permit promises is not given.
        (false, true) => Vec::new(),
    };
    Decision {
        allow,
        determining: determining.iter().map(|rule| Arc::clone(&rule.label.id)).collect(),
        obligations: determining.iter().flat_map(|rule| rule.label.obligations.iter().cloned()).collect(),
        errors,
        disagreements: Vec::new(),
    }
}

/// What the rules in shadow would have made of a decision. They are asked only where they could have changed it.
fn overshadow(asked: &Asked<'_>, decision: &Decision) -> Option<Disagreement> {
    let refused_for_good = !decision.errors.is_empty() || !decision.allow && !decision.determining.is_empty();
    if asked.slice.shadow.is_empty() || refused_for_good {
        return None;
    }
    let Weighed { permits, forbids, errors } = Weighed::of(&asked.slice.shadow, asked);
    let refuses = !errors.is_empty() || !forbids.is_empty();
    let allow = !refuses && (decision.allow || !permits.is_empty());
    let by = if allow { permits } else { forbids };
    let determining = by.iter().map(|rule| Arc::clone(&rule.label.id)).collect();
    (allow != decision.allow).then_some(Disagreement { mode: Mode::Shadow, allow, determining, errors })
}

fn refused(error: String) -> Decision {
    Decision { errors: vec![error], ..Decision::default() }
}
