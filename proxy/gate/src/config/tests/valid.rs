//! What becomes of a valid configuration, and what is worth a warning in it.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use poort_enforce::{
    normal::{UrlForm, UrlForms},
    source::Demand,
};
use poort_identity::{Algorithm, Profile};

use super::ground::{DAY, FILES, Ground, KEYS, Material};
use crate::config::{
    checked::{
        TlsVersion,
        source::{Authentication, IdentityValue},
        zone::IssuerKeys,
    },
    load_from, state_directory,
};

#[test]
fn the_operators_file_is_understood() {
    let ground = Ground::new();
    let checked = ground.load().unwrap();
    let deploy = &checked.deploy;
    let listener = &deploy.listeners[0];
    assert_eq!(listener.address.to_string(), "127.0.0.1:8443");
    assert_eq!((listener.client_certificate, listener.tls), (Demand::Required, TlsVersion::V13));
    assert_eq!(listener.balancers[0].to_string(), "10.0.0.0/24");
    assert_eq!(listener.certificates[0].names, ["persons.localhost", "vehicles.localhost"]);
    assert_eq!(listener.place.line, 2);
    assert_eq!(deploy.admin.to_string(), "127.0.0.1:9900");
    assert_eq!(deploy.state, ground.path("deploy/state"));
    assert_eq!(deploy.audit.directory, ground.path("deploy/audit"));
    assert!(deploy.audit.durable && !deploy.watch);
    assert_eq!(deploy.assertion.as_ref().unwrap().issuer, "https://gate.example");
    assert_eq!(deploy.workers.unwrap().get(), 2);
    assert_eq!(deploy.drain, Duration::from_secs(30));
    let carrier = &deploy.connections.carriers[0];
    assert_eq!((carrier.connections.get(), carrier.handshakes.count.get()), (10_000, 2_000));
    assert_eq!(carrier.handshakes.per, Duration::from_secs(10));
    assert!(
        !ground.path("deploy/state").exists() && !ground.path("deploy/audit").exists(),
        "a check leaves no trace"
    );
}

#[test]
fn the_main_file_is_understood() {
    let checked = Ground::new().load().unwrap();
    let zone = &checked.zone;
    assert_eq!(zone.devices.anchors.subjects().len(), 1);
    assert_eq!(zone.devices.revocations.ages(SystemTime::now()).len(), 1);
    assert!(zone.devices.rule.required && zone.devices.rule.grace.is_zero());
    assert_eq!(zone.devices.inventory[0].fleet.as_deref(), Some("cars"));
    let [first, second] = zone.issuers.as_slice() else { panic!("two issuers") };
    assert_eq!((first.rules.profile, second.rules.profile), (Profile::Keycloak, Profile::Generic));
    assert_eq!(second.rules.algorithms, [Algorithm::Es256, Algorithm::EdDsa]);
    assert_eq!(first.rules.roles.grants["boss"], "supervisor");
    assert_eq!((first.rules.max_age, second.rules.max_age), (Some(Duration::from_secs(600)), None));
    assert!(!first.pins && !second.pins, "only where it is asked for");
    assert_eq!(second.rules.leeway, Duration::from_secs(30));
    assert!(second.rules.roles.claim.is_empty() && second.rules.roles.grants.is_empty());
    assert!(matches!(&first.keys, IssuerKeys::Url { ca: Some(ca), .. } if ca.len() == 1));
    assert!(
        matches!(&second.keys, IssuerKeys::Url { ca: None, url } if url == "https://sso.federal.example/certs")
    );
    assert_eq!(zone.limits.address.unwrap().burst.get(), 600);
    assert_eq!(zone.limits.device.unwrap().burst.get(), 50, "a rate alone may come at once");
    assert_eq!(zone.limits.user.unwrap().rate.count.get(), 20, "what is left out is not unlimited");
    assert_eq!(zone.entities.roles[1].parents, ["officer"]);
    assert_eq!((zone.entities.roles[1].place.line, zone.entities.roles[1].place.column), (3, 3));
    assert!(zone.entities.fleets.contains("office"));
}

