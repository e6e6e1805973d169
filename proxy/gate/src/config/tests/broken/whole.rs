//! Whole files and directories: absent, cut short, of another kind, or with certificates in them that do not fit.

use std::time::SystemTime;

use super::super::ground::{DAY, Ground, Material};

/// A change to the directory, and the beginning of each thing that is reported.
type Case = (&'static str, fn(&Ground), &'static [&'static str]);

fn check(cases: &[Case]) {
    for (name, change, expected) in cases {
        let ground = Ground::new();
        change(&ground);
        let faults = ground.faults();
        let same = faults.len() == expected.len()
            && faults.iter().zip(*expected).all(|(one, part)| one.starts_with(part));
        assert!(same, "{name}: {faults:#?}");
    }
}

const PERSONS: &str = "policies/sources/persons.yaml";

const FILES: &[Case] = &[
    ("absent", |g| g.remove("deploy/poort.yaml"), &["deploy/poort.yaml: `deploy/poort.yaml` does not exist"]),
    (
        "absent main file",
        |g| g.remove("policies/poort.yaml"),
        &["policies/poort.yaml: `policies/poort.yaml` does not exist; create it or correct the path"],
    ),
    ("absent entities", |g| g.remove("policies/entities.yaml"), &["policies/entities.yaml: "]),
    ("empty", |g| g.write(PERSONS, ""), &["policies/sources/persons.yaml:1:1: the file is empty"]),
    (
        "comments only",
        |g| g.write(PERSONS, "# title: x\n"),
        &["policies/sources/persons.yaml:1:1: the file is empty"],
    ),
    (
        "binary",
        |g| g.write(PERSONS, b"title: x\n\x7fELF\0\0"),
        &["policies/sources/persons.yaml:1:1: this is a binary file"],
    ),
    (
        "not UTF-8",
        |g| g.write(PERSONS, b"title: x\nowner: caf\xe9\n"),
        &["policies/sources/persons.yaml:2:11: this is not UTF-8"],
    ),
    (
        "UTF-16",
        |g| g.write(PERSONS, b"\xff\xfet\0i\0"),
        &["policies/sources/persons.yaml:1:1: this is not UTF-8"],
    ),
    (
        "characters that show a text otherwise than it is read",
        |g| {
            g.write(PERSONS, "title: x # \u{202e}txet\nowner: y\u{2028}body: 1GiB\n");
            g.write("policies/access/a.cedar", "// closed\rpermit (principal, action, resource);\r\n");
            g.write("policies/entities.yaml", "roles: {} # \u{1b}[2K\n");
        },
        &[
            "policies/access/a.cedar:1:10: a line break (U+000D) alone is read otherwise than it is shown; remove it, or end the line as the others end",
            "policies/entities.yaml:1:13: the character U+001B",
            "policies/sources/persons.yaml:1:12: the character U+202E shows the text otherwise than it is read; remove it",
            "policies/sources/persons.yaml:2:9: the character U+2028",
        ],
    ),
    (
        "a list",
        |g| g.write(PERSONS, "- a\n- b\n"),
        &["policies/sources/persons.yaml:1:1: the file must be a mapping, not a list"],
    ),
    (
        "a word",
        |g| g.write(PERSONS, "persons\n"),
        &["policies/sources/persons.yaml:1:1: the file must be a mapping"],
    ),
    ("null", |g| g.write(PERSONS, "~\n"), &["policies/sources/persons.yaml:1:1: the file has no value"]),
    (
        "two documents",
        |g| g.write(PERSONS, "title: x\n---\ntitle: y\n"),
        &["policies/sources/persons.yaml:2:1: a second document begins here"],
    ),
    (
        "cut in a string",
        |g| g.write(PERSONS, "title: \"Persons reg"),
        &["policies/sources/persons.yaml:1:8: this is no YAML"],
    ),
    (
        "cut in a list",
        |g| g.write(PERSONS, "title: a\nhosts: [persons"),
        &["policies/sources/persons.yaml:3:1: this is no YAML"],
    ),
    (
        "aliases that multiply",
        |g| {
            let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
            for level in 1..9 {
                let all = vec![format!("*a{}", level - 1); 9].join(", ");
                bomb.push_str(&format!("a{level}: &a{level} [{all}]\n"));
            }
            g.write(PERSONS, bomb);
        },
        &["policies/sources/persons.yaml:1:9: anchors (`&`) and aliases (`*`) are refused"],
    ),
    (
        "deep",
        |g| g.write(PERSONS, "[".repeat(100_000)),
        &["policies/sources/persons.yaml:1:256: this is no YAML"],
    ),
    (
        "deep lists",
        |g| g.write(PERSONS, format!("{}x", "- ".repeat(10_000))),
        &["policies/sources/persons.yaml:1:67: nested more than 32"],
    ),
    ("deep mappings", |g| g.write(PERSONS, "a: {".repeat(10_000)), &["policies/sources/persons.yaml:1:"]),
    (
        "large",
        |g| g.write(PERSONS, "#".repeat((1 << 20) + 1)),
        &["policies/sources/persons.yaml: `policies/sources/persons.yaml` is larger than 1024 KiB"],
    ),
    (
        "a directory",
        |g| {
            g.remove(PERSONS);
            g.write("policies/sources/persons.yaml/x", "");
        },
        &["policies/sources/persons.yaml: `policies/sources/persons.yaml` is not a regular file"],
    ),
];

#[test]
fn files_that_are_none() {
    check(FILES);
}

const DIRECTORIES: &[Case] = &[
    (
        "no source",
        |g| {
            g.remove("policies/sources/persons.yaml");
            g.remove("policies/sources/vehicles.yaml");
        },
        &["policies/sources: no `*.yaml` is in this directory"],
    ),
    (
        "no policy",
        |g| g.remove("policies/access/a.cedar"),
        &["policies/access: no `*.cedar` is in this directory"],
    ),
    (
        "no schema",
        |g| g.remove("policies/access/schema.cedarschema"),
        &["policies/access/schema.cedarschema: "],
    ),
    (
        "empty policy",
        |g| g.write("policies/access/a.cedar", " \n"),
        &["policies/access/a.cedar:1:1: the file is empty"],
    ),
    (
        "binary policy",
        |g| g.write("policies/access/a.cedar", b"permit\xff"),
        &["policies/access/a.cedar:1:7: this is not UTF-8"],
    ),
    (
        "no id",
        |g| {
            g.write(
                "policies/sources/Case Files.yaml",
                std::fs::read(g.path("policies/sources/vehicles.yaml")).unwrap(),
            );
        },
        &[
            "policies/sources/Case Files.yaml:1:1: `Case Files` is no id for a source",
            "policies/sources/vehicles.yaml:4:9: `vehicles.localhost` with prefix `/` is claimed by `Case Files` already",
        ],
    ),
    (
        "everything at once",
        |g| {
            g.replace("deploy/poort.yaml", "drain: 30s", "drain: soon");
            g.replace("deploy/poort.yaml", "watch:", "wach:");
            g.replace("policies/poort.yaml", "profile: keycloak", "profile: keyclock");
            g.replace("policies/entities.yaml", "[cars, office]", "[office]");
            g.replace("policies/sources/persons.yaml", "device: required", "device: never");
            g.write("policies/sources/vehicles.yaml", "title: [\n");
            g.remove("policies/access/a.cedar");
        },
        &[
            "deploy/poort.yaml:25:8: `soon`",
            "deploy/poort.yaml:26:1: unknown key `wach`",
            "policies/access: no `*.cedar`",
            "policies/inventory.yaml:2:91: the fleet `cars`",
            "policies/poort.yaml:11:14: `keyclock`",
            "policies/sources/persons.yaml:6:9: `never`",
            "policies/sources/vehicles.yaml:2:1: this is no YAML",
        ],
    ),
];

#[test]
fn directories_that_are_empty_or_odd() {
    check(DIRECTORIES);
}

fn cut(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

fn gate(ground: &Ground, (chain, key): (String, String)) {
    ground.write("deploy/certs/gate.crt", chain);
    ground.write("deploy/certs/gate.key", key);
}

const NAMES: &[&str] = &["persons.localhost", "vehicles.localhost"];

const MATERIAL: &[Case] = &[
    (
        "no certificate file",
        |g| g.remove("deploy/certs/gate.crt"),
        &["deploy/poort.yaml:4:16: `deploy/certs/gate.crt` does not exist"],
    ),
    (
        "no key file",
        |g| g.remove("deploy/certs/gate.key"),
        &["deploy/poort.yaml:5:14: `deploy/certs/gate.key` does not exist"],
    ),
    (
        "empty certificate file",
        |g| g.write("deploy/certs/gate.crt", ""),
        &["deploy/poort.yaml:4:16: `deploy/certs/gate.crt` is empty"],
    ),
    (
        "certificate cut short",
        |g| g.write("deploy/certs/gate.crt", cut(&Material::shared().gate.0, 200)),
        &[
            "deploy/poort.yaml:4:16: `deploy/certs/gate.crt` is damaged (a section has no end: it was cut short)",
        ],
    ),
    (
        "certificate that is none",
        |g| {
            g.write(
                "deploy/certs/gate.crt",
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            );
        },
        &["deploy/poort.yaml:4:16: certificate 1 in this file is no X.509 certificate"],
    ),
    (
        "key cut short",
        |g| g.write("deploy/certs/gate.key", cut(&Material::shared().gate.1, 80)),
        &[
            "deploy/poort.yaml:5:14: `deploy/certs/gate.key` is damaged (a section has no end: it was cut short)",
        ],
    ),
    (
        "key that is none",
        |g| {
            g.write(
                "deploy/certs/gate.key",
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            );
        },
        &["deploy/poort.yaml:5:14: this key is of a kind that TLS cannot use"],
    ),
    (
        "encrypted key",
        |g| {
            g.write(
                "deploy/certs/gate.key",
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            );
        },
        &["deploy/poort.yaml:5:14: `deploy/certs/gate.key` is encrypted"],
    ),
    (
        "another's key",
        |g| g.write("deploy/certs/gate.key", &Material::shared().upstream.1),
        &["deploy/poort.yaml:5:14: this key does not belong to the certificate beside it"],
    ),
    (
        "expired",
        |g| {
            gate(g, Material::shared().issue(NAMES, SystemTime::now() - 2 * DAY, SystemTime::now() - DAY));
        },
        &["deploy/poort.yaml:4:16: this certificate expired on "],
    ),
    (
        "not yet valid",
        |g| {
            gate(g, Material::shared().issue(NAMES, SystemTime::now() + DAY, SystemTime::now() + 2 * DAY));
        },
        &["deploy/poort.yaml:4:16: this certificate is not valid before "],
    ),
    (
        "no name",
        |g| gate(g, Material::shared().upstream.clone()),
        &["deploy/poort.yaml:4:16: this certificate has no DNS name in subjectAltName"],
    ),
    (
        "expired towards a source",
        |g| {
            let (chain, key) =
                Material::shared().issue(&[], SystemTime::now() - 2 * DAY, SystemTime::now() - DAY);
            g.write("policies/certs/upstream.crt", chain);
            g.write("policies/certs/upstream.key", key);
        },
        &["policies/sources/persons.yaml:12:18: this certificate expired on "],
    ),
    (
        "revocation list of nobody",
        |g| {
            let other = Material::make();
            g.write("policies/certs/device-ca.crl", other.crl());
        },
        &["policies/poort.yaml:3:10: revocation list 1 is not signed by"],
    ),
    (
        "revocation list cut short",
        |g| g.write("policies/certs/device-ca.crl", "-----BEGIN X509 CRL-----\nMIIB"),
        &["policies/poort.yaml:3:10: `policies/certs/device-ca.crl` is damaged"],
    ),
    (
        "key set that is none",
        |g| {
            g.replace(
                "policies/poort.yaml",
                "{ url: https://sso.federal.example/certs }",
                "{ file: certs/keys.jwks }",
            );
            g.write("policies/certs/keys.jwks", "{}");
        },
        &["policies/poort.yaml:22:19: `policies/certs/keys.jwks`: "],
    ),
    (
        "keys from two places",
        |g| {
            g.replace(
                "policies/poort.yaml",
                "{ url: https://sso.federal.example/certs }",
                "{ url: https://sso.federal.example/certs, file: certs/keys.jwks }",
            );
            g.write("policies/certs/keys.jwks", super::super::ground::KEYS);
        },
        &["policies/poort.yaml:22:11: there is both a `url` and a `file`"],
    ),
];

#[test]
fn certificates_and_keys_that_do_not_fit() {
    check(MATERIAL);
}

#[test]
fn nothing_secret_is_ever_said() {
    let ground = Ground::new();
    let secret = "c2VjcmV0c2VjcmV0";
    ground.write(
        "deploy/certs/gate.key",
        format!("-----BEGIN PRIVATE KEY-----\n{secret}!\n-----END PRIVATE KEY-----\n"),
    );
    ground.write("deploy/certs/assertion.key", format!("-----BEGIN PRIVATE KEY\n{secret}\n"));
    ground.replace(
        "policies/poort.yaml",
        "certs/internal-ca.crt",
        &format!("\"-----BEGIN PRIVATE KEY-----{secret}\""),
    );
    ground.replace(
        "policies/sources/vehicles.yaml",
        "owner: Traffic",
        &format!("owner: Traffic\npassword: {secret}"),
    );
    let faults = ground.faults();
    assert_eq!(faults.len(), 4, "{faults:#?}");
    assert!(faults.iter().all(|fault| !fault.contains(secret)), "{faults:#?}");
    let loaded = Ground::new().load().unwrap();
    let shown = format!("{loaded:?}");
    assert!(!shown.contains("PRIVATE KEY") && shown.contains("PrivateKey(..)"));
}
