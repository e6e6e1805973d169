//! What does not load, and where and how it says so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines
)]

mod common;

use common::{engine, file, group, source, with, world};
use poort_policy::{Corpus, Engine, Fault, Operation, ShiftCount, SourceFacts};

const SOUND: &str = "@id(\"sound\") permit (principal, action, resource);";

fn faults(corpus: &Corpus) -> Vec<Fault> {
    Engine::load(corpus).expect_err("loads")
}

/// File, line and column; part of the message; part of what to do.
type Expected = ((&'static str, usize, usize), &'static str, &'static str);

fn assert_faults(name: &str, corpus: &Corpus, expected: &[Expected]) {
    let found = faults(corpus);
    let all: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), expected.len(), "{name}: {all:#?}");
    for (fault, (place, message, help)) in found.iter().zip(expected) {
        assert_eq!((fault.file.as_str(), fault.line, fault.column), *place, "{name}: {fault}");
        assert!(fault.message.contains(message), "{name}: {fault}");
        assert!(fault.help.contains(help), "{name}: {fault}");
        assert!(!fault.help.is_empty(), "{name}: says what to do");
    }
}

#[test]
fn a_policy_that_does_not_load() {
    let cases: &[(&str, &str, &[Expected])] = &[
        (
            "broken",
            "permit (principal, action, resource)",
            &[(("a.cedar", 1, 37), "unexpected end of input", "expected")],
        ),
        (
            "broken, after other text",
            "// é\n@id(\"é\") permit (principal, action resource);",
            &[(("a.cedar", 2, 36), "unexpected token `resource`", "expected")],
        ),
        (
            "an annotation that nobody reads",
            "@id(\"a\")\n@raeson(\"why\") permit (principal, action, resource);",
            &[(("a.cedar", 2, 1), "nothing reads the annotation `@raeson`", "did you mean `@reason`")],
        ),
        (
            "two broken",
            "permit (principal, action, resource) when { context.device is };\npermit (principal, action, resource, x);",
            &[
                (("a.cedar", 1, 63), "unexpected token", "expected"),
                (("a.cedar", 2, 38), "extra element", "in that order"),
            ],
        ),
        (
            "an unknown attribute",
            "permit (principal, action, resource)\nwhen { context.devise.managed };",
            &[(("a.cedar", 2, 8), "`devise`", "did you mean `device`")],
        ),
        (
            "an optional attribute without has",
            "permit (principal, action, resource)\nwhen { context.device.managed };",
            &[(("a.cedar", 2, 8), "unable to guarantee safety", "has")],
        ),
        (
            "an unknown action",
            "permit (principal, action == Poort::Action::\"consul\", resource);",
            &[(("a.cedar", 1, 30), "unrecognized action", "did you mean")],
        ),
        (
            "an unknown type",
            "permit (principal is Poort::Usr, action, resource);",
            &[(("a.cedar", 1, 22), "`Poort::Usr`", "Poort::User")],
        ),
        (
            "a type error",
            "permit (principal, action, resource) when { context.session.strong == 1 };",
            &[(("a.cedar", 1, 45), "not compatible", "must have compatible types")],
        ),
        (
            "never",
            "permit (principal is Poort::Device in Poort::Role::\"officer\", action, resource);",
            &[(("a.cedar", 1, 1), "impossible", "correct or remove it")],
        ),
        (
            "a template",
            "permit (principal == ?principal, action, resource);",
            &[(("a.cedar", 1, 1), "template", "name the principal")],
        ),
        (
            "names that nothing bears",
            "forbid (principal in Poort::Role::\"oficer\", action, resource == Poort::Source::\"archive\")\nwhen { context has device && context.device in Poort::Fleet::\"boats\" };",
            &[
                (("a.cedar", 1, 22), "no role `oficer`", "write `officer`"),
                (("a.cedar", 1, 65), "no source `archive`", "sources/"),
                (("a.cedar", 2, 48), "no fleet `boats`", "entities.yaml"),
            ],
        ),
        (
            "attributes of somebody who may not be there",
            "forbid (principal, action, resource)\nunless { Poort::Device::\"a\".compliant };\n\
             permit (principal, action, resource)\nwhen { (if context.session.strong then Poort::User::\"x|a\" else Poort::User::\"x|b\").issuer == \"x\" };\n\
             permit (principal, action, resource)\nunless { Poort::Service::\"x|a\" has issuer && context.session.strong };",
            &[
                (
                    ("a.cedar", 2, 10),
                    "looks into the device `a`",
                    "`context.device == Poort::Device::\"a\" && context.device.…`",
                ),
                (
                    ("a.cedar", 4, 40),
                    "looks into the user `x|a`",
                    "`principal == Poort::User::\"x|a\" && principal.…`",
                ),
                (("a.cedar", 4, 64), "looks into the user `x|b`", "principal"),
                (("a.cedar", 6, 10), "looks into the service `x|a`", "principal"),
            ],
        ),
        (
            "what no schema declares",
            "permit (principal, action, resource) unless { context.request.captures has plat };\n\
             forbid (principal, action, resource)\nwhen { context.session.strong || context has shift.subject || context has devise.managed };",
            &[
                (("a.cedar", 1, 47), "`has plat` never holds", "did you mean `plate`?"),
                (("a.cedar", 3, 34), "`has subject` never holds", "did you mean `subjects`?"),
                (("a.cedar", 3, 63), "`has devise` never holds", "did you mean `device`?"),
            ],
        ),
        (
            "an empty id",
            "@id(\"\") permit (principal, action, resource);",
            &[(("a.cedar", 1, 1), "`@id` is empty", "give the policy a name")],
        ),
        (
            "a letter that looks like another",
            "permit (principal, action, resource) when { context has purpose && context.purpose == \"s\u{0441}ope\" };",
            &[(("a.cedar", 1, 87), "mixed scripts", "correct")],
        ),
        (
            "a text that reads backwards",
            "permit (principal, action, resource) when { context has purpose && context.purpose == \"x\u{202e}y\" };",
            &[(("a.cedar", 1, 87), "BIDI", "correct")],
        ),
    ];
    for (name, text, expected) in cases {
        assert_faults(name, &with(&[("a.cedar", text)]), expected);
    }
}

