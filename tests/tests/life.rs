//! A gate's life: reloads, restarts, broken files, kills, and the end.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use nix::sys::signal::Signal;
use poort_demo::{gate::Gate, layout::Layout};
use poort_tests::{PERSON, World, eventually, get};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_under_load_loses_no_request() {
    let mut world = World::start().await.unwrap();
    let host = Layout::host("persons");
    let an = world.officer().unwrap();
    // Slow enough to be in flight when the signal comes.
    let target = an.url(&host, "/slow?seconds=1");
    let requests: Vec<_> = (0..20)
        .map(|_| {
            let (client, target) = (an.http(&[&host]).unwrap(), target.clone());
            tokio::spawn(
                async move { client.get(target).send().await.map(|response| response.status().as_u16()) },
            )
        })
        .collect();
    assert_eq!(world.zone.persons.wait_for(20, Duration::from_secs(10)).await.len(), 20);
    let status = world.gate.stop().await.unwrap();
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap(), 200, "a request in flight ends");
    }
    assert!(status.success(), "{status}: it stops by itself when nothing is in flight");
    let ended = world.zone.layout.records();
    let outcomes = ended.iter().filter(|record| record["metadata"]["event_code"] == "outcome").count();
    assert_eq!(outcomes, 20, "and each has its outcome on disk");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_lose_no_request_and_mix_nothing() {
    let world = World::start().await.unwrap();
    let host = Layout::host("vehicles");
    let an = world.officer().unwrap();
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let client = an.http(&[&host]).unwrap();
    let asking = tokio::spawn({
        let (stop, asked, target) = (Arc::clone(&stop), Arc::clone(&asked), an.url(&host, "/"));
        async move {
            let mut seen = Vec::new();
            while !stop.load(Ordering::Relaxed) && seen.len() < 80 {
                seen.push(client.get(&target).send().await.map(|response| response.status().as_u16()));
                asked.fetch_add(1, Ordering::Relaxed);
            }
            seen
        }
    });
    for round in 0..5 {
        world
            .edit("policies/sources/vehicles.yaml", |yaml| yaml["title"] = format!("Round {round}").into())
            .unwrap();
        let (done, said) = world.reload(&[]).await.unwrap();
        assert!(done, "{said}");
    }
    stop.store(true, Ordering::Relaxed);
    let seen = asking.await.unwrap();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|status| matches!(status, Ok(200))), "{seen:?}");
}

#[tokio::test]
async fn broken_files_at_a_start_are_survived_with_the_last_good_ones() {
    let mut world = World::start().await.unwrap();
    world.gate.stop().await.unwrap();
    world.zone.layout.write_file("policies/access/broken.cedar", "permit (principal, action").unwrap();
    world.zone.layout.write_file("policies/poort.yaml", "devices: [").unwrap();
    let gate = Gate::start(&world.zone.layout).await.unwrap();
    let (answer, received) = get(&world.officer().unwrap(), &world.zone.persons, PERSON).await.unwrap();
    assert_eq!((answer.status, received.is_some()), (200, true), "a typo keeps no force out");
    assert!(gate.log().contains("started_from_last_good"), "{}", gate.log());
    assert!(gate.log().contains("poort.yaml:"), "it says what is broken, and where: {}", gate.log());
    let (_, metrics) = gate.admin("/metrics").await.unwrap();
    assert!(
        metrics.contains("origin=\"last_good\"} 1") && metrics.contains("poort_reload_ok 0"),
        "{metrics}"
    );
}

#[tokio::test]
async fn without_a_last_good_one_broken_files_do_not_start() {
    let broken =
        World::start_with(|zone| zone.layout.write_file("policies/access/x.cedar", "permit (")).await;
    let Err(fault) = broken else { panic!("it started") };
    assert!(fault.to_string().contains("x.cedar:1:"), "{fault}");
}

