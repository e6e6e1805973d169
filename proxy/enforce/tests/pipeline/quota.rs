//! `quota`: the budgets of user, device and source, and what a failure costs.

use std::sync::atomic::Ordering;

use http::Method;
use poort_enforce::{
    arrival::DeviceState,
    exchange::{Exchange, RequestId},
    pipeline::Admission,
    reason::{Budget, Reason},
    source::Demand,
};
use poort_identity::{device::DeviceFault, token::Keys};
use serde_json::json;

use crate::{
    fixture::{Ask, CAR, OFFICE, SEARCH, Zone, accepted, expect, now, rejected},
    session::cookie,
};

const PREFIX: &str = "prefix of 192.0.2.7";

#[test]
fn a_request_is_counted_for_user_device_and_source() {
    let zone = Zone::new();
    Ask::get("persons.example", "/persons/85").token(&zone.issuer.officer()).put(&zone);
    let taken = &zone.ports.inner().taken;
    let expected = [
        (Budget::Device, CAR, "", 1),
        (Budget::User, "zone|jan", "", 1),
        (Budget::UserAtSource, "zone|jan", "persons", 1),
        (Budget::DeviceAtSource, CAR, "persons", 1),
        (Budget::Source, "", "persons", 1),
    ];
    let expected =
        expected.map(|(budget, holder, source, cost)| (budget, holder.to_owned(), source.to_owned(), cost));
    assert_eq!(*taken, expected);
}

#[test]
fn each_budget_refuses_when_it_is_used_up() {
    let token = |zone: &Zone| zone.issuer.officer();
    for (budget, holder, source) in [
        (Budget::User, "zone|jan", ""),
        (Budget::UserAtSource, "zone|jan", "persons"),
        (Budget::DeviceAtSource, CAR, "persons"),
        (Budget::Source, "", "persons"),
    ] {
        let zone = Zone::new();
        zone.ports.leave(budget, holder, source, 1);
        let ask = Ask::get("persons.example", "/persons/85").token(&token(&zone));
        expect(
            &zone,
            vec![("the last one", ask.clone(), None), ("one more", ask.clone(), Some(Reason::Limit(budget)))],
        );
        let Admission::Refusal(refusal) = ask.put(&zone).admission else { panic!("admitted") };
        assert_eq!(refusal.retry_after, Some(std::time::Duration::from_millis(1_500)), "{budget:?}");
    }
}

#[test]
fn without_a_device_there_is_no_budget_of_one() {
    let zone = Zone::new();
    let ask = Ask::get("portal.example", "/").token(&zone.issuer.officer()).device(DeviceState::Absent);
    assert!(ask.put(&zone).permit().is_some());
    assert_eq!(zone.ports.taken(Budget::DeviceAtSource), []);
    assert_eq!(zone.ports.taken(Budget::Address), [(PREFIX.to_owned(), 1)]);
}

#[test]
fn so_many_are_in_flight_at_a_source_and_others_are_free() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    zone.source("persons").in_flight.resize(1);
    let ask = |host: &str| Ask::get(host, "/status").token(&token);
    let first = ask("persons.example").put(&zone);
    assert!(first.permit().is_some());
    let full = ask("persons.example").put(&zone);
    assert_eq!(full.reason(), Some(&Reason::Limit(Budget::SourceConcurrency)));
    assert!(ask("vehicles.example").put(&zone).permit().is_some());
    drop(first);
    assert!(ask("persons.example").put(&zone).permit().is_some());
}

#[test]
fn a_failure_costs_more_and_is_the_callers() {
    let zone = Zone::new();
    let (officer, roleless) = (zone.issuer.officer(), zone.issuer.token(&json!({ "roles": [] })));
    let ask = || Ask::get("persons.example", "/persons/85");
    let stranger = || Ask::get("portal.example", "/").device(DeviceState::Absent);
    // The request's own, and four for its failure.
    let five = |holder: &str| vec![(holder.to_owned(), 1), (holder.to_owned(), 4)];
    let one = |holder: &str| vec![(holder.to_owned(), 1)];
    for (name, ask, flood, holder, user) in [
        ("allowed", ask().token(&officer), Budget::Device, one(CAR), one("zone|jan")),
        ("not permitted", ask().token(&roleless), Budget::Device, five(CAR), five("zone|jan")),
        ("no token", ask(), Budget::Device, five(CAR), vec![]),
        ("no source", Ask::get("nobody.example", "/"), Budget::Device, five(CAR), vec![]),
        ("no device", ask().device(DeviceState::Absent), Budget::Address, five(PREFIX), vec![]),
        (
            "a revoked device",
            ask().device(rejected(DeviceFault::Revoked)),
            Budget::Address,
            five(PREFIX),
            vec![],
        ),
        ("a stranger without token", stranger(), Budget::Address, five(PREFIX), vec![]),
        ("a stranger's bad token", stranger().token("x"), Budget::Address, five(PREFIX), vec![]),
    ] {
        zone.ports.forget();
        ask.put(&zone);
        assert_eq!(zone.ports.taken(flood), holder, "{name}");
        assert_eq!(zone.ports.taken(Budget::User), user, "{name}");
    }
}

