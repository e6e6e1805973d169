//! `policy`: what the policies are asked, and what becomes of their answer.

use http::Method;
use poort_enforce::{
    arrival::DeviceState,
    pipeline::{Admission, StepUp},
    reason::Reason,
};
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

/// A class that a forbid asks for, one that a permit does, and one that would not do.
const STEP_UPS: &str = r#"
@id("gold only") @reason("Gold.") @reason_nl("Goud.") @step_up("gold")
forbid (principal, action == Poort::Action::"use", resource == Poort::Source::"persons")
unless { context.session has acr && context.session.acr == "gold" };
@id("silver erases") @step_up("silver")
permit (principal is Poort::User in Poort::Role::"officer", action == Poort::Action::"erase", resource == Poort::Source::"vehicles")
when { context.session has acr && context.session.acr == "silver" };
@id("in vain") @step_up("bronze")
forbid (principal, action == Poort::Action::"consult", resource == Poort::Source::"vehicles");
"#;

#[test]
fn a_refusal_says_which_sign_in_would_do_and_only_if_it_would() {
    let zone = Zone::new().watched(STEP_UPS, None);
    let gold = zone.issuer.token(&json!({ "acr": "gold" }));
    for (name, ask, token, expected) in [
        (
            "a forbid",
            Ask::get("persons.example", "/status"),
            zone.issuer.officer(),
            Some((Reason::StrongerSignIn, Some("gold"))),
        ),
        ("the class it asks for", Ask::get("persons.example", "/status"), gold, None),
        (
            "a permit",
            Ask::get("vehicles.example", "/persons/85").method(Method::DELETE),
            zone.issuer.officer(),
            Some((Reason::StrongerSignIn, Some("silver"))),
        ),
        (
            "a permit for another role",
            Ask::get("vehicles.example", "/persons/85").method(Method::DELETE),
            zone.issuer.token(&json!({ "roles": ["desk"] })),
            Some((Reason::Policy, None)),
        ),
        (
            "one that would not do",
            Ask::get("vehicles.example", "/persons/85"),
            zone.issuer.officer(),
            Some((Reason::Policy, None)),
        ),
        (
            "any strong one",
            Ask::get("persons.example", "/persons/85").method(Method::PUT),
            zone.issuer.officer(),
            Some((Reason::StrongerSignIn, None)),
        ),
    ] {
        let answered = ask.token(&token).put(&zone);
        let seen = match &answered.admission {
            Admission::Refusal(refusal) => {
                let class = refusal.step_up.as_ref().and_then(|step_up| step_up.class.as_deref());
                Some((refusal.reason.clone(), class))
            }
            _ => None,
        };
        assert_eq!(seen, expected, "{name}");
    }
    let answered = Ask::get("persons.example", "/status").token(&zone.issuer.officer()).put(&zone);
    assert_eq!(advice(&answered), Some("Gold."));
    let Admission::Refusal(refusal) = &answered.admission else { panic!("{answered:?}") };
    assert_eq!(refusal.translations, [("nl".into(), "Goud.".into())]);
}

/// What asks for a sign-in of a quarter of an hour ago at most, alone and with other things.
const RECENT: &str = r#"
@id("recent") forbid (principal, action == Poort::Action::"use", resource == Poort::Source::"persons")
unless { context.session has auth_age && context.session.auth_age <= 900 };
@id("recent and strong")
permit (principal is Poort::User in Poort::Role::"officer", action == Poort::Action::"collect", resource == Poort::Source::"persons")
when { context.session.strong && context.session has auth_age && context.session.auth_age < 60 };
"#;

#[test]
fn a_refusal_says_how_recent_a_sign_in_would_do() {
    let zone = Zone::new().watched(RECENT, None);
    let signed_in = |ago: u64| zone.issuer.token(&json!({ "auth_time": NOW - ago }));
    let status = || Ask::get("persons.example", "/status");
    let collect = || Ask::get("persons.example", "/persons").method(Method::POST);
    let recent = |strong, max_age| Some(StepUp { class: None, strong, max_age: Some(max_age) });
    for (name, ask, token, expected) in [
        ("a while ago", status(), signed_in(901), recent(false, 900)),
        ("nobody knows when", status(), zone.issuer.token(&json!({ "auth_time": null })), recent(false, 900)),
        ("just now", status(), signed_in(900), None),
        ("neither recent nor strong", collect(), signed_in(61), recent(true, 59)),
        (
            "recent, and not strong",
            collect(),
            signed_in(1),
            Some(StepUp { strong: true, ..StepUp::default() }),
        ),
    ] {
        let answered = ask.token(&token).put(&zone);
        let seen = match &answered.admission {
            Admission::Refusal(refusal) => {
                assert_eq!(refusal.reason, Reason::StrongerSignIn, "{name}");
                refusal.step_up.as_deref().cloned()
            }
            _ => None,
        };
        assert_eq!(seen, expected, "{name}");
    }
}

#[test]
fn a_digest_of_the_body_is_owed_where_what_decided_asks_for_it() {
    let zone = Zone::new().watched(
        "@id(\"logged\") @log(\"body-hash\") permit (principal, action == Poort::Action::\"use\", resource);",
        None,
    );
    let ask = |path: &str| Ask::get("persons.example", path).token(&zone.issuer.officer()).put(&zone);
    for (path, owed) in [("/status", true), ("/persons/85", false)] {
        let answered = ask(path);
        assert!(answered.permit().is_some(), "{path}");
        assert_eq!(answered.exchange.hash_body, owed, "{path}");
    }
}
