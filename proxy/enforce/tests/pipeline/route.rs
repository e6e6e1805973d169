//! `route`: which source, over which connection, and what the request means there.

use std::sync::atomic::Ordering;

use http::Method;
use poort_enforce::{
    arrival::DeviceState,
    reason::{ProtocolFault, Reason},
};
use poort_policy::Operation;

use crate::fixture::{Ask, Zone, expect};

fn refused(fault: ProtocolFault) -> Option<Reason> {
    Some(Reason::Protocol(fault))
}

#[test]
fn a_request_finds_its_source_or_none() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    let ask = |host: &str, target: &str| Ask::get(host, target).token(&token);
    let closed = Zone::new();
    closed.source("persons").closed.store(true, Ordering::Release);
    expect(
        &zone,
        vec![
            ("a source", ask("persons.example", "/status"), None),
            ("unknown host", ask("nobody.example", "/status"), Some(Reason::NoRoute)),
            ("no operation", ask("persons.example", "/elsewhere"), Some(Reason::NoOperation)),
            (
                "no operation by method",
                ask("persons.example", "/status").method(Method::POST),
                Some(Reason::NoOperation),
            ),
            (
                "captured key twice",
                ask("persons.example", "/search?name=a&name=b"),
                Some(Reason::RepeatedCapture),
            ),
            (
                "captured key twice, once escaped",
                ask("persons.example", "/search?name=a&n%61me=b"),
                Some(Reason::RepeatedCapture),
            ),
            ("another key twice", ask("persons.example", "/search?name=a&x=1&x=2"), None),
        ],
    );
    let ask = Ask::get("persons.example", "/status").token(&closed.issuer.officer());
    expect(&closed, vec![("closed in an emergency", ask, Some(Reason::SourceClosed))]);
}

#[test]
fn the_longest_prefix_decides() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    for (target, source) in [("/desk/search", "desk"), ("/desktop", "old"), ("/", "old")] {
        let answered = Ask::get("old.example", target).token(&token).put(&zone);
        assert_eq!(answered.exchange.source().map(|source| &*source.id), Some(source), "{target}");
    }
}

#[test]
fn a_connection_serves_another_host_only_under_the_same_device_rules() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    let ask = |host: &str, sni| Ask::get(host, "/status").token(&token).sni(sni);
    expect(
        &zone,
        vec![
            ("same name", ask("persons.example", Some("persons.example")), None),
            ("no name", ask("persons.example", None), None),
            ("same rules", ask("persons.example", Some("vehicles.example")), None),
            ("laxer rules", ask("persons.example", Some("portal.example")), Some(Reason::Misdirected)),
            ("stricter rules", ask("portal.example", Some("persons.example")), Some(Reason::Misdirected)),
            ("a name of nobody", ask("persons.example", Some("nobody.example")), Some(Reason::Misdirected)),
        ],
    );
}

#[test]
fn the_gates_own_paths_never_reach_a_source() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    let ask = |target: &str| Ask::get("old.example", target).token(&token);
    expect(
        &zone,
        vec![
            ("own", ask("/.poort/other"), Some(Reason::NoRoute)),
            ("own root", ask("/.poort"), Some(Reason::NoRoute)),
            ("own, escaped", ask("/%2epoort/other"), Some(Reason::NoRoute)),
            ("another's", ask("/.poortje"), None),
        ],
    );
}

#[test]
fn ambiguous_forms_pass_only_where_the_file_names_them() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    for (name, form) in [
        ("double slash", "/a//b"),
        ("encoded slash", "/a%2Fb"),
        ("path parameters", "/a;jsessionid=1"),
        ("latin 1", "/caf%E9"),
    ] {
        let ask = |host: &str| Ask::get(host, form).token(&token);
        expect(
            &zone,
            vec![
                (name, ask("persons.example"), refused(ProtocolFault::UrlForm)),
                (name, ask("old.example"), None),
            ],
        );
    }
}

