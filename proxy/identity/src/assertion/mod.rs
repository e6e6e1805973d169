//! What the gate tells a source about who is asking: the `Poort-Assertion`, a JWT of its own.

mod key;
mod mint;

pub use key::{AssertionKey, AssertionKeyFault};
pub use mint::{Assertions, MintFault, Statement, StatementKind};
