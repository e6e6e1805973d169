//! Ending access at once: of a session, a person, a device; over restarts, until it is given back; and what a wrong command says.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::{
    process::Command,
    time::{Duration, Instant},
};

use poort_demo::{
    DemoError,
    client::Browser,
    gate::{Gate, binary},
    issuer::Token,
    layout::Layout,
};
use poort_tests::{
    PERSON, World, eventually, get,
    signing_in::{sign_in, signed_in},
    with_device,
};
use serde_json::Value;

const AN: &str = "zone|an.janssens";
const CAR: &str = "spiffe://zone.example/device/car-12";
/// The goal is a second; machines that build beside it are slow.
const PROMPT: Duration = Duration::from_secs(3);

/// A zone with two managed cars: car-12, and car-13.
async fn start() -> Result<World, DemoError> {
    World::start_with(|zone| with_device(zone, "car-13")).await
}

/// Runs `poort access VERB`: its exit code and what it said.
async fn access(world: &World, verb: &str, arguments: &[&str]) -> (i32, String) {
    let done = world.gate.command(&format!("access {verb}"), arguments).await.unwrap();
    (done.status.code().unwrap(), String::from_utf8([done.stdout, done.stderr].concat()).unwrap())
}

async fn done(world: &World, verb: &str, arguments: &[&str]) -> String {
    let (code, said) = access(world, verb, arguments).await;
    assert_eq!(code, 0, "{verb} {arguments:?}: {said}");
    said
}

/// The status of a request with a token, why it was refused, and whether it reached its source.
async fn with_token(world: &World, device: &str, token: &Token) -> (u16, Option<String>, bool) {
    let token = world.zone.zone.mint(token).unwrap();
    let caller = world.zone.caller(device).unwrap().bearer(&token);
    let (answer, received) = get(&caller, &world.zone.persons, PERSON).await.unwrap();
    let record = world.record("decision", &answer).await.unwrap();
    (answer.status, record["status_detail"].as_str().map(str::to_owned), received.is_some())
}

/// The same with a session.
async fn in_session(world: &World, browser: &Browser) -> (u16, Option<String>) {
    let answer = browser.fetch("GET", &browser.at("persons", PERSON), &[]).await.unwrap();
    let record = world.record_of("decision", answer.header("poort-request-id").unwrap()).await.unwrap();
    (answer.status, record["status_detail"].as_str().map(str::to_owned))
}

fn recorded(world: &World, kind: &str) -> Vec<Value> {
    let records = world.zone.layout.records().into_iter();
    records.filter(|record| record["metadata"]["event_code"] == kind).collect()
}

fn refused(status: u16, why: &str) -> (u16, Option<String>, bool) {
    (status, Some(why.to_owned()), false)
}

const ALLOWED: (u16, Option<String>, bool) = (200, None, true);

/// Events in a browser's session, or with a token: ends within [`PROMPT`], and how long it took.
async fn is_cut(mut response: reqwest::Response) -> Duration {
    let begin = Instant::now();
    let cut = async { while let Ok(Some(_)) = response.chunk().await {} };
    tokio::time::timeout(PROMPT, cut).await.unwrap_or_else(|_| panic!("it goes on"));
    begin.elapsed()
}

async fn events(world: &World, browser: &Browser, device: &str) -> reqwest::Response {
    let (caller, host) = (world.zone.caller(device).unwrap(), Layout::host("persons"));
    let cookies = browser.cookies("persons").into_iter().map(|(name, value)| format!("{name}={value}"));
    let cookies = cookies.collect::<Vec<_>>().join("; ");
    let url = caller.url(&host, "/events?interval=60000");
    let request = caller.http(&[&host]).unwrap().get(url).header("cookie", cookies);
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert!(response.chunk().await.unwrap().is_some());
    response
}

