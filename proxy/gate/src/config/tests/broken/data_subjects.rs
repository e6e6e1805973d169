//! What can be wrong with whom requests are about.

use super::{Case, check};
use crate::config::tests::ground::Ground;

const PERSONS: &[Case] = &[
    Case {
        name: "unknown kind",
        from: "body: 1MiB",
        to: "body: 1MiB\ndata_subjects: [{ kind: plates, capture: name }]",
        faults: &["policies/sources/persons.yaml:37:25: `plates` is not known here; did you mean `plate`?"],
    },
    Case {
        name: "unknown capture",
        from: "body: 1MiB",
        to: "body: 1MiB\ndata_subjects: [{ kind: national_number, capture: national_numbr }]",
        faults: &[
            "policies/sources/persons.yaml:37:51: no operation captures `national_numbr`; did you mean `national_number`?",
        ],
    },
    Case {
        name: "nowhere",
        from: "body: 1MiB",
        to: "body: 1MiB\ndata_subjects: [{ kind: name }]",
        faults: &[
            "policies/sources/persons.yaml:37:17: say where it stands, once: `capture: NAME` of an operation, `body: /json/pointer`, or `answer: /json/pointer`",
        ],
    },
    Case {
        name: "no pointer",
        from: "body: 1MiB",
        to: "body: 1MiB\ndata_subjects: [{ kind: name, body: person.name }]",
        faults: &[
            "policies/sources/persons.yaml:37:37: `person.name` is no JSON pointer; write it as in `/person/number`, with `*` for every item of a list",
        ],
    },
    Case {
        name: "a body that nobody reads, and an answer",
        from: "body: 1MiB",
        to: "body: 1MiB\ndata_subjects:\n  - { kind: name, body: /name }\n  - { kind: name, answer: /name }",
        faults: &[
            "policies/sources/persons.yaml:38:25: the bodies of a source that is not inspected are not read; write `waf: { mode: detect }` at least",
            "policies/sources/persons.yaml:39:27: answers are read only where they are inspected; write `waf: { response: { limit: 1MiB } }`",
        ],
    },
    Case {
        name: "a number that was born",
        from: "body: 1MiB",
        to: "body: 1MiB\ndata_subjects: [{ kind: national_number, capture: national_number, birth_date: name }]",
        faults: &["policies/sources/persons.yaml:37:80: a date of birth belongs to a `name`; leave it out"],
    },
    Case {
        name: "one capture twice",
        from: "body: 1MiB",
        to: "body: 1MiB\ndata_subjects: [{ kind: name, capture: name }, { kind: number, capture: name }]",
        faults: &[
            "policies/sources/persons.yaml:37:16: `name` is captured for two data subjects; write it in one line",
        ],
    },
];

#[test]
fn what_is_wrong_with_a_place_is_said() {
    check("policies/sources/persons.yaml", PERSONS);
}

#[test]
fn a_key_that_is_none_is_named_by_its_line_and_not_shown() {
    let ground = Ground::new();
    ground.write("deploy/certs/pseudonyms.keys", format!("{}\n{}\n", "07".repeat(32), "secret"));
    assert_eq!(
        ground.faults(),
        [
            "deploy/poort.yaml:12:57: this file is not fit for pseudonyms: line 2 is not 64 hexadecimal digits; make a key with \
          `openssl rand -hex 32`"
        ]
    );
}

#[test]
fn without_a_key_nobody_is_recorded() {
    let ground = Ground::new();
    ground.replace("deploy/poort.yaml", ", pseudonyms: certs/pseudonyms.keys", "");
    assert_eq!(ground.faults(), [""; 0], "where no source names data subjects, none is needed");
    ground.replace(
        "policies/sources/persons.yaml",
        "body: 1MiB",
        "body: 1MiB\ndata_subjects: [{ kind: name, capture: name }]",
    );
    assert_eq!(
        ground.faults(),
        [
            "policies/sources/persons.yaml:37:1: there is no key to record data subjects with; make one with `openssl rand -hex 32`, \
          and name its file under `audit: { pseudonyms: … }` in the operators' file"
        ]
    );
}
