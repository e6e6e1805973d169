//! Records of which there is too much to say.

use std::sync::Arc;

use poort_enforce::{
    arrival::DeviceState,
    data_subject::{Kind, Named},
    record::{Decision, Outcome, Request},
};
use poort_identity::{device::Certificate, token::Subject};
use serde_json::{Value, json};

use super::{decided, ended};
use crate::audit::tests::material::{
    certificate, connection, decision, outcome, pseudonyms, report, subject,
};

/// What takes six bytes in a line for each of its own.
fn long(bytes: usize) -> String {
    "\u{1}".repeat(bytes)
}

fn many_subjects() -> Named {
    let number = |number: u64| pseudonyms().pseudonym(Kind::NationalNumber, &format!("{number:011}"));
    Named { more: 9, ..(0..256).filter_map(|at| number(85_000_000_000 + at)).collect() }
}

/// A decision on a request that has matches with long names and names ever so many.
fn much() -> Decision {
    let mut report = report();
    report.matches.iter_mut().for_each(|found| found.variable = long(256));
    Decision { inspection: Some(Box::new(report)), subjects: many_subjects(), ..decision(1) }
}

#[test]
fn a_record_too_long_keeps_who_and_what_and_says_so() {
    let mut decision = decision(1);
    let question = decision.question.as_mut().unwrap();
    question.context.request.captures.insert("name".into(), "\u{1}".repeat(20_000));
    let event = decided("too long", decision);
    assert_eq!(event["metadata"]["is_truncated"], true);
    assert!(event["metadata"]["untruncated_size"].as_u64().unwrap() > 120_000);
    assert_eq!(
        (&event["unmapped"]["question"], &event["unmapped"]["operation"]),
        (&Value::Null, &json!("consult"))
    );
    assert_eq!(event["actor"]["user"]["uid"], "zone|4711");
}

#[test]
fn matches_are_told_as_far_as_there_is_room() {
    let event = decided("much", much());
    let waf = &event["unmapped"]["waf"];
    let told = waf["matches"].as_array().unwrap().len();
    assert!((5..20).contains(&told), "{told}");
    assert_eq!(waf["dropped"], json!(73 - told));
    assert_eq!(event["unmapped"]["subjects"].as_array().unwrap().len(), 256);
    assert_eq!(
        (&event["unmapped"]["more_subjects"], &event["metadata"]["is_truncated"]),
        (&json!(9), &Value::Null)
    );
}

#[test]
fn where_everything_is_long_lists_are_only_counted() {
    let name = || long(256);
    let certificate = Certificate { name: name(), issuer: name(), serial: name(), ..certificate() };
    let who = Subject {
        id: name(),
        display: Some(name()),
        client: Some(name()),
        actor: Some(name()),
        token_id: Some(name()),
        ..subject()
    };
    let decision = Decision {
        connection: connection(DeviceState::Accepted(Arc::new(certificate))),
        request: Some(Request { host: name(), path: long(2048), ..decision(1).request.unwrap() }),
        subject: Some(Arc::new(who)),
        ..much()
    };
    let event = decided("everything", decision);
    let unmapped = &event["unmapped"];
    assert_eq!(event["metadata"]["is_truncated"], true);
    assert_eq!((&unmapped["subjects"], &unmapped["more_subjects"]), (&Value::Null, &json!(256 + 9)));
    assert_eq!((&unmapped["waf"]["matches"], &unmapped["waf"]["dropped"]), (&Value::Null, &json!(73)));
}

#[test]
fn an_outcome_has_the_same_bounds() {
    let Decision { inspection, subjects, .. } = much();
    let event = ended("an outcome", Outcome { inspection, subjects, ..outcome(1) });
    assert_eq!(event["unmapped"]["more_subjects"], 9);
    assert!(event["unmapped"]["waf"]["dropped"].as_u64().unwrap() > 50);
}