#[tokio::test]
async fn a_person_is_signed_out_everywhere_and_signs_in_anew() {
    let world = start().await.unwrap();
    let browser = signed_in(&world, "car-12", "an.janssens").await;
    let other = signed_in(&world, "car-13", "cas.willems").await;
    let before = Token::officer("an.janssens");
    assert_eq!(with_token(&world, "car-13", &before).await, ALLOWED);
    let stream = events(&world, &browser, "car-12").await;
    let said = done(&world, "end", &["--user", AN, "--reason", "tablet lost"]).await;
    assert!(said.contains("1 open session ended"), "{said}");
    println!("a person's events were cut after {:?}", is_cut(stream).await);
    assert_eq!(in_session(&world, &browser).await, (401, Some("session_ended".into())));
    assert_eq!(with_token(&world, "car-13", &before).await, refused(401, "sign_in_ended"));
    let renewed = before.clone().issued(std::time::SystemTime::now() + Duration::from_secs(2));
    let since = before.issued.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let renewed = renewed.claim("auth_time", since);
    assert_eq!(with_token(&world, "car-12", &renewed).await, refused(401, "sign_in_ended"), "renewed");
    assert_eq!(in_session(&world, &other).await, (200, None), "others go on");

    let record = recorded(&world, "access_ended").pop().unwrap();
    assert_eq!(record["status_detail"], "access_ended");
    assert_eq!(record["entity"], serde_json::json!({ "type": "User", "uid": AN }));
    assert_eq!(record["unmapped"]["reason"], "tablet lost");
    assert_eq!(record["actor"]["user"]["uid"], nix::unistd::Uid::current().to_string());

    // Times in tokens are whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(with_token(&world, "car-12", &Token::officer("an.janssens")).await, ALLOWED);
    assert_eq!(sign_in(&world, &browser, "an.janssens").await.status, 200);
    assert!(world.counts("poort_access_ended_total{kind=\"user\"} 1").await);
    assert!(world.counts("poort_access_ended_total{kind=\"session\"} 1").await);
    assert!(world.counts("poort_access_endings{kind=\"user\"} 1").await);
    assert!(world.counts("poort_streams_ended_total 1").await);
}

/// Entra ID says so only where it is told to. What it remembers lets a lost tablet's browser in again without a word.
#[tokio::test]
async fn where_an_issuer_does_not_say_when_somebody_signed_in_it_has_to_ask_them_anew() {
    let world = start().await.unwrap();
    world.zone.zone.leave_sign_in_times_out(true);
    let browser = signed_in(&world, "car-12", "an.janssens").await;
    assert_eq!(in_session(&world, &browser).await, (200, None), "nothing was ended");
    done(&world, "end", &["--user", AN, "--reason", "tablet lost"]).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let remembered = sign_in(&world, &browser, "an.janssens").await;
    assert_eq!(remembered.status, 403, "{remembered:?}");
    assert!(remembered.body.contains("/start?other=1"), "{remembered:?}");

    let page = browser.go(&browser.at("signin", "/start?other=1")).await.unwrap();
    assert!(page.url.query().is_some_and(|query| query.contains("prompt=login")), "{page:?}");
    let afresh = browser.go(&format!("{}&user=an.janssens", page.url)).await.unwrap();
    assert_eq!(afresh.status, 200, "{afresh:?}");
    assert_eq!(browser.go(&browser.at("persons", PERSON)).await.unwrap().status, 200);
    assert_eq!(in_session(&world, &browser).await, (200, None));
}

#[tokio::test]
async fn a_blocked_person_stays_out_until_they_are_restored() {
    let world = start().await.unwrap();
    let browser = signed_in(&world, "car-12", "an.janssens").await;
    done(&world, "end", &["--user", AN, "--block", "--reason", "ticket 7"]).await;
    assert_eq!(in_session(&world, &browser).await, (403, Some("user_blocked".into())));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(
        with_token(&world, "car-13", &Token::officer("an.janssens")).await,
        refused(403, "user_blocked")
    );
    let page = browser.go(&browser.at("persons", PERSON)).await.unwrap();
    assert_eq!((page.status, page.hops.len()), (403, 1), "nobody is led in circles: {page:?}");
    assert!(page.body.contains("Your access has been blocked"), "{}", page.body);
    let anew = Browser::new(&world.zone, &world.zone.caller("car-13").unwrap()).unwrap();
    let page = sign_in(&world, &anew, "an.janssens").await;
    assert_eq!((page.status, page.url.host_str()), (403, Some("signin.localhost")), "{page:?}");
    assert!(!anew.cookies("signin").contains_key("__Host-poort-session"), "no session is made");

    let said = done(&world, "list", &[]).await;
    assert!(said.contains(AN) && said.contains("blocked since") && said.contains("ticket 7"), "{said}");
    assert_eq!(access(&world, "restore", &["--user", "zone|bo.maes"]).await.0, 2, "nobody blocked them");
    done(&world, "restore", &["--user", AN, "--reason", "found"]).await;
    assert_eq!(with_token(&world, "car-13", &Token::officer("an.janssens")).await, ALLOWED);
    assert_eq!(sign_in(&world, &anew, "an.janssens").await.status, 200);
    let said: Vec<_> =
        recorded(&world, "access_ended").into_iter().map(|one| one["status_detail"].clone()).collect();
    assert_eq!(said, ["access_blocked", "access_restored"]);
}

