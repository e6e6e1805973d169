//! On behalf of: a workload that asks with somebody's token.

use http::Method;
use poort_enforce::{
    arrival::DeviceState,
    reason::{Budget, Reason},
};
use serde_json::{Value, json};

use crate::fixture::{Ask, CAR, SEARCH, SYNC, Zone, accepted, expect};

fn ask(host: &str) -> Ask {
    Ask::get(host, "/persons/85").device(accepted(SEARCH))
}

fn acts(name: &str) -> Value {
    json!({ "act": { "sub": name } })
}

#[test]
fn a_workload_acts_where_the_token_or_the_sources_file_says_so() {
    let zone = Zone::new();
    let plain = zone.issuer.officer();
    let token = |claims: Value| zone.issuer.token(&claims);
    let service = |mut claims: Value| {
        claims["sub"] = json!("registry");
        claims["client_id"] = json!("registry");
        claims["roles"] = json!(["officer"]);
        zone.issuer.token(&claims)
    };
    let portal = || Ask::get("portal.example", "/").device(accepted(SEARCH));
    expect(
        &zone,
        vec![
            ("listed at this source", ask("persons.example").token(&plain), None),
            ("listed, but not here", portal().token(&plain), Some(Reason::NotOnBehalf)),
            ("named by the token", portal().token(&token(acts(SEARCH))), None),
            ("named by the token and listed", ask("persons.example").token(&token(acts(SEARCH))), None),
            (
                "another named, listed or not",
                ask("persons.example").token(&token(acts(SYNC))),
                Some(Reason::ActorMismatch),
            ),
            (
                "its token at an officer's device",
                portal().device(accepted(CAR)).token(&token(acts(SEARCH))),
                Some(Reason::ActorMismatch),
            ),
            (
                "its token without a device",
                portal().device(DeviceState::Absent).token(&token(acts(SEARCH))),
                Some(Reason::ActorMismatch),
            ),
            ("for a service", portal().token(&service(acts(SEARCH))), None),
            (
                "for a service, another named",
                portal().token(&service(acts(SYNC))),
                Some(Reason::ActorMismatch),
            ),
            ("a service's own token", portal().token(&service(json!({}))), None),
        ],
    );
}

#[test]
fn policies_see_officer_and_workload_and_no_device_of_the_officers() {
    let zone = Zone::new();
    for (name, claims, service) in [
        ("listed", json!({}), None),
        ("named", acts(SEARCH), Some("zone|spiffe://zone.example/workload/search")),
    ] {
        let answered = ask("persons.example").token(&zone.issuer.token(&claims)).put(&zone);
        let (question, _) = answered.exchange.asked.as_ref().unwrap();
        assert_eq!(question.principal.id, "zone|jan", "{name}");
        assert_eq!(question.device, None, "{name}");
        let actor = question.actor.as_ref().unwrap();
        assert_eq!((&*actor.device.id, actor.service.as_deref()), (SEARCH, service), "{name}");
        assert!(actor.device.managed, "{name}");
    }
    let strong = zone.issuer.strong();
    let alters = ask("persons.example").method(Method::PUT).token(&strong);
    expect(&zone, vec![("what policies keep from actors", alters, Some(Reason::Policy))]);
}

#[test]
fn one_token_serves_the_tablet_and_the_search() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    for _ in 0..2 {
        let (tablet, search) = (ask("persons.example").device(accepted(CAR)), ask("persons.example"));
        let device = |ask: &Ask| {
            let answered = ask.clone().token(&token).put(&zone);
            assert!(answered.permit().is_some());
            let (question, _) = answered.exchange.asked.unwrap();
            (question.device.map(|device| device.id), question.actor.map(|actor| actor.device.id))
        };
        assert_eq!(device(&tablet), (Some(CAR.to_owned()), None));
        assert_eq!(device(&search), (None, Some(SEARCH.to_owned())));
    }
    assert_eq!(zone.tokens.len(), 1);
}