#[test]
fn sources_are_understood() {
    let checked = Ground::new().load().unwrap();
    let [persons, vehicles] = checked.sources.as_slice() else { panic!("two sources") };
    assert_eq!((persons.id.as_str(), vehicles.id.as_str()), ("persons", "vehicles"));
    assert_eq!((persons.classification.0.as_str(), persons.classification.1.line), ("restricted", 3));
    let upstream = &persons.upstream;
    let addresses: Vec<_> = upstream.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["persons.internal:9001", "10.0.0.2:9001"]);
    let tls = upstream.tls.as_ref().unwrap();
    assert_eq!((tls.name.as_str(), tls.minimum, tls.ca.len()), ("persons.internal", TlsVersion::V12, 1));
    assert!(tls.identity.is_some());
    assert_eq!(
        (upstream.host.as_deref(), upstream.prefix.as_deref()),
        (Some("persons.internal"), Some("/app"))
    );
    assert_eq!(upstream.authentication, Authentication::None);
    assert_eq!(upstream.timeouts.read, Duration::from_secs(10));
    assert_eq!(upstream.timeouts.total, Duration::from_secs(120), "from the zone's defaults");
    assert_eq!(persons.operations.len(), 3);
    assert_eq!(persons.limits.user.unwrap().burst.get(), 30);
    assert_eq!(persons.limits.device.unwrap().burst.get(), 10);
    assert_eq!((persons.limits.total, persons.limits.concurrent.unwrap().get()), (None, 50));
    assert_eq!(persons.url, UrlForms::from_iter([UrlForm::DoubleSlash, UrlForm::Latin1]));
    assert!(persons.streams.websocket && !persons.streams.events);
    let cors = persons.cors.as_ref().unwrap();
    assert_eq!(
        (cors.headers.as_slice(), cors.max_age),
        (["content-type".to_owned()].as_slice(), Duration::from_secs(600))
    );
    assert_eq!(persons.identity.headers[0].1, IdentityValue::Subject);
    assert_eq!((persons.body, vehicles.body), (1 << 20, 10 << 20));
    assert_eq!((vehicles.device, vehicles.subject), (Demand::Required, Demand::Required));
    assert_eq!(vehicles.prefixes, ["/"]);
    assert!(vehicles.identity.assertion, "assertions are minted where they can be");
    assert_eq!(vehicles.streams.readmit, Duration::from_secs(60));
}

#[test]
fn an_issuer_that_does_not_say_where_its_keys_are_is_asked() {
    let ground = Ground::new();
    ground.replace("policies/poort.yaml", "    keys: { url: https://sso.federal.example/certs }\n", "");
    assert_eq!(ground.faults(), [""; 0]);
    let checked = ground.load().unwrap();
    let [first, second] = checked.zone.issuers.as_slice() else { panic!("two issuers") };
    assert!(first.discovery.is_none() && matches!(second.keys, IssuerKeys::Discovered));
    let asked = second.discovery.as_ref().unwrap();
    assert!(asked.ca.is_none() && asked.origins.is_empty());
    ground.replace(
        "policies/poort.yaml",
        "certs, ca: certs/internal-ca.crt }\n",
        "certs }\n    discovery: { ca: certs/internal-ca.crt, origins: [https://keys.zone.example:9443] }\n",
    );
    assert_eq!(ground.faults(), [""; 0]);
    let checked = ground.load().unwrap();
    let first = &checked.zone.issuers[0];
    assert!(matches!(first.keys, IssuerKeys::Url { .. }), "its keys are where it is written");
    let asked = first.discovery.as_ref().unwrap();
    assert_eq!((asked.ca.as_ref().unwrap().len(), asked.origins[0].port()), (1, Some(9443)));
}

#[test]
fn keys_may_come_from_a_file() {
    let ground = Ground::new();
    ground.replace(
        "policies/poort.yaml",
        "{ url: https://sso.federal.example/certs }",
        "{ file: certs/keys.jwks }",
    );
    ground.write("policies/certs/keys.jwks", KEYS);
    assert_eq!(ground.faults(), [""; 0]);
    let checked = ground.load().unwrap();
    assert!(
        matches!(&checked.zone.issuers[1].keys, IssuerKeys::File { path, .. } if path.ends_with("certs/keys.jwks"))
    );
}

#[test]
fn without_an_assertion_key_none_is_minted() {
    let ground = Ground::new();
    ground.replace(
        "deploy/poort.yaml",
        "assertion: { key: certs/assertion.key, issuer: https://gate.example }\n",
        "",
    );
    assert_eq!(
        ground.faults(),
        [
            "policies/sources/persons.yaml:34:14: no assertion can be made; name a key under `assertion` in the operators' file",
        ]
    );
    ground.replace("policies/sources/persons.yaml", "assertion: true", "assertion: false");
    let checked = ground.load().unwrap();
    assert!(
        checked.deploy.assertion.is_none() && checked.sources.iter().all(|source| !source.identity.assertion)
    );
}

