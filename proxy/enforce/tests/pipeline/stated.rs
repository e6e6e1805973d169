//! What it is for: who may say so, who is asked, and when the glass may be broken.

use std::{collections::HashSet, sync::Arc, time::Duration};

use http::HeaderName;
use poort_enforce::{
    exchange::RequestId,
    operations::{Operations, Rule},
    pipeline::{Admission, Remedy},
    ports::Standing,
    reason::Reason,
    stated::{Demands, Glass, Mission, StatedBy, Statements},
};
use poort_identity::session::{Session, SessionId};
use poort_identity::token::{Subject, SubjectKind};
use poort_policy::Operation;

use crate::fixture::{Answered, Ask, CAR, SEARCH, Zone, accepted, expect, now, seal};

/// A zone in which the persons register demands this of a consultation, and believes the search application.
fn demanding(demands: Demands) -> Zone {
    Zone::with(|sources| {
        for source in sources.iter_mut().filter(|source| &*source.id == "persons") {
            let rule =
                |methods, path| Rule::new(methods, path, vec![], Operation::Consult).demanding(demands);
            let alter =
                Rule::new(vec![http::Method::PUT], "/persons/{national_number}", vec![], Operation::Alter);
            let disclose = Rule::new(
                vec![http::Method::POST],
                "/cases/{case_number}/copies",
                vec![],
                Operation::Disclose,
            );
            source.operations = Operations::new(vec![
                rule(vec![http::Method::GET], "/persons/{national_number}"),
                alter,
                disclose,
                Rule::new(vec![], "/**", vec![], Operation::Use),
            ]);
            source.stated_by = Some(StatedBy::new(
                vec![SEARCH.to_owned()],
                HeaderName::from_static("x-purpose"),
                Some(HeaderName::from_static("x-case")),
            ));
        }
    })
}

const PURPOSE: Demands = Demands { purpose: true, case: false };
const BOTH: Demands = Demands { purpose: true, case: true };

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

/// A request in a browser's session.
fn in_session(target: &str, roles: &[&str]) -> Ask {
    let host = "persons.example";
    let session = Session {
        id: SessionId::random().unwrap(),
        subject: officer(roles),
        device: CAR.to_owned(),
        host: host.to_owned(),
    };
    let cookie = format!("__Host-poort-session={}", session.seal(&seal()).unwrap());
    Ask::get(host, target).header("cookie", &cookie)
}

fn states(zone: &Zone, statements: Statements) {
    zone.ports.inner().standing = Standing::Open { renewed: None, statements: Arc::new(statements) };
}

fn mission(case: Option<&str>) -> Statements {
    let until = now() + Duration::from_secs(60);
    Statements::default().on(Mission { purpose: "patrol".into(), case: case.map(Into::into), until })
}

fn remedy(answered: &Answered) -> Option<Remedy> {
    match &answered.admission {
        Admission::Refusal(refusal) => refusal.remedy,
        Admission::Permit(_) | Admission::Answer(_) => None,
    }
}

#[test]
fn a_purpose_is_asked_of_whoever_may_once_it_is_stated_and_of_nobody_else() {
    let zone = demanding(PURPOSE);
    let asks = || in_session("/persons/85", &["officer"]);
    let refused = asks().put(&zone);
    assert_eq!((refused.reason(), remedy(&refused)), (Some(&Reason::PurposeRequired), Some(Remedy::Mission)));
    let nobody = in_session("/persons/85", &[]).put(&zone);
    assert_eq!(
        (nobody.reason(), remedy(&nobody)),
        (Some(&Reason::Policy), None),
        "not of who may not anyway"
    );
    expect(&zone, vec![("what demands nothing", in_session("/menu", &["officer"]), None)]);
    states(&zone, mission(None));
    let allowed = asks().put(&zone);
    assert!(allowed.permit().is_some());
    assert_eq!(allowed.exchange.stated.purpose.as_deref(), Some("patrol"));
    assert_eq!(allowed.exchange.asked.unwrap().0.context.purpose.as_deref(), Some("patrol"));
    let unlisted = Mission { purpose: "burglary".into(), case: None, until: now() + Duration::from_secs(60) };
    states(&zone, Statements::default().on(unlisted));
    expect(&zone, vec![("a purpose that is no more on the list", asks(), Some(Reason::PurposeRequired))]);
    states(&zone, mission(None));
    expect(&zone, vec![("a mission that is over", asks().later(60), Some(Reason::PurposeRequired))]);
}

#[test]
fn a_case_is_asked_where_it_is_demanded() {
    let zone = demanding(BOTH);
    let asks = || in_session("/persons/85", &["officer"]);
    states(&zone, mission(None));
    expect(&zone, vec![("a purpose alone", asks(), Some(Reason::CaseRequired))]);
    states(&zone, mission(Some("2026/4711")));
    let allowed = asks().put(&zone);
    assert_eq!(allowed.exchange.asked.unwrap().0.context.case.as_deref(), Some("2026/4711"));
}

