//! The answer to a question.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An annotation of a determining policy, other than `@id`: something the gate does besides allowing or refusing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Obligation {
    /// Name of the annotation, such as `reason`.
    pub key: Arc<str>,
    /// Its value; empty when it has none.
    pub value: Arc<str>,
    /// Id of the policy that carries it.
    pub policy: Arc<str>,
}

/// What the policies say to a question.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Allowed: some `permit` applies, no `forbid` does, and nothing erred.
    pub allow: bool,
    /// Ids of the policies that made it so: the permits of an allow, the forbids of a refusal, in the order of the corpus.
    /// Empty when nothing applied or an error decided.
    pub determining: Vec<Arc<str>>,
    /// What the determining policies ask for.
    pub obligations: Vec<Obligation>,
    /// What went wrong, each with the id of its policy. Any error is a refusal: Cedar itself skips an erring `forbid`.
    pub errors: Vec<String>,
}
