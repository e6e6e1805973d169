//! Access that was ended: refused with the next request, whatever is shown.

use poort_enforce::{
    ports::Withdrawn,
    reason::{Class, Reason},
};
use serde_json::json;

use crate::{
    fixture::{Ask, CAR, NOW, OFFICE, SEARCH, Zone, accepted, expect},
    session::{as_page, asks, cookie},
};

const JAN: &str = "zone|jan";

fn ask(token: &str) -> Ask {
    Ask::get("persons.example", "/status").token(token)
}

#[test]
fn a_blocked_device_is_refused_everywhere_and_others_are_not() {
    let zone = Zone::new();
    zone.ports.inner().blocked.insert(CAR.to_owned());
    let token = zone.issuer.officer();
    let blocked = || Some(Reason::DeviceBlocked);
    expect(
        &zone,
        vec![
            ("a token", ask(&token), blocked()),
            ("a session", asks(&cookie("persons.example", CAR)), blocked()),
            ("a person", as_page(asks(&cookie("persons.example", CAR))), blocked()),
            ("where no device is demanded", Ask::get("portal.example", "/").token(&token), blocked()),
            ("the gate's own pages", Ask::get("signin.example", "/start"), blocked()),
            ("the same token elsewhere", ask(&token).device(accepted(OFFICE)), None),
        ],
    );
    assert_eq!(Reason::DeviceBlocked.class(), Class::DeviceRevoked);
    assert_eq!(ask(&token).put(&zone).exchange.holder.map(|_| ()), None, "before anybody looks at the token");
}

#[test]
fn a_blocked_person_is_refused_whatever_speaks_for_them() {
    let zone = Zone::new();
    zone.ports.inner().withdrawn.insert(JAN.to_owned(), Withdrawn::Everything);
    let fresh = zone.issuer.token(&json!({ "iat": NOW, "auth_time": NOW }));
    let blocked = || Some(Reason::UserBlocked);
    let on_behalf = Ask::get("persons.example", "/persons/85").device(accepted(SEARCH));
    expect(
        &zone,
        vec![
            ("a token", ask(&zone.issuer.officer()), blocked()),
            ("a fresh one", ask(&fresh), blocked()),
            ("on behalf of", on_behalf.token(&fresh), blocked()),
            ("a session", asks(&cookie("persons.example", CAR)), blocked()),
            (
                "a person, who is not led in circles",
                as_page(asks(&cookie("persons.example", CAR))),
                blocked(),
            ),
            ("somebody else", ask(&zone.issuer.token(&json!({ "sub": "piet" }))), None),
        ],
    );
    let answered = ask(&fresh).put(&zone);
    assert_eq!(answered.exchange.holder.unwrap().principal.id, JAN, "the record names them");
}

#[test]
fn a_token_from_before_is_refused_however_often_it_was_renewed() {
    let zone = Zone::new();
    let moment = NOW - 60;
    zone.ports.inner().withdrawn.insert(JAN.to_owned(), Withdrawn::Before(moment));
    let token = |claims| ask(&zone.issuer.token(&claims));
    let ended = || Some(Reason::SignInEnded);
    expect(
        &zone,
        vec![
            ("issued before", token(json!({ "iat": moment - 1 })), ended()),
            ("in the same second", token(json!({ "iat": moment })), ended()),
            ("issued after", token(json!({ "iat": moment + 1 })), None),
            ("renewed", token(json!({ "iat": moment + 1, "auth_time": moment - 600 })), ended()),
            ("signed in anew", token(json!({ "iat": moment + 1, "auth_time": moment + 1 })), None),
            ("a session, which is ended where it is kept", asks(&cookie("persons.example", CAR)), None),
        ],
    );
    assert_eq!(Reason::SignInEnded.class(), Class::SignInExpired, "they are told to sign in again");
}