#[test]
fn saved_by_other_editors() {
    for (name, change) in [
        ("byte order mark", (|text: &str| format!("\u{feff}{text}")) as fn(&str) -> String),
        ("carriage returns", |text| text.replace('\n', "\r\n")),
        ("no line end at the end", |text| text.trim_end().to_owned()),
        ("document start", |text| format!("---\n{text}...\n")),
    ] {
        let ground = Ground::new();
        for (file, text) in FILES {
            ground.write(file, change(text));
        }
        assert_eq!(ground.faults(), [""; 0], "{name}");
        ground.write(FILES[5].0, change(&FILES[5].1.replace("owner:", "ownr:")));
        let places: Vec<_> =
            ground.faults().iter().map(|fault| fault.split(": ").next().unwrap().to_owned()).collect();
        let line = if name == "document start" { 3 } else { 2 };
        assert!(places.contains(&format!("policies/sources/vehicles.yaml:{line}:1")), "{name}: {places:?}");
    }
}

#[test]
fn every_file_is_kept_and_enough_to_load_again() {
    let ground = Ground::new();
    let checked = ground.load().unwrap();
    let names: Vec<_> = checked.files.iter().filter_map(|file| file.path.file_name()?.to_str()).collect();
    assert_eq!(names.len(), 17, "each of the files once: {names:?}");
    let kept: BTreeMap<_, _> =
        checked.files.iter().map(|file| (file.path.clone(), file.bytes.to_vec())).collect();
    let file = ground.path("deploy/poort.yaml");
    for file in &checked.files {
        std::fs::write(&file.path, "broken").unwrap();
    }
    assert!(ground.load().is_err());
    let again = load_from(&file, kept.clone()).unwrap();
    let sums =
        |files: &[crate::config::checked::FileRead]| files.iter().map(|file| file.sha256).collect::<Vec<_>>();
    assert_eq!(sums(&again.files), sums(&checked.files));
    assert_eq!(again.sources.len(), 2);
    let mut short = kept;
    short.retain(|path, _| !path.ends_with("vehicles.yaml") && !path.ends_with("gate.key"));
    let faults = load_from(&file, short).unwrap_err();
    assert_eq!(faults.all().len(), 1, "{faults}");
}

#[test]
fn the_state_directory_is_found_in_broken_files() {
    for (name, text, expected) in [
        ("valid", FILES[0].1.to_owned(), "deploy/state"),
        ("another", FILES[0].1.replace("./state", "../var/state"), "var/state"),
        ("faults elsewhere", FILES[0].1.replace("listeners:", "listners:"), "deploy/state"),
        ("no YAML", "a: [".to_owned(), "deploy/state"),
        ("no directory", "state: 5".to_owned(), "deploy/state"),
        ("empty", String::new(), "deploy/state"),
    ] {
        let ground = Ground::new();
        ground.write("deploy/poort.yaml", text);
        assert_eq!(state_directory(&ground.path("deploy/poort.yaml")), ground.path(expected), "{name}");
    }
}