#[test]
fn whoever_uses_what_was_taken_pays_alone() {
    let zone = Zone::with(|sources| {
        let vehicles = sources.iter_mut().find(|source| &*source.id == "vehicles").unwrap();
        vehicles.token_binding = Demand::Required;
    });
    let bound = zone.issuer.token(&json!({ "cnf": { "x5t#S256": "A".repeat(43) } }));
    let acted = zone.issuer.token(&json!({ "act": { "sub": SEARCH } }));
    let ask = || Ask::get("persons.example", "/persons/85");
    let plain = zone.issuer.officer();
    for (name, ask, reason) in [
        ("a bound token", ask().token(&bound), Reason::TokenOfAnotherDevice),
        (
            "a token that has to be bound",
            Ask::get("vehicles.example", "/status").token(&plain),
            Reason::TokenUnbound,
        ),
        ("a workload's token", ask().token(&acted), Reason::ActorMismatch),
        (
            "a session's cookie",
            ask().header("cookie", &cookie("persons.example", OFFICE)),
            Reason::SessionOfAnotherDevice,
        ),
    ] {
        zone.ports.forget();
        let answered = ask.put(&zone);
        assert_eq!(answered.reason(), Some(&reason), "{name}");
        assert!(answered.exchange.holder.is_some(), "{name}: the record names whose it is");
        assert_eq!(zone.ports.taken(Budget::Device), [(CAR.to_owned(), 1), (CAR.to_owned(), 4)], "{name}");
        assert_eq!(zone.ports.taken(Budget::User), [], "{name}: its owner does not pay");
    }
}

#[test]
fn what_is_nobodys_failure_costs_no_more() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    let ask = || Ask::get("persons.example", "/persons/85").token(&token);
    let expired = zone.issuer.token(&json!({ "exp": 1 }));
    type Prepare = fn(&Zone);
    let cases: [(&str, Prepare, Ask, &str); 7] = [
        ("a step up", |_| {}, ask().method(Method::PUT), "stronger_sign_in"),
        ("an old token", |_| {}, Ask::get("persons.example", "/status").token(&expired), "token_expired"),
        ("a coalesced connection", |_| {}, ask().sni(Some("portal.example")), "misdirected"),
        (
            "a budget shared by all",
            |zone| zone.ports.leave(Budget::Source, "", "persons", 0),
            ask(),
            "limit_source",
        ),
        (
            "a busy source",
            |zone| zone.source("persons").in_flight.resize(0),
            ask(),
            "limit_source_concurrency",
        ),
        ("keys that are not there", |zone| zone.ports.inner().keys = Keys::Stale, ask(), "token_keys_stale"),
        (
            "a closed source",
            |zone| zone.source("persons").closed.store(true, Ordering::Release),
            ask(),
            "source_closed",
        ),
    ];
    for (name, prepare, ask, code) in cases {
        prepare(&zone);
        zone.ports.forget();
        assert_eq!(ask.put(&zone).reason().map(Reason::code), Some(code), "{name}");
        assert_eq!(zone.ports.taken(Budget::Device), [(CAR.to_owned(), 1)], "{name}");
        assert!(zone.ports.taken(Budget::User).len() <= 1, "{name}");
    }
}

#[test]
fn failures_cost_nothing_more_where_the_file_says_so() {
    let mut zone = Zone::new();
    zone.pipeline.rules.failure_cost = 1;
    assert!(Ask::get("persons.example", "/status").put(&zone).permit().is_none());
    assert_eq!(zone.ports.taken(Budget::Device), [(CAR.to_owned(), 1)]);
}

#[test]
fn a_stream_that_is_admitted_again_keeps_its_place_and_takes_no_other() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    zone.in_flight.resize(1);
    zone.source("persons").in_flight.resize(1);
    let ask = Ask::get("persons.example", "/status").token(&token);
    let stream = ask.put(&zone);
    assert!(stream.permit().is_some());
    zone.ports.forget();
    zone.ports.leave(Budget::Source, "", "persons", 0);
    let again =
        |ask: &Ask| ask.put_in(&zone, Exchange::reopen(RequestId([7; 16]), now(), ask.connection.clone()));
    assert!(again(&ask).permit().is_some());
    assert_eq!(zone.ports.inner().decided, [], "it is one request, however long it lasts");
    assert_eq!((zone.in_flight.current(), zone.source("persons").in_flight.current()), (1, 1));
    assert!(zone.ports.inner().taken.is_empty());
    // It is judged all the same.
    let elsewhere = ask.clone().device(accepted("spiffe://zone.example/device/unheard-of"));
    assert_eq!(again(&elsewhere).reason(), Some(&Reason::Policy));
    assert!(again(&ask.clone().device(accepted(OFFICE))).permit().is_some());
    assert!(zone.ports.inner().taken.is_empty());
    assert_eq!(zone.ports.inner().decided, [], "it has no record either");
}
