//! `poort policy test`.

use std::fs;

use crate::ground::Ground;

#[test]
fn the_shipped_tests_try_everything() {
    Ground::new().poort(&["test", "--least", "100"]).is(
        0,
        &["77 tests, 0 failed; tried: 100 % of policies (19 of 19), 100 % of conditions (84 of 84 outcomes)"],
    );
}

#[test]
fn a_test_that_fails_says_where_and_what_came_instead() {
    let ground = Ground::new();
    ground.edit(
        "access/firearms.cedar",
        "principal in Poort::Unit::\"zone\" && context.session.strong",
        "context.session.strong",
    );
    let said = ground.poort(&["test", "--junit", "junit.xml"]);
    said.is(
        1,
        &[
            "error[failed]: Firearms: guest on car-12 consult firearms, given key: expected: refused, since no policy permits it; \
             it is allowed by `firearms-consult`",
            "policies/tests/firearms.yaml:9:9",
            "9 |       - [guest, car-12, consult, firearms, key, refused, none]",
            "77 tests, 1 failed",
        ],
    );
    let xml = fs::read_to_string(ground.path("junit.xml")).unwrap();
    assert!(xml.contains("<testsuites name=\"poort policy test\" tests=\"77\" failures=\"1\">"), "{xml}");
    assert!(
        xml.contains("<testcase name=\"Firearms: guest on car-12 consult firearms, given key\""),
        "{xml}"
    );
    assert_eq!(xml.matches("<failure message=").count(), 1, "{xml}");
    ground.poort(&["test", "--only", "Daily"]).is(2, &["no test is called so"]);
    ground.poort(&["test", "--only", "officers.yaml"]).is(0, &["23 tests, 0 failed"]);
    ground
        .poort(&["test", "--junit", "no/such/directory.xml"])
        .is(2, &["cannot write `no/such/directory.xml`"]);
}

#[test]
fn a_test_can_say_what_policies_in_shadow_would_have_said() {
    const TEST: &str = "tables:\n  - what: At night\n    columns: [who, on, does, to, given, expect, by, shadow]\n    rows:\n";
    let ground = Ground::new();
    fs::create_dir(ground.path("policies/access/shadow")).unwrap();
    ground.write(
        "access/shadow/strong.cedar",
        "@id(\"persons-strong\")\nforbid (principal, action, resource == Poort::Source::\"persons\")\nunless { context.session.strong };\n",
    );
    let test = |by: &str, given: &str, shadow: &str| {
        let row = format!("      - [amina, car-12, consult, persons, {given}, allowed, {by}, {shadow}]\n");
        ground.write("tests/shadow.yaml", &format!("{TEST}{row}"));
        ground.poort(&["test", "--least", "100"])
    };
    let passed = " tests, 0 failed; tried: 100 % of policies ";
    test("officers-consult", "none", "persons-strong").is(0, &[passed]);
    test("officers-consult", "key", "none").is(0, &[passed]);
    test("officers-consult", "none", "none").is(
        1,
        &["expected: no policy in shadow would have made it another answer; it would have been refused by `persons-strong`"],
    );
    test("officers-consult", "key", "persons-strong").is(
        1,
        &["expected: another answer by `persons-strong` in shadow; none would have made it another answer"],
    );
    test("persons-strong", "none", "none").is(
        2,
        &[
            "policy `persons-strong` is in shadow, so it decides nothing",
            "policies/tests/shadow.yaml:5:58",
            "name it under `shadow`",
        ],
    );
    test("officers-consult", "none", "officers-consult")
        .is(2, &["policy `officers-consult` is not in shadow", "name it under `by`"]);
    ground.poort(&["check", "--deny", "all"]).is(0, &[" policies (1 in shadow), 0 warnings, 0 lints"]);
    ground
        .poort(&["explain", "--who", "amina", "--on", "car-12", "--does", "consult", "--to", "persons"])
        .is(
            0,
            &[
                "allowed by `officers-consult`",
                "if the policies in shadow counted, it would be refused by `persons-strong`",
                "forbid `persons-strong` in shadow applies",
            ],
        );
}

#[test]
fn what_no_test_tries_is_shown_line_by_line() {
    let ground = Ground::new();
    fs::remove_file(ground.path("policies/tests/firearms.yaml")).unwrap();
    ground.poort(&["test"]).is(0, &["% of policies (17 of 19)"]);
    ground
        .poort(&["test", "--least", "100"])
        .is(1, &["error[untried]: no test in which `firearms-desk-alters` applies"]);
    ground.poort(&["test", "--coverage"]).is(
        0,
        &[
            "policies/access/firearms.cedar\n",
            "0× | @id(\"firearms-break-glass\")",
            "0+ ",
            "warning[untried]: no test in which `firearms-break-glass` applies",
        ],
    );
}

#[test]
fn tests_that_cannot_be_run_are_said_all_at_once() {
    let ground = Ground::new();
    ground.write(
        "tests/x.yaml",
        "people:\n  amina: {}\ntests:\n  - { who: amyna, on: car-99, does: consul, to: person, given: kee, expect: alowed, bye: x }\n\
         tables:\n  - columns: [who, on, does, to, expect]\n    rows:\n      - [bert, desk-4, erase]\n      - [bert, desk-4, GET /x//y, persons, allowed]\n\
         \x20 - columns: [who, on, does, to, expect, who]\n    rows:\n      - [bert, desk-4, consult, persons, allowed, amina]\n",
    );
    ground
        .poort(&["test"])
        .is(2, &["`amina` has a meaning already, at policies/tests/00-words.yaml:4", "1 fault to mend"]);
    ground.edit("tests/x.yaml", "people:\n  amina: {}\n", "");
    ground.poort(&["test"]).is(
        2,
        &[
            "`amyna` is nobody",
            "x.yaml:2:12",
            "did you mean `amina`?",
            "there is no device `car-99`",
            "`consul` is no operation",
            "there is no source `person`",
            "`kee` is not under `situations:`",
            "`alowed` is not known",
            "unknown key `bye`",
            "this row has 3 cells, the table has 5 columns",
            "x.yaml:6:9",
            "this path is ambiguous",
            "x.yaml:7:24",
            "there is a column `who` already",
            "x.yaml:8:42",
            "10 faults to mend",
        ],
    );
}

#[test]
fn tests_that_contradict_each_other_are_a_fault_at_both_places() {
    let ground = Ground::new();
    ground.write(
        "tests/x.yaml",
        "tests:\n  - { who: amina, on: car-12, does: consult, to: persons, expect: refused, by: officers-consul }\n",
    );
    ground.poort(&["test"]).is(
        2,
        &[
            "this asks the same as policies/tests/officers.yaml:15:9 and expects something else",
            "policies/tests/x.yaml:2:5",
            "there is no policy `officers-consul`",
            "did you mean `officers-consult`?",
        ],
    );
}

#[test]
fn nobody_has_to_read_to_the_end() {
    let said = Ground::new().unread(&["test", "--coverage"]);
    said.is(141, &[]);
    assert_eq!(said.err, "");
}
