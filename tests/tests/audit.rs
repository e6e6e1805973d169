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
    time::Duration,
};

use nix::sys::signal::Signal;
use poort_demo::gate::{Gate, binary};
use poort_tests::{PERSON, World, clock::AnotherClock, get, rounds, without_limits};
use serde_json::Value;
use sha2::Digest as _;

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
    if let Some(go) = by_go(&world) {
        let log = PathBuf::from(path(&world, "deploy/audit/log"));
        assert_eq!(checked_by(&go, &world, &log, false), (true, "300 entries\n".to_owned()));
    }

    let (found, said) = audit(&["show", "--config", config, &code]);
    let records: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(found && records.len() == 2, "{said}");
    assert_eq!(records[0]["actor"]["user"]["uid"], "zone|an.janssens");
    let heard = audit(&["show", "--config", config, &code.to_lowercase()]);
    assert_eq!(heard, (true, said), "whoever heard the code wrote it in small letters");
    let (proved, said) = audit(&["prove", "--config", config, "7"]);
    assert!(proved && said.starts_with("c2sp.org/tlog-proof@v1\nindex 7\n"), "{said}");
    let (found, said) = audit(&["show", "--config", config, "NO-CODE"]);
    let unknown =
        "no record under the newest checkpoint is called `NO-CODE`; check it, or ask again in ten seconds";
    assert!(!found && said.contains(unknown), "{said}");
    let records = world.zone.layout.records();
    let looks = records.iter().filter(|record| record["unmapped"]["command"] == "audit show");
    let whats: Vec<&Value> = looks.map(|look| &look["unmapped"]["wanted"]["record"]).collect();
    assert_eq!(whats, [&code, &code.to_lowercase()], "who looked, and at what, is in the record too");
}

/// Another implementation of the proof: Go's. None, and loudly, where it cannot be built.
fn by_go(world: &World) -> Option<PathBuf> {
    let built = world.directory().join("audit-by-go");
    let go = |arguments: &[&str]| {
        let mut command = Command::new("go");
        command.args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("audit"));
        let output = command.output().map_err(|error| error.to_string())?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        if output.status.success() { Ok(()) } else { Err(said) }
    };
    if let Err(reason) = go(&["build", "-o", built.to_str().unwrap(), "."]) {
        eprintln!(
            "SKIPPED: the log was not checked by another implementation, as `go build` failed: {reason}"
        );
        return None;
    }
    go(&["test", "./..."]).unwrap();
    Some(built)
}

/// What it says of a log, and of the anchor where one is named.
fn checked_by(go: &Path, world: &World, log: &Path, anchor: bool) -> (bool, String) {
    let key = fs::read_to_string(world.zone.pki.path("audit.pub")).unwrap();
    let mut command = Command::new(go);
    command.arg(log).arg(key.trim());
    if anchor {
        command.arg(path(world, "anchor"));
    }
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// The entries of the log's first bundle.
fn entries(log: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(log.join(BUNDLE)).unwrap();
    let (mut rest, mut entries) = (&bytes[..], Vec::new());
    while let [high, low, after @ ..] = rest {
        let (entry, others) = after.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        entries.push(entry.to_vec());
        rest = others;
    }
    entries
}

/// RFC 4648, 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let four = |three: &[u8]| {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | usize::from(*three.get(at).unwrap_or(&0)));
        let letter = |at| if at > three.len() { b'=' } else { ALPHABET[bits >> (18 - 6 * at) & 63] };
        [0, 1, 2, 3].map(|at| char::from(letter(at)))
    };
    bytes.chunks(3).flat_map(four).collect()
}

const BUNDLE: &str = "tile/entries/000";
const DAY: Duration = Duration::from_secs(86_400);

/// A change of a log, by its name, and what is said of it.
type Tampering = (&'static str, fn(&mut Vec<Vec<u8>>), &'static str);

