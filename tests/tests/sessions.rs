//! Sessions outlive the gate that began them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use nix::sys::signal::Signal;
use poort_demo::{
    client::{Browser, Landed},
    gate::Gate,
};
use poort_tests::{
    PERSON, World,
    signing_in::{sign_in, signed_in},
};

async fn fetch(browser: &Browser) -> Landed {
    browser.fetch("GET", &browser.at("persons", PERSON), &[]).await.unwrap()
}

async fn detail(world: &World, answer: &Landed) -> Option<String> {
    let record = world.record_of("decision", answer.header("poort-request-id").unwrap()).await.unwrap();
    record["status_detail"].as_str().map(str::to_owned)
}

/// Stops it, or kills it, and starts another in its place.
async fn restart(world: &mut World, kill: bool) {
    if kill {
        world.gate.signal(Signal::SIGKILL).unwrap();
        world.gate.wait_until_ended().await.unwrap();
    } else {
        assert!(world.gate.stop().await.unwrap().success());
    }
    world.gate = Gate::start(&world.zone.layout).await.unwrap();
}

#[tokio::test]
async fn a_restart_signs_nobody_out_and_nobody_in() {
    let mut world = World::start().await.unwrap();
    let stays = signed_in(&world, "car-12", "an.janssens").await;
    for kill in [false, true] {
        restart(&mut world, kill).await;
        let answer = fetch(&stays).await;
        assert_eq!(answer.status, 200, "killed: {kill}\n{}", world.gate.log());
        let received = world.zone.persons.last().unwrap();
        assert_eq!(received.header("x-remote-user"), Some("an.janssens"));
        assert!(world.counts("poort_sessions{state=\"open\"} 1").await, "killed: {kill}");
    }
    let page = stays.go(&stays.at("vehicles", "/vehicles/0-ABC-123")).await.unwrap();
    assert_eq!(page.status, 200, "the next source asks nothing: {page:?}");
    assert!(!page.passed("localhost"), "{:?}", page.hops);

    let output = world.gate.command("access end", &["--user", "zone|an.janssens"]).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    restart(&mut world, true).await;
    let answer = fetch(&stays).await;
    assert_eq!((answer.status, detail(&world, &answer).await.as_deref()), (401, Some("session_ended")));
    // Times in tokens are whole seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(sign_in(&world, &stays, "an.janssens").await.status, 200);
}

#[tokio::test]
async fn whoever_is_at_the_issuer_during_a_restart_comes_back_to_their_page() {
    let mut world = World::start().await.unwrap();
    let browser = Browser::new(&world.zone, &world.zone.caller("car-12").unwrap()).unwrap();
    let address = browser.at("persons", PERSON);
    let page = browser.go(&address).await.unwrap();
    restart(&mut world, true).await;
    let landed = browser.go(&format!("{}&user=an.janssens", page.url)).await.unwrap();
    assert_eq!((landed.status, landed.url.as_str()), (200, address.as_str()), "{}", world.gate.log());
}

#[tokio::test]
async fn nothing_of_a_session_lies_in_clear_on_disk() {
    let world = World::start().await.unwrap();
    signed_in(&world, "car-12", "an.janssens").await;
    let state = world.zone.layout.config();
    let text = std::fs::read_to_string(&state).unwrap();
    let deploy: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let directory = state.parent().unwrap().join(deploy["state"]["directory"].as_str().unwrap());
    let file = std::fs::read(directory.join("sessions.redb")).unwrap();
    assert!(file.len() > 4096);
    for clear in ["an.janssens", "eyJ", "car-12"] {
        assert!(!file.windows(clear.len()).any(|part| part == clear.as_bytes()), "`{clear}` lies there");
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(directory.join("sessions.redb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "readable by its owner alone");
}
