//! The regression suite of the OWASP Core Rule Set, in-process, in `DetectionOnly` at paranoia level 4.

use std::sync::Arc;

use poort_conformance::{case, run, setup, shared};

#[test]
fn core_rule_set_regression() {
    let (Some(rules), Some(tests)) = (shared::path("crs/rules"), shared::path("crs/tests")) else { return };
    let program = setup::program(&rules, setup::REGRESSION).unwrap();
    let only = std::env::var("POORT_CRS_TEST").unwrap_or_default();
    let mut cases = case::read(&tests).unwrap();
    cases.retain(|case| case.name.starts_with(&only));
    let report = run::suite("CRS regression", Arc::new(program), &cases);
    println!("{}", report.counts());
    assert_eq!(report.counts().failed, 0, "{report}");
    assert!(report.counts().passed > 0, "nothing ran");
}
