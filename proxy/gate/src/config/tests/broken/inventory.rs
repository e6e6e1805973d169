//! What can be wrong with the inventory.

use super::{Case, check};

const CASES: &[Case] = &[
    Case {
        name: "no name",
        from: r#"name: "spiffe://zone.example/workload/search", "#,
        to: "",
        faults: &[
            "policies/inventory.yaml:3:5: `name` is missing; add `name: spiffe://zone.example/device/car-12`",
        ],
    },
    Case {
        name: "device twice",
        from: "workload/search",
        to: "device/car-12",
        faults: &[
            "policies/inventory.yaml:3:13: `spiffe://zone.example/device/car-12` is here a second time, after line 2; keep one of them",
        ],
    },
    Case {
        name: "empty name",
        from: r#""spiffe://zone.example/workload/search""#,
        to: r#""""#,
        faults: &["policies/inventory.yaml:3:13: this is empty; write a value"],
    },
    Case {
        name: "odd name",
        from: r#""spiffe://zone.example/workload/search""#,
        to: r#""spiffe://Zone.example/workload/search""#,
        faults: &[
            "policies/inventory.yaml:3:13: `spiffe://Zone.example/workload/search` is no name of a certificate; write it as in subjectAltName, such as `spiffe://zone.example/device/car-12`",
        ],
    },
    Case {
        name: "managed in words",
        from: "managed: true, compliant: true, fleet",
        to: "managed: yes, compliant: true, fleet",
        faults: &["policies/inventory.yaml:2:61: `yes` is neither `true` nor `false`; write one of them"],
    },
    Case {
        name: "unknown fleet",
        from: "fleet: cars",
        to: "fleet: card",
        faults: &[
            "policies/inventory.yaml:2:91: the fleet `card` is not in `entities.yaml`; did you mean `cars`?",
        ],
    },
    Case {
        name: "unknown unit",
        from: "unit: team-a",
        to: "unit: team-c",
        faults: &[
            "policies/inventory.yaml:2:103: the unit `team-c` is not in `entities.yaml`; did you mean `team-a`?",
        ],
    },
    Case {
        name: "no list",
        from: "devices:\n",
        to: "device:\n",
        faults: &[
            "policies/inventory.yaml:1:1: `devices` is missing; add `devices: []`",
            "policies/inventory.yaml:1:1: unknown key `device`; did you mean `devices`?",
        ],
    },
];

#[test]
fn every_fault_is_reported_at_its_place() {
    check("policies/inventory.yaml", CASES);
}
