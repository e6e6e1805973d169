//! What is done to a source: the operations that Directive (EU) 2016/680, art. 25 wants logged, and `use`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An operation on a source; also the Cedar action `Poort::Action::"…"` of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// New personal data is recorded.
    Collect,
    /// Personal data is changed.
    Alter,
    /// Personal data is looked at.
    Consult,
    /// Personal data is given to somebody else.
    Disclose,
    /// Personal data of several sources is linked.
    Combine,
    /// Personal data is deleted.
    Erase,
    /// No personal data is touched.
    Use,
}

impl Operation {
    /// All operations, in the order of their discriminants.
    pub const ALL: [Self; 7] =
        [Self::Collect, Self::Alter, Self::Consult, Self::Disclose, Self::Combine, Self::Erase, Self::Use];

    /// The name used in files, records and Cedar.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Alter => "alter",
            Self::Consult => "consult",
            Self::Disclose => "disclose",
            Self::Combine => "combine",
            Self::Erase => "erase",
            Self::Use => "use",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// A word that names no operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownOperation(pub String);

impl fmt::Display for UnknownOperation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "`{}` is no operation; use one of `collect`, `alter`, `consult`, `disclose`, `combine`, `erase`, `use`",
            self.0
        )
    }
}

impl std::error::Error for UnknownOperation {}

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|one| one.as_str() == text)
            .ok_or_else(|| UnknownOperation(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_nothing_else_does() {
        for one in Operation::ALL {
            assert_eq!(one.as_str().parse(), Ok(one));
            assert_eq!(serde_json::to_string(&one).unwrap(), format!("\"{one}\""));
        }
        for text in ["", "Consult", "consult ", "delete"] {
            assert!(text.parse::<Operation>().is_err(), "{text}");
        }
    }
}