#[test]
fn what_nothing_counts_cannot_be_looked_at() {
    let text = "permit (principal, action, resource)\nunless { context.shift has subjects && context.shift.subjects > 9 };";
    let mut corpus = with(&[("a.cedar", text)]);
    assert_eq!(Engine::load(&corpus).unwrap().policies(), 1);
    corpus.counted = vec![ShiftCount::Devices];
    let message = "nothing counts `context.shift.subjects`";
    assert_faults("not counted", &corpus, &[(("a.cedar", 2, 40), message, "in_policies: [subjects]")]);
}

#[test]
fn every_fault_of_every_file_at_once() {
    let mut corpus = with(&[
        ("a.cedar", "permit (principal, action, resource"),
        (
            "b.cedar",
            "@id(\"x\") permit (principal, action, resource);\n\n  @id(\"x\") permit (principal, action, resource);",
        ),
        ("c.cedar", "@id(\"x\") permit (principal, action, resource) when { context.nothing };"),
        ("d.cedar", "@id(\"fine\") permit (principal, action, resource);"),
    ]);
    corpus.roles.push(group("chief", &["nobody"]));
    assert_faults(
        "all",
        &corpus,
        &[
            (("a.cedar", 1, 36), "unexpected end of input", "expected"),
            (("b.cedar", 3, 3), "`x` is already used at b.cedar:1", "of its own"),
            (("c.cedar", 1, 1), "`x` is already used at b.cedar:3", "of its own"),
            (("c.cedar", 1, 54), "`nothing`", ""),
            (
                ("entities.yaml", 1, 1),
                "role `chief` is in `nobody`, which does not exist",
                "declare it in entities.yaml",
            ),
        ],
    );
}

#[test]
fn without_policies_nothing_loads() {
    let help = "write at least one `permit`";
    let none = (("schema.cedarschema", 0, 0), "there is no policy", help);
    assert_faults("no file", &with(&[]), &[none]);
    let empty = (("a.cedar", 0, 0), "there is no policy", help);
    assert_faults("an empty file", &with(&[("a.cedar", "")]), &[empty]);
    assert_faults("comments only", &with(&[("a.cedar", "// nothing yet\n")]), &[empty]);
    engine(&with(&[("a.cedar", "// nothing yet\n"), ("b.cedar", SOUND)]));
}

