//! What is wrong with a configuration, and where.

use std::fmt;

pub use poort_policy::Place;

/// One fault: the configuration is not used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// What it is and what to do: lower case, values in backticks.
    pub message: String,
}

impl Fault {
    /// The same of policies that are asked beside others and do not count: those are used without them.
    #[must_use]
    pub fn of_candidate(self) -> Warning {
        Warning { place: self.place, message: format!("the candidate is not asked: {}", self.message) }
    }
}

/// Something that works but that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// Where it stands.
    pub place: Place,
    /// What it is and what to do: lower case, values in backticks.
    pub message: String,
}

/// Every fault of a configuration, by file name, line and column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Sorts them and drops what was said twice. `faults` is not empty.
    #[must_use]
    pub fn new(mut faults: Vec<Fault>) -> Self {
        faults.sort();
        faults.dedup();
        Self(faults)
    }

    /// Them, in order.
    #[must_use]
    pub fn all(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Shown(&self.place), self.message)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: warning: {}", Shown(&self.place), self.message)
    }
}

/// One fault a line, as compilers print them: `file:line:column: message`.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// A place as compilers print it.
struct Shown<'a>(&'a Place);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, line, column } = self.0;
        match line {
            0 => write!(f, "{file}"),
            _ => write!(f, "{file}:{line}:{column}"),
        }
    }
}
