//! `subject`: whose token, and whether it may be used here. What makes a token wrong has tables of its own beside the verifier.

use std::{sync::Arc, time::Duration};

use http::Method;
use poort_enforce::{
    arrival::DeviceState,
    reason::{Class, Reason},
};
use poort_identity::{
    session::SessionFault,
    token::{IssuerRules, Keys, TokenFault},
};
use poort_policy::PrincipalKind;
use serde_json::json;

use crate::fixture::{Ask, CAR, Issuer, NOW, OFFICE, SEARCH, SYNC, Zone, accepted, expect, now};

const SHA256_OF_SEVENS: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

fn ask() -> Ask {
    Ask::get("persons.example", "/status")
}

#[test]
fn a_bearer_token_comes_once_and_in_its_header() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    let at = |target: &str| Ask::get("persons.example", target).token(&token);
    let authorization = |value: &str| ask().header("authorization", value);
    expect(
        &zone,
        vec![
            ("once", ask().token(&token), None),
            ("any case of the scheme", authorization(&format!("bEARER {token}")), None),
            ("never", ask(), Some(Reason::SubjectMissing)),
            ("twice", ask().token(&token).token(&token), Some(Reason::Authorization)),
            (
                "beside another scheme",
                ask().token(&token).header("authorization", "Basic YTpi"),
                Some(Reason::Authorization),
            ),
            ("another scheme", authorization("Basic YTpi"), Some(Reason::Authorization)),
            ("no scheme", authorization(&token), Some(Reason::Authorization)),
            ("nothing", authorization("Bearer "), Some(Reason::Authorization)),
            ("short", authorization("B"), Some(Reason::Authorization)),
            ("in the query", at("/status?access_token=x"), Some(Reason::TokenInQuery)),
            ("in the query, escaped", at("/status?a=1&access_%74oken=x"), Some(Reason::TokenInQuery)),
            (
                "in the query, all escaped",
                at("/status?%61%63%63%65%73%73%5f%74%6f%6b%65%6e=x"),
                Some(Reason::TokenInQuery),
            ),
            ("in the query, in capitals", at("/status?ACCESS_TOKEN=x"), Some(Reason::TokenInQuery)),
            ("a word of that kind", at("/status?q=access_token"), None),
        ],
    );
}

#[test]
fn a_token_that_is_not_believed_is_refused_with_its_fault() {
    let zone = Zone::new();
    let cases = [
        ("expired", json!({ "exp": NOW - 40 }), TokenFault::Expired, Class::SignInExpired),
        ("for somebody else", json!({ "aud": "other" }), TokenFault::Audience, Class::SignInInvalid),
        (
            "of a stranger",
            json!({ "iss": "https://evil.example" }),
            TokenFault::UnknownIssuer,
            Class::SignInInvalid,
        ),
        ("without subject", json!({ "sub": null }), TokenFault::MissingClaim("sub"), Class::SignInInvalid),
    ];
    for (name, change, fault, class) in cases {
        let answered = ask().token(&zone.issuer.token(&change)).put(&zone);
        assert_eq!(answered.reason(), Some(&Reason::Token(fault)), "{name}");
        assert_eq!(answered.reason().map(Reason::class), Some(class), "{name}");
    }
    assert_eq!(zone.ports.inner().refreshes, 0, "none of these is about keys");
    assert!(zone.tokens.is_empty(), "nothing of them is kept");
}

#[test]
fn an_unknown_key_is_asked_for_once_and_then_known() {
    let mut zone = Zone::new();
    zone.issuer = Issuer::new("2");
    zone.ports.inner().published = Some(zone.issuer.keys());
    let token = zone.issuer.officer();
    expect(&zone, vec![("rotated", ask().token(&token), None), ("known by now", ask().token(&token), None)]);
    assert_eq!(zone.ports.inner().refreshes, 1);
}

#[test]
fn keys_that_cannot_be_had_refuse() {
    let unknown = TokenFault::UnknownKey { alias: "zone".into(), kid: Some("2".to_owned()) };
    let known = |zone: &Zone| zone.issuer.officer();
    let other = |_: &Zone| Issuer::new("2").officer();
    type Token = fn(&Zone) -> String;
    let cases: [(&str, Option<Keys>, Token, TokenFault, usize); 3] = [
        ("unknown, and no fetch", None, other, unknown, 1),
        ("never fetched", Some(Keys::Absent), known, TokenFault::KeysAbsent { alias: "zone".into() }, 1),
        ("stale", Some(Keys::Stale), known, TokenFault::KeysStale { alias: "zone".into() }, 0),
    ];
    for (name, keys, token, fault, refreshes) in cases {
        let zone = Zone::new();
        if let Some(keys) = keys {
            zone.ports.inner().keys = keys;
        }
        let answered = ask().token(&token(&zone)).put(&zone);
        assert_eq!(answered.reason(), Some(&Reason::Token(fault)), "{name}");
        assert_eq!(zone.ports.inner().refreshes, refreshes, "{name}");
    }
}

