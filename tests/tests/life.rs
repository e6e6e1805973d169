//! A gate's life: starts, reloads, stops and crashes, none of which loses a request or a record.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed, and a table is as long as it is"
)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use nix::sys::signal::Signal;
use poort_demo::{
    gate::{Gate, binary},
    layout::Layout,
    zone::{Zone, ZoneOptions},
};
use poort_tests::{PERSON, World, clock::AnotherClock, eventually, get, rounds, without_limits};

const PERSONS: &str = "policies/sources/persons.yaml";

async fn metric(gate: &Gate, line: &str) -> bool {
    gate.admin("/metrics").await.unwrap().1.lines().any(|said| said.starts_with(line))
}

/// Which source host and which identity are told: both are replaced by one reload.
fn generation(world: &World, number: usize) {
    world
        .edit(PERSONS, |yaml| {
            yaml["upstream"]["host"] = format!("host-{}.internal", number % 2).into();
            let told = if number.is_multiple_of(2) { "user" } else { "roles" };
            yaml["identity"]["headers"]["X-Remote-User"] = told.into();
        })
        .unwrap();
}

#[tokio::test]
async fn requests_during_many_reloads_are_all_served_by_one_generation_each() {
    let world = World::start_with(without_limits).await.unwrap();
    generation(&world, 0);
    assert!(world.reload(&[]).await.unwrap().0);
    world.zone.persons.forget();
    let (an, host) = (world.officer().unwrap(), Layout::host("persons"));
    let (client, url) = (an.http(&[&host]).unwrap(), an.url(&host, PERSON));
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let keeping = (0..3).map(|_| {
        let (client, url, stop, served) = (client.clone(), url.clone(), stop.clone(), served.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(client.get(&url).send().await.unwrap().status().as_u16(), 200);
                served.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let keeping: Vec<_> = keeping.collect();
    let connecting = {
        let (an, host, stop, served) = (an.clone(), host.clone(), stop.clone(), served.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(an.ask("GET", &host, PERSON, &[]).await.unwrap().status, 200);
                served.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    for number in 1..=12 {
        generation(&world, number);
        let (done, said) = world.reload(&[]).await.unwrap();
        assert!(done && said.contains(&format!("generation {}", number + 2)), "{said}");
    }
    stop.store(true, Ordering::Relaxed);
    for task in keeping {
        task.await.expect("no request is lost");
    }
    connecting.await.expect("no connection is lost");
    let received = world.zone.persons.received();
    assert_eq!(received.len(), served.load(Ordering::Relaxed));
    let mut seen = [0, 0];
    for request in &received {
        match (request.header("host"), request.header("x-remote-user")) {
            (Some("host-0.internal"), Some("an.janssens")) => seen[0] += 1,
            (Some("host-1.internal"), Some("officer")) => seen[1] += 1,
            mixed => panic!("two generations in one request: {mixed:?}"),
        }
    }
    assert!(seen.iter().all(|&count| count > 0), "{seen:?}");
}

#[tokio::test]
async fn a_reload_is_whole_or_nothing_and_says_so() {
    let world = World::start().await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let host =
        async || get(&an, persons, PERSON).await.unwrap().1.unwrap().header("host").unwrap().to_owned();
    // By signal: no answer, so wait for what it does.
    world.edit(PERSONS, |yaml| yaml["upstream"]["host"] = "by-signal.internal".into()).unwrap();
    world.gate.signal(Signal::SIGHUP).unwrap();
    assert!(eventually(async || (host().await == "by-signal.internal").then_some(())).await.is_some());
    // Broken in one file, changed in another: neither counts.
    let good = world.zone.layout.read_file("policies/sources/vehicles.yaml").unwrap();
    world.edit(PERSONS, |yaml| yaml["upstream"]["host"] = "half.internal".into()).unwrap();
    world.zone.layout.write_file("policies/sources/vehicles.yaml", "title: [").unwrap();
    let output = world.gate.command("reload", &[]).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("vehicles.yaml:2:1") && said.contains("goes on as before"), "{said}");
    assert_eq!(host().await, "by-signal.internal");
    assert!(metric(&world.gate, "poort_reload_ok 0").await);
    assert!(metric(&world.gate, "poort_reloads_total{result=\"failure\"} 1").await);
    world.gate.signal(Signal::SIGHUP).unwrap();
    let refused =
        async || metric(&world.gate, "poort_reloads_total{result=\"failure\"} 2").await.then_some(());
    assert!(eventually(refused).await.is_some(), "a signal is no way around");
    assert!(world.gate.log().contains("reload_refused"));
    // Mended.
    world.zone.layout.write_file("policies/sources/vehicles.yaml", &good).unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done, "{said}");
    assert_eq!(host().await, "half.internal");
    assert!(metric(&world.gate, "poort_reload_ok 1").await);
}

#[tokio::test]
async fn broken_files_at_a_start_mean_the_last_good_configuration() {
    let mut world = World::start().await.unwrap();
    let an = world.officer().unwrap();
    assert!(world.gate.stop().await.unwrap().success());
    world.zone.layout.write_file("policies/access/officers.cedar", "permit (").unwrap();
    world.zone.layout.write_file(PERSONS, "titel: typo\n").unwrap();
    world.gate = Gate::start(&world.zone.layout).await.unwrap();
    let (answer, received) = get(&an, &world.zone.persons, PERSON).await.unwrap();
    assert_eq!((answer.status, received.is_some()), (200, true), "it serves as it did");
    let log = world.gate.log();
    assert!(log.contains("started_from_last_good"), "{log}");
    assert!(log.contains("officers.cedar") || log.contains("persons.yaml"), "{log}");
    assert!(metric(&world.gate, "poort_reload_ok 0").await);
    let (_, metrics) = world.gate.admin("/metrics").await.unwrap();
    assert!(metrics.contains("origin=\"last_good\"} 1"), "{metrics}");
    assert!(!world.reload(&[]).await.unwrap().0, "they are still broken");
    // Again: what was started from is kept.
    world.gate.stop().await.unwrap();
    world.gate = Gate::start(&world.zone.layout).await.unwrap();
    assert_eq!(get(&an, &world.zone.persons, PERSON).await.unwrap().0.status, 200);
}

#[tokio::test]
async fn broken_files_and_nothing_to_fall_back_on_start_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let zone = Zone::start(&ZoneOptions::new(directory.path())).unwrap();
    zone.layout.write_file(PERSONS, "titel: typo\n").unwrap();
    let mut gate = Gate::spawn(&binary().unwrap(), &zone.layout).unwrap();
    let status = gate.wait_until_ended().await.unwrap();
    assert_eq!(status.code(), Some(2));
    let log = gate.log();
    assert!(log.contains("persons.yaml:1:1") && log.contains("no last good one"), "{log}");
    // An empty directory of policies permits nobody, so it starts nothing either.
    let directory = tempfile::tempdir().unwrap();
    let zone = Zone::start(&ZoneOptions::new(directory.path())).unwrap();
    for file in fs::read_dir(zone.layout.path("policies/access")).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "cedar") {
            fs::remove_file(file).unwrap();
        }
    }
    let mut gate = Gate::spawn(&binary().unwrap(), &zone.layout).unwrap();
    assert_eq!(gate.wait_until_ended().await.unwrap().code(), Some(2), "{}", gate.log());
}