#[test]
fn hierarchies_are_trees_of_known_names() {
    let sound = with(&[("a.cedar", SOUND)]);
    let place = ("entities.yaml", 1, 1);
    let circle = [group("a", &["b"]), group("b", &["c"]), group("c", &["b"])];
    assert_faults(
        "a circle",
        &Corpus { units: [sound.units.clone(), circle.to_vec()].concat(), ..sound.clone() },
        &[
            (place, "unit `b` is in itself", "remove one `in`"),
            (place, "unit `c` is in itself", "remove one `in`"),
        ],
    );
    assert_faults(
        "itself",
        &Corpus { roles: [sound.roles.clone(), vec![group("a", &["a"])]].concat(), ..sound.clone() },
        &[(place, "role `a` is in itself", "remove one `in`")],
    );
    assert_faults(
        "twice",
        &Corpus {
            roles: [sound.roles.clone(), vec![group("officer", &[] as &[&str])]].concat(),
            ..sound.clone()
        },
        &[(place, "role `officer` is declared twice", "keep one")],
    );
    assert_faults(
        "an unknown parent",
        &Corpus { roles: [sound.roles.clone(), vec![group("x", &["oficer"])]].concat(), ..sound.clone() },
        &[(place, "role `x` is in `oficer`", "write `officer`")],
    );
    assert_faults(
        "an empty name",
        &Corpus {
            classifications: [sound.classifications.clone(), vec![group("", &[] as &[&str])]].concat(),
            ..sound.clone()
        },
        &[(place, "a classification has an empty name", "give it a name")],
    );
    let sources: Vec<SourceFacts> = [sound.sources.clone(), vec![source("persons", "sekret")]].concat();
    let place = ("sources/persons.yaml", 1, 1);
    assert_faults(
        "a source twice, and of no classification",
        &Corpus { sources, ..sound },
        &[
            (place, "source `persons` is declared twice", "keep one"),
            (place, "source `persons`: no classification `sekret`", "write `secret`"),
        ],
    );
}

#[test]
fn a_schema_that_does_not_fit_the_engine() {
    let place = ("schema.cedarschema", 0, 0);
    let ships = "as in the schema.cedarschema that Poort ships";
    let cases: &[(&str, &str, &str, &[Expected])] = &[
        (
            "broken",
            "entity Fleet;",
            "entity Fleet",
            &[(("schema.cedarschema", 10, 3), "unexpected token", "expected")],
        ),
        (
            "an unknown type",
            "auth_age?: Long",
            "auth_age?: Lang",
            &[(("schema.cedarschema", 68, 16), "Lang", "neither")],
        ),
        ("a word is missing", "purpose?: String,", "", &[(place, "purpose", ships)]),
        ("a number is missing", "officers?: Long,", "", &[(place, "context.shift.officers", ships)]),
        ("a word of another type", "score: Long", "score: String", &[(place, "score", ships)]),
        ("a capture that is no text", "plate?: String", "plate?: Long", &[(place, "plate", ships)]),
        (
            "a word that may be absent",
            "device?: Device,\n    actor",
            "device: Device,\n    actor",
            &[(place, "device", ships)],
        ),
        ("a capture that may be absent", "plate?: String", "plate: String", &[(place, "plate", ships)]),
        (
            "a word that the engine does not know",
            "strong: Bool",
            "strong: Bool, weak: Bool",
            &[(place, "weak", ships)],
        ),
        ("an entity without its groups", "User in [Role, Unit]", "User in [Role]", &[(place, "Unit", ships)]),
        ("an entity without an attribute", "{ owner: String }", "", &[(place, "owner", ships)]),
        (
            "an operation is missing",
            "combine, erase",
            "erase",
            &[(place, "action `combine` is missing", ships)],
        ),
    ];
    for (name, from, to, expected) in cases {
        let mut corpus = with(&[("a.cedar", SOUND)]);
        let text = corpus.schema.text.replacen(from, to, 1);
        assert_ne!(text, corpus.schema.text, "{name}");
        corpus.schema.text = text;
        assert_faults(name, &corpus, expected);
    }
}

