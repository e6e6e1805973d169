//! What `policies/README.md` tells a security officer to write works as it stands there.

use std::fmt::Write as _;

use crate::ground::Ground;

const GUIDE: &str = include_str!("../../../../policies/README.md");

/// The first block of a language.
fn block(language: &str) -> &'static str {
    let (_, rest) = GUIDE.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn the_sentence_becomes_a_tested_policy() {
    let ground = Ground::new();
    ground.edit("entities.yaml", "  registry-sync: {}\n", "  registry-sync: {}\n  intake: {}\n");
    ground.edit(
        "poort.yaml",
        "        officer: officer\n",
        "        officer: officer\n        intake: intake\n",
    );
    ground.write("tests/intake.yaml", block("yaml"));
    // The tests come first, and fail.
    ground.poort(&["test"]).is(2, &["there is no policy `intake-notes`", "policies/tests/intake.yaml:9:"]);
    ground.write("access/intake.cedar", block("cedar"));
    ground.poort(&["check", "--deny", "all"]).is(0, &["20 policies, 0 warnings, 0 lints"]);
    ground.poort(&["test", "--least", "100"]).is(0, &["83 tests, 0 failed"]);
    let ask = ["explain", "--who", "ines", "--on", "desk-4", "--does", "collect", "--to", "vehicles"];
    ground.poort(&ask).is(0, &["refused, since", "context has case <-", "  - a stated case\n"]);
}

#[test]
fn the_example_can_be_copied_over() {
    let ground = Ground::new();
    for file in ["sources/case-files.yaml", "access/case-files.cedar", "tests/case-files.yaml"] {
        let text = std::fs::read_to_string(ground.path("policies/examples/case-files").join(file)).unwrap();
        ground.write(file, &text);
    }
    ground.poort(&["check", "--deny", "all"]).is(0, &["25 policies, 0 warnings, 0 lints"]);
    ground.poort(&["test", "--least", "100"]).is(0, &["111 tests, 0 failed"]);
}

/// Has the subjects of a shift counted, as a comment in the shipped file says.
fn count(ground: &Ground) {
    ground.edit("poort.yaml", "  # in_policies: [subjects]", "  in_policies: [subjects]");
}

#[test]
fn the_quota_can_be_copied_over() {
    let ground = Ground::new();
    for file in ["access/quota.cedar", "tests/quota.yaml"] {
        let text = std::fs::read_to_string(ground.path("policies/examples/quota").join(file)).unwrap();
        ground.write(file, &text);
    }
    ground
        .poort(&["check"])
        .is(2, &["nothing counts `context.shift.subjects`", "quota.cedar:15:", "in_policies"]);
    count(&ground);
    ground.poort(&["check", "--deny", "all"]).is(0, &["21 policies (2 in shadow), 0 warnings, 0 lints"]);
    ground.poort(&["test", "--least", "100"]).is(0, &["87 tests, 0 failed"]);
    let asked = ["explain", "--who", "amina", "--on", "car-12", "--does", "consult", "--to", "persons"];
    ground.poort(&[&asked[..], &["--given", "the 301st + key"]].concat()).is(0, &["allowed", "quota-most"]);
    // Trial over: it counts.
    let path = "policies/access/quota.cedar";
    let text = std::fs::read_to_string(ground.path(path)).unwrap();
    let live: Vec<&str> = text.lines().filter(|line| !line.starts_with("@shadow")).collect();
    ground.write("access/quota.cedar", &live.join("\n"));
    let refused = ["refused by `quota-most`", "  - the next shift, in which the count begins anew"];
    ground.poort(&[&asked[..], &["--given", "the 301st + key"]].concat()).is(0, &refused);
    ground.poort(&["test"]).is(2, &["policy `quota-many` is not in shadow"]);
}

#[test]
fn every_condition_of_the_table_is_one() {
    let (_, table) = GUIDE.split_once("## Sentences that come back\n").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let mut policies = String::new();
    let mut rows = 0;
    for row in table.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let condition = row.split('`').nth(1).unwrap().replace("\\|", "|");
        let clause =
            if condition.starts_with("unless") { condition } else { format!("when {{ {condition} }}") };
        rows += 1;
        writeln!(
            policies,
            "@id(\"row-{rows}\") permit (principal in Poort::Role::\"officer\", action, resource)\nwhen {{ context has device }} {clause};"
        )
        .unwrap();
    }
    assert!(rows >= 10, "{table}");
    let ground = Ground::new();
    count(&ground);
    ground.write("access/table.cedar", &policies);
    ground.poort(&["check"]).is(0, &[&format!("{} policies", 19 + rows)]);
}