#[test]
fn a_search_counts_once_however_many_sources_it_asks() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    let search = |host: &str, id: &str| ask(host).token(&token).header("poort-search-id", id);
    let sum = |budget| zone.ports.taken(budget).iter().map(|(_, cost)| cost).sum::<u32>();
    let put = |ask: Ask| assert!(ask.put(&zone).permit().is_some());
    put(search("persons.example", "s-1"));
    put(search("vehicles.example", "s-1"));
    assert_eq!((sum(Budget::User), sum(Budget::Device)), (1, 1), "the second source is free");
    assert_eq!(sum(Budget::UserAtSource), 2, "but counts at its own");
    put(search("vehicles.example", "s-1"));
    assert_eq!((sum(Budget::User), sum(Budget::Device)), (2, 2), "not the same source twice");
    put(search("vehicles.example", "s-2"));
    assert_eq!((sum(Budget::User), sum(Budget::Device)), (3, 3), "another search counts");
    put(ask("persons.example").token(&token));
    put(search("vehicles.example", ""));
    put(search("vehicles.example", &"x".repeat(65)));
    put(search("vehicles.example", "s 1"));
    put(search("vehicles.example", "s@vehicles"));
    assert_eq!((sum(Budget::User), sum(Budget::Device)), (8, 8), "what is no search id names no search");
}

#[test]
fn nobody_lifts_a_limit_by_naming_a_search() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    for host in ["persons.example", "vehicles.example", "persons.example"] {
        let ask = Ask::get(host, "/persons/85").token(&token).header("poort-search-id", "s-1");
        assert!(ask.put(&zone).permit().is_some());
    }
    assert_eq!(zone.ports.taken(Budget::User).len(), 3);
    assert_eq!(zone.ports.taken(Budget::Device), vec![(CAR.to_owned(), 1); 3]);
}

#[test]
fn all_officers_do_not_share_the_workloads_budget_at_a_source() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    ask("persons.example").token(&token).put(&zone);
    assert_eq!(zone.ports.taken(Budget::DeviceAtSource), []);
    assert_eq!(zone.ports.taken(Budget::UserAtSource), [("zone|jan".to_owned(), 1)]);
}

#[test]
fn one_officers_refusals_do_not_stop_the_search_for_everybody() {
    let zone = Zone::new();
    let (officer, stale) =
        (zone.issuer.token(&json!({ "roles": [] })), zone.issuer.token(&json!({ "exp": 1 })));
    for token in [officer, stale] {
        zone.ports.forget();
        assert!(ask("persons.example").token(&token).put(&zone).permit().is_none());
        assert_eq!(zone.ports.taken(Budget::Device), [(SEARCH.to_owned(), 1)]);
    }
}

#[test]
fn where_a_workload_may_not_act_its_officer_does_not_pay() {
    let zone = Zone::new();
    let answered =
        Ask::get("portal.example", "/").device(accepted(SEARCH)).token(&zone.issuer.officer()).put(&zone);
    assert_eq!(answered.reason(), Some(&Reason::NotOnBehalf));
    assert_eq!(zone.ports.taken(Budget::User), []);
    assert_eq!(zone.ports.taken(Budget::Device), [(SEARCH.to_owned(), 1)]);
}

#[test]
fn a_search_that_was_refused_is_not_counted() {
    for budget in [Budget::User, Budget::Device] {
        let zone = Zone::new();
        let token = zone.issuer.officer();
        let holder = if budget == Budget::User { "zone|jan" } else { SEARCH };
        let put = |host: &str| {
            ask(host).token(&token).header("poort-search-id", "s-1").put(&zone).permit().is_some()
        };
        zone.ports.leave(budget, holder, "", 0);
        assert!(!put("persons.example"), "{budget:?}: nothing is left");
        assert!(!put("vehicles.example"), "{budget:?}: nothing was paid for");
        zone.ports.leave(budget, holder, "", 1);
        assert!(put("persons.example") && put("vehicles.example"), "{budget:?}: one search is paid for");
        assert!(!put("vehicles.example"), "{budget:?}: not the same source twice");
    }
}
