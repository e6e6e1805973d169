//! Whole requests with the rules that match them, and those that do not.

use poort_conformance::profile;

#[test]
fn profiles_hold() {
    let report = profile::all("profiles").unwrap_or_else(|faults| {
        panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    println!("{}", report.counts());
    assert_eq!(report.counts().failed, 0, "{report}");
    assert!(report.counts().passed > 0, "nothing ran");
}
