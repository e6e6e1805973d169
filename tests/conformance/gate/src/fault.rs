//! Why a suite cannot be run.

use std::io;

use poort_demo::DemoError;

/// What went wrong around the tests; what a test finds is no fault.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is no place for files.
    #[error("cannot make a directory for the gate's files: {0}")]
    Directory(io::Error),
    /// The gate or something around it would not start.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The gate takes no connection.
    #[error("the gate takes no connection: {0}")]
    Connection(io::Error),
    /// A request was answered and its record is missing.
    #[error("the record has no `{kind}` of request `{id}` after {seconds} seconds")]
    NoRecord {
        /// `decision` or `outcome`.
        kind: &'static str,
        /// The request.
        id: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The tests or the rules are not what they should be.
    #[error(transparent)]
    Suite(#[from] poort_conformance::Fault),
    /// go-ftw would not run.
    #[error("go-ftw: {0}")]
    GoFtw(String),
}
