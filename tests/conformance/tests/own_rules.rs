//! The gate's own core rules: that they load, and that each does what its tests say.

use poort_conformance::setup;

#[test]
fn they_load_without_a_warning() {
    for level in 1..=4 {
        let program = setup::own(level).unwrap_or_else(|faults| {
            panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        assert!(program.warnings().is_empty(), "{:?}", program.warnings());
        assert!(program.rules().all(|rule| (101_000..110_000).contains(&rule.id) || rule.id == 900_000));
    }
}
