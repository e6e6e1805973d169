//! The configuration that is shipped, with certificates made for the occasion: none is in the repository.

use std::{path::Path, time::SystemTime};

use http::Method;
use poort_enforce::normal::normalise;
use poort_policy::Operation;

use super::ground::{DAY, Ground, KEYS, Material};

fn shipped() -> Ground {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let ground = Ground::copy_of(&[
        (&repository.join("deploy/poort.yaml"), "deploy/poort.yaml"),
        (&repository.join("policies"), "policies"),
    ]);
    let material = Material::shared();
    let issue = |names: &[&str]| material.issue(names, SystemTime::now() - DAY, SystemTime::now() + 90 * DAY);
    let gate = issue(&["persons.zone.example", "vehicles.zone.example", "firearms.zone.example"]);
    let upstream = issue(&[]);
    for (name, text) in [
        ("certs/gate.crt", gate.0.as_str()),
        ("certs/gate.key", &gate.1),
        ("certs/assertion.key", material.assertion()),
        ("certs/pseudonyms.keys", &"07".repeat(32)),
        ("policies/certs/device-ca.crt", &material.authority()),
        ("policies/certs/device-ca.crl", material.crl()),
        ("policies/certs/sso-ca.crt", &material.authority()),
        ("policies/certs/internal-ca.crt", &material.authority()),
        ("policies/certs/upstream-client.crt", &upstream.0),
        ("policies/certs/upstream-client.key", &upstream.1),
    ] {
        ground.write(name, text);
    }
    ground.replace("deploy/poort.yaml", "/var/lib/poort", "state");
    ground.replace("deploy/poort.yaml", "/var/log/poort", "audit");
    ground
}

#[test]
fn the_shipped_configuration_is_valid_and_worth_no_warning() {
    let ground = shipped();
    assert_eq!(ground.faults(), [""; 0]);
    assert_eq!(ground.warnings(), [""; 0]);
    let checked = ground.load().unwrap();
    let ids: Vec<_> = checked.sources.iter().map(|source| source.id.as_str()).collect();
    assert_eq!(ids, ["firearms", "persons", "vehicles"]);
    assert!(checked.sources.iter().all(|source| source.upstream.tls.is_some()));
    assert_eq!(
        checked.access.schema.name,
        ground.path("policies/access/schema.cedarschema").display().to_string()
    );
    assert!(checked.access.policies.iter().all(|policy| policy.text.contains("@id")));
}

/// What is `use` is permitted to everybody who may look.
#[test]
fn nothing_that_is_shipped_takes_a_change_for_plain_use() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut all = crate::config::policies(&repository.join("policies")).unwrap().operations;
    let examples = ["policies", "policies/examples/case-files"].map(|name| repository.join(name));
    let example = Ground::copy_of(&examples.each_ref().map(|from| (from.as_path(), "policies")));
    all.extend(crate::config::policies(&example.path("policies")).unwrap().operations);
    assert_eq!(all.len(), 4);
    for (source, operations) in &all {
        for path in ["/persons/85", "/vehicles/1-ABC-234", "/firearms/DEMO-1", "/cases/2026-1", "/elsewhere"]
        {
            let target = normalise(path.as_bytes(), 64).unwrap();
            for method in [Method::PUT, Method::PATCH, Method::DELETE] {
                let meaning = operations.meaning(&method, &target.readings(), None);
                let is_use = meaning.is_ok_and(|meaning| meaning.operation == Operation::Use);
                assert!(!is_use, "{source}: {method} {path}");
            }
        }
    }
}

#[test]
fn without_certificates_each_one_that_is_missing_is_named() {
    let ground = shipped();
    std::fs::remove_dir_all(ground.path("certs")).unwrap();
    std::fs::remove_dir_all(ground.path("policies/certs")).unwrap();
    let faults = ground.faults();
    for file in [
        "certs/gate.crt",
        "certs/gate.key",
        "certs/assertion.key",
        "certs/pseudonyms.keys",
        "policies/certs/device-ca.crt",
        "policies/certs/device-ca.crl",
        "policies/certs/sso-ca.crt",
        "policies/certs/internal-ca.crt",
        "policies/certs/upstream-client.crt",
        "policies/certs/upstream-client.key",
    ] {
        assert!(
            faults.iter().any(|fault| fault.contains(&format!("`{file}` does not exist"))),
            "{file}: {faults:#?}"
        );
    }
    assert!(faults.iter().all(|fault| fault.contains("does not exist")), "{faults:#?}");
}

#[test]
fn an_issuer_without_a_network_is_three_lines_away() {
    let ground = shipped();
    let asked = "    profile: generic\n    discovery: { ca: certs/sso-ca.crt }\n";
    let written = "    profile: generic\n    keys: { file: certs/federal.jwks }\n";
    ground.replace("policies/poort.yaml", asked, written);
    ground.write("policies/certs/federal.jwks", KEYS);
    assert_eq!(ground.faults(), [""; 0]);
}
