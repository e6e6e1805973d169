//! The configuration: from files to proven types.
//!
//! Operators own `deploy/poort.yaml`; the security team owns the `policies` directory it names. [`load`] reads both and
//! returns one [`Checked`], or every fault of every file at once, each with its file, line, column and remedy.
//!
//! - [`checked`]: what a configuration is once nothing is wrong with it;
//! - [`fault`]: what is wrong, and where.

pub mod checked;
pub mod fault;

pub use checked::Checked;
pub use fault::{Fault, Faults, Warning};
