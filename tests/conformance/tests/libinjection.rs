//! Agreement with the C library on its corpus.

use poort_conformance::{libinjection, shared};

#[test]
fn agrees_on_every_case() {
    let Some(path) = shared::path("libinjection/cases.tsv") else { return };
    let report = libinjection::run("libinjection", &std::fs::read(path).unwrap()).unwrap();
    println!("{}", report.counts());
    assert_eq!(report.counts().failed, 0, "{report}");
    assert!(report.counts().passed > 0, "nothing ran");
}
