//! What a transaction says: interruptions, matches, scores.

use std::sync::Arc;

use crate::program::Meta;

/// What a phase answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Continue,
    /// Stop here and answer as the interruption says.
    Interrupt(Interruption),
}

/// Why and how a transaction is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interruption {
    /// What to do.
    pub kind: InterruptionKind,
    /// The status to answer with.
    pub status: u16,
    /// The rule that decided; `None` when a limit did.
    pub rule: Option<u64>,
    /// The phase, 1 to 5.
    pub phase: u8,
}

/// What to do with a transaction that is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterruptionKind {
    /// Answer with the status.
    Deny,
    /// Close the connection.
    Drop,
    /// Redirect to this location.
    Redirect(String),
    /// The request cannot be inspected whole, for this reason: its body is malformed or in a coding that is not undone, or it
    /// has more arguments, parts or levels than allowed. Refuse: servers may read in it what no rule has seen.
    Uninspected(&'static str),
    /// The budget of work, or of memory, is used up. Refuse: an attacker must not be able to buy a pass with a costly request.
    Exhausted,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// There are more headers than allowed.
    TooManyHeaders,
}

/// A rule that matched and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// What the rule says about itself.
    pub rule: Arc<Meta>,
    /// The phase, 1 to 5.
    pub phase: u8,
    /// `msg`, macros expanded; bytes that are not UTF-8 are replaced.
    pub message: String,
    /// `logdata`, macros expanded; bytes that are not UTF-8 are replaced.
    pub data: String,
    /// The name of the variable that matched last, such as `ARGS:id`.
    pub variable: String,
    /// Whether the rule would interrupt (and did, unless the engine only detects).
    pub disruptive: bool,
}

/// Anomaly scores as CRS keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scores {
    /// Of the request.
    pub inbound: i64,
    /// Of the response.
    pub outbound: i64,
}
