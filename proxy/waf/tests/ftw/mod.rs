//! A runner for the format of CRS's regression tests.

pub(crate) mod backend;
pub(crate) mod case;
pub(crate) mod rules;
pub(crate) mod run;
pub(crate) mod wire;