#[test]
fn no_reading_of_a_path_leads_elsewhere() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    let ask = |target: &str| Ask::get("old.example", target).token(&token);
    expect(
        &zone,
        vec![
            ("of its own source", ask("/a;x/b%2Fc"), None),
            ("of the source beside it", ask("//desk/search"), refused(ProtocolFault::UrlForm)),
            ("with parameters", ask("/desk;x/search"), refused(ProtocolFault::UrlForm)),
            ("with an encoded slash", ask("/desk%2Fsearch"), refused(ProtocolFault::UrlForm)),
            ("of the gate's own paths", ask("//.poort/callback"), Some(Reason::NoRoute)),
            ("of these with parameters", ask("/.poort;x/callback"), Some(Reason::NoRoute)),
        ],
    );
    let answered = ask("/Persons;x//85/").put(&zone);
    assert_eq!(answered.exchange.meaning.map(|meaning| meaning.operation), Some(Operation::Consult));
}

#[test]
fn no_other_case_of_a_path_leads_elsewhere() {
    let zone = Zone::with(|sources| {
        let desk = sources.iter_mut().find(|source| &*source.id == "desk").unwrap();
        desk.prefixes.push("/Twins".to_owned());
        let old = sources.iter_mut().find(|source| &*source.id == "old").unwrap();
        old.prefixes.push("/twins".to_owned());
    });
    let token = zone.issuer.officer();
    let ask = |target: &str| Ask::get("old.example", target).token(&token);
    expect(
        &zone,
        vec![
            ("as it is written", ask("/desk/search"), Some(Reason::NoOperation)),
            ("in another case", ask("/Desk/search"), refused(ProtocolFault::UrlForm)),
            ("escaped", ask("/%44esk/search"), refused(ProtocolFault::UrlForm)),
            ("with parameters", ask("/DESK;x/search"), refused(ProtocolFault::UrlForm)),
            ("no segment's end", ask("/Desktop"), None),
            ("of its own source", ask("/A/B"), None),
            ("a prefix that differs in nothing but case", ask("/twins/a"), None),
        ],
    );
}

#[test]
fn a_websocket_passes_only_where_the_file_allows_it() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    let ask = |host: &str| {
        Ask::get(host, "/status").token(&token).header("connection", "Upgrade").header("upgrade", "websocket")
    };
    expect(
        &zone,
        vec![
            ("not allowed", ask("persons.example"), refused(ProtocolFault::Upgrade)),
            ("allowed", ask("portal.example"), None),
        ],
    );
}

#[test]
fn a_preflight_is_judged_by_the_sources_file() {
    let zone = Zone::new();
    let ask = |host: &str, origin: &str, method: &str| {
        Ask::get(host, "/status")
            .method(Method::OPTIONS)
            .device(DeviceState::Absent)
            .header("origin", origin)
            .header("access-control-request-method", method)
    };
    let plain = Ask::get("portal.example", "/").method(Method::OPTIONS).device(DeviceState::Absent);
    expect(
        &zone,
        vec![
            ("another origin", ask("portal.example", "https://evil.example", "GET"), Some(Reason::Origin)),
            ("another method", ask("portal.example", "https://map.example", "DELETE"), Some(Reason::Origin)),
            ("no origins here", ask("persons.example", "https://map.example", "GET"), Some(Reason::Origin)),
            ("no preflight at all", plain, Some(Reason::SubjectMissing)),
        ],
    );
}

#[test]
fn what_a_request_means_is_what_the_policies_are_asked() {
    let zone = Zone::new();
    let token = zone.issuer.strong();
    for (method, target, operation, captured) in [
        (Method::GET, "/persons/85.01", Operation::Consult, Some(("national_number", "85.01"))),
        (Method::HEAD, "/persons/85.01", Operation::Consult, Some(("national_number", "85.01"))),
        (Method::PUT, "/persons/85.01", Operation::Alter, Some(("national_number", "85.01"))),
        (Method::GET, "/search?name=Jan+P", Operation::Consult, Some(("name", "Jan P"))),
        (Method::GET, "/status", Operation::Use, None),
    ] {
        let answered = Ask::get("persons.example", target).method(method.clone()).token(&token).put(&zone);
        let (question, decision) = answered.exchange.asked.as_ref().unwrap();
        assert!(decision.allow, "{method} {target}");
        assert_eq!(question.operation, operation, "{method} {target}");
        let captures = question.context.request.captures.iter();
        let captures: Vec<_> = captures.map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(captures, captured.into_iter().collect::<Vec<_>>(), "{method} {target}");
    }
}