#[tokio::test]
async fn a_device_stays_blocked_over_a_restart_and_a_reload() {
    let mut world = start().await.unwrap();
    let an = Token::officer("an.janssens");
    done(&world, "end", &["--device", CAR, "--reason", "stolen from a parked car"]).await;
    assert!(world.reload(&[]).await.unwrap().0);
    for restarted in [false, true] {
        if restarted {
            assert!(world.gate.stop().await.unwrap().success());
            world.gate = Gate::start(&world.zone.layout).await.unwrap();
        }
        assert_eq!(with_token(&world, "car-12", &an).await, refused(403, "device_blocked"), "{restarted}");
        assert_eq!(with_token(&world, "car-13", &an).await, ALLOWED, "another device, {restarted}");
        let (_, listed) = access(&world, "list", &["--json"]).await;
        let listed: Value = serde_json::from_str(&listed).unwrap();
        assert_eq!(listed["endings"][0]["whom"]["device"], CAR, "{restarted}");
        assert_eq!(listed["endings"][0]["reason"], "stolen from a parked car");
    }
    let browser = Browser::new(&world.zone, &world.zone.caller("car-12").unwrap()).unwrap();
    let page = browser.go(&browser.at("signin", "/start")).await.unwrap();
    assert_eq!(page.status, 403, "nor does it get as far as signing in: {page:?}");
    done(&world, "restore", &["--device", CAR]).await;
    assert_eq!(with_token(&world, "car-12", &an).await, ALLOWED);
}

/// Whoever has a stolen car to block knows its number, and not how certificates write it.
#[tokio::test]
async fn a_device_is_known_by_the_last_part_of_its_name() {
    let world = start().await.unwrap();
    let an = Token::officer("an.janssens");
    let said = done(&world, "end", &["--device", "car-12"]).await;
    assert!(said.contains(&format!("device `{CAR}` is blocked")), "{said}");
    assert_eq!(with_token(&world, "car-12", &an).await, refused(403, "device_blocked"));
    assert_eq!(recorded(&world, "access_ended")[0]["entity"]["uid"], CAR);
    assert_eq!(with_token(&world, "car-13", &an).await, ALLOWED);
    done(&world, "restore", &["--device", "car-12"]).await;
    assert_eq!(with_token(&world, "car-12", &an).await, ALLOWED);
}

#[tokio::test]
async fn a_block_ends_by_itself_where_it_says_so() {
    let world = start().await.unwrap();
    let an = Token::officer("an.janssens");
    done(&world, "end", &["--device", CAR, "--for", "2s"]).await;
    assert_eq!(with_token(&world, "car-12", &an).await, refused(403, "device_blocked"));
    let over = eventually(async || (with_token(&world, "car-12", &an).await == ALLOWED).then_some(()));
    assert!(over.await.is_some());
    assert!(done(&world, "list", &[]).await.contains("0 endings in force"));
}

#[tokio::test]
async fn one_session_ends_alone() {
    let world = start().await.unwrap();
    let (one, other) =
        (signed_in(&world, "car-12", "an.janssens").await, signed_in(&world, "car-13", "an.janssens").await);
    let signed_in = recorded(&world, "authentication");
    let on_car = signed_in.iter().find(|record| record["device"]["uid"] == CAR).unwrap();
    let id = on_car["session"]["uid"].as_str().unwrap();
    let stream = events(&world, &one, "car-12").await;
    let said = done(&world, "end", &["--session", id]).await;
    assert!(said.contains("is over"), "{said}");
    println!("a session's events were cut after {:?}", is_cut(stream).await);
    assert_eq!(in_session(&world, &one).await, (401, Some("session_ended".into())));
    assert_eq!(in_session(&world, &other).await, (200, None));
    let (code, said) = access(&world, "end", &["--session", id]).await;
    assert!(code == 2 && said.contains("no session") && said.contains("is open"), "{code} {said}");
}