#[tokio::test]
async fn a_source_closed_in_an_emergency_stays_closed_over_restarts() {
    let mut world = World::start().await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    assert!(world.reload(&["--deny", "persons"]).await.unwrap().0);
    let (answer, received) = get(&an, persons, PERSON).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str(), received.is_none()), (503, "source_closed", true));
    assert!(world.reload(&[]).await.unwrap().0);
    assert_eq!(get(&an, persons, PERSON).await.unwrap().0.status, 503, "a reload does not open it");
    world.gate.stop().await.unwrap();
    let gate = Gate::start(&world.zone.layout).await.unwrap();
    let (answer, received) = get(&an, &world.zone.persons, PERSON).await.unwrap();
    assert_eq!((answer.status, received.is_none()), (503, true), "nor does a restart");
    assert!(gate.command("reload", &["--allow", "persons"]).await.unwrap().status.success());
    assert_eq!(get(&an, &world.zone.persons, PERSON).await.unwrap().0.status, 200);
    let unknown = gate.command("reload", &["--deny", "nobody"]).await.unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("persons"), "it says which there are");
}

#[tokio::test]
async fn a_killed_gate_closes_its_orphans_when_it_is_back() {
    let mut world = World::start().await.unwrap();
    let an = world.officer().unwrap();
    let pending = tokio::spawn({
        let an = an.clone();
        async move { an.ask("GET", "persons.localhost", "/slow?seconds=20", &[]).await }
    });
    assert_eq!(world.zone.persons.wait_for(1, Duration::from_secs(10)).await.len(), 1);
    let decided = eventually(async || {
        world.zone.layout.records().into_iter().find(|record| record["metadata"]["event_code"] == "decision")
    })
    .await
    .expect("the decision is on disk before the source has answered");
    world.gate.signal(Signal::SIGKILL).unwrap();
    world.gate.wait_until_ended().await.unwrap();
    assert!(pending.await.unwrap().is_err(), "nothing was answered");
    let _gate = Gate::start(&world.zone.layout).await.unwrap();
    let id = &decided["metadata"]["correlation_uid"];
    let closed = world.zone.layout.records().into_iter().find(|record| {
        record["metadata"]["event_code"] == "outcome" && &record["metadata"]["correlation_uid"] == id
    });
    assert_eq!(closed.expect("an outcome")["unmapped"]["end"], "unknown");
}

#[tokio::test]
async fn a_record_that_cannot_be_written_closes_the_gate() {
    let world = World::start().await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    assert_eq!(get(&an, persons, PERSON).await.unwrap().0.status, 200);
    // The directory becomes a file: nobody can write into it, whoever they are.
    let audit = world.zone.layout.path("deploy/audit");
    std::fs::rename(&audit, world.zone.layout.path("deploy/moved")).unwrap();
    std::fs::write(&audit, "").unwrap();
    let mut refused = None;
    for _ in 0..50 {
        let (answer, _) = get(&an, persons, PERSON).await.unwrap();
        if answer.status == 503 {
            refused = Some(answer);
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(refused.expect("a refusal").reason(), "gate_unavailable");
    let before = persons.count();
    let (answer, _) = get(&an, persons, "/notes").await.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(persons.count(), before, "nothing that cannot be recorded reaches a source");
    std::fs::remove_file(&audit).unwrap();
    std::fs::rename(world.zone.layout.path("deploy/moved"), &audit).unwrap();
    let mut status = 0;
    for _ in 0..100 {
        status = get(&an, persons, PERSON).await.unwrap().0.status;
        if status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(status, 200, "it recovers without a restart");
}

#[tokio::test]
async fn nothing_secret_is_in_the_record() {
    let world = World::start().await.unwrap();
    let an = world.officer().unwrap();
    let lines = ["Cookie: session=topsecret", "X-Api-Key: topsecret"];
    let target = "/search?name=peeters&other=topsecret";
    let (answer, _) = poort_tests::ask(&an, "GET", &world.zone.persons, target, &lines).await.unwrap();
    assert_eq!(answer.status, 200);
    let decision = world.record("decision", &answer).await.unwrap();
    world.record("outcome", &answer).await.unwrap();
    assert_eq!(decision["unmapped"]["question"]["context"]["request"]["captures"]["name"], "peeters");
    let everything = serde_json::to_string(&world.zone.layout.records()).unwrap() + &world.gate.log();
    assert!(!everything.contains("topsecret") && !everything.contains("eyJ"), "a secret is in the record");
}
