//! Laws that hold for every head, whatever is in it.

use std::sync::{
    LazyLock,
    atomic::{AtomicUsize, Ordering},
};

use http::{HeaderName, HeaderValue, Method, Uri, Version};
use poort_enforce::{
    arrival::DeviceState,
    pipeline::{Admission, Check},
    record::{Decision, Verdict},
};
use poort_identity::device::DeviceFault;
use proptest::{prelude::*, sample::select, test_runner::TestRunner};

use crate::fixture::{Ask, CAR, SEARCH, Zone, accepted, rejected};

static ZONE: LazyLock<Zone> = LazyLock::new(Zone::new);
static OFFICER: LazyLock<String> = LazyLock::new(|| ZONE.issuer.officer());
static STRONG: LazyLock<String> = LazyLock::new(|| ZONE.issuer.strong());

const HOSTS: [&str; 6] =
    ["persons.example", "vehicles.example", "portal.example", "old.example", "nobody.example", "[::1]:80"];

/// Half of the targets are nearly right, the others anything.
fn target() -> impl Strategy<Value = Vec<u8>> {
    let pieces = select(vec![
        "/persons/85",
        "/search?name=a",
        "/status",
        "/desk",
        "/.poort",
        "/",
        "//",
        "..",
        "%2e",
        "%2F",
        "%5c",
        "%00",
        "%e9",
        ";x=1",
        "?",
        "&name=b",
        "access_token=x",
        "é",
        "#",
        "%",
        "a",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..5)
            .prop_map(|pieces| format!("/{}", pieces.concat()).replace("//persons", "/persons").into_bytes()),
        select(vec!["/status", "/persons/85", "/search?name=a"]).prop_map(|path| path.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ]
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let names = select(vec![
        "content-length",
        "transfer-encoding",
        "upgrade",
        "connection",
        "origin",
        "access-control-request-method",
        "host",
        "access-control-request-headers",
        "poort-search-id",
        "x_forged",
        "accept",
        "authorization",
    ]);
    let values = prop_oneof![
        select(vec![
            "",
            "0",
            "5",
            "+5",
            "99999999999",
            "chunked",
            "gzip, chunked",
            "websocket",
            "h2c",
            "Upgrade",
            "https://map.example",
            "GET"
        ])
        .prop_map(|value| value.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop_oneof![Just(vec![]), prop::collection::vec((names, values), 1..3)]
}

fn authorization() -> impl Strategy<Value = Option<Vec<u8>>> {
    let bearer = |token: &str| Some(format!("Bearer {token}").into_bytes());
    prop_oneof![
        4 => Just(bearer(&OFFICER)),
        2 => Just(bearer(&STRONG)),
        1 => Just(None),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Some),
        // One byte of a good token is another.
        2 => (7..OFFICER.len(), any::<u8>()).prop_map(move |(at, byte)| {
            let mut token = bearer(&OFFICER).unwrap_or_default();
            token[at] = byte;
            Some(token)
        }),
    ]
}

fn device() -> impl Strategy<Value = DeviceState> {
    prop_oneof![
        4 => Just(accepted(CAR)),
        1 => Just(accepted(SEARCH)),
        1 => Just(accepted("unheard-of")),
        1 => Just(DeviceState::Absent),
        1 => Just(rejected(DeviceFault::Expired)),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    let odd = select(vec!["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "X-Y"]);
    let methods = prop_oneof![Just("GET"), odd];
    let versions =
        prop_oneof![4 => Just(Version::HTTP_11), 4 => Just(Version::HTTP_2), 1 => Just(Version::HTTP_10)];
    let host = || prop_oneof![2 => select(HOSTS[..2].to_vec()), 1 => select(HOSTS.to_vec())];
    let authority = prop::option::weighted(0.1, host());
    let sni = prop::option::weighted(0.3, host());
    let line = (methods, target(), versions, host(), authority);
    (line, headers(), authorization(), device(), sni).prop_map(
        |((method, target, version, host, authority), headers, authorization, device, sni)| {
            let mut ask = Ask::get(host, "/")
                .method(Method::from_bytes(method.as_bytes()).unwrap())
                .device(device)
                .sni(sni);
            ask.target = target;
            ask.head.version = version;
            if let Some(authority) = authority {
                ask.head.uri =
                    Uri::builder().scheme("https").authority(authority).path_and_query("/").build().unwrap();
            }
            let authorization = authorization.map(|value| ("authorization", value));
            for (name, value) in headers.into_iter().chain(authorization) {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    ask.head.headers.append(HeaderName::from_static(name), value);
                }
            }
            ask
        },
    )
}

#[test]
fn nothing_passes_that_did_not_pass_every_check() {
    let config = ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() };
    let permits = AtomicUsize::new(0);
    let law = |ask| {
        holds(&ask).map(|passed| {
            permits.fetch_add(usize::from(passed), Ordering::Relaxed);
        })
    };
    TestRunner::new(config).run(&ask(), law).unwrap();
    // Were nearly all refused for their looks, the law would say little.
    assert!(permits.into_inner() > 100);
}

/// Whether a request passed, if all that must hold of it does.
fn holds(ask: &Ask) -> Result<bool, TestCaseError> {
    ZONE.ports.forget();
    let mut answered = ask.put(&ZONE);
    let steps = answered.steps();
    // A prefix of the checks in order, of which only the last may have stopped the request.
    prop_assert!(steps.iter().map(|(check, _)| *check).eq(Check::ALL.into_iter().take(steps.len())));
    prop_assert!(steps.iter().rev().skip(1).all(|(_, passed)| *passed));
    let all = steps.len() == Check::ALL.len() && steps.iter().all(|(_, passed)| *passed);
    match &answered.admission {
        Admission::Permit(permit) => {
            prop_assert!(all);
            let (question, decision) = answered.exchange.asked.as_ref().unwrap();
            prop_assert!(decision.allow && decision.errors.is_empty() && !decision.determining.is_empty());
            prop_assert_eq!(&question.source, &permit.source().id);
            prop_assert_eq!(&question.principal, &permit.holder().principal);
        }
        Admission::Answer(_) => prop_assert_eq!(steps.len(), 3),
        Admission::Refusal(_) => prop_assert!(!all),
    }
    prop_assert_eq!(ZONE.ports.inner().decided.len(), 1);
    let passed = answered.permit().is_some();
    let record = Decision::of(&mut answered.exchange, Verdict::of(&answered.admission));
    prop_assert_eq!(record.steps.len(), steps.len());
    drop(answered);
    prop_assert_eq!(ZONE.in_flight.current(), 0);
    Ok(passed)
}