#[tokio::test]
async fn a_reload_says_what_only_a_restart_brings_into_force() {
    let mut world = World::start().await.unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done && !said.contains("restart"), "{said}");
    let before = world.zone.layout.read_file("deploy/poort.yaml").unwrap();
    world
        .edit("deploy/poort.yaml", |yaml| {
            yaml["listeners"][0]["client_certificate"] = "optional".into();
            yaml["audit"]["durable"] = false.into();
            yaml["drain"] = "7s".into();
            // This, a reload does change.
            yaml["connections"]["total"] = 777.into();
        })
        .unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done, "{said}");
    for key in ["`client_certificate` of listener `", "`audit.durable`", "`drain`"] {
        let line = said.lines().find(|line| line.contains(key)).unwrap_or_else(|| panic!("{key}: {said}"));
        assert!(line.ends_with("changed; it needs a restart"), "{line}");
    }
    assert_eq!(said.matches("restart").count(), 3, "{said}");
    assert!(world.counts("poort_restart_needed 1").await);
    world.zone.layout.write_file("deploy/poort.yaml", &before).unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done && !said.contains("restart"), "as it was at the start: {said}");
    assert!(world.counts("poort_restart_needed 0").await);
    world.edit("deploy/poort.yaml", |yaml| yaml["drain"] = "7s".into()).unwrap();
    world.gate.stop().await.unwrap();
    world.gate = Gate::start(&world.zone.layout).await.unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done && !said.contains("restart"), "{said}");
}

