//! The proof of the record: by the gate's own commands, by another implementation, and against whoever changes it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and what is skipped is said"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use nix::sys::signal::Signal;
use poort_demo::gate::{Gate, binary};
use poort_tests::{PERSON, World, get, without_limits};

/// Runs `poort audit …`: whether it succeeded, and what was said.
fn audit(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(binary().unwrap()).arg("audit").args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn path(world: &World, name: &str) -> String {
    world.zone.layout.path(name).to_str().unwrap().to_owned()
}

/// What an auditor does, who has the log, the public key and the anchor, and no configuration.
fn verify(world: &World) -> (bool, String) {
    let key = world.zone.pki.path("audit.pub");
    let (log, anchor) = (path(world, "deploy/audit/log"), path(world, "anchor"));
    audit(&["verify", "--log", &log, "--key", key.to_str().unwrap(), "--anchor", &anchor])
}

/// A zone in which somebody looked at so many persons, with a gate that has stopped; the last answer's code.
async fn consulted(times: usize) -> (World, String) {
    let mut world = World::start_with(without_limits).await.unwrap();
    let an = world.officer().unwrap();
    let mut code = String::new();
    for _ in 0..times {
        let (answer, _) = get(&an, &world.zone.persons, PERSON).await.unwrap();
        assert_eq!(answer.status, 200);
        code =
            world.record("decision", &answer).await.unwrap()["unmapped"]["code"].as_str().unwrap().to_owned();
    }
    world.gate.stop().await.unwrap();
    (world, code)
}

/// Changes the first file that a name begins with.
fn edit(directory: &str, prefix: &str, change: impl FnOnce(String) -> String) -> PathBuf {
    let mut files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let is_meant = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(prefix);
    let path = files.find(is_meant).unwrap();
    // Lengths stand before entries, so that a bundle is no text.
    let bytes = fs::read(&path).unwrap();
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    let changed: Vec<u8> =
        change(text).chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
    assert_ne!(bytes, changed, "{}", path.display());
    fs::write(&path, changed).unwrap();
    path
}

#[tokio::test]
async fn the_record_is_proved_and_one_request_is_shown() {
    let (world, code) = consulted(150).await;
    let (proved, said) = verify(&world);
    assert!(proved && said.contains("300 entries, whole and unchanged; it goes on from all "), "{said}");
    let config = world.zone.layout.config();
    let config = config.to_str().unwrap();
    assert!(audit(&["verify", "--config", config]).0);

    let (found, said) = audit(&["show", "--config", config, &code]);
    let records: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(found && records.len() == 2, "{said}");
    assert_eq!(records[0]["actor"]["user"]["uid"], "zone|an.janssens");
    let (proved, said) = audit(&["prove", "--config", config, "7"]);
    assert!(proved && said.starts_with("c2sp.org/tlog-proof@v1\nindex 7\n"), "{said}");
    let (found, said) = audit(&["show", "--config", config, "NO-CODE"]);
    assert!(!found && said.contains("no record under the newest checkpoint is called `NO-CODE`"), "{said}");
    by_go(&world, "300 entries\n");
}

/// The same proof by Go's implementation.
fn by_go(world: &World, expected: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("audit");
    let built = world.directory().join("audit-by-go");
    let build = Command::new("go").arg("build").arg("-o").arg(&built).arg(".").current_dir(source).output();
    let reason = match build {
        Ok(build) if build.status.success() => None,
        Ok(build) => Some(String::from_utf8_lossy(&build.stderr).into_owned()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(reason) = reason {
        eprintln!(
            "SKIPPED: the log was not checked by another implementation, as `go build` failed: {reason}"
        );
        return;
    }
    let key = fs::read_to_string(world.zone.pki.path("audit.pub")).unwrap();
    let check = || {
        let mut command = Command::new(&built);
        command.arg(path(world, "deploy/audit/log")).arg(key.trim()).output().unwrap()
    };
    let output = check();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        expected,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    edit(&path(world, "deploy/audit/log/tile/entries"), "000", |text| {
        text.replacen("an.janssens", "bo.janssens", 1)
    });
    let output = check();
    assert!(
        !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("entry 0:"),
        "and it can fail"
    );
}

#[tokio::test]
async fn whoever_changes_the_record_is_found_out() {
    let (mut world, _) = consulted(10).await;
    // The entries of the log.
    let bundles = path(&world, "deploy/audit/log/tile/entries/000.p");
    let bundle = edit(&bundles, "20", |text| text.replacen("an.janssens", "bo.janssens", 1));
    let (proved, said) = verify(&world);
    assert!(!proved && said.contains("entry 0: it is not what was written"), "{said}");
    edit(&bundles, "20", |text| text.replacen("bo.janssens", "an.janssens", 1));
    assert!(verify(&world).0, "{}", bundle.display());

    // The record's lines: no gate goes on from them.
    let audit = path(&world, "deploy/audit");
    edit(&audit, "audit-", |text| text.replacen("an.janssens", "bo.janssens", 1));
    let Err(fault) = Gate::start(&world.zone.layout).await else { panic!("it started") };
    assert!(fault.to_string().contains(".jsonl:1: this line is not what entry 0 of the log is"), "{fault}");
    edit(&audit, "audit-", |text| text.lines().skip(4).map(|line| format!("{line}\n")).collect());
    let Err(fault) = Gate::start(&world.zone.layout).await else { panic!("it started") };
    assert!(fault.to_string().contains(".jsonl:1: this line is not what entry 0 of the log is"), "{fault}");
    let _ = world.gate.stop().await;
}

#[tokio::test]
async fn a_killed_gate_goes_on_with_the_same_log() {
    let mut world = World::start_with(without_limits).await.unwrap();
    let an = world.officer().unwrap();
    let mut requests = 0;
    for _ in 0..3 {
        for _ in 0..7 {
            assert_eq!(get(&an, &world.zone.persons, PERSON).await.unwrap().0.status, 200);
            requests += 1;
        }
        world.gate.signal(Signal::SIGKILL).unwrap();
        world.gate.wait_until_ended().await.unwrap();
        world.gate = Gate::start(&world.zone.layout).await.unwrap();
    }
    world.gate.stop().await.unwrap();
    let (proved, said) = verify(&world);
    assert!(proved && said.contains(&format!("{} entries", 2 * requests)), "{said}");
}

#[tokio::test]
async fn records_are_shown_without_a_log_and_none_is_retired_before_its_time() {
    let mut world = World::start_with(|zone| {
        without_limits(zone)?;
        zone.layout
            .edit("deploy/poort.yaml", |yaml| drop(yaml["audit"].as_mapping_mut().unwrap().remove("log")))
    })
    .await
    .unwrap();
    let (answer, _) = get(&world.officer().unwrap(), &world.zone.persons, PERSON).await.unwrap();
    let decision = world.record("decision", &answer).await.unwrap();
    let code = decision["unmapped"]["code"].as_str().unwrap();
    let config = path(&world, "deploy/poort.yaml");
    let (shown, said) = audit(&["show", "--config", &config, code]);
    assert!(
        shown && said.contains("\"event_code\":\"decision\"") && said.contains("nothing proves"),
        "{said}"
    );
    assert!(!audit(&["show", "--config", &config, "AAAAAA"]).0);

    let (done, said) = audit(&["retire", "--config", &config]);
    assert!(!done && said.contains("no `retention` is written"), "{said}");
    let keep = |world: &World, retention: &str| {
        world.edit("policies/poort.yaml", |yaml| yaml["defaults"]["retention"] = retention.into()).unwrap();
    };
    keep(&world, "5 years");
    let (done, said) = audit(&["retire", "--config", &config]);
    assert!(!done && said.contains("poort.yaml:") && said.contains("`90d`, `18mo`, `5y`"), "{said}");
    keep(&world, "30d");
    let (done, said) = audit(&["retire", "--config", &config]);
    assert!(!done && said.contains("no log is kept"), "{said}");
    let key = world.zone.pki.path("audit.key").to_str().unwrap().to_owned();
    world.edit("deploy/poort.yaml", |yaml| yaml["audit"]["log"]["key"] = key.into()).unwrap();
    world.gate.stop().await.unwrap();
    world.gate = Gate::start(&world.zone.layout).await.unwrap();
    world.gate.stop().await.unwrap();
    for arguments in [&["retire", "--config", &config, "--dry-run"][..], &["retire", "--config", &config]] {
        let (done, said) = audit(arguments);
        assert!(done && said.contains("0 records to be retired"), "{said}");
    }
}
