//! `poort waf check`: one line for each source, then what should be looked at.

use std::{collections::BTreeSet, fmt::Write as _, path::Path, process::ExitCode};

use poort_enforce::inspect::Inspector;

use crate::{
    cli::{complain, conclude, count},
    config::{self, Faults, checked::source::Source},
    inspect::{Compiled, Inspectors},
};

pub(super) fn check(file: &Path) -> ExitCode {
    conclude(summary(file))
}

fn summary(file: &Path) -> Result<String, Faults> {
    let checked = config::load(file)?;
    let inspectors = Inspectors::load(&checked.sources, &Compiled::default()).map_err(Faults::new)?;
    let own = checked.warnings.iter().filter(|warning| {
        let file = Path::new(&*warning.place.file);
        let sections = checked.sources.iter().filter_map(|source| source.waf.as_ref());
        let mut files = sections.map(|waf| Path::new(&*waf.place.file));
        files.any(|source| file == source || is_zone_of(source, file))
    });
    let mut warnings = 0;
    for warning in own.chain(&inspectors.warnings) {
        complain(warning);
        warnings += 1;
    }
    let mut text = String::new();
    for source in &checked.sources {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}: {}",
            source.id,
            line(source, inspectors.by_source.get(&source.id).map(|it| &**it))
        );
    }
    let sets: BTreeSet<_> = inspectors.by_source.values().map(|inspector| &*inspector.rules.digest).collect();
    let _ = write!(
        text,
        "{}, {}, {}",
        count(checked.sources.len(), "source"),
        count(sets.len(), "rule set"),
        count(warnings, "warning")
    );
    Ok(text)
}

/// Whether `file` is the zone's, from which the source's file at `source` inherits.
fn is_zone_of(source: &Path, file: &Path) -> bool {
    source.ancestors().nth(2).is_some_and(|policies| file == policies.join("poort.yaml"))
}

fn line(source: &Source, inspector: Option<&Inspector>) -> String {
    let (Some(waf), Some(inspector)) = (&source.waf, inspector) else { return "off".to_owned() };
    let rules = inspector.rules.program.rules().len();
    let answers = match inspector.answer {
        Some(rules) => format!("answers up to {} KiB", rules.limit >> 10),
        None => "no answers".to_owned(),
    };
    format!(
        "{}, level {}, {} in {}, thresholds {} and {}, bodies up to {} KiB, {answers}, {}",
        inspector.mode.as_str(),
        inspector.rules.level,
        count(rules, "rule"),
        count(waf.rules.entries.len(), "file"),
        inspector.thresholds.inbound,
        inspector.thresholds.outbound,
        inspector.body.limit >> 10,
        count(inspector.exclusions.len(), "exclusion"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_inherits_from_the_file_above() {
        for (source, file, is_zone) in [
            ("policies/sources/persons.yaml", "policies/poort.yaml", true),
            ("sources/persons.yaml", "poort.yaml", true),
            ("/etc/poort/policies/sources/persons.yaml", "/etc/poort/policies/poort.yaml", true),
            ("policies/sources/persons.yaml", "deploy/poort.yaml", false),
            ("policies/sources/persons.yaml", "policies/inventory.yaml", false),
        ] {
            assert_eq!(is_zone_of(Path::new(source), Path::new(file)), is_zone, "{source} {file}");
        }
    }
}
