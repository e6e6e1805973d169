//! Which exclusions would have let a request pass, in the form of a source's file.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use jiff::{Timestamp, tz::TimeZone};
use poort_enforce::inspect::Inspector;

use crate::config;

/// What an exclusion is proposed to last: long enough to mend the application, short enough to be looked at again.
const LIFETIME: Duration = Duration::from_secs(90 * 86_400);
/// Longest list that is proposed.
const MOST: usize = 32;

/// A rule that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Matched<'a> {
    pub(super) rule: u64,
    pub(super) message: &'a str,
    /// Where, such as `ARGS:note`.
    pub(super) variable: &'a str,
}

impl<'a> Matched<'a> {
    /// Whether the rule only adds up what others found: it looks at `TX`, and leaving it out would leave out all of them.
    pub(super) fn adds_up(&self) -> bool {
        self.variable == "TX" || self.variable.starts_with("TX:")
    }

    /// The variable as it came in a request: in a chain, later rules look at what an earlier one matched.
    pub(super) fn sent(&self) -> &'a str {
        self.variable.strip_prefix("MATCHED_VARS:").unwrap_or(self.variable)
    }

    /// What the rule says, with the name of what matched in its place.
    pub(super) fn said(&self) -> String {
        self.message.replace("%{MATCHED_VAR_NAME}", self.sent())
    }
}

/// One exclusion.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Exclusion<'a> {
    rule: u64,
    /// None where the rule looks at nothing that can be named.
    target: Option<&'a str>,
    message: String,
}

/// The exclusions as YAML, for a source's `waf:`, that leave a request on this path without anything that matched. None where nothing can
/// be excluded. It has been read as a source's file is, and put to the rules that the source has now.
pub(super) fn proposed(
    inspector: &Inspector,
    matches: &[Matched<'_>],
    path: Option<&str>,
    code: &str,
    now: SystemTime,
) -> Option<String> {
    let mut all: Vec<Exclusion<'_>> = Vec::new();
    for matched in matches.iter().filter(|matched| !matched.adds_up()) {
        if let Some(one) = exclusion(inspector, matched).filter(|one| !all.contains(one)) {
            all.push(one);
        }
    }
    if all.is_empty() || all.len() > MOST {
        return None;
    }
    let ends = Timestamp::try_from(now + LIFETIME).ok()?.to_zoned(TimeZone::system()).date();
    // A path that names nobody is a pattern already; one of which the record leaves out more than the end is none.
    let path = path.map(pattern).filter(|path| !path.contains(LEFT_OUT));
    [path.as_deref(), None]
        .into_iter()
        .map(|path| yaml(&all, path, code, &ends.to_string()))
        .find(|text| is_sound(text, &all))
}

/// Stands in the record for what a path has that could name somebody.
const LEFT_OUT: &str = "…";

fn pattern(path: &str) -> String {
    path.strip_suffix(LEFT_OUT).map_or_else(|| path.to_owned(), |path| format!("{path}**"))
}

/// As narrow as the rule lets it be.
fn exclusion<'a>(inspector: &Inspector, matched: &Matched<'a>) -> Option<Exclusion<'a>> {
    let (program, rule) = (&inspector.rules.program, matched.rule.to_string());
    let fits = |target| {
        poort_waf::Exclusion::new(program, &rule, target).is_ok_and(|exclusion| exclusion.idle().is_none())
    };
    let target = [Some(matched.sent()), None].into_iter().find(|target| fits(*target))?;
    Some(Exclusion { rule: matched.rule, target, message: matched.said() })
}

fn yaml(all: &[Exclusion<'_>], path: Option<&str>, code: &str, ends: &str) -> String {
    let mut text = String::from("exclusions:\n");
    // In YAML a JSON text is a text; writing to a String cannot fail.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    for Exclusion { rule, target, message } in all {
        let _ = writeln!(text, "  - rule: {rule}");
        if let Some(target) = target {
            let _ = writeln!(text, "    target: {}", quoted(target));
        }
        if let Some(path) = path {
            let _ = writeln!(text, "    path: {}", quoted(path));
        }
        let _ =
            writeln!(text, "    reason: {}", quoted(&format!("{code}, {message}: say why this is meant")));
        let _ = writeln!(text, "    expires: {ends}");
    }
    text
}

fn is_sound(text: &str, all: &[Exclusion<'_>]) -> bool {
    config::exclusions(text).is_ok_and(|read| {
        let same = |(read, meant): (&config::checked::waf::Exclusion, &Exclusion<'_>)| {
            read.rule == meant.rule.to_string() && read.target.as_deref() == meant.target
        };
        read.len() == all.len() && read.iter().zip(all).all(same)
    })
}
