//! The decision point.

use std::sync::Arc;

use crate::corpus::Corpus;
use crate::decision::Decision;
use crate::digest::digest;
use crate::fault::Fault;
use crate::load::{self, Loaded};
use crate::parse::Parsed;
use crate::plan::Asked;
use crate::prepared::{Inner, Prepared};
use crate::question::{Actor, DeviceFacts, Principal, Question};
use crate::registry::Registry;
use crate::schema::Vocabulary;
use crate::slices::{Slice, Slices};

/// Compiled policies: decides questions, holds no lock, never changes. Share it in an `Arc`.
#[derive(Debug)]
pub struct Engine {
    digest: Arc<str>,
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
        load::load(corpus).map(|loaded| Self::new(corpus, loaded).0)
    }

    /// From a corpus and what it compiled to; and its policies, which deciding needs no more.
    pub(crate) fn new(corpus: &Corpus, loaded: Loaded) -> (Self, Vec<Parsed>) {
        let Loaded { policies, registry, slices, vocabulary } = loaded;
        (Self { digest: digest(corpus), registry, slices, vocabulary }, policies)
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
    /// with an entry in [`Decision::errors`].
    #[must_use]
    pub fn decide(&self, question: &Question, prepared: &Prepared) -> Decision {
        if prepared.serves(&self.digest, question) {
            self.answer(question, prepared.inner()).unwrap_or_else(refused)
        } else {
            let device = question.device.as_ref();
            let fresh = self.prepare(&question.principal, device, question.actor.as_ref());
            self.answer(question, fresh.inner()).unwrap_or_else(refused)
        }
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

    fn answer(&self, question: &Question, prepared: &Inner) -> Result<Decision, String> {
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
        Ok(weigh(slice, &asked))
    }
}

/// Asks every rule whose principal constraint fits: forbids before permits, and an error before either.
fn weigh(slice: &Slice, asked: &Asked<'_>) -> Decision {
    let (mut permits, mut forbids, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for rule in slice.rules.iter().filter(|rule| asked.prepared.fitting.holds(rule.principal)) {
        match rule.condition.as_ref().map_or(Ok(true), |condition| condition.holds(asked)) {
            Ok(false) => {}
            Ok(true) if rule.permits => permits.push(rule),
            Ok(true) => forbids.push(rule),
            Err(error) => errors.push(format!("policy `{}`: {error}", rule.label.id)),
        }
    }
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
    }
}

fn refused(error: String) -> Decision {
    Decision { errors: vec![error], ..Decision::default() }
}