#[tokio::test]
async fn a_closed_source_stays_closed_over_reloads_and_restarts() {
    let mut world = World::start().await.unwrap();
    let an = world.officer().unwrap();
    let (done, said) = world.reload(&["--deny", "nobody"]).await.unwrap();
    assert!(!done && said.contains("persons"), "a source that there is not is named: {said}");
    assert!(world.reload(&["--deny", "persons"]).await.unwrap().0);
    assert!(world.reload(&[]).await.unwrap().0);
    for start in ["before a restart", "after a restart"] {
        let (answer, received) = get(&an, &world.zone.persons, PERSON).await.unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (503, "source_closed"), "{start}");
        assert!(received.is_none(), "{start}");
        world.gate.stop().await.unwrap();
        world.gate = Gate::start(&world.zone.layout).await.unwrap();
    }
    assert!(world.gate.log().contains("source_closed"), "a start says what is closed");
    assert!(world.reload(&["--allow", "persons"]).await.unwrap().0);
    assert_eq!(get(&an, &world.zone.persons, PERSON).await.unwrap().0.status, 200);
}

#[tokio::test]
async fn a_closure_of_a_source_that_is_renamed_is_not_lost_in_silence() {
    let world = World::start().await.unwrap();
    assert!(world.reload(&["--deny", "persons"]).await.unwrap().0);
    let layout = &world.zone.layout;
    let text = fs::read_to_string(layout.path("policies/sources/persons.yaml")).unwrap();
    layout.write_file("policies/sources/people.yaml", &text).unwrap();
    layout.remove_file("policies/sources/persons.yaml").unwrap();
    for entry in fs::read_dir(layout.path("policies/access")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "cedar") {
            let text = fs::read_to_string(&path).unwrap();
            let renamed = text.replace("Source::\"persons\"", "Source::\"people\"");
            fs::write(&path, renamed).unwrap();
        }
    }
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done && said.contains("`persons` is closed, and no source is called that any more"), "{said}");
    assert!(said.contains("`poort reload --deny`"), "{said}");
    // It is taken back, since nobody else could.
    assert!(world.reload(&["--allow", "persons"]).await.unwrap().0);
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done && !said.contains("is closed"), "{said}");
    let (done, said) = world.reload(&["--allow", "persons"]).await.unwrap();
    assert!(!done && said.contains("no source `persons`"), "{said}");
}

