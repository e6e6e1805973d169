//! What came of a suite.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::figure::Figure;

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    Passed,
    /// Not as expected, with what was.
    Failed(String),
    /// Not run, with why.
    Skipped(String),
}

/// All cases of a suite. As text it gives the figures, lists what did not pass, skipped cases by reason, and ends in the line `N passed, N failed,
/// N skipped`.
#[derive(Debug, Clone)]
pub struct Report {
    /// The suite.
    pub suite: String,
    /// Cases by name, in the order they ran.
    pub cases: Vec<(String, Outcome)>,
    /// What was measured on the way.
    pub figures: Vec<Figure>,
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Cases that passed.
    pub passed: usize,
    /// Cases that failed.
    pub failed: usize,
    /// Cases that were not run.
    pub skipped: usize,
}

impl Report {
    /// A report without cases.
    #[must_use]
    pub fn new(suite: impl Into<String>) -> Self {
        Self { suite: suite.into(), cases: Vec::new(), figures: Vec::new() }
    }

    /// A report of a suite that was not run.
    #[must_use]
    pub fn skipped(suite: impl Into<String>, why: impl Into<String>) -> Self {
        let mut report = Self::new(suite);
        report.add("all", Outcome::Skipped(why.into()));
        report
    }

    /// Adds a case.
    pub fn add(&mut self, name: impl Into<String>, outcome: Outcome) {
        self.cases.push((name.into(), outcome));
    }

    /// Adds a figure; one that has a goal is a case, too.
    pub fn measure(&mut self, figure: Figure) {
        match figure.met {
            Some(true) => self.add(figure.name.clone(), Outcome::Passed),
            Some(false) => self.add(figure.name.clone(), Outcome::Failed(figure.to_string())),
            None => {}
        }
        self.figures.push(figure);
    }

    /// How many of each.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, outcome) in &self.cases {
            *match outcome {
                Outcome::Passed => &mut counts.passed,
                Outcome::Failed(_) => &mut counts.failed,
                Outcome::Skipped(_) => &mut counts.skipped,
            } += 1;
        }
        counts
    }

    /// Every case: `{"suite", "passed", "failed", "skipped", "cases": [{"case", "outcome", "reason"}], "figures"}`.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let cases: Vec<Line<'_>> =
            self.cases.iter().map(|(case, outcome)| Line::new(case, outcome)).collect();
        let Counts { passed, failed, skipped } = self.counts();
        serde_json::json!({
            "suite": self.suite, "passed": passed, "failed": failed, "skipped": skipped, "cases": cases,
            "figures": self.figures,
        })
    }
}

#[derive(Serialize)]
struct Line<'a> {
    case: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn new(case: &'a str, outcome: &'a Outcome) -> Self {
        let (outcome, reason) = match outcome {
            Outcome::Passed => ("passed", None),
            Outcome::Failed(reason) => ("failed", Some(reason.as_str())),
            Outcome::Skipped(reason) => ("skipped", Some(reason.as_str())),
        };
        Self { case, outcome, reason }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for figure in &self.figures {
            writeln!(formatter, "{figure}")?;
        }
        let mut skipped: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, outcome) in &self.cases {
            match outcome {
                Outcome::Passed => {}
                Outcome::Failed(reason) => writeln!(formatter, "FAILED {name}: {reason}")?,
                Outcome::Skipped(reason) => skipped.entry(reason).or_default().push(name),
            }
        }
        for (reason, names) in skipped {
            writeln!(formatter, "SKIPPED {}, {reason}: {}", names.len(), names.join(" "))?;
        }
        write!(formatter, "{}", self.counts())
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Report};

    #[test]
    fn text_and_json_say_the_same() {
        let mut report = Report::new("s");
        report.add("1-1", Outcome::Passed);
        report.add("1-2", Outcome::Failed("why".into()));
        report.add("1-3", Outcome::Skipped("because".into()));
        report.add("1-4", Outcome::Skipped("because".into()));
        assert_eq!(
            report.to_string(),
            "FAILED 1-2: why\nSKIPPED 2, because: 1-3 1-4\n1 passed, 1 failed, 2 skipped"
        );
        let json = report.json();
        assert_eq!(json["failed"], 1);
        assert_eq!(json["cases"][0], serde_json::json!({"case": "1-1", "outcome": "passed"}));
        assert_eq!(json["cases"][2]["reason"], "because");
    }
}