/// Whoever signs out, or is signed out by their issuer, leaves no stream open.
#[tokio::test]
async fn signing_out_cuts_what_is_open() {
    let world = start().await.unwrap();
    let browser = signed_in(&world, "car-12", "an.janssens").await;
    let stream = events(&world, &browser, "car-12").await;
    let page = browser.go(&browser.at("signin", "/sign-out")).await.unwrap();
    let form = format!("proof={}", page.field("proof").unwrap());
    let origin = browser.at("signin", "");
    browser.submit(&origin, &browser.at("signin", "/sign-out"), &form).await.unwrap();
    println!("events were cut {:?} after signing out", is_cut(stream).await);
}

/// A long answer that is no stream ends with its next byte.
#[tokio::test]
async fn a_download_is_cut() {
    let world = start().await.unwrap();
    let (an, host) = (world.officer().unwrap(), Layout::host("persons"));
    let client = an.http(&[&host]).unwrap();
    let url = an.url(&host, "/trickle?seconds=20&steps=200");
    let mut download = client.get(&url).send().await.unwrap();
    assert_eq!(download.status().as_u16(), 200);
    assert!(download.chunk().await.unwrap().is_some());
    let id = download.headers()["poort-request-id"].to_str().unwrap().to_owned();
    done(&world, "end", &["--user", "zone|bo.maes"]).await;
    assert!(download.chunk().await.unwrap().is_some(), "somebody else's");
    done(&world, "end", &["--device", CAR]).await;
    println!("a download was cut after {:?}", is_cut(download).await);
    let outcome = world.record_of("outcome", &id).await.unwrap();
    assert_eq!(outcome["unmapped"]["end"], "not_readmitted", "{outcome}");
    assert_eq!(outcome["unmapped"]["failure"], "device_blocked", "{outcome}");
}

#[tokio::test]
async fn a_wrong_command_says_what_is_wrong_and_changes_nothing() {
    let world = start().await.unwrap();
    for (arguments, code, words) in [
        (&["--session", "AAAAAAAAAAAAAAAAAAAAAA"][..], 2, "no session `AAAAAAAAAAAAAAAAAAAAAA` is open"),
        (&["--session", "x"], 2, "22 characters of base64url"),
        (&["--user", "an.janssens"], 2, "write `ISSUER|SUBJECT`"),
        (&["--user", "zonne|an.janssens"], 2, "no issuer is called `zonne`; there are"),
        (&["--device", "car 12"], 2, "car 12"),
        (&["--device", "spiffe://Zone/car"], 2, "is no name of a certificate"),
        (&["--user", AN, "--for", "8h"], 2, "add `--block`"),
        (&["--user", AN, "--block", "--for", "0s"], 2, "from `1s` to `366d`"),
        (&["--device", CAR, "--for", "9999d"], 2, "is longer than `366d`"),
        (&["--user", AN, "--device", CAR], 2, "cannot be used with"),
        (&[], 2, "<--session <ID>|--user <ISSUER|SUBJECT>|--device <NAME>>"),
        (&["--unlisted"], 2, "--device"),
        (&["--device", "spiffe://zone.example/device/car-122"], 2, "`--unlisted`"),
        (&["--device", "car-122"], 2, "`car-122` is not in the inventory, and nobody is blocked"),
        (&["--device", "Car_12", "--unlisted"], 2, "Car_12"),
        (&["--device", CAR, "--state", "/nowhere"], 1, "no gate answers at `/nowhere/control.sock`"),
    ] {
        let (came, said) = access(&world, "end", arguments).await;
        assert_eq!(came, code, "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let (came, said) = access(&world, "restore", &[]).await;
    assert!(came == 2 && said.contains("<--user <ISSUER|SUBJECT>|--device <NAME>>"), "{came}: {said}");
    assert!(recorded(&world, "access_ended").is_empty());
    assert_eq!(with_token(&world, "car-12", &Token::officer("an.janssens")).await, ALLOWED);
    let said = done(&world, "end", &["--device", "spiffe://zone.example/device/car-122", "--unlisted"]).await;
    assert!(said.contains("is not in the inventory") && said.contains("is blocked"), "{said}");
}

#[test]
fn a_command_in_the_wrong_place_does_not_say_that_the_gate_is_down() {
    let elsewhere = tempfile::tempdir().unwrap();
    for command in ["reload", "reload --deny persons", "access list", "policy confirm"] {
        let done = Command::new(binary().unwrap()).args(command.split(' ')).current_dir(&elsewhere).output();
        let done = done.unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{command}: {said}");
        assert!(
            said.contains("`deploy/poort.yaml` does not exist, so that no gate was asked"),
            "{command}: {said}"
        );
    }
}
