//! Figures, for people and for machines.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use serde::Serialize;

/// Where figures are collected: one JSON object a line. Benches only ever append.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/figures.jsonl");

/// One measured figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What was measured: `bench/what`, in words that stay the same between versions.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what: `µs`, `ms`, `×`.
    pub unit: &'static str,
    /// The most or the least it may be; none where it only explains another figure.
    pub goal: Option<f64>,
    /// Whether it is within its goal.
    pub met: Option<bool>,
    /// Which way is better.
    pub better: Better,
}

/// Which of two values of a figure is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// As with costs.
    Less,
    /// As with ratios to others' costs.
    More,
}

impl Figure {
    /// A figure that may be `goal` at most.
    #[must_use]
    pub fn with_goal(name: &str, value: f64, unit: &'static str, goal: f64) -> Self {
        Self { goal: Some(goal), met: Some(value <= goal), ..Self::plain(name, value, unit) }
    }

    /// A figure that must be `goal` at least.
    #[must_use]
    pub fn at_least(name: &str, value: f64, unit: &'static str, goal: f64) -> Self {
        let met = Some(value >= goal);
        Self { goal: Some(goal), met, better: Better::More, ..Self::plain(name, value, unit) }
    }

    /// How many times what something else costs is of what ours does, and the least it must be, if anything.
    #[must_use]
    pub fn ratio(name: &str, value: f64, goal: Option<f64>) -> Self {
        let met = goal.map(|goal| value >= goal);
        Self { goal, met, better: Better::More, ..Self::plain(name, value, "×") }
    }

    /// A figure that explains others.
    #[must_use]
    pub fn plain(name: &str, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            value: rounded(value),
            unit,
            goal: None,
            met: None,
            better: Better::Less,
        }
    }
}

/// Three digits after the point: what is beyond is noise.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Prints a figure and appends it to `target/figures.jsonl` at the repository's root.
///
/// # Errors
/// When the file cannot be written.
pub fn report(figure: &Figure) -> io::Result<()> {
    let line = match (figure.goal, figure.met) {
        (Some(goal), Some(met)) => {
            let verdict = if met { "met" } else { "MISSED" };
            let bound = match figure.better {
                Better::Less => "at most",
                Better::More => "at least",
            };
            format!(
                "{:<52} {:>10.2} {:<3} {bound} {goal:>6.2}: {verdict}",
                figure.name, figure.value, figure.unit
            )
        }
        _ => format!("{:<52} {:>10.2} {}", figure.name, figure.value, figure.unit),
    };
    writeln!(io::stdout(), "{line}")?;
    append(Path::new(FILE), figure)
}

fn append(file: &Path, figure: &Figure) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut line = serde_json::to_string(figure)?;
    line.push('\n');
    OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_the_most_a_figure_may_be() {
        for (value, met) in [(14.9, true), (15.0, true), (15.01, false), (f64::NAN, false)] {
            assert_eq!(Figure::with_goal("x", value, "µs", 15.0).met, Some(met), "{value}");
        }
        assert_eq!(Figure::plain("x", 1.23456, "µs").value, 1.235);
        for (value, met) in [(60.1, true), (60.0, true), (59.9, false), (f64::NAN, false)] {
            assert_eq!(Figure::ratio("x", value, Some(60.0)).met, Some(met), "{value}");
        }
    }

    #[test]
    fn figures_are_appended_a_line_each() {
        let directory = std::env::temp_dir().join(format!("poort-figures-{}", std::process::id()));
        let file = directory.join("target/figures.jsonl");
        append(&file, &Figure::with_goal("pipeline/admit", 9.5, "µs", 15.0)).unwrap();
        append(&file, &Figure::plain("pipeline/record", 1.0, "µs")).unwrap();
        append(&file, &Figure::ratio("peers/ratio", 61.0, Some(60.0))).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        fs::remove_dir_all(&directory).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines,
            [
                serde_json::json!({"name": "pipeline/admit", "value": 9.5, "unit": "µs", "goal": 15.0, "met": true, "better": "less"}),
                serde_json::json!({"name": "pipeline/record", "value": 1.0, "unit": "µs", "goal": null, "met": null, "better": "less"}),
                serde_json::json!({"name": "peers/ratio", "value": 61.0, "unit": "×", "goal": 60.0, "met": true, "better": "more"}),
            ]
        );
    }
}