#[test]
fn what_only_a_policy_wants_to_know_is_asked_too() {
    let zone = demanding(Demands::default());
    let copies = |roles: &[&str]| {
        let ask = in_session("/cases/2026-1/copies", roles).method(http::Method::POST);
        ask.header("origin", "https://persons.example")
    };
    let refused = copies(&["officer"]).put(&zone);
    assert_eq!((refused.reason(), remedy(&refused)), (Some(&Reason::PurposeRequired), Some(Remedy::Mission)));
    expect(&zone, vec![("of nobody else", copies(&["desk"]), Some(Reason::Policy))]);
    states(&zone, mission(Some("2026-1")));
    expect(&zone, vec![("another purpose than the policy's", copies(&["officer"]), Some(Reason::Policy))]);
    let until = now() + Duration::from_secs(60);
    let judicial =
        |case: &str| Mission { purpose: "judicial-request".into(), case: Some(case.into()), until };
    states(&zone, Statements::default().on(judicial("2026-2")));
    expect(&zone, vec![("another case than the one asked for", copies(&["officer"]), Some(Reason::Policy))]);
    states(&zone, Statements::default().on(judicial("2026-1")));
    expect(&zone, vec![("its own", copies(&["officer"]), None)]);
}

#[test]
fn headers_count_from_a_listed_workload_alone() {
    let zone = demanding(PURPOSE);
    let token = zone.issuer.officer();
    let asks = || Ask::get("persons.example", "/persons/85").token(&token);
    let search = || asks().device(accepted(SEARCH));
    expect(
        &zone,
        vec![
            ("a tablet's header", asks().header("x-purpose", "patrol"), Some(Reason::PurposeRequired)),
            ("the search application's", search().header("x-purpose", "patrol"), None),
            ("not on the list", search().header("x-purpose", "curiosity"), Some(Reason::PurposeUnknown)),
            (
                "no case number",
                search().header("x-purpose", "patrol").header("x-case", "4711"),
                Some(Reason::CaseMalformed),
            ),
            (
                "a browser's",
                in_session("/persons/85", &["officer"]).header("x-purpose", "patrol"),
                Some(Reason::PurposeRequired),
            ),
        ],
    );
    let silent = search().put(&zone);
    assert_eq!((silent.reason(), remedy(&silent)), (Some(&Reason::PurposeRequired), None));
    let Admission::Refusal(refusal) = &silent.admission else { panic!("{silent:?}") };
    assert!(refusal.advice.as_deref().unwrap().contains("`x-purpose`"), "an application is told its header");
}

#[test]
fn a_glass_is_offered_where_policies_would_allow_it_and_opens_one_source_for_its_time() {
    let zone = demanding(Demands::default());
    let desk = || in_session("/persons/85", &["desk"]);
    let refused = desk().put(&zone);
    assert_eq!((refused.reason(), remedy(&refused)), (Some(&Reason::Policy), Some(Remedy::BreakGlass)));
    let nobody = in_session("/persons/85", &[]).put(&zone);
    assert_eq!(remedy(&nobody), None, "no policy opens it to them");
    let unmanaged = "spiffe://zone.example/device/unheard-of";
    let odd = Ask::get("persons.example", "/persons/85")
        .device(accepted(unmanaged))
        .token(&zone.issuer.token(&serde_json::json!({ "roles": ["desk"] })))
        .put(&zone);
    assert_eq!((odd.reason(), remedy(&odd)), (Some(&Reason::Policy), None), "a forbid stands");
    let glass = |source: &str| Glass {
        id: RequestId([3; 16]),
        source: source.into(),
        reason: "a child is missing".into(),
        case: "2026/4711".into(),
        until: now() + Duration::from_secs(60),
    };
    states(&zone, Statements::default().with(&glass("vehicles"), now()));
    expect(&zone, vec![("another source's", desk(), Some(Reason::Policy))]);
    states(&zone, Statements::default().with(&glass("persons"), now()));
    let mut allowed = desk().put(&zone);
    assert!(allowed.permit().is_some());
    let record =
        poort_enforce::record::Decision::of(&mut allowed.exchange, poort_enforce::record::Verdict::Allow);
    assert_eq!(record.glass, Some(RequestId([3; 16])), "the record knows which");
    assert_eq!(record.question.unwrap().context.break_glass.unwrap().reason, "a child is missing");
    expect(&zone, vec![("one that is over", desk().later(60), Some(Reason::Policy))]);
}

#[test]
fn an_application_breaks_no_glass_for_anybody() {
    let zone = demanding(Demands::default());
    let token = zone.issuer.token(&serde_json::json!({ "roles": ["desk"] }));
    let through =
        Ask::get("persons.example", "/persons/85").device(accepted(SEARCH)).token(&token).put(&zone);
    assert_eq!((through.reason(), remedy(&through)), (Some(&Reason::Policy), None));
    assert_eq!(zone.rules.aggregators, HashSet::from([SEARCH.to_owned()]));
}
