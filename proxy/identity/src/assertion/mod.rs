//! What the gate tells a source about who is asking: the `Poort-Assertion`, a JWT of its own.

mod key;
mod mint;
mod statement;

pub use key::{AssertionKey, AssertionKeyFault};
pub use mint::{Assertions, MintFault};
pub use statement::{Statement, StatementKind};
