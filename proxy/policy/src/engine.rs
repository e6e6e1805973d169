//! The decision point.

use crate::corpus::Corpus;
use crate::decision::Decision;
use crate::fault::Fault;
use crate::question::{Actor, DeviceFacts, Principal, Question};

/// Compiled policies: decides questions, holds no lock, never changes. Share it in an `Arc`.
#[derive(Debug)]
pub struct Engine {
    digest: String,
}

/// The entities of one principal, device and actor, built once and asked many times. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Prepared {}

impl Engine {
    /// Parses, validates and compiles a corpus.
    ///
    /// # Errors
    /// Every fault of every file, in the order of the files, at once.
    pub fn load(_corpus: &Corpus) -> Result<Self, Vec<Fault>> {
        Ok(Self { digest: String::new() })
    }

    /// Builds the entities of a principal, its device and the actor.
    ///
    /// The caller caches the outcome for as long as the token and the posture hold. One prepared for other facts or by
    /// another engine is never wrong, only slower: [`Engine::decide`] then prepares anew.
    #[must_use]
    pub fn prepare(
        &self,
        _principal: &Principal,
        _device: Option<&DeviceFacts>,
        _actor: Option<&Actor>,
    ) -> Prepared {
        Prepared {}
    }

    /// Decides a question. Depends on nothing but the question and this engine.
    #[must_use]
    pub fn decide(&self, _question: &Question, _prepared: &Prepared) -> Decision {
        Decision::default()
    }

    /// SHA-256 over everything this engine was loaded from, in lower-case hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}
