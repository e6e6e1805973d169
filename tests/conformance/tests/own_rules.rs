//! The gate's own core rules: that they load, that each does what its tests say, and that none has no test.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by them")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use poort_conformance::{case, run, setup};
use poort_waf::Program;

/// At the strictest level, stopping nothing, so that every rule runs.
fn program() -> Program {
    setup::own("SecRuleEngine DetectionOnly\n", 2).unwrap_or_else(|faults| {
        panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

fn cases() -> Vec<case::Case> {
    case::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("own")).unwrap()
}

#[test]
fn they_load_without_a_warning() {
    let program = program();
    assert!(program.warnings().is_empty(), "{:?}", program.warnings());
    let strangers: Vec<u64> =
        program.rules().map(|rule| rule.id).filter(|id| !(101_000..110_000).contains(id)).collect();
    assert!(strangers.is_empty(), "ids outside of the range: {strangers:?}");
}

#[test]
fn each_rule_does_what_its_tests_say() {
    let only = std::env::var("POORT_OWN_TEST").unwrap_or_default();
    let mut cases = cases();
    cases.retain(|case| case.name.starts_with(&only));
    let report = run::suite("own rules", Arc::new(program()), &cases);
    println!("{}", report.counts());
    assert_eq!(report.counts().failed, 0, "{report}");
    assert!(report.counts().passed > 0, "nothing ran");
}

#[test]
fn each_rule_is_tested_both_ways() {
    let expected = |ids: fn(&case::Expected) -> &[u64]| -> BTreeSet<u64> {
        let cases = cases();
        let stages = cases.iter().flat_map(|case| &case.stages);
        stages.flat_map(|stage| ids(&stage.expected).to_vec()).collect()
    };
    let (hits, misses) = (expected(|expected| &expected.ids), expected(|expected| &expected.no_ids));
    let program = program();
    let rules = program.rules().filter(|rule| rule.tags.iter().any(|tag| tag.starts_with("attack-")));
    let untested: Vec<u64> =
        rules.map(|rule| rule.id).filter(|id| !hits.contains(id) || !misses.contains(id)).collect();
    assert!(untested.is_empty(), "without a case that matches and one that does not: {untested:?}");
}
