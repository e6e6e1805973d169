//! Who asks, by a session's cookie.

use std::{sync::Arc, time::Duration};

use http::Method;
use poort_enforce::{
    pipeline::{Admission, Answer},
    ports::Standing,
    reason::Reason,
    sign_in::{Detour, Endpoint},
};
use poort_identity::{
    session::{Session, SessionFault, SessionId},
    token::{Subject, SubjectKind},
};

use crate::fixture::{Answered, Ask, CAR, OFFICE, Zone, accepted, expect, now, seal};

fn officer(roles: &[&str]) -> Arc<Subject> {
    Arc::new(Subject {
        id: "zone|jan".to_owned(),
        kind: SubjectKind::User,
        issuer: "zone".into(),
        roles: roles.iter().map(|role| (*role).into()).collect(),
        units: vec![],
        acr: None,
        amr: vec![],
        auth_time: None,
        issued: None,
        expires: now() + Duration::from_secs(600),
        token_id: None,
        client: None,
        actor: None,
        display: None,
        dropped: vec![],
        certificate: None,
        generation: 0,
    })
}

pub(crate) fn cookie(host: &str, device: &str) -> String {
    let id = SessionId::random().unwrap();
    let session =
        Session { id, subject: officer(&["officer"]), device: device.to_owned(), host: host.to_owned() };
    format!("__Host-poort-session={}", session.seal(&seal()).unwrap())
}

pub(crate) fn asks(cookie: &str) -> Ask {
    Ask::get("persons.example", "/status").header("cookie", cookie)
}

pub(crate) fn as_page(ask: Ask) -> Ask {
    ask.header("accept", "text/html").header("sec-fetch-mode", "navigate")
}

fn answer(answered: &Answered) -> Option<&Answer> {
    match &answered.admission {
        Admission::Answer(answer) => Some(answer),
        _ => None,
    }
}

#[test]
fn a_session_speaks_for_its_person_on_its_device_at_its_host() {
    let zone = Zone::new();
    let session = |fault| Some(Reason::Session(fault));
    let own = cookie("persons.example", CAR);
    let cases = vec![
        ("a session", asks(&own), None),
        ("among other cookies", asks(&format!("a=1; {own}; b=2")), None),
        ("twice", asks(&format!("{own}; {own}")), session(SessionFault::Repeated)),
        ("in two lines", asks(&own).header("cookie", &own), session(SessionFault::Repeated)),
        ("of another host", asks(&cookie("vehicles.example", CAR)), session(SessionFault::OtherHost)),
        ("on another device", asks(&own).device(accepted(OFFICE)), Some(Reason::SessionOfAnotherDevice)),
        (
            "on another device, by a person",
            as_page(asks(&own).device(accepted(OFFICE))),
            Some(Reason::SessionOfAnotherDevice),
        ),
        ("changed", asks(&format!("{own}A")), session(SessionFault::Unreadable)),
        ("expired", asks(&own).later(600), session(SessionFault::Expired)),
        ("a cookie of another name", asks("__Host-poort-sessio=1"), Some(Reason::SubjectMissing)),
    ];
    expect(&zone, cases);
    let kept = asks(&own).put(&zone);
    assert_eq!(kept.exchange.holder.unwrap().principal.id, "zone|jan");
}

#[test]
fn what_the_state_says_of_a_session_counts() {
    let zone = Zone::new();
    let own = cookie("persons.example", CAR);
    for fault in
        [SessionFault::Ended, SessionFault::Unknown, SessionFault::Unconfirmed, SessionFault::Unreachable]
    {
        zone.ports.inner().standing = Standing::Closed(fault);
        expect(&zone, vec![(fault.code(), asks(&own), Some(Reason::Session(fault)))]);
    }
    zone.ports.inner().standing = Standing::Open { renewed: Some(officer(&[])), statements: Arc::default() };
    expect(&zone, vec![("a role that was taken away", asks(&own), Some(Reason::Policy))]);
    zone.ports.inner().standing =
        Standing::Open { renewed: Some(officer(&["officer"])), statements: Arc::default() };
    expect(&zone, vec![("and given back", asks(&own), None)]);
}