const TAMPERED: [Tampering; 5] = [
    (
        "an entry that is gone, without a tombstone",
        |entries| drop(entries.remove(7)),
        "000: 255 entries, not 256",
    ),
    (
        "a tombstone of what nothing retires",
        |entries| {
            let kept = entries.iter_mut().find(|entry| !entry.starts_with(b"{\"retired\"")).unwrap();
            let hash = sha2::Sha256::digest([&[0][..], kept].concat());
            *kept = format!("{{\"retired\":\"{}\"}}", base64(&hash)).into_bytes();
        },
        ": its content is gone, and no entry says that it was to be",
    ),
    (
        "a tombstone of something else",
        |entries| {
            let tombstone = entries.iter_mut().find(|entry| entry.starts_with(b"{\"retired\"")).unwrap();
            let (other, at) = (base64(&[7; 32]), b"{\"retired\":\"".len());
            tombstone[at..at + other.len()].copy_from_slice(other.as_bytes());
        },
        ": it is not what was signed, or not in its place",
    ),
    (
        "entries in another order",
        |entries| entries.swap(3, 4),
        "entry 3: it is not what was signed, or not in its place",
    ),
    (
        "an entry that was changed",
        |entries| {
            let kept = entries.iter_mut().find(|entry| !entry.starts_with(b"{\"retired\"")).unwrap();
            let end = kept.len() - 1;
            kept.insert(end, b' ');
        },
        ": it is not what was signed, or not in its place",
    ),
];

/// The log again, elsewhere.
fn copied(world: &World, name: &str) -> PathBuf {
    let copy = world.directory().join(name);
    let log = path(world, "deploy/audit/log");
    assert!(Command::new("cp").args(["-r", &log]).arg(&copy).status().unwrap().success());
    copy
}

/// Does it to a copy of the log, and hears what is said of it.
fn is_found(world: &World, go: &Path, (what, tamper, expected): Tampering) {
    let copy = copied(world, what);
    let mut changed = entries(&copy);
    tamper(&mut changed);
    let bundle = changed.iter().flat_map(|entry| {
        let length = u16::try_from(entry.len()).unwrap().to_be_bytes();
        length.into_iter().chain(entry.iter().copied())
    });
    fs::write(copy.join(BUNDLE), bundle.collect::<Vec<u8>>()).unwrap();
    let (proved, said) = checked_by(go, world, &copy, true);
    assert!(!proved && said.contains(expected), "{what}: {said}");
}

