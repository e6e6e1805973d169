//! Why a corpus does not load.

use std::fmt;

use crate::corpus::Place;

/// One thing that is wrong with a corpus, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Name of the file.
    pub file: String,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// Column in characters, from 1; 0 when the whole line or file is meant.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Fault {
    pub(crate) fn at(place: &Place, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            file: place.file.to_string(),
            line: place.line,
            column: place.column,
            message: message.into(),
            help: help.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.file)?;
        for number in [self.line, self.column] {
            if number > 0 {
                write!(out, ":{number}")?;
            }
        }
        write!(out, ": {}", self.message)?;
        if !self.help.is_empty() {
            write!(out, "; {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