#[test]
fn a_page_of_another_origin_does_not_act_in_a_sessions_name() {
    let zone = Zone::new();
    let (here, there) = ("https://persons.example", "https://vehicles.example");
    let act = || {
        let target = Ask::get("persons.example", "/persons").method(Method::POST);
        target.header("cookie", &cookie("persons.example", CAR))
    };
    let cases = vec![
        ("from its own pages", act().header("origin", here), Some(Reason::Policy)),
        ("from a sibling's", act().header("origin", there), Some(Reason::CrossOrigin)),
        ("from nowhere", act(), Some(Reason::CrossOrigin)),
        ("typed in", act().header("sec-fetch-site", "none"), Some(Reason::Policy)),
        ("from two", act().header("origin", here).header("origin", here), Some(Reason::CrossOrigin)),
    ];
    expect(&zone, cases);
}

#[test]
fn a_person_is_led_to_sign_in_and_a_program_is_told() {
    let zone = Zone::new();
    let page = as_page(Ask::get("persons.example", "/status"));
    let detour = Answer::SignIn(Detour { stronger: false });
    assert_eq!(answer(&page.put(&zone)), Some(&detour));
    let expired = as_page(asks(&cookie("persons.example", CAR)).later(600));
    assert_eq!(answer(&expired.put(&zone)), Some(&detour));
    let late = asks(&cookie("persons.example", CAR)).later(600);
    let whose = |ask: Ask| ask.put(&zone).exchange.holder.clone().map(|holder| holder.principal.id.clone());
    assert_eq!(whose(late).as_deref(), Some("zone|jan"), "it is known whose session it was");
    let elsewhere = asks(&cookie("persons.example", OFFICE)).later(600);
    assert_eq!(whose(elsewhere), None, "but not on another device");
    let program = Ask::get("persons.example", "/status").header("accept", "application/json");
    expect(&zone, vec![("a program", program, Some(Reason::SubjectMissing))]);
}

#[test]
fn a_cookie_that_was_taken_elsewhere_opens_no_page_of_the_gates_own() {
    let zone = Zone::new();
    let at = |host: &str, target: &str, cookie: &str| Ask::get(host, target).header("cookie", cookie);
    let (start, taken) = (("signin.example", "/start"), ("persons.example", "/.poort/callback?code=1"));
    for (host, target) in [start, taken] {
        let own = cookie(host, CAR);
        for (name, ask, reason) in [
            ("its own", at(host, target, &own), None),
            ("one that has expired", at(host, target, &own).later(600), None),
            ("two", at(host, target, &format!("{own}; {own}")), None),
            ("none of ours", at(host, target, "__Host-poort-session=x"), None),
            (
                "on another device",
                at(host, target, &own).device(accepted(OFFICE)),
                Some(Reason::SessionOfAnotherDevice),
            ),
            (
                "of another host",
                at(host, target, &cookie("vehicles.example", CAR)),
                Some(Reason::Session(SessionFault::OtherHost)),
            ),
        ] {
            let answered = ask.put(&zone);
            assert_eq!(answered.reason(), reason.as_ref(), "{host}: {name}");
            let opened = matches!(answer(&answered), Some(Answer::Own(_)));
            assert_eq!(opened, reason.is_none(), "{host}: {name}");
            let named = answered.exchange.holder.map(|holder| holder.principal.id.clone());
            let whose = (reason == Some(Reason::SessionOfAnotherDevice)).then(|| "zone|jan".to_owned());
            assert_eq!(named, whose, "{host}: {name}: the record says whose it is");
        }
    }
}

#[test]
fn the_gates_own_pages_need_a_device_and_have_one_spelling() {
    let zone = Zone::new();
    let own = |host: &str, target: &str, endpoint| {
        let answered = Ask::get(host, target).put(&zone);
        assert_eq!(answer(&answered), Some(&Answer::Own(endpoint)), "{host}{target}");
    };
    own("signin.example", "/start?to=x", Endpoint::Start);
    own("signin.example", "/callback/zone?code=1", Endpoint::Callback);
    own("persons.example", "/.poort/callback?code=1", Endpoint::HandOver);
    let device = Some(Reason::DeviceMissing);
    let absent = poort_enforce::arrival::DeviceState::Absent;
    let cases = vec![
        ("no device", Ask::get("signin.example", "/start").device(absent), device),
        ("another page", Ask::get("signin.example", "/other"), Some(Reason::NoRoute)),
        ("another method", Ask::get("signin.example", "/start").method(Method::POST), Some(Reason::NoRoute)),
        ("a host of nobody", Ask::get("nobody.example", "/.poort/callback"), Some(Reason::NoRoute)),
        (
            "another connection",
            Ask::get("signin.example", "/").sni(Some("persons.example")),
            Some(Reason::Misdirected),
        ),
    ];
    expect(&zone, cases);
}