#[tokio::test]
async fn another_implementation_finds_what_was_retired_in_its_time_and_whatever_was_tampered_with() {
    let mut world = World::start_with(|zone| {
        without_limits(zone)?;
        let kept = |yaml: &mut serde_yaml::Value| yaml["retention"] = "30d".into();
        zone.layout.edit("policies/sources/persons.yaml", kept)
    })
    .await
    .unwrap();
    let Some(clock) = AnotherClock::of_the_gate(world.directory()) else { return };
    let Some(go) = by_go(&world) else { return };
    let an = world.officer().unwrap();
    for number in 0..150 {
        // Two of three are of persons, and are not kept for longer.
        let asked = match number % 3 {
            0 => get(&an, &world.zone.vehicles, "/vehicles/0-ABC-123").await,
            _ => get(&an, &world.zone.persons, PERSON).await,
        };
        assert_eq!(asked.unwrap().0.status, 200);
    }
    world.gate.stop().await.unwrap();
    let log = PathBuf::from(path(&world, "deploy/audit/log"));
    let config = path(&world, "deploy/poort.yaml");
    let at = |days: u32, arguments: &[&str]| {
        clock.set_ahead(days * DAY);
        let mut command = Command::new(clock.binary());
        let output = command.arg("audit").args(arguments).args(["--config", &config]).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "after {days} days: {said}");
        said
    };
    let before = fs::read(log.join("checkpoint")).unwrap();
    // Each is written down, on a day of its own: the newest files are left alone.
    for day in [1, 2] {
        at(day, &["search", "--source=vehicles"]);
    }
    assert!(at(20, &["retire"]).contains("0 records to be retired"), "it is not their time yet");
    let said = at(32, &["retire"]);
    let retired: u32 = said.lines().last().unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(retired > 100, "{said}");
    let said = at(32, &["verify"]);
    assert!(said.contains(&format!("{retired} of them retired in their time, as the log says (")), "{said}");
    assert!(said.contains("persons: 30d"), "{said}");
    let (proved, said) = verify(&world);
    assert!(!proved && said.contains("the record of it is dated later than"), "{said}");
    let (proved, said) = checked_by(&go, &world, &log, true);
    assert!(proved && said.contains(&format!("{retired} of them retired in their time")), "{said}");
    assert!(said.contains("it goes on from ") && said.contains(" anchored checkpoints"), "{said}");

    for tampering in TAMPERED {
        is_found(&world, &go, tampering);
    }
    let copy = copied(&world, "cut");
    fs::write(copy.join(BUNDLE), &fs::read(copy.join(BUNDLE)).unwrap()[..5_000]).unwrap();
    let (proved, said) = checked_by(&go, &world, &copy, true);
    assert!(!proved && said.contains("000 is cut"), "{said}");
    // Its end is gone, with a checkpoint that was good once.
    let copy = copied(&world, "shortened");
    fs::write(copy.join("checkpoint"), before).unwrap();
    let (proved, said) = checked_by(&go, &world, &copy, true);
    assert!(!proved && said.contains("entries were anchored, and the log has "), "{said}");
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
    let directory = path(&world, "deploy/audit");
    edit(&directory, "audit-", |text| text.replacen("an.janssens", "bo.janssens", 1));
    let config = world.zone.layout.config();
    let (proved, said) = audit(&["verify", "--config", config.to_str().unwrap()]);
    assert!(!proved && said.contains(".jsonl:1: this line is not what the log has in its place"), "{said}");
    let Err(fault) = Gate::start(&world.zone.layout).await else { panic!("it started") };
    assert!(fault.to_string().contains(".jsonl:1: this line is not what entry 0 of the log is"), "{fault}");
    edit(&directory, "audit-", |text| text.lines().skip(4).map(|line| format!("{line}\n")).collect());
    let Err(fault) = Gate::start(&world.zone.layout).await else { panic!("it started") };
    assert!(fault.to_string().contains(".jsonl:1: this line is not what entry 0 of the log is"), "{fault}");
    let _ = world.gate.stop().await;
}

/// A gate that is killed three times, with what `left` makes of its record before it starts again, has all of it in one log.
async fn goes_on(left: impl Fn(&World)) {
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
        left(&world);
        world.gate = Gate::start(&world.zone.layout).await.unwrap();
    }
    world.gate.stop().await.unwrap();
    let (proved, said) = verify(&world);
    assert!(proved && said.contains(&format!("{} entries", 2 * requests)), "{said}");
}

#[tokio::test]
async fn a_killed_gate_goes_on_with_the_same_log() {
    for _ in 0..rounds() {
        goes_on(|_| ()).await;
    }
}

/// What a file system may have left of the record's newest file when the power is cut: what was synced of it.
fn cut_power(world: &World) {
    let directory = world.zone.layout.path("deploy/audit");
    let wal = fs::read(directory.join("audit.wal")).unwrap();
    let first = wal[4096..].split(|byte| *byte == b'\n').next().unwrap();
    let first: Value = serde_json::from_slice(&first["00000000 ".len()..]).unwrap();
    let file = fs::File::options().write(true).open(directory.join(first["file"].as_str().unwrap())).unwrap();
    let synced = first["offset"].as_u64().unwrap();
    assert!(synced < file.metadata().unwrap().len());
    file.set_len(synced).unwrap();
}

#[tokio::test]
async fn a_power_cut_takes_nothing_from_the_record() {
    goes_on(cut_power).await;
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
