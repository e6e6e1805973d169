//! x
pub mod detect;
