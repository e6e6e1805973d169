//! What loads but is hardly meant, and what is not said of sound policies.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::too_many_lines)]

mod common;

use common::{shipped, with, world};
use poort_policy::{
    Corpus, Operation, Place,
    workbench::{
        Lint, Surroundings, Workbench,
        lint::{IssuerUse, NAMES, SourceUse},
    },
};

fn around() -> Surroundings {
    use Operation::{Alter, Collect, Consult, Disclose, Erase, Use};
    let source = |id: &str, operations: &[Operation]| SourceUse {
        id: id.to_owned(),
        place: Place { file: format!("sources/{id}.yaml").into(), line: 1, column: 1 },
        hosts: vec![format!("{id}.zone.example")],
        operations: operations
            .iter()
            .zip(2..)
            .map(|(one, line)| (*one, Place { file: format!("sources/{id}.yaml").into(), line, column: 3 }))
            .collect(),
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Surroundings {
        sources: vec![
            source("persons", &[Consult, Alter, Erase, Disclose, Use]),
            source("vehicles", &[Consult, Collect, Alter, Erase, Use]),
            source("firearms", &[Consult, Collect, Alter, Use]),
        ],
        issuers: vec![
            IssuerUse {
                alias: "zone".to_owned(),
                roles: words(&["officer", "supervisor", "firearms-desk", "registry-sync"]),
                units: words(&["zone", "team-a", "team-b"]),
            },
            IssuerUse { alias: "federal".to_owned(), roles: words(&["federal-partner"]), units: vec![] },
        ],
        devices: words(&["spiffe://zone.example/device/car-12"]),
        strong: words(&["phrh"]),
    }
}

fn lints(corpus: Corpus) -> Vec<Lint> {
    let bench = Workbench::load(corpus).unwrap_or_else(|faults| panic!("{faults:#?}"));
    bench.lint(&around())
}

#[test]
fn nothing_is_said_of_the_shipped_policies() {
    assert_eq!(lints(shipped()), []);
}

const OPEN: &str = "@id(\"open\") permit (principal in Poort::Role::\"officer\", action, resource);\n";

/// Name, policies after one that permits everything to officers, and what is said: lint, line, column, part of the message.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, usize, usize, &'a str)]);

#[test]
fn what_is_hardly_meant() {
    let cases: &[Case<'_>] = &[
        ("nothing", "", &[]),
        (
            "no source",
            "@id(\"x\") permit (principal, action, resource in Poort::Classification::\"public\") when { context has case };",
            &[("no-source", 2, 1, "applies to no source")],
        ),
        (
            "no source, by its condition",
            "@id(\"x\") forbid (principal, action == Poort::Action::\"consult\", resource == Poort::Source::\"persons\")\nwhen { resource == Poort::Source::\"vehicles\" };",
            &[
                ("no-source", 2, 1, "applies to no source"),
                ("always-false", 3, 8, "never holds: for every source and operation"),
            ],
        ),
        (
            "unbounded",
            "@id(\"x\") permit (principal, action, resource);",
            &[
                ("redundant", 1, 1, "nothing that `x` does not (a.cedar:2)"),
                ("unbounded", 2, 1, "permit `x` allows everything to everybody"),
            ],
        ),
        (
            "bounded by its condition",
            "@id(\"x\") permit (principal, action, resource) when { context has case };",
            &[],
        ),
        (
            "never asked",
            "@id(\"x\") forbid (principal, action == Poort::Action::\"combine\", resource);",
            &[("never-asked", 2, 1, "no request to its sources")],
        ),
        (
            "overruled",
            "@id(\"x\") forbid (principal in Poort::Role::\"officer\", action == Poort::Action::\"erase\", resource);\n\
             @id(\"y\") permit (principal in Poort::Role::\"supervisor\", action == Poort::Action::\"erase\", resource) when { context has case };",
            &[
                ("overruled", 3, 1, "forbid `x` always overrules it"),
                ("unreachable-source", 4, 3, "`erase` of source `persons`"),
                ("unreachable-source", 5, 3, "`erase` of source `vehicles`"),
            ],
        ),
        (
            "redundant",
            "@id(\"x\") permit (principal in Poort::Role::\"supervisor\", action == Poort::Action::\"alter\", resource) when { context has case };",
            &[("redundant", 2, 1, "nothing that `open` does not (a.cedar:1)")],
        ),
        (
            "twice",
            "@id(\"x\") forbid (principal, action, resource) when { context has case };\n\
             @id(\"y\") forbid (principal, action, resource) when { context has case };",
            &[("redundant", 3, 1, "nothing that `x` does not")],
        ),
        (
            "not redundant: it asks for something",
            "@id(\"x\") @review(\"y\") permit (principal in Poort::Role::\"supervisor\", action, resource);",
            &[],
        ),
        (
            "the scope says so",
            "@id(\"x\") forbid (principal is Poort::User in Poort::Role::\"supervisor\", action, resource)\n\
             when { principal is Poort::User &&\nprincipal in Poort::Role::\"officer\" &&\nprincipal in Poort::Unit::\"zone\" };",
            &[
                ("always-true", 3, 8, "the scope of the policy says so"),
                ("always-true", 4, 1, "the scope of the policy says so"),
            ],
        ),
        (
            "ranges",
            "@id(\"x\") forbid (principal, action, resource)\nwhen { context.time.hour < 24 || context.time.weekday > 7 || context.inspection.score >= 0 ||\n\
             context.time.hour < 23 };",
            &[
                ("always-true", 3, 8, "it is from 0 to 23"),
                ("always-false", 3, 34, "it is from 1 to 7"),
                ("always-true", 3, 62, "it is from 0"),
            ],
        ),
        (
            "a purpose that nobody can choose",
            "@id(\"x\") forbid (principal, action, resource)\nwhen { context has purpose && context.purpose == \"patrl\" };\n\
             @id(\"y\") forbid (principal, action, resource)\nwhen { context has purpose && context.purpose == \"patrol\" };",
            &[("unknown-name", 3, 31, "the zone has no purpose `patrl`")],
        ),
        (
            "what a broken glass moves",
            "@id(\"x\") @unbreakable forbid (principal, action, resource)\nunless { context has break_glass };\n\
             @id(\"y\") @unbreakable permit (principal in Poort::Role::\"supervisor\", action, resource);\n\
             @id(\"z\") @unbreakable forbid (principal, action, resource) when { context has case };",
            &[
                ("not-unbreakable", 2, 1, "forbid `x` is `@unbreakable`, and asks for a broken glass"),
                ("not-unbreakable", 4, 1, "a permit stops nobody"),
            ],
        ),
        (
            "what is always there",
            "@id(\"x\") forbid (principal, action, resource)\nwhen { context.session has strong && context.session has acr };",
            &[("always-true", 3, 8, "every request has it")],
        ),
        (
            "what cannot be together",
            "@id(\"x\") forbid (principal, action, resource)\nwhen { context.time.hour < 6 && context.time.hour >= 22 };\n\
             @id(\"y\") forbid (principal, action, resource)\nwhen { context.request.method == \"GET\" && context.request.method == \"PUT\" };\n\
             @id(\"z\") forbid (principal, action, resource)\nwhen { context has case && !(context has case) || context has purpose };",
            &[
                ("always-false", 3, 33, "after `context.time.hour < 6` on line 3"),
                ("always-false", 5, 43, "after `context.request.method == \"GET\"`"),
                ("always-true", 7, 30, "`context has case` on line 7"),
            ],
        ),
        (
            "not together: a window over midnight",
            "@id(\"x\") forbid (principal, action, resource)\nwhen { context.time.hour < 6 || context.time.hour >= 22 };",
            &[],
        ),
        (
            "names of the open world",
            "@id(\"x\") forbid (principal == Poort::User::\"zome|amina\", action, resource);\n\
             @id(\"y\") forbid (principal == Poort::User::\"amina\", action, resource);\n\
             @id(\"z\") forbid (principal == Poort::User::\"zone|amina\", action, resource)\n\
             when { context has device && context.device == Poort::Device::\"spiffe://zone.example/device/car-13\" };",
            &[
                ("unknown-name", 2, 31, "no issuer is called `zome`"),
                ("unknown-name", 3, 31, "`amina` is nobody"),
                ("unknown-name", 5, 48, "car-13"),
            ],
        ),
        (
            "words of a request",
            "@id(\"x\") forbid (principal, action, resource) when { context.request.method == \"get\" };\n\
             @id(\"y\") forbid (principal, action, resource) when { context.request.host == \"person.zone.example\" };\n\
             @id(\"z\") forbid (principal, action, resource) when { context.request.path like \"admin/*\" };\n\
             @id(\"w\") forbid (principal, action, resource) when { context.session.amr.contains(\"hkw\") };\n\
             @id(\"v\") forbid (principal, action, resource) when { context.request.method == \"PROPFIND\" };",
            &[
                ("unknown-name", 2, 54, "no request has the method `get`"),
                ("unknown-name", 3, 54, "no source has the host"),
                ("unknown-name", 4, 54, "paths begin with `/`"),
                ("unknown-name", 5, 54, "`hkw` is no way to sign in"),
            ],
        ),
        (
            "no id",
            "forbid (principal, action, resource) when { context has case };",
            &[("no-id", 2, 1, "`a.cedar:2`")],
        ),
    ];
    for (name, text, expected) in cases {
        let text = format!("{OPEN}{text}");
        let found = lints(with(&[("a.cedar", &text)]));
        let shown: Vec<_> = found
            .iter()
            .map(|lint| (lint.name, lint.place.line, lint.place.column, &*lint.message))
            .collect();
        assert_eq!(shown.len(), expected.len(), "{name}: {shown:#?}");
        for (found, (lint, line, column, message)) in shown.iter().zip(*expected) {
            assert_eq!((found.0, found.1, found.2), (*lint, *line, *column), "{name}: {shown:#?}");
            assert!(found.3.contains(message), "{name}: {shown:#?}");
        }
        assert!(found.iter().all(|lint| !lint.help.is_empty()), "{name}: says what to do");
        assert!(found.iter().all(|lint| NAMES.iter().any(|(known, _)| *known == lint.name)), "{name}");
    }
}

#[test]
fn a_source_without_a_permit() {
    let text = "@id(\"x\") permit (principal, action, resource == Poort::Source::\"persons\");";
    let found = lints(with(&[("a.cedar", text)]));
    let shown: Vec<_> = found.iter().map(|lint| (lint.name, &*lint.place.file)).collect();
    let unreachable = "unreachable-source";
    assert_eq!(shown, [(unreachable, "sources/firearms.yaml"), (unreachable, "sources/vehicles.yaml")]);
}

#[test]
fn a_role_that_no_issuer_grants() {
    let mut corpus = with(&[(
        "a.cedar",
        &format!("{OPEN}@id(\"x\") forbid (principal in Poort::Role::\"guest\", action, resource);"),
    )]);
    corpus.roles.push(common::group("guest", &[""; 0]));
    let found = lints(corpus);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].name, found[0].place.line, found[0].place.column), ("ungranted", 2, 31));
}

#[test]
fn an_action_that_no_operation_is() {
    let mut corpus = with(&[("a.cedar", OPEN)]);
    corpus.schema.text = corpus.schema.text.replace(
        "  // The operations of Directive",
        "  action export appliesTo { principal: [User], resource: Source, context: Circumstances };\n  // The operations of Directive",
    );
    let found = lints(corpus);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].name, found[0].place.column), ("unknown-action", 10));
    assert!(world().schema.text.lines().nth(found[0].place.line - 1).unwrap().contains("Directive"));
}
