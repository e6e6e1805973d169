//! `poort check` on files that are wrong: every fault at its place, with what to do, and exit code 2.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed, and a table is as long as it is"
)]

use std::process::Command;

use poort_demo::{
    gate::binary,
    layout::Layout,
    zone::{Zone, ZoneOptions},
};

fn check(layout: &Layout) -> (Option<i32>, String) {
    let output =
        Command::new(binary().unwrap()).arg("check").arg("--config").arg(layout.config()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// What is done to a file's text.
type Damage = fn(&str) -> String;

struct Case {
    what: &'static str,
    file: &'static str,
    damage: Damage,
    /// `file:line:column` and parts of the message.
    said: &'static [&'static str],
}

const fn case(what: &'static str, file: &'static str, damage: Damage, said: &'static [&'static str]) -> Case {
    Case { what, file, damage, said }
}

const PERSONS: &str = "policies/sources/persons.yaml";
const DEPLOY: &str = "deploy/poort.yaml";
const ZONE: &str = "policies/poort.yaml";
const ACCESS: &str = "policies/access/officers.cedar";

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("broken YAML", PERSONS, |_| "title: [unclosed\nhosts: x\n".into(), &["persons.yaml:", "YAML"]),
    case("truncated YAML", DEPLOY, |text| text[..text.len() / 2].into(), &["deploy/poort.yaml:"]),
    case("an empty file", PERSONS, |_| String::new(), &["persons.yaml:1:1"]),
    case("bytes that are no text", PERSONS, |_| "title: \u{0}\n".into(), &["persons.yaml:"]),
    case("an unknown key", PERSONS, |text| format!("{text}clasification: secret\n"), &["persons.yaml:", "`clasification`"]),
    case("an unknown key in a block", PERSONS, |text| text.replace("upstream:\n", "upstream:\n  adresses: []\n"), &["persons.yaml:", "`adresses`", "`addresses`"]),
    case("a key twice", PERSONS, |text| format!("{text}title: Again\n"), &["persons.yaml:", "`title`"]),
    case("a missing key", PERSONS, |text| text.replace("classification: restricted\n", ""), &["persons.yaml:", "`classification`"]),
    case("an unknown classification", PERSONS, |text| text.replace("restricted", "restriced"), &["persons.yaml:", "`restriced`", "`restricted`"]),
    case("a number that is none", DEPLOY, |text| text.replace("workers: 2", "workers: two"), &["deploy/poort.yaml:", "`two`"]),
    case("NTLM without `connection`", PERSONS, |text| text.replace("upstream:\n", "upstream:\n  authentication: ntlm\n"), &["persons.yaml:", "connection"]),
    case("a client with a secret and a key", ZONE, |text| text.replace("client_secret_file:", "client_key_file: ../certs/assertion.key\n    client_secret_file:"), &["poort.yaml:", "a client has a secret or a key, not both"]),
    case("a client's key that is none", ZONE, |text| text.replace("client_secret_file:", "client_key_file:"), &["poort.yaml:", "this key cannot sign who the gate is"]),
    case("an empty file of policies", ACCESS, |_| "// nothing\n".into(), &[]),
    case("Cedar that does not parse", ACCESS, |text| text.replacen("permit (", "permit (((", 1), &["officers.cedar:"]),
    case("Cedar that does not fit the schema", ACCESS, |text| text.replace("principal in Poort::Unit::\"zone\"", "principal.shoeSize > 42"), &["officers.cedar:", "shoeSize"]),
    case("a role that there is not", ACCESS, |text| text.replace("Role::\"officer\"", "Role::\"oficer\""), &["officers.cedar:", "oficer"]),
    case("a broken schema", "policies/access/schema.cedarschema", |_| "namespace Poort {".into(), &["schema.cedarschema:"]),
    case("a wild inventory", "policies/inventory.yaml", |_| "devices: 12\n".into(), &["inventory.yaml:1:"]),
    case("an algorithm of attackers", "policies/poort.yaml", |text| text.replacen("ES256", "HS256", 1), &["policies/poort.yaml:", "`HS256`"]),
];

fn zone() -> (Zone, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (Zone::start(&ZoneOptions::new(directory.path())).unwrap(), directory)
}

#[tokio::test]
async fn every_kind_of_broken_file_is_told_at_its_place() {
    let (zone, _directory) = zone();
    let layout = &zone.layout;
    let (code, said) = check(layout);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("3 sources") && said.contains("2 issuers"), "{said}");
    for Case { what, file, damage, said: expected } in CASES {
        let good = layout.read_file(file).unwrap();
        let bad = damage(&good);
        assert_ne!(good, bad, "{what}");
        layout.write_file(file, &bad).unwrap();
        let (code, said) = check(layout);
        layout.write_file(file, &good).unwrap();
        if expected.is_empty() {
            assert_eq!(code, Some(0), "{what}: {said}");
            continue;
        }
        assert_eq!(code, Some(2), "{what}: {said}");
        for part in *expected {
            assert!(said.contains(part), "{what}: `{part}` is not in\n{said}");
        }
        let place = said.lines().any(|line| {
            let mut parts = line.split(':').skip(1);
            let mut number =
                || parts.next().is_some_and(|part| part.parse::<u32>().is_ok_and(|number| number > 0));
            number() && number()
        });
        assert!(place, "{what}: no line and column in\n{said}");
    }
    assert_eq!(check(layout).0, Some(0));
}