type Case = (&'static str, fn(&Ground), &'static [&'static str]);

const WARNINGS: &[Case] = &[
    ("nothing", |_| {}, &[]),
    (
        "key that others may read",
        |g| g.mode("deploy/certs/gate.key", 0o644),
        &[
            "deploy/poort.yaml:5:14: warning: `deploy/certs/gate.key` may be read by others than its owner; run `chmod 600 deploy/certs/gate.key`",
        ],
    ),
    (
        "admin for everybody",
        |g| g.replace("deploy/poort.yaml", "127.0.0.1:9900", "0.0.0.0:9900"),
        &[
            "deploy/poort.yaml:9:19: warning: `0.0.0.0:9900` is reached from elsewhere, and admin answers without credentials; use `127.0.0.1`",
        ],
    ),
    (
        "console that nobody may look at",
        |g| {
            let console = "watch: false\nconsole:\n  address: 127.0.0.1:9443\n  certificates: [{ chain: certs/gate.crt, key: certs/gate.key }]\n  \
                anchors: [../policies/certs/device-ca.crt]\n  crls: [../policies/certs/device-ca.crl]\n";
            g.replace("deploy/poort.yaml", "watch: false\n", console);
        },
        &[
            "deploy/poort.yaml:28:12: warning: nobody sees anything of the console as long as there is no `console.cedar` beside `poort.yaml`; write one",
        ],
    ),
    (
        "record that may lose decisions",
        |g| g.replace("deploy/poort.yaml", "durable: true", "durable: false"),
        &[
            "deploy/poort.yaml:12:39: warning: a power cut then loses decisions whose answers are out already; write `true`",
        ],
    ),
    (
        "certificate that expires soon",
        |g| {
            let (chain, key) = Material::shared().issue(
                &["persons.localhost", "vehicles.localhost"],
                SystemTime::now() - DAY,
                SystemTime::now() + 13 * DAY,
            );
            g.write("deploy/certs/gate.crt", chain);
            g.write("deploy/certs/gate.key", key);
        },
        &["deploy/poort.yaml:4:16: warning: this certificate expires on "],
    ),
    (
        "no certificate for a host",
        |g| g.replace("policies/sources/vehicles.yaml", "vehicles.localhost", "vehicles.example"),
        &[
            "policies/sources/vehicles.yaml:4:9: warning: no certificate of a listener is valid for `vehicles.example`",
        ],
    ),
    (
        "old algorithm",
        |g| g.replace("policies/poort.yaml", "[ES256, EdDSA]", "[RS256]"),
        &["policies/poort.yaml:21:18: warning: `RS256` is for issuers that can do no better"],
    ),
    (
        "revocation not required",
        |g| g.replace("policies/poort.yaml", "required: true", "required: false"),
        &["policies/poort.yaml:4:15: warning: a device whose authority has no revocation list is admitted"],
    ),
    (
        "a stale list that is believed for a day and a minute",
        |g| g.replace("policies/poort.yaml", "grace: 0s", "grace: 1441m"),
        &[
            "policies/poort.yaml:4:40: warning: for `1441m` after a revocation list has ended, a device that is revoked meanwhile is admitted; write `1d` at most",
        ],
    ),
    (
        "a stale list that is believed for a day",
        |g| g.replace("policies/poort.yaml", "grace: 0s", "grace: 1d"),
        &[],
    ),
    (
        "no limit on devices",
        |g| g.replace("policies/poort.yaml", "device: 50/1s", "device: unlimited"),
        &["policies/poort.yaml:26:11: warning: `unlimited` lets one caller take everything"],
    ),
    (
        "nobody can sign in",
        |g| {
            let (before, rest) = FILES[1].1.split_once("issuers:").unwrap();
            let (_, after) = rest.split_once("strong_sign_in").unwrap();
            g.write("policies/poort.yaml", format!("{before}strong_sign_in{after}"));
        },
        &["policies/poort.yaml:1:1: warning: no issuer is named"],
    ),
    (
        "empty inventory",
        |g| {
            g.write("policies/inventory.yaml", "devices: []\n");
            g.replace(
                "policies/sources/persons.yaml",
                "on_behalf_of: [\"spiffe://zone.example/workload/search\"]\n",
                "",
            );
        },
        &["policies/inventory.yaml:1:10: warning: no device is in the inventory"],
    ),
    (
        "aggregator without posture",
        |g| g.replace("policies/inventory.yaml", "workload/search", "workload/other"),
        &[
            "policies/sources/persons.yaml:32:16: warning: `spiffe://zone.example/workload/search` is not in the inventory",
        ],
    ),
    (
        "plain HTTP to another machine",
        |g| g.replace("policies/sources/vehicles.yaml", "127.0.0.1:9002", "10.0.0.3:9002"),
        &["policies/sources/vehicles.yaml:5:24: warning: `10.0.0.3:9002` is another machine"],
    ),
    (
        "optional device behind strict listeners",
        |g| g.replace("policies/sources/persons.yaml", "device: required", "device: optional"),
        &[
            "deploy/poort.yaml:4:16: warning: this certificate is valid for `vehicles` and `persons`, whose device rules differ",
            "policies/sources/persons.yaml:6:9: warning: no listener lets anybody in without a certificate",
        ],
    ),
    (
        "one certificate for two rules",
        |g| {
            g.replace("policies/sources/persons.yaml", "device: required", "device: optional");
            g.replace("deploy/poort.yaml", "client_certificate: required", "client_certificate: optional");
        },
        &[
            "deploy/poort.yaml:4:16: warning: this certificate is valid for `vehicles` and `persons`, whose device rules differ",
        ],
    ),
    (
        "operation that nothing reaches",
        |g| {
            g.replace(
                "policies/sources/vehicles.yaml",
                "  - {",
                "  - { path: \"/**\", operation: use }\n  - {",
            );
        },
        &[
            "policies/sources/vehicles.yaml:8:5: warning: the operation on line 7 takes everything before this one",
        ],
    ),
    (
        "operation that a broader one takes",
        |g| {
            g.replace(
                "policies/sources/vehicles.yaml",
                "  - {",
                "  - { methods: [GET, POST], path: \"/vehicles/**\", operation: use }\n  \
                   - { methods: [HEAD], path: \"/Vehicles/{plate}\", operation: consult }\n  \
                   - { methods: [PUT], path: \"/vehicles/{plate}\", operation: alter }\n  - {",
            );
        },
        &[
            "policies/sources/vehicles.yaml:8:5: warning: the operation on line 7 takes everything before this one; move this one up",
        ],
    ),
    (
        "operation that another source takes",
        |g| {
            g.replace(
                "policies/sources/vehicles.yaml",
                "hosts: [vehicles.localhost]",
                "hosts: [persons.localhost]\nprefixes: [/vehicles, /persons]",
            );
        },
        &[
            "policies/sources/persons.yaml:21:35: warning: no request has this path here, since `vehicles` takes it by a longer prefix of the same host",
        ],
    ),
    (
        "operation outside the prefixes",
        |g| g.replace("policies/sources/persons.yaml", "prefixes: [/]", "prefixes: [/persons]"),
        &[
            "policies/sources/persons.yaml:22:29: warning: no request has this path, since the source's prefixes are `/persons`",
        ],
    ),
    (
        "files that are not read",
        |g| {
            g.write("policies/sources/firearms.yml", "");
            g.write("policies/sources/README.md", "");
            g.write("policies/sources/.persons.yaml.swp", "");
            g.write("policies/access/b.ceder", "");
        },
        &[
            "policies/access/b.ceder: warning: this file is not read; name it `*.cedar`",
            "policies/sources/firearms.yml: warning: this file is not read; name it `*.yaml`",
        ],
    ),
    (
        "authority that has expired",
        |g| {
            g.write("policies/certs/internal-ca.crt", Material::expired_authority());
        },
        &[
            "policies/poort.yaml:12:54: warning: certificate 1 in this file expired on ",
            "policies/sources/persons.yaml:11:9: warning: certificate 1 in this file expired on ",
        ],
    ),
    (
        "chain out of order",
        |g| {
            let material = Material::shared();
            g.write("deploy/certs/gate.crt", format!("{}{}", material.gate.0, material.upstream.0));
        },
        &["deploy/poort.yaml:4:16: warning: this chain is out of order"],
    ),
    (
        "revocation list that is getting old",
        |g| {
            g.write(
                "policies/certs/device-ca.crl",
                Material::shared().list(SystemTime::now() - 3 * DAY, SystemTime::now() + DAY),
            );
        },
        &[
            "policies/poort.yaml:3:9: warning: the revocation list of `CN=Test authority` is past half of its life",
        ],
    ),
    (
        "revocation list that is stale",
        |g| {
            g.write(
                "policies/certs/device-ca.crl",
                Material::shared().list(SystemTime::now() - 3 * DAY, SystemTime::now() - DAY),
            );
        },
        &[
            "policies/poort.yaml:3:9: warning: the revocation list of `CN=Test authority` is stale, and every device is refused",
        ],
    ),
];

#[test]
fn tokens_are_pinned_where_it_is_asked_for() {
    let ground = Ground::new();
    ground.replace("policies/poort.yaml", "leeway: 30s", "pin_tokens: true");
    ground.write("deploy/certs/state.keys", "0f".repeat(32));
    ground.replace("deploy/poort.yaml", "./state }", "./state, keys: certs/state.keys }");
    let pins: Vec<_> = ground.load().unwrap().zone.issuers.iter().map(|issuer| issuer.pins).collect();
    assert_eq!(pins, [true, false]);
}

#[test]
fn what_is_worth_a_warning() {
    for (name, change, expected) in WARNINGS {
        let ground = Ground::new();
        change(&ground);
        let warnings = ground.warnings();
        let same = warnings.len() == expected.len()
            && warnings.iter().zip(*expected).all(|(one, part)| one.starts_with(part));
        assert!(same, "{name}: {warnings:#?}");
    }
}