#[test]
fn a_schema_may_add_captures_and_groups() {
    let mut corpus = with(&[(
        "a.cedar",
        "permit (principal, action in Poort::Action::\"changing\", resource)
         when { context.request.captures has colour && context.request.captures.colour == \"red\" };",
    )]);
    let text = corpus.schema.text.replace("chassis?", "colour?: String, chassis?");
    corpus.schema.text = text.replace(
        "action collect, alter, consult,",
        "action changing;\n action collect, alter in [changing] appliesTo {
            principal: [User, Service, Device], resource: Source, context: Circumstances };
         action consult,",
    );
    let engine = engine(&corpus);
    assert!(engine.captures().any(|name| name == "colour"));
    assert!(engine.captures().all(|name| name != "shade"));
}

#[test]
fn too_much_is_refused_in_words() {
    let nested = |open: &str, close: &str, times: usize| {
        let condition = format!("{}true{}", open.repeat(times), close.repeat(times));
        format!("@id(\"deep\") permit (principal, action, resource) when {{ {condition} }};")
    };
    let large = format!("{SOUND}{}", " ".repeat(4 << 20));
    let cases = [
        ("large", large, "bytes, the limit is 4194304"),
        ("a long chain", nested("context has case && ", "", 100_000), "more than 2000 operators"),
        ("a chain that is just too long", nested("context has case && ", "", 300), "more than 256 deep"),
        ("a long path", nested("", ".a", 100_000), "more than 2000 operators"),
        ("many indexes", nested("", "[\"a\"]", 100_000), "more than 2000 operators"),
        ("many brackets", nested("(", ")", 100_000), "more than 20 brackets"),
        ("many sets", nested("[", "].isEmpty()", 100_000), "more than 20 brackets"),
        ("many negations", nested("!(", ")", 100_000), "more than 20 brackets"),
        ("many ifs", nested("if true then true else ", "", 100_000), "more than 20 `if`s"),
    ];
    for (name, text, message) in cases {
        let found = faults(&with(&[("a.cedar", &text)]));
        assert!(found.iter().all(|fault| fault.message.contains(message)), "{name}: {found:#?}");
    }
    engine(&with(&[("a.cedar", &nested("context has case && ", "", 200))]));
}

#[test]
fn an_id_is_given_or_the_place() {
    let text = "// first\npermit (principal, action, resource);\n\npermit (principal, action, resource);";
    let engine = engine(&with(&[("day.cedar", text), ("named.cedar", SOUND)]));
    let asked = common::question(common::user("zone|x", &[], &[]), None, Operation::Use, "persons");
    let decision = engine.decide(&asked, &engine.prepare(&asked.principal, None, None));
    assert_eq!(decision.determining, common::names(&["day.cedar:2", "day.cedar:4", "sound"]));
}

type Change = fn(&mut Corpus);

#[test]
fn the_digest_names_the_content() {
    let base = with(&[("a.cedar", SOUND), ("b.cedar", "forbid (principal, action, resource);")]);
    let digest = |corpus: &Corpus| engine(corpus).digest().to_owned();
    let first = digest(&base);
    assert_eq!(first.len(), 64);
    assert!(first.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
    let mut turned = base.clone();
    turned.policies.reverse();
    turned.roles.reverse();
    turned.sources.reverse();
    assert_eq!(digest(&turned), first, "order does not matter");
    let mut moved = base.clone();
    moved.sources[0].place.line += 1;
    assert_eq!(digest(&moved), first, "nor does the place in a file");
    let changes: [(&str, Change); 6] = [
        ("a policy", |corpus| corpus.policies[0].text.push(' ')),
        ("a file's name", |corpus| corpus.policies[0].name.push('x')),
        ("the schema", |corpus| corpus.schema.text.push(' ')),
        ("a parent", |corpus| corpus.roles.push(group("new", &["officer"]))),
        ("an owner", |corpus| corpus.sources[0].owner.push('x')),
        ("a fleet", |corpus| corpus.fleets.push("boats".to_owned())),
    ];
    for (name, change) in changes {
        let mut corpus = base.clone();
        change(&mut corpus);
        assert_ne!(digest(&corpus), first, "{name}");
    }
    let split =
        |one: &str, two: &str| Corpus { policies: vec![file(one, SOUND), file(two, "//")], ..world() };
    assert_ne!(digest(&split("a", "bc")), digest(&split("ab", "c")));
}