#[test]
fn a_remembered_token_is_forgotten_in_time() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    let holder = |answered: &crate::fixture::Answered| Arc::clone(answered.exchange.holder.as_ref().unwrap());
    let (first, second) = (ask().token(&token).put(&zone), ask().token(&token).put(&zone));
    assert!(Arc::ptr_eq(&holder(&first), &holder(&second)), "it is remembered");
    expect(
        &zone,
        vec![
            ("until it expires", ask().token(&token).later(599), None),
            ("and for the leeway of its issuer", ask().token(&token).later(629), None),
            ("not beyond", ask().token(&token).later(630), Some(Reason::Token(TokenFault::Expired))),
        ],
    );
    let fresh = ask().token(&token).put(&zone);
    assert!(fresh.permit().is_some());
    zone.ports.inner().keys = Keys::Fresh(Issuer::new("1").keys());
    expect(&zone, vec![("with other keys", ask().token(&token), Some(Reason::Token(TokenFault::Signature)))]);
    zone.ports.inner().keys = Keys::Stale;
    let stale = TokenFault::KeysStale { alias: "zone".into() };
    expect(&zone, vec![("with stale keys", ask().token(&token), Some(Reason::Token(stale)))]);
}

#[test]
fn a_bound_token_is_worth_nothing_on_another_device() {
    let zone = Zone::new();
    let bound = |thumbprint: &str| zone.issuer.token(&json!({ "cnf": { "x5t#S256": thumbprint } }));
    let portal = || Ask::get("portal.example", "/").device(DeviceState::Absent);
    expect(
        &zone,
        vec![
            ("this device", ask().token(&bound(SHA256_OF_SEVENS)), None),
            ("another", ask().token(&bound(&"A".repeat(43))), Some(Reason::TokenOfAnotherDevice)),
            ("no device", portal().token(&bound(SHA256_OF_SEVENS)), Some(Reason::TokenOfAnotherDevice)),
        ],
    );
}

#[test]
fn a_pinned_token_belongs_to_the_device_that_it_is_first_used_on() {
    let mut zone = Zone::new();
    let token = zone.issuer.officer();
    let at_office = || ask().device(accepted(OFFICE));
    expect(
        &zone,
        vec![("not pinned", ask().token(&token), None), ("anywhere", at_office().token(&token), None)],
    );
    assert_eq!(zone.ports.inner().asked_pins, 0, "nobody asks");

    zone.pipeline.rules.pinning.insert("zone".to_owned());
    let bound = zone.issuer.token(&json!({ "cnf": { "x5t#S256": SHA256_OF_SEVENS } }));
    let (token, other) =
        (zone.issuer.token(&json!({ "jti": "first" })), zone.issuer.token(&json!({ "jti": "other" })));
    let signed_anew = zone.issuer.token(&json!({ "jti": "first" }));
    let without_signature = |token: &str| token.rsplit_once('.').unwrap().0.to_owned();
    assert_eq!(without_signature(&token), without_signature(&signed_anew), "it says the same");
    assert_ne!(token, signed_anew, "under another signature");
    let portal = || Ask::get("portal.example", "/").device(DeviceState::Absent);
    expect(
        &zone,
        vec![
            ("first here", ask().token(&token), None),
            ("here again", ask().token(&token), None),
            ("elsewhere", at_office().token(&token), Some(Reason::TokenOfAnotherDevice)),
            ("and again", at_office().token(&token), Some(Reason::TokenOfAnotherDevice)),
            ("under another signature", at_office().token(&signed_anew), Some(Reason::TokenOfAnotherDevice)),
            ("still here", ask().token(&token), None),
            ("another token elsewhere", at_office().token(&other), None),
            ("but not here", ask().token(&other), Some(Reason::TokenOfAnotherDevice)),
            ("no device", portal().token(&token), Some(Reason::TokenUnbound)),
            ("the issuer has bound it", ask().token(&bound), None),
            ("a workload that acts for its officer", ask().device(accepted(SEARCH)).token(&token), None),
        ],
    );
    assert_eq!(zone.ports.inner().asked_pins, 3, "each token once");
    // They expire in ten minutes, and are believed for the leeway longer.
    let believed = now() + Duration::from_secs(600) + IssuerRules::LEEWAY_LIMIT;
    assert!(zone.ports.inner().pinned_until >= believed, "as long as it could be believed");

    zone.ports.inner().pins = None;
    let late = zone.issuer.token(&json!({ "jti": "late" }));
    let refused = Reason::Session(SessionFault::Unreachable);
    expect(&zone, vec![("what cannot be told", ask().token(&late), Some(refused))]);
}

#[test]
fn a_device_asks_on_its_own_account_where_the_file_leaves_it_to_the_policies() {
    let zone = Zone::new();
    let vehicles = || Ask::get("vehicles.example", "/status");
    let answered = vehicles().put(&zone);
    let principal = &answered.permit().unwrap().holder().principal;
    assert_eq!((principal.kind, &*principal.id), (PrincipalKind::Device, CAR));
    expect(
        &zone,
        vec![
            ("a subject is demanded", ask(), Some(Reason::SubjectMissing)),
            ("another fleet", vehicles().device(accepted(SYNC)), Some(Reason::Policy)),
            ("another operation", Ask::get("vehicles.example", "/persons/85"), Some(Reason::Policy)),
            (
                "a bad token is no missing one",
                vehicles().token("x"),
                Some(Reason::Token(TokenFault::NotAToken)),
            ),
        ],
    );
}

#[test]
fn a_service_is_a_principal_of_its_own() {
    let zone = Zone::new();
    let ask = Ask::get("vehicles.example", "/persons").method(Method::POST).device(accepted(SYNC));
    let answered = ask.token(&zone.issuer.service()).put(&zone);
    let principal = &answered.permit().unwrap().holder().principal;
    assert_eq!((principal.kind, &*principal.id), (PrincipalKind::Service, "zone|registry"));
}
