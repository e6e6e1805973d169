//! The policies with how often each was tried: line by line, what applied, held and did not hold.

use std::{collections::BTreeMap, fmt::Write as _};

use poort_policy::workbench::{Coverage, Workbench};

use crate::cli::policy::excerpt::Pen;

/// The width of the margin, in characters.
const MARGIN: usize = 11;
const RED: &str = "31";
const GREEN: &str = "32";

/// What stands before a line.
#[derive(Default)]
struct Marks {
    text: Vec<String>,
    missing: bool,
}

/// Every policy file, with a margin: `5×` applied five times, `3+ 2-` held three times and did not hold twice.
pub(super) fn listing(pen: &Pen, bench: &Workbench, coverage: &Coverage) -> String {
    let mut marks: BTreeMap<(&str, usize), Marks> = BTreeMap::new();
    for (sheet, tried) in bench.sheets().iter().zip(&coverage.policies) {
        let own = marks.entry((&*sheet.place.file, sheet.place.line)).or_default();
        own.text.push(format!("{}×", tried.applied));
        own.missing |= tried.applied == 0;
        for (condition, (held, failed)) in sheet.conditions.iter().zip(&tried.conditions) {
            let own = marks.entry((&*condition.place.file, condition.place.line)).or_default();
            own.text.push(format!("{held}+ {failed}-"));
            own.missing |= *held == 0 || *failed == 0;
        }
    }
    let mut out = String::new();
    for file in &bench.corpus().policies {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", pen.paint("1", &file.name));
        for (line, number) in file.text.lines().zip(1..) {
            let marks = marks.get(&(file.name.as_str(), number));
            let margin = marks.map(|marks| marks.text.join(", ")).unwrap_or_default();
            let padding = " ".repeat(MARGIN.saturating_sub(margin.chars().count()));
            let colour = if marks.is_some_and(|marks| marks.missing) { RED } else { GREEN };
            let margin = if margin.is_empty() { margin } else { pen.paint(colour, &margin) };
            let _ = writeln!(out, "{padding}{margin} | {line}");
        }
        out.push('\n');
    }
    out
}
