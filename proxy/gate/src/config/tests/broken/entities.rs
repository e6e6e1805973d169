//! What can be wrong with `entities.yaml`.

use super::{Case, check};

const CASES: &[Case] = &[
    Case {
        name: "unknown parent",
        from: "in: [officer]",
        to: "in: [oficer]",
        faults: &[
            "policies/entities.yaml:3:22: the role `oficer` is not in `entities.yaml`; did you mean `officer`?",
        ],
    },
    Case {
        name: "circle",
        from: "  officer: {}",
        to: "  officer: { in: [supervisor] }",
        faults: &[
            "policies/entities.yaml:2:3: the role `officer` is in itself; take one `in` out of the circle",
            "policies/entities.yaml:3:3: the role `supervisor` is in itself; take one `in` out of the circle",
        ],
    },
    Case {
        name: "in itself",
        from: "  zone: {}",
        to: "  zone: { in: [zone] }",
        faults: &[
            "policies/entities.yaml:6:3: the unit `zone` is in itself; take one `in` out of the circle",
        ],
    },
    Case {
        name: "name with a comma",
        from: "[cars, office]",
        to: r#"["cars,vans", office]"#,
        faults: &[
            "policies/entities.yaml:7:10: `cars,vans` is no name; use at most 128 letters, digits, `-`, `_` and `.`",
        ],
    },
    Case {
        name: "fleet twice",
        from: "[cars, office]",
        to: "[cars, office, cars]",
        faults: &[
            "policies/entities.yaml:7:24: `cars` is here a second time, after line 7; keep one of them",
        ],
    },
    Case {
        name: "group without value",
        from: "  public: {}",
        to: "  public:",
        faults: &["policies/entities.yaml:9:3: `public` has no value; write one or remove it"],
    },
    Case {
        name: "unknown key of a group",
        from: "in: [officer]",
        to: "on: [officer]",
        faults: &["policies/entities.yaml:3:17: unknown key `on`; did you mean `in`?"],
    },
    Case {
        name: "role twice",
        from: "  officer: {}\n",
        to: "  officer: {}\n  officer: {}\n",
        faults: &[
            "policies/entities.yaml:3:3: `officer` is here a second time, after line 2; keep one of them",
        ],
    },
    Case {
        name: "unit in use is gone",
        from: "  team-a: { in: [zone] }\n",
        to: "",
        faults: &[
            "policies/inventory.yaml:2:103: the unit `team-a` is not in `entities.yaml`; use one of `zone`",
            "policies/poort.yaml:14:41: the unit `team-a` is not in `entities.yaml`; use one of `zone`",
        ],
    },
    Case {
        name: "classification in use is gone",
        from: "  restricted: {}\n",
        to: "",
        faults: &[
            "policies/sources/persons.yaml:3:17: the classification `restricted` is not in `entities.yaml`; use one of `public`",
        ],
    },
];

#[test]
fn every_fault_is_reported_at_its_place() {
    check("policies/entities.yaml", CASES);
}
