//! What can be wrong with the security team's main file.

use super::{Case, check};

const CASES: &[Case] = &[
    Case {
        name: "counts that are none",
        from: "  body: 10MiB\n",
        to: "  body: 10MiB\nunusual: { in_policies: [subjects, people, subjects] }\n",
        faults: &[
            "policies/poort.yaml:33:36: `people` is not known here; use one of `subjects`, `devices`, `officers`",
            "policies/poort.yaml:33:44: `subjects` is here a second time, after line 33; keep one of them",
        ],
    },
    Case {
        name: "pins without a key",
        from: "leeway: 30s",
        to: "pin_tokens: true",
        faults: &[
            "policies/poort.yaml:7:5: to which devices tokens are pinned is kept sealed, and no key is there; where no browser signs in, add `keys: ../certs/state.keys` to `state:` in the operators' file",
        ],
    },
    Case {
        name: "misspelt key",
        from: "strong_sign_in",
        to: "strong_signin",
        faults: &["policies/poort.yaml:23:1: unknown key `strong_signin`; did you mean `strong_sign_in`?"],
    },
    Case {
        name: "no anchors",
        from: "[certs/device-ca.crt]",
        to: "[]",
        faults: &["policies/poort.yaml:2:12: `anchors` is empty; write `anchors: [certs/device-ca.crt]`"],
    },
    Case {
        name: "anchor file missing",
        from: "certs/device-ca.crt",
        to: "certs/device-ca.pem",
        faults: &[
            "policies/poort.yaml:2:13: `policies/certs/device-ca.pem` does not exist; create it or correct the path",
        ],
    },
    Case {
        name: "anchor is a key",
        from: "anchors: [certs/device-ca.crt]",
        to: "anchors: [certs/upstream.key]",
        faults: &[
            "policies/poort.yaml:2:13: `policies/certs/upstream.key` holds no certificate in PEM (`BEGIN CERTIFICATE`); convert it or name the right file",
        ],
    },
    Case {
        name: "anchor is no authority",
        from: "anchors: [certs/device-ca.crt]",
        to: "anchors: [certs/upstream.crt]",
        faults: &[
            "policies/poort.yaml:2:13: device anchor 1 is not an authority's certificate; give that of the authority which issues device certificates",
        ],
    },
    Case {
        name: "revocation list missing",
        from: "certs/device-ca.crl",
        to: "certs/gone.crl",
        faults: &[
            "policies/poort.yaml:3:10: `policies/certs/gone.crl` does not exist, and without it every device is refused; fetch the list from the authority that issues device certificates",
        ],
    },
    Case {
        name: "no revocation list",
        from: "  crls: [certs/device-ca.crl]\n",
        to: "",
        faults: &[
            "policies/poort.yaml:2:3: no revocation list is named, and without one every device is refused; add `crls: [certs/device-ca.crl]`",
        ],
    },
    Case {
        name: "revocation list is a certificate",
        from: "crls: [certs/device-ca.crl]",
        to: "crls: [certs/device-ca.crt]",
        faults: &[
            "policies/poort.yaml:3:10: `policies/certs/device-ca.crt` holds no revocation list in PEM (`BEGIN X509 CRL`); convert it or name the right file",
        ],
    },
    Case {
        name: "inventory missing",
        from: "inventory: inventory.yaml",
        to: "inventory: inventry.yaml",
        faults: &[
            "policies/poort.yaml:5:14: `policies/inventry.yaml` does not exist; create it or correct the path",
        ],
    },
    Case {
        name: "grace without unit",
        from: "grace: 0s",
        to: "grace: 0",
        faults: &[
            "policies/poort.yaml:4:40: `0` is no duration; write a whole number and a unit, such as `500ms`, `10s`, `5m`, `1h`, `30d`",
        ],
    },
    Case {
        name: "alias with capitals",
        from: "alias: zone",
        to: "alias: Zone",
        faults: &["policies/poort.yaml:7:12: `Zone` is no alias; use at most 32 of `a-z`, `0-9` and `-`"],
    },
    Case {
        name: "two issuers of one alias",
        from: "alias: federal",
        to: "alias: zone",
        faults: &["policies/poort.yaml:18:12: `zone` is here a second time, after line 7; keep one of them"],
    },
    Case {
        name: "two issuers of one address",
        from: "https://sso.federal.example\n",
        to: "https://sso.zone.example/realms/zone\n",
        faults: &[
            "policies/poort.yaml:19:13: `https://sso.zone.example/realms/zone` is here a second time, after line 8; keep one of them",
        ],
    },
    Case {
        name: "issuer in the clear",
        from: "https://sso.federal.example\n",
        to: "http://sso.federal.example\n",
        faults: &[
            "policies/poort.yaml:19:13: `http://sso.federal.example` is not `https`; in the clear, whoever is on the way can replace it",
        ],
    },
    Case {
        name: "key address in the clear",
        from: "https://sso.federal.example/certs",
        to: "http://sso.federal.example/certs",
        faults: &[
            "policies/poort.yaml:22:18: `http://sso.federal.example/certs` is not `https`; in the clear, whoever is on the way can replace it",
        ],
    },
    Case {
        name: "credentials in an address",
        from: "https://sso.federal.example/certs",
        to: "https://poort:hunter2@sso.federal.example/certs",
        faults: &[
            "policies/poort.yaml:22:18: this address has a user or password in it; secrets never stand in a configuration file",
        ],
    },
    Case {
        name: "no audience",
        from: "    audiences: [poort]\n    algorithms: [ES256]\n",
        to: "    algorithms: [ES256]\n",
        faults: &["policies/poort.yaml:7:5: `audiences` is missing; add `audiences: [poort]`"],
    },
    Case {
        name: "unknown algorithm",
        from: "[ES256, EdDSA]",
        to: "[ES256, HS256]",
        faults: &[
            "policies/poort.yaml:21:25: `HS256` is no algorithm that tokens are verified with; did you mean `ES256`?",
        ],
    },
    Case {
        name: "algorithm none",
        from: "[ES256, EdDSA]",
        to: "[none]",
        faults: &[
            "policies/poort.yaml:21:18: `none` is no algorithm that tokens are verified with; use one of `ES256`, `ES384`, `PS256`, `PS384`, `PS512`, `EdDSA`",
        ],
    },
    Case {
        name: "unknown profile",
        from: "profile: keycloak",
        to: "profile: keyclock",
        faults: &["policies/poort.yaml:11:14: `keyclock` is not known here; did you mean `keycloak`?"],
    },
    Case {
        name: "no keys, and nowhere to ask for them",
        from: "    issuer: https://sso.federal.example\n    audiences: [poort]\n    algorithms: [ES256, EdDSA]\n    keys: { url: https://sso.federal.example/certs }\n",
        to: "    issuer: http://adfs.federal.example/adfs/services/trust\n    audiences: [poort]\n    algorithms: [ES256, EdDSA]\n    profile: ad-fs\n",
        faults: &[
            "policies/poort.yaml:19:13: `http://adfs.federal.example/adfs/services/trust` is not `https`; in the clear, whoever is on the way can replace it, so the issuer cannot be asked what it says of itself; add `keys: { url: https://…/certs }`",
        ],
    },
    Case {
        name: "discovery of what is no origin, and without a value",
        from: "    keys: { url: https://sso.federal.example/certs }\n",
        to: "    discovery: { origins: [https://keys.federal.example/certs, http://keys.federal.example], ca: }\n",
        faults: &[
            "policies/poort.yaml:22:28: `https://keys.federal.example/certs` is no origin; leave out what comes behind the host and port",
            "policies/poort.yaml:22:64: `http://keys.federal.example` is not `https`; in the clear, whoever is on the way can replace it",
            "policies/poort.yaml:22:94: `ca` has no value; write one or remove it",
        ],
    },
    Case {
        name: "an unknown word of discovery",
        from: "    keys: { url: https://sso.federal.example/certs }\n",
        to: "    discovery: { origin: https://keys.federal.example }\n",
        faults: &["policies/poort.yaml:22:18: unknown key `origin`; did you mean `origins`?"],
    },
    Case {
        name: "keys from nowhere",
        from: "{ url: https://sso.federal.example/certs }",
        to: "{}",
        faults: &["policies/poort.yaml:22:11: there is neither a `url` nor a `file`; add one of them"],
    },
    Case {
        name: "keys from two places",
        from: "{ url: https://sso.federal.example/certs }",
        to: "{ url: https://sso.federal.example/certs, file: certs/keys.jwks }",
        faults: &[
            "policies/poort.yaml:22:59: `policies/certs/keys.jwks` does not exist; create it or correct the path",
        ],
    },
    Case {
        name: "key file missing",
        from: "{ url: https://sso.federal.example/certs }",
        to: "{ file: certs/keys.jwks }",
        faults: &[
            "policies/poort.yaml:22:19: `policies/certs/keys.jwks` does not exist; create it or correct the path",
        ],
    },
    Case {
        name: "authority without address",
        from: "{ url: https://sso.federal.example/certs }",
        to: "{ file: certs/keys.jwks, ca: certs/internal-ca.crt }",
        faults: &[
            "policies/poort.yaml:22:19: `policies/certs/keys.jwks` does not exist; create it or correct the path",
            "policies/poort.yaml:22:36: `ca` vouches for the server of a `url`, and there is none; remove it",
        ],
    },
    Case {
        name: "unknown role",
        from: "boss: supervisor",
        to: "boss: superviser",
        faults: &[
            "policies/poort.yaml:13:75: the role `superviser` is not in `entities.yaml`; did you mean `supervisor`?",
        ],
    },
    Case {
        name: "unknown unit",
        from: "grants: { a: team-a }",
        to: "grants: { a: team-b }",
        faults: &[
            "policies/poort.yaml:14:41: the unit `team-b` is not in `entities.yaml`; did you mean `team-a`?",
        ],
    },
    Case {
        name: "claim without name",
        from: "claim: units, ",
        to: "",
        faults: &["policies/poort.yaml:14:12: `claim` is missing; add `claim: realm_access.roles`"],
    },
    Case {
        name: "role is a number",
        from: "officer: officer,",
        to: "officer: 7,",
        faults: &[r#"policies/poort.yaml:13:60: `7` is not text; write `"7"`"#],
    },
    Case {
        name: "leeway too long",
        from: "leeway: 30s",
        to: "leeway: 1h",
        faults: &[
            "policies/poort.yaml:16:13: a leeway above `5m` keeps expired tokens alive; correct the clocks instead",
        ],
    },
    Case {
        name: "rate of nothing",
        from: "rate: 300/1s",
        to: "rate: 0/1s",
        faults: &[
            "policies/poort.yaml:25:20: `0/1s` lets nothing through; write a count and a duration above zero",
        ],
    },
    Case {
        name: "burst of nothing",
        from: "burst: 600",
        to: "burst: 0",
        faults: &["policies/poort.yaml:25:35: `0` is no whole number from 1 to 1000000000; write one"],
    },
    Case {
        name: "budget without rate",
        from: "{ rate: 300/1s, burst: 600 }",
        to: "{ burst: 600 }",
        faults: &["policies/poort.yaml:25:12: `rate` is missing; add `rate: 60/1m`"],
    },
    Case {
        name: "budget is a list",
        from: "device: 50/1s",
        to: "device: [50/1s]",
        faults: &["policies/poort.yaml:26:11: `device` must be a single value, not a list; write one value"],
    },
    Case {
        name: "time-outs that never end",
        from: "total: 2m",
        to: "total: 20s",
        faults: &[
            "policies/poort.yaml:31:13: `total` is shorter than `connect` or `read`, which could never end; write more",
        ],
    },
    Case {
        name: "body without unit",
        from: "body: 10MiB",
        to: "body: 10485760",
        faults: &[
            "policies/poort.yaml:32:9: `10485760` is no size; write a whole number and a unit, such as `512B`, `64KiB`, `10MiB`, `1GiB`",
        ],
    },
    Case {
        name: "body in decimal units",
        from: "body: 10MiB",
        to: "body: 10MB",
        faults: &[
            "policies/poort.yaml:32:9: `10MB` is no size; write a whole number and a unit, such as `512B`, `64KiB`, `10MiB`, `1GiB`",
        ],
    },
];

#[test]
fn every_fault_is_reported_at_its_place() {
    check("policies/poort.yaml", CASES);
}