#[tokio::test]
async fn material_that_is_missing_or_does_not_fit_is_told_at_the_line_that_names_it() {
    let (zone, _directory) = zone();
    let layout = &zone.layout;
    type Change = fn(&Zone);
    let write = |name: &str, text: &str| std::fs::write(zone.pki.path(name), text).unwrap();
    #[rustfmt::skip]
    let cases: &[(&str, &[&str], Change, &[&str])] = &[
        ("a certificate without its key", &["persons.key"], |zone| std::fs::remove_file(zone.pki.path("persons.key")).unwrap(), &["deploy/poort.yaml:", "persons.key"]),
        ("a key of another certificate", &["persons.key"], |zone| { std::fs::copy(zone.pki.path("vehicles.key"), zone.pki.path("persons.key")).unwrap(); }, &["deploy/poort.yaml:7:", "does not belong"]),
        ("no list of revoked certificates", &["device-ca.crl"], |zone| std::fs::remove_file(zone.pki.path("device-ca.crl")).unwrap(), &["policies/poort.yaml:", "device-ca.crl"]),
        ("a list that somebody else signed", &["device-ca.crl"], |zone| {
            let now = std::time::SystemTime::now();
            let list = poort_demo::pki::RevocationList { serials: vec![], this_update: now, next_update: now + std::time::Duration::from_secs(3600) };
            std::fs::write(zone.pki.path("device-ca.crl"), zone.pki.foreign.revocation_list(&list).unwrap()).unwrap();
        }, &["policies/poort.yaml:"]),
        ("half a certificate", &["device-ca.crt"], |zone| {
            let path = zone.pki.path("device-ca.crt");
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(path, &text[..text.len() / 2]).unwrap();
        }, &["policies/poort.yaml:", "device-ca.crt"]),
        ("a leaf as an authority", &["device-ca.crt"], |zone| { std::fs::copy(zone.pki.device_files("car-12").0, zone.pki.path("device-ca.crt")).unwrap(); }, &["policies/poort.yaml:"]),
        ("no key to sign assertions", &["assertion.key"], |zone| std::fs::remove_file(zone.pki.path("assertion.key")).unwrap(), &["deploy/poort.yaml:", "assertion.key"]),
        ("no authority for a source", &["internal-ca.crt"], |zone| std::fs::remove_file(zone.pki.path("internal-ca.crt")).unwrap(), &["vehicles.yaml:", "firearms.yaml:", "internal-ca.crt"]),
    ];
    for (what, files, change, expected) in cases {
        let good: Vec<(&str, String)> =
            files.iter().map(|file| (*file, std::fs::read_to_string(zone.pki.path(file)).unwrap())).collect();
        change(&zone);
        let (code, said) = check(layout);
        for (file, text) in &good {
            write(file, text);
        }
        assert_eq!(code, Some(2), "{what}: {said}");
        for part in *expected {
            assert!(said.contains(part), "{what}: `{part}` is not in\n{said}");
        }
        assert!(!said.contains("PRIVATE KEY"), "{what}");
    }
    assert_eq!(check(layout).0, Some(0));
}

#[tokio::test]
async fn all_faults_are_told_at_once() {
    let (zone, _directory) = zone();
    let layout = &zone.layout;
    layout
        .edit(PERSONS, |yaml| {
            yaml["titel"] = "typo".into();
            yaml["classification"] = "nowhere".into();
            yaml["body"] = "10 apples".into();
        })
        .unwrap();
    layout.edit("policies/poort.yaml", |yaml| yaml["issuers"][0]["profile"] = "homegrown".into()).unwrap();
    layout.edit(DEPLOY, |yaml| yaml["drain"] = "soon".into()).unwrap();
    let (code, said) = check(layout);
    assert_eq!(code, Some(2), "{said}");
    for part in ["`titel`", "`nowhere`", "10 apples", "`homegrown`", "`soon`"] {
        assert!(said.contains(part), "`{part}` is not in\n{said}");
    }
    let count = said.lines().filter(|line| line.contains(".yaml:")).count();
    assert!(said.contains(&format!("{count} faults to mend")), "{said}");
    assert!(count >= 5, "{said}");
    assert!(said.contains("policies and rules of inspection are looked at once that is done"), "{said}");
}

#[tokio::test]
async fn what_is_legal_but_dangerous_is_a_warning() {
    let (zone, _directory) = zone();
    // One certificate for two hosts with other rules: a browser would use one connection for both.
    zone.layout.edit("policies/sources/firearms.yaml", |yaml| yaml["device"] = "optional".into()).unwrap();
    zone.pki.server("persons", &["persons.localhost", "firearms.localhost"]).unwrap();
    let (code, said) = check(&zone.layout);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("2 warnings;") && said.contains("`persons` and `firearms`"), "{said}");
    let missing =
        Command::new(binary().unwrap()).args(["check", "--config", "/does/not/exist.yaml"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/does/not/exist.yaml"));
}
