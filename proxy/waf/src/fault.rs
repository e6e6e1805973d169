//! What is wrong with a rule file, and where.

use std::sync::Arc;

/// One fault in the rules, with its place. Faults are collected: a load reports all it finds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct Fault {
    /// The file, as the source of rules names it.
    pub file: Arc<str>,
    /// Line, from 1; 0 when the fault is the file's as a whole.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
    /// What is wrong and what to do about it.
    pub message: String,
}

/// A place in a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: Arc<str>,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    pub(crate) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault { file: self.file.clone(), line: self.line, column: self.column, message: message.into() }
    }
}
