//! Why a suite cannot be run.

use std::path::PathBuf;

/// What is wrong with a suite's files.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A file or directory cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not follow the format.
    #[error("{file}{place}: {message}")]
    Format {
        /// Which.
        file: String,
        /// `:line:column`, where they are known.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// Rules do not compile.
    #[error(transparent)]
    Rules(#[from] poort_waf::Fault),
}

/// Faults in words.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "it is what becomes of an error")]
pub fn texts(faults: Vec<Fault>) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

impl Fault {
    pub(crate) fn format(file: &str, message: impl Into<String>) -> Self {
        Self::Format { file: file.to_owned(), place: String::new(), message: message.into() }
    }
}
