//! `policy`: what the policies are asked, and what becomes of their answer.

use http::Method;
use poort_enforce::{arrival::DeviceState, pipeline::Admission, reason::Reason};
use serde_json::json;

use crate::fixture::{Answered, Ask, NOW, SYNC, Zone, accepted, expect, now};

fn advice(answered: &Answered) -> Option<&str> {
    match &answered.admission {
        Admission::Refusal(refusal) => refusal.advice.as_deref(),
        Admission::Permit(_) | Admission::Answer(_) => None,
    }
}

#[test]
fn policies_allow_deny_and_err() {
    let zone = Zone::new();
    let (officer, strong) = (zone.issuer.officer(), zone.issuer.strong());
    let ask =
        |method: Method, token: &str| Ask::get("persons.example", "/persons/85").method(method).token(token);
    let roleless = zone.issuer.token(&json!({ "roles": [] }));
    expect(
        &zone,
        vec![
            ("allowed", ask(Method::GET, &officer), None),
            ("without a role", ask(Method::GET, &roleless), Some(Reason::Policy)),
            ("needs a strong sign-in", ask(Method::PUT, &officer), Some(Reason::StrongerSignIn)),
            ("has a strong sign-in", ask(Method::PUT, &strong), None),
            ("a strong sign-in would not do", ask(Method::PUT, &roleless), Some(Reason::Policy)),
            ("nothing permits it", ask(Method::DELETE, &officer), Some(Reason::Policy)),
            ("a policy errs", ask(Method::DELETE, &strong), Some(Reason::PolicyError)),
        ],
    );
}

#[test]
fn any_listed_word_for_a_sign_in_makes_it_strong() {
    let zone = Zone::new();
    for (claims, strong) in [
        (json!({}), false),
        (json!({ "acr": "phrh" }), true),
        (json!({ "acr": "1" }), false),
        (json!({ "amr": ["pwd", "hwk"] }), true),
        (json!({ "amr": ["pwd"] }), false),
    ] {
        let answered = Ask::get("persons.example", "/status").token(&zone.issuer.token(&claims)).put(&zone);
        let (question, _) = answered.exchange.asked.unwrap();
        assert_eq!(question.context.session.strong, strong, "{claims}");
    }
}

#[test]
fn a_stronger_sign_in_is_advised_only_to_persons() {
    let zone = Zone::new();
    let service =
        zone.issuer.token(&json!({ "sub": "registry", "client_id": "registry", "roles": ["officer"] }));
    let answered = Ask::get("persons.example", "/persons/85")
        .method(Method::PUT)
        .device(accepted(SYNC))
        .token(&service)
        .put(&zone);
    assert_eq!(answered.reason(), Some(&Reason::Policy), "a service has no card");
}

#[test]
fn what_the_authors_say_reaches_the_refusal() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    let unmanaged = accepted("spiffe://zone.example/device/unheard-of");
    let denied = Ask::get("persons.example", "/status").token(&token).device(unmanaged).put(&zone);
    assert_eq!(advice(&denied), Some("Ask the service desk about this device."));
    // Nothing determined this one, so nobody has spoken.
    let silent = Ask::get("persons.example", "/persons").method(Method::POST).token(&token).put(&zone);
    assert_eq!((silent.reason(), advice(&silent)), (Some(&Reason::Policy), None));
}

#[test]
fn the_question_holds_the_request_in_its_normal_form() {
    let zone = Zone::new();
    let token = zone.issuer.strong();
    let answered = Ask::get("PERSONS.example:8443", "/persons/8%35").token(&token).sni(None).put(&zone);
    let (question, _) = answered.exchange.asked.unwrap();
    let request = &question.context.request;
    assert_eq!((&*request.method, &*request.host, &*request.path), ("GET", "persons.example", "/persons/85"));
    assert_eq!(request.address.to_string(), "192.0.2.7");
    assert_eq!(question.context.session.auth_age, Some(120));
    assert_eq!(question.context.time, poort_policy::TimeFacts::at(now(), 3600));
    assert_eq!(question.context.time.epoch, i64::try_from(NOW).unwrap());
    assert_eq!(question.context.inspection.score, 0);
}

#[test]
fn without_a_device_the_policies_see_none() {
    let zone = Zone::new();
    let answered =
        Ask::get("portal.example", "/").device(DeviceState::Absent).token(&zone.issuer.officer()).put(&zone);
    let (question, _) = answered.exchange.asked.unwrap();
    assert!(question.device.is_none() && question.actor.is_none());
}

#[test]
fn a_body_that_is_announced_too_large_is_refused_after_the_policies() {
    let zone = Zone::new();
    let ask = |length: &str| {
        Ask::get("persons.example", "/persons/85")
            .method(Method::PUT)
            .token(&zone.issuer.strong())
            .header("content-length", length)
    };
    let cases = vec![
        ("at the limit", ask("1000"), None),
        ("beyond", ask("1001"), Some(Reason::BodyTooLarge)),
        ("far beyond", ask("999999999999999999"), Some(Reason::BodyTooLarge)),
    ];
    expect(&zone, cases);
}
