//! Metrics: what is documented is what is served, and nothing that a client sends makes a series.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use poort_demo::{issuer::Token, layout::Layout};
use poort_tests::{PERSON, World, ask, day, eventually, get, without_limits};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

/// A family of series: its type, its help, its labels.
type Families = BTreeMap<String, (String, String, BTreeSet<String>)>;

async fn served(world: &World) -> String {
    world.gate.admin("/metrics").await.unwrap().1
}

/// What the gate serves. A histogram's `le` is no label of its own.
fn families(text: &str) -> Families {
    let mut families = Families::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            families.entry(name.to_owned()).or_default().1 = help.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            families.entry(name.to_owned()).or_default().0 = kind.to_owned();
        } else {
            let (series, _) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let of = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end).filter(|name| families.contains_key(*name)));
            let family = families.get_mut(of.unwrap_or(name)).unwrap();
            // No value of ours has a quote followed by a comma in it.
            let pairs = labels.trim_end_matches('}').split("\",").filter_map(|pair| pair.split_once('='));
            family.2.extend(pairs.map(|(label, _)| label.to_owned()).filter(|label| label != "le"));
        }
    }
    families
}

/// What `deploy/prometheus/README.md` lists.
fn listed() -> Families {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/prometheus/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let rows = readme.lines().filter(|line| line.starts_with("| `poort_"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, kind, labels, help] = cells[..] else { panic!("four cells: {line}") };
        let labels = labels.split(", ").map(|label| label.trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        (name.trim_matches('`').to_owned(), (kind.to_owned(), help.to_owned(), labels))
    };
    rows.map(row).collect()
}

#[tokio::test]
async fn what_is_listed_is_what_is_served() {
    let world = World::start_with(day::everything).await.unwrap();
    day::spend(&world).await.unwrap();
    let listed = listed();
    let complete = eventually(async || (families(&served(&world).await) == listed).then_some(())).await;
    let text = served(&world).await;
    let served = families(&text);
    if complete.is_none() {
        for (name, family) in &served {
            assert_eq!(listed.get(name), Some(family), "{name} is served, and listed otherwise");
        }
        for name in listed.keys() {
            assert!(served.contains_key(name), "{name} is listed and not served\n{text}");
        }
    }
    for (name, (kind, help, _)) in &served {
        assert!(help.ends_with('.') && help.len() > 10, "{name}: {help}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        assert!(!name.ends_with("_ms") && !name.ends_with("_millis"), "{name}: seconds");
    }
    for line in [
        r#"poort_failures_total{reason="source_malformed",source="persons"} 1"#,
        r#"poort_waf_inspections_total{finding="refused",mode="block",source="persons"} 1"#,
        r#"poort_waf_inspections_total{finding="detected",mode="detect",source="vehicles"} 1"#,
        r#"poort_waf_mode_info{mode="detect",source="vehicles"} 1"#,
        r#"poort_tls_handshakes_total{http="2",key_exchange="x25519mlkem768",version="1.3"} "#,
        r#"poort_source_requests_in_flight_limit{source="persons"} 50"#,
        r#"poort_source_up{source="persons"} 1"#,
        r#"poort_decisions_total{outcome="refuse",reason="token_of_another_device",source="persons"} 0"#,
        r#"poort_certificate_remaining_seconds{name="",role="device_ca"} "#,
        r#"poort_certificate_remaining_seconds{name="firearms",role="upstream_ca"} "#,
        r#"poort_certificate_remaining_seconds{name="firearms",role="upstream_client"} "#,
        r#"poort_audit_records_total "#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

/// Every kind of rubbish a client can send, `number` making each different from all others.
async fn rubbish(world: &World, number: usize) {
    let persons = &world.zone.persons;
    let an = world.officer().unwrap();
    let host = Layout::host("persons");
    let mut raw = TcpStream::connect(an.address()).await.unwrap();
    raw.write_all(format!("GARBAGE-{number}\r\n\r\n").as_bytes()).await.unwrap();
    let elsewhere = format!("GET / HTTP/1.1\r\nHost: host-{number}.localhost\r\n\r\n");
    an.send(&host, elsewhere.as_bytes()).await.unwrap();
    an.ask(&format!("METHOD-{number}"), &host, "/", &[]).await.unwrap();
    an.ask("GET", &host, &format!("/path-{number}"), &[]).await.unwrap();
    an.ask("GET", &host, &format!("/persons/{number:011}?name=1'+OR+'{number}'='{number}"), &[])
        .await
        .unwrap();
    an.ask("GET", &host, PERSON, &[&format!("X-Header-{number}: {number}")]).await.unwrap();
    let car = world.zone.caller("car-12").unwrap();
    get(&car.bearer(&format!("token.{number}.x")), persons, PERSON).await.unwrap();
    get(&car, persons, &format!("{PERSON}?access_token={number}")).await.unwrap();
    let somebody = Token::officer(&format!("somebody.{number}"));
    get(&world.caller(&somebody).unwrap(), persons, PERSON).await.unwrap();
    ask(&car, "GET", persons, PERSON, &[&format!("Cookie: __Host-poort-session={number}")]).await.unwrap();
    let signin = Layout::host("signin");
    car.ask("GET", &signin, &format!("/callback/issuer-{number}?state={number}"), &[]).await.unwrap();
    car.ask("GET", &signin, &format!("/page-{number}"), &[]).await.unwrap();
}

#[tokio::test]
async fn nothing_that_a_client_sends_makes_a_series() {
    let world = World::start_with(|zone| {
        day::everything(zone)?;
        without_limits(zone)
    })
    .await
    .unwrap();
    let series = async || {
        let text = served(&world).await;
        let series = text.lines().filter(|line| !line.starts_with('#'));
        series.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect::<BTreeSet<_>>()
    };
    // Twice: what is met only once something went before has been met then.
    rubbish(&world, 1).await;
    rubbish(&world, 2).await;
    let before = eventually(async || {
        let (one, other) = (series().await, series().await);
        // The first checkpoint is signed after some seconds.
        let there = |part: &str| one.iter().any(|series| series.contains(part));
        (one == other && there("poort_audit_checkpoint_age_seconds")).then_some(one)
    });
    let before = before.await.unwrap();
    for number in 1_000_000..1_000_020 {
        rubbish(&world, number).await;
    }
    let after = series().await;
    let new: Vec<_> = after.difference(&before).collect();
    assert!(new.is_empty(), "{new:#?}");
    assert!(before.len() < 800, "{} series of three sources", before.len());
    let text = served(&world).await;
    for told in ["somebody", "car-12", "127.0.0.1", "/persons", "1000019"] {
        let labels = text.lines().filter(|line| !line.starts_with('#') && line.contains('{'));
        let labels = labels.map(|line| line.rsplit_once(' ').unwrap().0);
        assert!(!labels.clone().any(|series| series.contains(told)), "{told}");
    }
}
