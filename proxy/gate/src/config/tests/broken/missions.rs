//! What can be wrong with purposes, missions and broken glasses.

use super::{Case, Ground, check};

/// The last line of the main file, after which more is written.
const LAST: &str = "  body: 10MiB\n";

const ZONE: &[Case] = &[
    Case {
        name: "a purpose in one language",
        from: LAST,
        to: "  body: 10MiB\npurposes: { patrol: { nl: Patrouille } }\n",
        faults: &[
            "policies/poort.yaml:33:21: `en` is missing; add `en: …`",
            "policies/poort.yaml:33:21: `fr` is missing; add `fr: …`",
        ],
    },
    Case {
        name: "a purpose with a name that is no word",
        from: LAST,
        to: "  body: 10MiB\npurposes: { \"Traffic stop\": { nl: a, fr: b, en: c } }\n",
        faults: &[
            "policies/poort.yaml:33:13: `Traffic stop` is no name of a purpose; use at most 64 of `a-z`, `0-9` and `-`",
        ],
    },
    Case {
        name: "a pattern that is none",
        from: LAST,
        to: "  body: 10MiB\ncases: '[0-9'\n",
        faults: &[
            "policies/poort.yaml:33:8: `[0-9` is no pattern of case numbers: unclosed character class; write one such as `[0-9]{4}/[0-9]{1,6}`",
        ],
    },
    Case {
        name: "a mission that outlives its shift, and a glass that stays broken",
        from: LAST,
        to: "  body: 10MiB\nmission: { lifetime: 13h }\nbreak_glass: { lifetime: 2h }\n",
        faults: &[
            "policies/poort.yaml:33:22: a mission lasts `12h` at most; write less",
            "policies/poort.yaml:34:26: a broken glass lasts `1h` at most; write less",
        ],
    },
    Case {
        name: "a dispatch centre that signs with nothing",
        from: LAST,
        to: "  body: 10MiB\nmission: { dispatch: { issuer: https://d.example, algorithms: [HS256], keys: certs/gone.jwks } }\n",
        faults: &[
            "policies/poort.yaml:33:64: `HS256` is no algorithm that tokens are verified with; did you mean `ES256`?",
            "policies/poort.yaml:33:78: `policies/certs/gone.jwks` does not exist; create it or correct the path",
        ],
    },
    Case {
        name: "a dispatch centre without keys",
        from: LAST,
        to: "  body: 10MiB\nmission: { dispatch: { issuer: https://d.example, algorithms: [ES256] } }\n",
        faults: &["policies/poort.yaml:33:22: `keys` is missing; add `keys: certs/dispatch.jwks`"],
    },
];

const PERSONS: &[Case] = &[
    Case {
        name: "a purpose that nobody can choose",
        from: "body: 1MiB\n",
        to: "body: 1MiB\npurpose: required\n",
        faults: &[
            "policies/sources/persons.yaml:1:1: a purpose is demanded here, and `poort.yaml` has no `purposes` to choose from; add them",
        ],
    },
    Case {
        name: "a word that is none, in a line",
        from: "operation: consult }\n  - { methods: [GET], path: /search",
        to: "operation: consult, case: always }\n  - { methods: [GET], path: /search",
        faults: &[
            "policies/sources/persons.yaml:21:91: `always` is not known here; use one of `required`, `optional`",
        ],
    },
    Case {
        name: "headers that the gate sets, and nobody who sends them",
        from: "body: 1MiB\n",
        to: "body: 1MiB\nstated_by: { workloads: [], purpose: Poort-Purpose, case: X_Case }\n",
        faults: &[
            "policies/sources/persons.yaml:37:25: `workloads` is empty; write `workloads: [\"spiffe://zone.example/workload/search\"]`",
            "policies/sources/persons.yaml:37:38: `Poort-Purpose` is set by the gate itself; choose another",
            "policies/sources/persons.yaml:37:59: `X_Case` has an underscore, which servers take for a hyphen: a client could send its twin; use hyphens",
        ],
    },
    Case {
        name: "one header for both",
        from: "body: 1MiB\n",
        to: "body: 1MiB\nstated_by: { workloads: [a.example], purpose: X-Why, case: x-why }\n",
        faults: &[
            "policies/sources/persons.yaml:37:12: `x-why` cannot be both the purpose and the case; name another header for one",
        ],
    },
];

#[test]
fn the_zone() {
    check("policies/poort.yaml", ZONE);
}

#[test]
fn a_source() {
    check("policies/sources/persons.yaml", PERSONS);
}

#[test]
fn what_nobody_can_state_is_pointed_out() {
    let ground = Ground::new();
    let purposes = "  body: 10MiB\npurposes: { patrol: { nl: a, fr: b, en: c } }\n";
    ground.replace("policies/poort.yaml", LAST, purposes);
    ground.replace("policies/sources/persons.yaml", "body: 1MiB\n", "body: 1MiB\npurpose: required\n");
    let told = |ground: &Ground| {
        let warnings: Vec<String> = ground.load().unwrap().warnings.iter().map(ToString::to_string).collect();
        warnings.into_iter().filter(|warning| warning.contains("nobody can state one")).count()
    };
    assert_eq!(told(&ground), 1);
    let by = "body: 1MiB\nstated_by: { workloads: [a.example], purpose: X-Why }\n";
    ground.replace("policies/sources/persons.yaml", "body: 1MiB\n", by);
    assert_eq!(told(&ground), 0, "an application can");
    let checked = ground.load().unwrap();
    let demands: Vec<_> = checked.sources[0].operations.iter().map(|rule| rule.demands().purpose).collect();
    assert_eq!(demands, [true, true, false], "but for what touches no personal data");
}
