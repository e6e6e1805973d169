use serde_json::Value;

use crate::ground::{Ground, code, record};

#[test]
fn what_a_sources_file_demands_beside_the_policies_is_said() {
    let ground = Ground::new();
    let ask = |does, given| {
        ["explain", "--who", "amina", "--on", "car-12", "--does", does, "--to", "firearms", "--given", given]
    };
    let beside = "`sources/firearms.yaml` demands a purpose";
    for does in ["GET /firearms/123", "consult"] {
        ground.poort(&ask(does, "key")).is(0, &["allowed by `firearms-consult`", beside]);
        let said = ground.poort(&ask(does, "key + purpose"));
        said.is(0, &["allowed by `firearms-consult`"]);
        assert!(!said.err.contains(beside), "{does}");
    }
}

#[test]
fn a_question_in_words_is_explained() {
    let ground = Ground::new();
    let ask =
        ["explain", "--who", "amina", "--on", "car-7", "--does", "GET /firearms/123", "--to", "firearms"];
    ground.poort(&ask).is(
        0,
        &[
            "refused by `device-managed`, `firearms-strong-sign-in`\n",
            "The firearms register needs a strong sign-in",
            "9 of 19 policies are about this source and operation",
            "forbid `device-managed` applies  policies/access/00-unbreakable.cedar:12\n",
            "not so: context.device.compliant\n",
            "permit `firearms-consult` does not apply",
            "not so: context.session.strong <-",
            "is for somebody with the role `federal-partner`",
            "it would be allowed with (each was tried):\n  - a strong sign-in, and the device meets the zone's rules again\n",
        ],
    );
    let ask = [
        "explain",
        "--who",
        "bert",
        "--on",
        "desk-4",
        "--does",
        "erase",
        "--to",
        "persons",
        "--given",
        "stale + case",
    ];
    ground.poort(&ask).is(
        0,
        &[
            "refused, since",
            "context.session.auth_age <= 900 <-\n",
            "context.session.auth_age is 901",
            "  - a sign-in at most 900 s ago\n",
        ],
    );
    let ask = ["explain", "--who", "amina", "--on", "desk-4", "--does", "combine", "--to", "persons"];
    ground.poort(&ask).is(0, &["nothing that was tried would open it"]);
    let ask = ["explain", "--who", "amina", "--on", "desk-4", "--does", "consult", "--to", "persons"];
    ground.poort(&ask).is(0, &["allowed by `officers-consult`\n"]);
}

#[test]
fn a_code_is_explained_from_the_record() {
    let ground = Ground::new();
    record(&ground, 1);
    let said = ground.poort(&["explain", &code(0), "--audit", "audit", "--json"]);
    said.is(0, &[]);
    let found: Value = serde_json::from_str(&said.out).unwrap();
    assert!(found["allow"].is_boolean() && found["then"].is_null(), "{found}");
    let refused = (0..74).map(code).find(|code| {
        ground
            .poort(&["explain", code, "--audit", "audit"])
            .out
            .starts_with("refused by `firearms-strong-sign-in`")
    });
    let refused = refused.unwrap();
    let heard = ground.poort(&["explain", &refused.to_lowercase(), "--audit", "audit"]);
    heard.is(0, &["refused by `firearms-strong-sign-in`"]);
    ground.poort(&["explain", &refused, "--audit", "audit"]).is(0, &["  - a strong sign-in\n"]);
    ground.edit(
        "access/firearms.cedar",
        "unless { context.session.strong };",
        "unless { context.session.strong || context has device };",
    );
    ground.edit(
        "access/firearms.cedar",
        "principal in Poort::Unit::\"zone\" && context.session.strong",
        "principal in Poort::Unit::\"zone\"",
    );
    ground.poort(&["explain", &refused, "--audit", "audit"]).is(
        0,
        &[
            "allowed by",
            "when it was asked, it was refused by `firearms-strong-sign-in`: the policies have changed since",
        ],
    );
    ground
        .poort(&["explain", "EXP1RD", "--audit", "audit"])
        .is(0, &["device_expired; this was decided before any policy was asked"]);
}

#[test]
fn what_cannot_be_explained_says_why() {
    let ground = Ground::new();
    record(&ground, 1);
    ground
        .poort(&["explain", "NOSUCH", "--audit", "audit"])
        .is(2, &["no decision in `audit` is called `NOSUCH`"]);
    ground.poort(&["explain", "NOSUCH", "--audit", "nowhere"]).is(2, &["cannot be read", "--> nowhere"]);
    ground.poort(&["explain", "NOSUCH"]).is(2, &["`deploy/poort.yaml` does not exist"]);
    ground.poort(&["explain", "--who", "amna", "--does", "consul", "--to", "person", "--given", "kee"]).is(
        2,
        &["--> --does", "--> --given", "--> --to", "--> --who", "did you mean `amina`?", "4 faults to mend"],
    );
    ground.poort(&["explain", "--who", "amina"]).is(2, &["--does"]);
}
