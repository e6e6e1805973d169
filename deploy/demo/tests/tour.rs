//! The tour as a test. It needs the gate's binary: `cargo build -p poort` first, as `make test` does.
#![allow(clippy::unwrap_used, reason = "a test")]

use poort_demo::gate::Gate;
use poort_demo::tour;
use poort_demo::zone::{Zone, ZoneOptions};

#[tokio::test]
async fn every_row_is_as_expected() {
    let directory = tempfile::tempdir().unwrap();
    let zone = Zone::start(&ZoneOptions::new(directory.path())).unwrap();
    let mut gate = Gate::start(&zone.layout).await.unwrap();
    let table = tour::walk(&zone, &gate).await.unwrap();
    assert!(table.rows.len() >= 30 && table.differences().next().is_none(), "{table}\n{}", gate.log());
    assert!(gate.stop().await.unwrap().success());
}

/// A tour that nothing can spoil would show nothing.
#[tokio::test]
async fn a_policy_that_permits_everything_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let zone = Zone::start(&ZoneOptions::new(directory.path())).unwrap();
    for name in ["00-unbreakable", "firearms", "officers", "partners", "supervisors"] {
        zone.layout.remove_file(&format!("policies/access/{name}.cedar")).unwrap();
    }
    zone.layout
        .write_file("policies/access/all.cedar", "@id(\"all\")\npermit (principal, action, resource);\n")
        .unwrap();
    let gate = Gate::start(&zone.layout).await.unwrap();
    let table = tour::walk(&zone, &gate).await.unwrap();
    let differing: Vec<&str> = table.differences().map(|row| row.what).collect();
    for what in
        ["an unmanaged device", "firearms without strong sign-in", "the federal issuer claims a local role"]
    {
        assert!(differing.contains(&what), "{what}: {table}");
    }
}
