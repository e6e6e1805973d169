use serde_json::Value;

use crate::ground::Ground;

#[test]
fn the_shipped_policies_leave_nothing_to_say() {
    Ground::new().poort(&["check", "--deny", "all"]).is(0, &["19 policies, 0 warnings, 0 lints"]);
}

#[test]
fn a_lint_shows_what_stands_there_and_counts_only_where_it_is_denied() {
    let ground = Ground::new();
    ground.write(
        "access/odd.cedar",
        "@id(\"odd\")\nforbid (principal, action, resource)\nwhen { context.request.method == \"get\" };\n",
    );
    let shown = [
        "1 lint",
        "warning[unknown-name]: no request has the method `get`\n --> policies/access/odd.cedar:3:8\n  |\n3 | when { context.request.method == \"get\" };",
        "= help: did you mean `GET`?",
    ];
    ground.poort(&["check"]).is(0, &shown);
    ground.poort(&["check", "--deny", "unknown-name"]).is(1, &["error[unknown-name]"]);
    ground.poort(&["check", "--deny", "no-id"]).is(0, &["warning[unknown-name]"]);
    ground.poort(&["check", "--deny", "all", "--allow", "unknown-name"]).is(0, &["0 lints"]);
    ground.poort(&["check", "--deny", "everything"]).is(2, &["no lint is called so", "unreachable-source"]);
}

#[test]
fn json_is_for_programs() {
    let ground = Ground::new();
    ground.edit("access/officers.cedar", "@id(\"officers-consult\")\n", "\n");
    let said = ground.poort(&["check", "--json"]);
    said.is(0, &[]);
    let found: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(found["lints"][0]["lint"], "no-id");
    assert_eq!(found["lints"][0]["place"]["line"], 4);
    ground.write("access/broken.cedar", "permit (");
    let said = ground.poort(&["check", "--json"]);
    said.is(2, &[]);
    let found: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(found["faults"][0]["place"]["file"], "policies/access/broken.cedar");
}

#[test]
fn what_does_not_load_is_said_with_its_place() {
    /// Name, the file, its text, and parts of what is said.
    type Case<'a> = (&'a str, &'a str, String, &'a [&'a str]);
    let cases: [Case<'_>; 5] = [
        (
            "a policy that errs on a missing attribute",
            "access/x.cedar",
            "permit (principal, action, resource)\nwhen { context.purpose == \"x\" };".to_owned(),
            &["policies/access/x.cedar:2:8\n", "2 | when { context.purpose", "= help: ", "context has purpose"],
        ),
        (
            "a file of 10 MB",
            "access/x.cedar",
            " ".repeat(10 << 20),
            &["`policies/access/x.cedar` is larger than 1024 KiB", "--> policies/access/x.cedar\n"],
        ),
        (
            "a hierarchy in a circle",
            "entities.yaml",
            "roles: { officer: { in: [boss] }, boss: { in: [officer] } }\nunits: {}\nfleets: []\nclassifications: {}\n".to_owned(),
            &["the role `officer` is in itself", "policies/entities.yaml:1:10"],
        ),
        ("no policy", "access/x.cedar", String::new(), &["the file is empty", "policies/access/x.cedar:1:1"]),
        (
            "an operation that is none",
            "sources/x.yaml",
            "title: X\nowner: X\nclassification: secret\nhosts: [x.example]\noperations: [{ path: \"/**\", operation: export }]\n"
                .to_owned(),
            &["`export` is no operation", "policies/sources/x.yaml:5:40"],
        ),
    ];
    for (name, file, text, parts) in cases {
        let ground = Ground::new();
        ground.write(file, &text);
        let said = ground.poort(&["check"]);
        assert_eq!(said.out, "", "{name}");
        said.is(2, parts);
        said.is(2, &["to mend"]);
    }
    Ground::new().poort(&["check", "--policies", "nowhere"]).is(2, &["`nowhere", "does not exist"]);
}

#[test]
fn thousands_of_policies_are_checked_at_once() {
    use std::fmt::Write as _;
    let ground = Ground::new();
    for file in 0..40 {
        let mut text = String::new();
        for number in 0..100 {
            let id = file * 100 + number;
            writeln!(
                text,
                "@id(\"p{id}\") @reason(\"number {id}\")\npermit (principal in Poort::Role::\"supervisor\", action == Poort::Action::\"alter\", resource == Poort::Source::\"persons\")\n\
                 when {{ context.session.strong && context has case && context.case like \"{id}-*\" }};"
            )
            .unwrap();
        }
        ground.write(&format!("access/many-{file}.cedar"), &text);
    }
    let said = ground.poort(&["check"]);
    said.is(0, &["4019 policies"]);
}
