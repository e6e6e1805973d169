//! Figures, in the form in which the benches write theirs: one JSON object a line in `target/figures.jsonl`.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;

/// One measured figure. Less is better.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What was measured, in words that stay the same between versions.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// The most it may be; none where it only explains.
    pub goal: Option<f64>,
    /// Whether it is within its goal.
    pub met: Option<bool>,
    /// What people should know with it; not part of the figure.
    #[serde(skip)]
    pub note: String,
}

impl Figure {
    /// What share of `total` the `part` is, in percent.
    #[must_use]
    pub fn share(name: impl Into<String>, part: usize, total: usize, goal: Option<f64>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
        let value = part as f64 * 100.0 / total.max(1) as f64;
        let value = (value * 1e3).round() / 1e3;
        let met = goal.map(|goal| value <= goal);
        Self { name: name.into(), value, unit: "%", goal, met, note: format!("{part} of {total}") }
    }

    /// Appends it to `file`, which is made if need be.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn append(&self, file: &Path) -> io::Result<()> {
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let mut line = serde_json::to_string(self)?;
        line.push('\n');
        OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, unit, goal, met, note } = self;
        write!(formatter, "{name:<60} {value:>7.2} {unit} ({note})")?;
        match (goal, met) {
            (Some(goal), Some(true)) => write!(formatter, ", at most {goal}: met"),
            (Some(goal), _) => write!(formatter, ", at most {goal}: MISSED"),
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Figure;

    #[test]
    fn a_goal_is_the_most_a_share_may_be() {
        for (part, goal, met) in [(1, Some(1.0), Some(true)), (2, Some(1.0), Some(false)), (2, None, None)] {
            assert_eq!(Figure::share("x", part, 100, goal).met, met, "{part} {goal:?}");
        }
        assert_eq!(Figure::share("x", 1, 3, None).value, 33.333);
        assert_eq!(Figure::share("x", 0, 0, None).value, 0.0);
    }
}
