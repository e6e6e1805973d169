//! Inspection, where it meets files and sockets; what it decides is in `poort_enforce::inspect`.
//!
//! - [`load`]: rule files compiled, once for all sources that share them;
//! - [`incoming`]: a request whose body is read before a source is connected to;
//! - [`late`]: a body that is inspected as it passes;
//! - [`source`], [`answer`]: a source asked by the gate itself, so that its answer can be held back and judged.

pub mod answer;
mod hop;
pub mod incoming;
pub mod late;
pub mod load;
pub mod source;
mod trial;

pub use incoming::Incoming;
pub use late::Late;
pub use load::{Compiled, Inspectors};
pub use source::Sources;

use poort_enforce::{exchange::Exchange, inspect::Inspection};

/// Nothing more is inspected of a request whose body was: its transaction serves the next one.
pub fn rest(exchange: Option<&mut Exchange>) {
    let inspection = exchange.and_then(|exchange| exchange.inspection.as_deref_mut());
    if let Some(inspection) = inspection.filter(|inspection| !inspection.is_late()) {
        inspection.rest();
    }
}

/// Whether the body of a request is inspected as it passes.
#[must_use]
pub fn is_late(exchange: &Exchange) -> bool {
    exchange.inspection.as_deref().is_some_and(Inspection::is_late)
}
