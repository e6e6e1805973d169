//! Inspection, where it meets files and sockets; what it decides is in `poort_enforce::inspect`.
//!
//! - [`load`]: rule files compiled, once for all sources that share them;
//! - [`incoming`]: a request whose body is read before a source is connected to;
//! - [`late`]: a body that is inspected as it passes;

pub mod incoming;
pub mod late;
pub mod load;

pub use incoming::Incoming;
pub use late::Late;
pub use load::{Compiled, Inspectors};

use poort_enforce::{exchange::Exchange, inspect::Inspection};

/// Whether the body of a request is inspected as it passes.
#[must_use]
pub fn is_late(exchange: &Exchange) -> bool {
    exchange.inspection.as_deref().is_some_and(Inspection::is_late)
}
