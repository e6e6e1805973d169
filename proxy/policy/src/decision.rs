//! The answer to a question, and what others would have answered that do not count.

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
    /// Who would have answered otherwise: at most one of each [`Mode`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disagreements: Vec<Disagreement>,
}

/// Policies that are asked and do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Single policies in shadow, beside those that count.
    Shadow,
    /// All policies of a candidate directory, instead of those that count.
    Candidate,
}

impl Mode {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Shadow, Self::Candidate];

    /// The word in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Candidate => "candidate",
        }
    }
}

/// Another answer than the one that counts: what it would have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disagreement {
    /// Who would have answered so.
    pub mode: Mode,
    /// Whether it would have been allowed.
    pub allow: bool,
    /// Ids of the policies that would have made it so; empty when none would have applied, or an error would have decided.
    pub determining: Vec<Arc<str>>,
    /// What went wrong with them, which would have been a refusal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

impl Decision {
    /// The answer of a candidate as a disagreement with this one; none where they agree.
    #[must_use]
    pub fn disagreement(&self, candidate: Self) -> Option<Disagreement> {
        let Self { allow, determining, errors, .. } = candidate;
        let differs = allow != self.allow;
        differs.then_some(Disagreement { mode: Mode::Candidate, allow, determining, errors })
    }

    /// What one [`Mode`] would have answered otherwise.
    #[must_use]
    pub fn disagreement_of(&self, mode: Mode) -> Option<&Disagreement> {
        self.disagreements.iter().find(|one| one.mode == mode)
    }
}