/// Every decision has one outcome; those that ended in this.
fn ends(world: &World, end: &str) -> usize {
    let records = world.zone.layout.records();
    let of = |kind: &str| -> Vec<String> {
        let kind = records.iter().filter(|record| record["metadata"]["event_code"] == kind);
        let mut ids: Vec<_> =
            kind.map(|record| record["metadata"]["correlation_uid"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    assert_eq!(of("decision"), of("outcome"), "every decision has one outcome");
    records.iter().filter(|record| record["unmapped"]["end"] == end).count()
}

#[tokio::test]
async fn a_stop_under_load_loses_no_request() {
    let mut world = World::start_with(without_limits).await.unwrap();
    let (an, host) = (world.officer().unwrap(), Layout::host("persons"));
    let slow = (0..20).map(|_| {
        let (an, host) = (an.clone(), host.clone());
        tokio::spawn(async move { an.ask("GET", &host, "/slow?seconds=2", &[]).await })
    });
    let slow: Vec<_> = slow.collect();
    let there = world.zone.persons.wait_for(20, Duration::from_secs(10)).await;
    assert_eq!(there.len(), 20);
    world.gate.signal(Signal::SIGTERM).unwrap();
    for answer in join_all(slow).await {
        let answer = answer.unwrap().expect("an answer");
        assert_eq!((answer.status, answer.whole), (200, true));
    }
    assert_eq!(world.gate.wait_until_ended().await.unwrap().code(), Some(0));
    assert_eq!(ends(&world, "complete"), 20);
    assert!(an.connect(&host).await.is_err(), "it is gone");
}

/// Nothing else would end a stream, and nobody gets in while it is waited for.
#[tokio::test]
async fn a_stop_waits_for_requests_and_for_no_stream() {
    let mut world =
        World::start_with(|zone| zone.layout.edit("deploy/poort.yaml", |yaml| yaml["drain"] = "20s".into()))
            .await
            .unwrap();
    let (an, host) = (world.officer().unwrap(), Layout::host("persons"));
    let events = an.http(&[&host]).unwrap().get(an.url(&host, "/events")).send().await.unwrap();
    let id = events.headers()["poort-request-id"].to_str().unwrap().to_owned();
    let slow = tokio::spawn({
        let (an, host) = (an.clone(), host.clone());
        async move { an.ask("GET", &host, "/slow?seconds=2", &[]).await }
    });
    assert_eq!(world.zone.persons.wait_for(2, Duration::from_secs(10)).await.len(), 2);
    let begin = Instant::now();
    world.gate.signal(Signal::SIGTERM).unwrap();
    assert_eq!(slow.await.unwrap().expect("an answer").status, 200);
    assert_eq!(world.gate.wait_until_ended().await.unwrap().code(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    let outcome = world.record_of("outcome", &id).await.expect("the stream's end is written down");
    assert_eq!(outcome["unmapped"]["end"], "not_readmitted");
}

/// Until somebody listens for it, a SIGHUP ends a process.
#[tokio::test]
async fn a_reload_that_is_asked_for_at_a_start_ends_nothing() {
    let mut world = World::start().await.unwrap();
    world.gate.stop().await.unwrap();
    let (begun, log) = ("audit_opened", world.zone.layout.path("gate.log"));
    let before = fs::read_to_string(&log).unwrap().matches(begun).count();
    let mut gate = Gate::spawn(&binary().unwrap(), &world.zone.layout).unwrap();
    while fs::read_to_string(&log).unwrap().matches(begun).count() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for _ in 0..3 {
        gate.signal(Signal::SIGHUP).unwrap();
    }
    gate.wait_until_ready().await.unwrap();
    world.gate = gate;
    let reloaded = eventually(async || {
        (!metric(&world.gate, "poort_reloads_total{result=\"success\"} 0").await).then_some(())
    });
    reloaded.await.expect("it is done as soon as the gate serves");
}

#[tokio::test]
async fn a_crash_leaves_no_decision_without_an_end() {
    for _ in 0..rounds() {
        let mut world = World::start().await.unwrap();
        let (an, host) = (world.officer().unwrap(), Layout::host("persons"));
        get(&an, &world.zone.persons, PERSON).await.unwrap();
        let slow = (0..3).map(|_| {
            let (an, host) = (an.clone(), host.clone());
            tokio::spawn(async move { an.ask("GET", &host, "/slow?seconds=30", &[]).await })
        });
        let slow: Vec<_> = slow.collect();
        world.zone.persons.wait_for(4, Duration::from_secs(10)).await;
        // The decisions are on the disk once all four are there.
        let written = eventually(async || {
            let records = world.zone.layout.records();
            let decisions = records.iter().filter(|record| record["metadata"]["event_code"] == "decision");
            (decisions.count() == 4 && records.len() == 5).then_some(())
        });
        assert!(written.await.is_some());
        world.gate.signal(Signal::SIGKILL).unwrap();
        world.gate.wait_until_ended().await.unwrap();
        for cut in join_all(slow).await {
            assert!(cut.unwrap().is_err());
        }
        world.gate = Gate::start(&world.zone.layout).await.unwrap();
        let orphans =
            world.zone.layout.records().into_iter().filter(|record| record["status_detail"] == "unknown");
        assert_eq!(orphans.count(), 3);
        assert_eq!(ends(&world, "unknown"), 3);
        assert_eq!(get(&an, &world.zone.persons, PERSON).await.unwrap().0.status, 200);
    }
}

#[tokio::test]
async fn nothing_passes_that_cannot_be_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let zone = Zone::start(&ZoneOptions::new(directory.path())).unwrap();
    without_limits(&zone).unwrap();
    // A disk that is full after 256 KiB, as the gate sees it: no file may grow beyond that.
    let small = zone.layout.path("poort");
    let script =
        format!("#!/bin/sh\ntrap '' XFSZ\nulimit -f 512\nexec '{}' \"$@\"\n", binary().unwrap().display());
    fs::write(&small, script).unwrap();
    fs::set_permissions(&small, fs::Permissions::from_mode(0o755)).unwrap();
    let mut gate = Gate::spawn(&small, &zone.layout).unwrap();
    gate.wait_until_ready().await.unwrap();
    let an = zone.caller("car-12").unwrap();
    let token = poort_demo::issuer::Token::officer("an.janssens").role("supervisor").strong();
    let an = an.bearer(&zone.zone.mint(&token).unwrap());
    let (persons, host) = (&zone.persons, Layout::host("persons"));
    let mut answer = None;
    for _ in 0..1000 {
        let said = an.ask("GET", &host, PERSON, &[]).await.unwrap();
        if said.status != 200 {
            answer = Some(said);
            break;
        }
    }
    let answer = answer.expect("the disk is full at some time");
    assert_eq!((answer.status, answer.reason().as_str()), (503, "gate_unavailable"));
    assert!(!answer.text().contains("Peeters"), "what the source said is not handed on");
    // A consultation may reach the source while its record is being tried; a change may not.
    let before = persons.count();
    for _ in 0..5 {
        let said = an.ask("POST", &host, PERSON, &["Content-Length: 0"]).await.unwrap();
        assert_eq!((said.status, said.reason().as_str()), (503, "gate_unavailable"));
    }
    assert_eq!(persons.count(), before, "nothing is changed without a record");
    assert_eq!(gate.admin("/readyz").await.unwrap().0, 503);
    assert_eq!(gate.admin("/healthz").await.unwrap().0, 200);
}

#[tokio::test]
async fn no_secret_and_no_query_is_recorded_or_logged() {
    let world = World::start().await.unwrap();
    let token = world.zone.zone.mint(&poort_demo::issuer::Token::officer("an.janssens")).unwrap();
    let an = world.zone.caller("car-12").unwrap().bearer(&token);
    let persons = &world.zone.persons;
    let lines = ["Cookie: session=hunter2", "X-Api-Key: hunter3"];
    for target in ["/echo?passphrase=hunter4", "/nowhere/x?passphrase=hunter5", "//bad?passphrase=hunter6"] {
        an.ask("GET", &Layout::host("persons"), target, &lines).await.unwrap();
    }
    let leaked = format!("/echo?access_token={token}");
    an.ask("GET", &Layout::host("persons"), &leaked, &[]).await.unwrap();
    let stranger = world.zone.caller("car-12").unwrap().bearer("hunter7.hunter8.hunter9");
    stranger.ask("GET", &Layout::host("persons"), PERSON, &[]).await.unwrap();
    let (answer, _) = get(&an, persons, PERSON).await.unwrap();
    world.record("outcome", &answer).await.expect("all is written");
    let files =
        fs::read_dir(world.zone.layout.path("deploy/audit")).unwrap().map(|file| file.unwrap().path());
    // The log below has the same lines as its entries.
    let mut texts: Vec<(String, String)> = files
        .filter(|file| file.is_file())
        .map(|file| (file.display().to_string(), fs::read_to_string(&file).unwrap()))
        .collect();
    assert!(
        texts.iter().any(|(_, text)| text.contains("/persons/{national_number}")),
        "what was asked is recorded"
    );
    texts.push(("the log".to_owned(), world.gate.log()));
    let signature = token.rsplit_once('.').unwrap().1;
    for (file, text) in &texts {
        assert!(!text.contains("hunter"), "{file}");
        assert!(!text.contains(signature) && !text.contains("passphrase"), "{file}");
    }
}

#[tokio::test]
async fn a_gate_that_watches_its_files_reloads_when_they_change_and_hold_still() {
    let world = World::start_with(|zone| {
        without_limits(zone)?;
        zone.layout.edit("deploy/poort.yaml", |yaml| yaml["watch"] = true.into())
    })
    .await
    .unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let host =
        async || get(&an, persons, PERSON).await.unwrap().1.unwrap().header("host").unwrap().to_owned();
    world.edit(PERSONS, |yaml| yaml["upstream"]["host"] = "watched.internal".into()).unwrap();
    assert!(eventually(async || (host().await == "watched.internal").then_some(())).await.is_some());
    // A new file counts too, and a revocation.
    let closed = "@id(\"closed\")\nforbid (principal, action, resource == Poort::Source::\"persons\");\n";
    world.zone.layout.write_file("policies/access/closed.cedar", closed).unwrap();
    let status = async || get(&an, persons, PERSON).await.unwrap().0.status;
    assert!(eventually(async || (status().await == 403).then_some(())).await.is_some());
    world.zone.layout.remove_file("policies/access/closed.cedar").unwrap();
    assert!(eventually(async || (status().await == 200).then_some(())).await.is_some());
    world.zone.pki.revoke(&[world.zone.pki.issued("car-12").unwrap().serial]).unwrap();
    assert!(eventually(async || (status().await == 403).then_some(())).await.is_some());
    world.zone.pki.revoke(&[]).unwrap();
    assert!(eventually(async || (status().await == 200).then_some(())).await.is_some());
    // A typo changes nothing, and is said once.
    let good = world.zone.layout.read_file(PERSONS).unwrap();
    world.zone.layout.write_file(PERSONS, "titel: typo\n").unwrap();
    let refused =
        async || metric(&world.gate, "poort_reloads_total{result=\"failure\"} 1").await.then_some(());
    assert!(eventually(refused).await.is_some());
    assert_eq!(host().await, "watched.internal");
    world.zone.layout.write_file(PERSONS, &good).unwrap();
    assert!(
        eventually(async || metric(&world.gate, "poort_reload_ok 1").await.then_some(())).await.is_some()
    );
    assert!(metric(&world.gate, "poort_reloads_total{result=\"failure\"} 1").await, "nothing is tried twice");
}

/// What may be wrong with a file when somebody asks for a reload.
type Damage = fn(&World);

#[tokio::test]
async fn whatever_is_broken_a_running_gate_goes_on_as_before() {
    let world = World::start().await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    #[rustfmt::skip]
    let cases: [(&str, &[&str], Damage); 8] = [
        ("truncated YAML", &[PERSONS], |world| { let text = world.zone.layout.read_file(PERSONS).unwrap(); world.zone.layout.write_file(PERSONS, &text[..text.len() / 2]).unwrap(); }),
        ("an unknown key", &[PERSONS], |world| world.edit(PERSONS, |yaml| yaml["clasification"] = "secret".into()).unwrap()),
        ("a key twice", &[PERSONS], |world| { let text = world.zone.layout.read_file(PERSONS).unwrap(); world.zone.layout.write_file(PERSONS, &(text + "\ntitle: Again\n")).unwrap(); }),
        ("Cedar that does not parse", &["policies/access/officers.cedar"], |world| world.zone.layout.write_file("policies/access/officers.cedar", "permit (").unwrap()),
        ("Cedar that does not fit the schema", &["policies/access/officers.cedar"], |world| world.zone.layout.write_file("policies/access/officers.cedar", "permit (principal, action, resource) when { principal.shoeSize > 42 };").unwrap()),
        ("a certificate without its key", &["certs/persons.key"], |world| world.zone.layout.remove_file("certs/persons.key").unwrap()),
        ("no list of revoked certificates", &["certs/device-ca.crl"], |world| world.zone.layout.remove_file("certs/device-ca.crl").unwrap()),
        ("no key to sign assertions", &["certs/assertion.key"], |world| world.zone.layout.remove_file("certs/assertion.key").unwrap()),
    ];
    for (number, (what, files, damage)) in cases.into_iter().enumerate() {
        let good: Vec<_> = files.iter().map(|file| fs::read(world.zone.layout.path(file)).unwrap()).collect();
        damage(&world);
        let (done, said) = world.reload(&[]).await.unwrap();
        assert!(!done && said.contains("goes on as before"), "{what}: {said}");
        let name = files[0].rsplit('/').next().unwrap();
        assert!(said.contains(name), "{what}: {said}");
        let (answer, received) = get(&an, persons, PERSON).await.unwrap();
        assert_eq!((answer.status, received.is_some()), (200, true), "{what}");
        let failures = format!("poort_reloads_total{{result=\"failure\"}} {}", number + 1);
        assert!(metric(&world.gate, &failures).await, "{what}");
        for (file, bytes) in files.iter().zip(good) {
            fs::write(world.zone.layout.path(file), bytes).unwrap();
        }
        let (done, said) = world.reload(&[]).await.unwrap();
        assert!(done, "{what}, mended: {said}");
    }
}

#[tokio::test]
async fn a_clock_that_jumps_is_an_alarm_and_opens_nothing() {
    let mut world = World::start().await.unwrap();
    let Some(clock) = AnotherClock::of_the_gate(world.directory()) else { return };
    world.gate.stop().await.unwrap();
    world.gate = Gate::spawn(clock.binary(), &world.zone.layout).unwrap();
    world.gate.wait_until_ready().await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    assert_eq!(get(&an, persons, PERSON).await.unwrap().0.status, 200);
    assert!(world.counts("poort_clock_jumps_total 0").await);

    // A day later by the clock, and no time has passed: what was good for minutes is not any more.
    clock.set_ahead(Duration::from_secs(86_400));
    eventually(async || world.counts("poort_clock_jumps_total 1").await.then_some(())).await.unwrap();
    let (answer, asked) = get(&an, persons, PERSON).await.unwrap();
    assert!((401..=403).contains(&answer.status) && asked.is_none(), "{}", answer.status);
    assert!(world.gate.log().contains("clock_jumped"), "{}", world.gate.log());

    // Put right, everybody is served again, and each decision has its end in the record.
    clock.set_ahead(Duration::ZERO);
    eventually(async || world.counts("poort_clock_jumps_total 2").await.then_some(())).await.unwrap();
    let (answer, _) = get(&an, persons, PERSON).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(world.record("outcome", &answer).await.is_some());
}

#[tokio::test]
async fn a_gate_whose_address_is_taken_says_so_and_goes() {
    let world = World::start().await.unwrap();
    let layout = &world.zone.layout;
    let other = layout.read_file("deploy/poort.yaml").unwrap();
    let other = other.replace("./state", "./other-state").replace("./audit", "./other-audit");
    layout.write_file("deploy/other.yaml", &other).unwrap();
    let path = layout.path("deploy/other.yaml");
    let second = Command::new(binary().unwrap()).args(["run", "--config"]).arg(path).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(2), "{said}");
    let taken = format!("nothing can listen on `{}`; end what does so already", layout.address());
    assert!(said.contains(&taken), "{said}");
}
