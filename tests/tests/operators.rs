//! What operators type, as which user, and what that leaves behind for the gate and in its record.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and what is skipped is said"
)]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{
        fs::{MetadataExt as _, chown},
        net::UnixDatagram,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use poort_demo::gate::{Gate, binary};
use poort_tests::{PERSON, World, get};
use serde_json::Value;

/// No user of any machine.
const GATES_USER: u32 = 47_110;

fn config(world: &World) -> String {
    world.zone.layout.config().to_str().unwrap().to_owned()
}

fn poort(arguments: &[&str]) -> Output {
    Command::new(binary().unwrap()).args(arguments).output().unwrap()
}

/// Whether it succeeded, and what was said.
fn said(output: Output) -> (bool, String) {
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Every file below a directory, and whose it is.
fn owners(directory: &Path) -> BTreeMap<PathBuf, u32> {
    let mut whose = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        whose.insert(path.clone(), fs::symlink_metadata(&path).unwrap().uid());
        if path.is_dir() {
            whose.extend(owners(&path));
        }
    }
    whose
}

fn give_to_the_gates_user(directory: &Path) {
    for path in owners(directory).into_keys().chain([directory.to_owned()]) {
        chown(&path, Some(GATES_USER), None).unwrap();
    }
}

#[tokio::test]
async fn root_writes_nothing_that_the_gates_user_could_not_read() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("SKIPPED: nothing can be given to another user");
    }
    let no_log = |yaml: &mut serde_yaml::Value| drop(yaml["audit"].as_mapping_mut().unwrap().remove("log"));
    let mut world = World::start_with(|zone| zone.layout.edit("deploy/poort.yaml", no_log)).await.unwrap();
    get(&world.officer().unwrap(), &world.zone.persons, PERSON).await.unwrap();
    world.gate.stop().await.unwrap();
    let (record, state) = (world.zone.layout.path("deploy/audit"), world.zone.layout.path("deploy/state"));
    // As if it were another day: its file is not there yet, and whoever writes first makes it.
    let today = fs::read_dir(&record).unwrap().map(|entry| entry.unwrap().path());
    let today = today.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    today.for_each(|path| fs::rename(&path, path.with_file_name("audit-20260101.jsonl")).unwrap());
    give_to_the_gates_user(&record);
    let before = owners(&record);
    let config = config(&world);
    let tries: [&[&str]; 2] = [&["audit", "search", "--officer", "an.janssens"], &["audit", "review"]];
    for arguments in tries {
        let (done, told) = said(poort(&[arguments, &["--config", &config]].concat()));
        assert!(!done, "{arguments:?}: {told}");
    }
    let (_, told) = said(poort(&["audit", "search", "--officer", "an.janssens", "--config", &config]));
    assert!(told.contains(&format!("sudo -u #{GATES_USER} poort")), "{told}");
    assert_eq!(owners(&record), before, "nothing was made, and nothing is root's");
    give_to_the_gates_user(&state);
    let before = owners(&state);
    let mut gate = Gate::spawn(&binary().unwrap(), &world.zone.layout).unwrap();
    assert_eq!(gate.wait_until_ended().await.unwrap().code(), Some(2), "{}", gate.log());
    assert!(gate.log().contains("run this as that user"), "{}", gate.log());
    assert_eq!(owners(&state), before);
    let (done, told) = said(poort(&["check", "--config", &config]));
    assert!(done && told.contains("root may read what its gate may not"), "{told}");
}

/// As somebody who signed in at the machine and became another user by `sudo`.
fn signed_in(person: u32, arguments: &[&str]) -> (bool, String) {
    let line = "echo \"$0\" >/proc/self/loginuid && exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", line, &person.to_string()]).arg(binary().unwrap()).args(arguments);
    said(command.output().unwrap())
}

