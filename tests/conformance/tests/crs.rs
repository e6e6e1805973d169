//! The regression suite of the OWASP Core Rule Set 4, in-process, in `DetectionOnly` at paranoia level 4; and what CRS 3.3
//! must decide.

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

#[test]
fn crs_3_loads_and_decides() {
    let Some(rules) = shared::crs_3() else { return };
    let program = setup::program(&rules, &[setup::LEVEL_1, setup::WITHOUT_CRS_3].concat()).unwrap();
    let faults = setup::program(&rules, setup::LEVEL_1).unwrap_err();
    let said = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(faults.len(), 4, "only what the file leaves out is refused: {said}");
    for refused in ["`GEO`", "@geolookup", "@rbl", "`\\1`"] {
        assert!(said.contains(refused), "{refused}: {said}");
    }
    let report = run::suite("CRS 3.3", Arc::new(program), &case::crs_3().unwrap());
    assert_eq!(report.counts().failed, 0, "{report}");
    assert!(report.counts().passed > 0, "nothing ran");
}