#[tokio::test]
async fn whoever_signed_in_at_the_machine_is_in_the_record_and_not_its_user_alone() {
    let login = fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    if login.trim() != u32::MAX.to_string() {
        return eprintln!("SKIPPED: somebody is signed in here already, or the kernel does not say");
    }
    let mut world = World::start().await.unwrap();
    let config = config(&world);
    let tell = |arguments: &[&str]| {
        let (done, told) = signed_in(47_111, &[arguments, &["--config", &config]].concat());
        assert!(done, "{arguments:?}: {told}");
        told
    };
    tell(&["audit", "search", "--officer", "an.janssens"]);
    tell(&["access", "end", "--device", "car-31", "--reason", "stolen"]);
    let listed = tell(&["access", "list"]);
    assert!(listed.contains("by 47111 (as "), "{listed}");
    world.gate.stop().await.unwrap();
    // Without a gate the command itself writes it down.
    tell(&["audit", "search", "--officer", "an.janssens"]);
    let (done, told) = said(poort(&["audit", "search", "--officer", "x", "--config", &config]));
    assert!(done, "{told}");
    let records = world.zone.layout.records();
    let of = |kind: &str| -> Vec<&Value> {
        let of_kind = records.iter().filter(|record| record["metadata"]["event_code"] == kind);
        of_kind.map(|record| &record["unmapped"]["signed_in"]).collect()
    };
    assert_eq!(of("access"), ["47111".into(), "47111".into(), Value::Null].iter().collect::<Vec<_>>());
    assert_eq!(of("access_ended"), [&Value::from("47111")]);
}

#[tokio::test]
async fn the_record_can_be_read_while_somebody_writes_policies() {
    let mut world = World::start().await.unwrap();
    let (answer, _) = get(&world.officer().unwrap(), &world.zone.persons, PERSON).await.unwrap();
    let decision = world.record("decision", &answer).await.unwrap();
    let code = decision["unmapped"]["code"].as_str().unwrap();
    world.zone.layout.write_file("policies/access/half.cedar", "permit (").unwrap();
    world.zone.layout.write_file("policies/sources/half.yaml", "title: [").unwrap();
    let config = config(&world);
    assert!(!said(poort(&["check", "--config", &config])).0, "they are broken");
    let (done, told) = said(poort(&["audit", "search", "--officer", "an.janssens", "--config", &config]));
    assert!(done && told.contains(code), "{told}");
    let output = world.directory().join("export");
    let output = output.to_str().unwrap();
    let export = ["audit", "export", "--in", "2020..2090", "--reason", "17", "--output", output];
    let (done, told) = said(poort(&[&export[..], &["--config", &config]].concat()));
    assert!(done, "{told}");
    world.gate.stop().await.unwrap();
    for arguments in [&["audit", "verify"][..], &["audit", "show", code], &["audit", "review"]] {
        let (done, told) = said(poort(&[arguments, &["--config", &config]].concat()));
        assert!(done, "{arguments:?}: {told}");
    }
}

#[tokio::test]
async fn an_export_that_cannot_be_made_is_not_written_down_as_one() {
    let mut world = World::start().await.unwrap();
    let config = config(&world);
    let nowhere = world.directory().join("no/such/place");
    let arguments = ["audit", "export", "--in", "2020..2090", "--reason", "17", "--output"];
    let (done, told) =
        said(poort(&[&arguments[..], &[nowhere.to_str().unwrap(), "--config", &config]].concat()));
    assert!(!done && told.contains("no/such/place"), "{told}");
    world.gate.stop().await.unwrap();
    let records = world.zone.layout.records();
    assert!(records.iter().all(|record| record["unmapped"]["command"] != "audit export"), "{records:?}");
}

#[tokio::test]
async fn a_service_manager_hears_when_the_gate_serves_and_when_it_stops() {
    let mut world = World::start().await.unwrap();
    world.gate.stop().await.unwrap();
    let socket = world.directory().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let heard = || {
        let mut said = [0; 64];
        let length = manager.recv(&mut said).unwrap();
        String::from_utf8(said[..length].to_vec()).unwrap()
    };
    let mut run = Command::new(binary().unwrap());
    run.args(["run", "--config", &config(&world)]).env("NOTIFY_SOCKET", &socket).stderr(Stdio::null());
    let mut gate = run.spawn().unwrap();
    assert_eq!(heard(), "READY=1");
    let (reloaded, told) = said(poort(&["reload", "--config", &config(&world)]));
    assert!(reloaded, "whoever waited for it can tell it something: {told}");
    kill(Pid::from_raw(gate.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(heard(), "STOPPING=1");
    assert!(gate.wait().unwrap().success());
}
