//! A log on a disk: it grows, is stopped, is tampered with.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant, SystemTime},
};

use tempfile::TempDir;

use super::{
    Keeper, Keys, LogFault, LogSettings, Signer, Standing, find,
    log::{CHECKPOINT, Log, Reach},
    verify::{Doubt, verify},
};

struct Ground {
    directory: TempDir,
    keys: Arc<Keys>,
}

impl Ground {
    fn new() -> Self {
        let keys = Keys::parse(&Signer::generate("gate.example/audit").unwrap().0).unwrap();
        let ground = Self { directory: tempfile::tempdir().unwrap(), keys: Arc::new(keys) };
        fs::create_dir(ground.path("anchor")).unwrap();
        ground
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> Result<Log, LogFault> {
        Log::open(LogSettings {
            directory: self.path("log"),
            keys: Arc::clone(&self.keys),
            anchor: Some(self.path("anchor")),
        })
    }

    /// The record's file, with entries `0` up to `size`.
    fn record(&self, size: u64) -> PathBuf {
        let path = self.path("audit-20260301.jsonl");
        fs::write(&path, lines(0, size)).unwrap();
        path
    }

    fn verify(&self) -> Result<u64, Doubt> {
        verify(&self.path("log"), &self.keys, Some(&self.path("anchor")), SystemTime::now())
            .map(|proved| proved.size)
    }
}

fn line(number: u64) -> String {
    format!("entry number {number}\n")
}

fn lines(from: u64, to: u64) -> String {
    (from..to).map(line).collect()
}

/// A log of so many entries, with a checkpoint after each hundred.
fn grown(size: u64) -> Ground {
    let ground = Ground::new();
    let mut log = ground.log().unwrap();
    log.begin_file("audit-20260301.jsonl");
    for from in (0..size).step_by(100) {
        log.append(lines(from, size.min(from + 100)).as_bytes());
        log.checkpoint(Reach::All).unwrap();
    }
    ground
}

#[test]
fn a_log_is_whole_at_any_size() {
    for size in [1, 2, 255, 256, 257, 511, 512, 700, 65_536, 65_900] {
        let ground = Ground::new();
        let mut log = ground.log().unwrap();
        log.append(lines(0, size).as_bytes());
        log.checkpoint(Reach::All).unwrap();
        assert_eq!(ground.verify().unwrap(), size);
        assert_eq!(ground.log().unwrap().size(), size, "and opens again");
    }
    let nothing = Ground::new();
    nothing.log().unwrap().checkpoint(Reach::All).unwrap();
    assert!(matches!(nothing.verify(), Err(Doubt::NoCheckpoint(_))));
}

#[test]
fn an_anchor_that_is_not_mounted_has_nothing() {
    let ground = grown(300);
    let mut log = ground.log().unwrap();
    assert_eq!(log.standing().anchored, 300);
    // Where another machine's directory was mounted, the empty one of this machine is.
    fs::rename(ground.path("anchor"), ground.path("mounted")).unwrap();
    fs::create_dir(ground.path("anchor")).unwrap();
    log.append(lines(300, 400).as_bytes());
    log.checkpoint(Reach::All).unwrap();
    assert_eq!((log.standing().checked, log.standing().anchored), (400, 300));
    assert_eq!(fs::read_dir(ground.path("anchor")).unwrap().count(), 0, "root could write what is here");
    fs::remove_dir(ground.path("anchor")).unwrap();
    fs::rename(ground.path("mounted"), ground.path("anchor")).unwrap();
    log.append(lines(400, 401).as_bytes());
    log.checkpoint(Reach::All).unwrap();
    assert_eq!((log.standing().anchored, ground.verify().unwrap()), (401, 401));
}

#[test]
fn what_came_after_the_last_anchored_checkpoint_is_not_said_to_be_anchored() {
    let ground = grown(300);
    let said = || {
        let proved =
            verify(&ground.path("log"), &ground.keys, Some(&ground.path("anchor")), SystemTime::now());
        proved.unwrap().to_string()
    };
    assert!(said().ends_with("it goes on from all 3 anchored checkpoints"), "{}", said());
    let settings =
        LogSettings { directory: ground.path("log"), keys: Arc::clone(&ground.keys), anchor: None };
    let mut log = Log::open(settings).unwrap();
    log.append(lines(300, 350).as_bytes());
    log.checkpoint(Reach::All).unwrap();
    assert!(said().contains("all 3 anchored checkpoints, the last of them over 300 entries"), "{}", said());
    assert!(said().contains("not proved without a later one: that nobody"), "{}", said());
}

/// Waits until the log is so far.
fn until(keeper: &Keeper, is_so: impl Fn(Standing) -> bool) -> Standing {
    let start = Instant::now();
    loop {
        let standing = keeper.look().0;
        if is_so(standing) {
            return standing;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{standing:?}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn checkpoints_come_by_number_and_by_age() {
    let ground = Ground::new();
    let (told, heard) = mpsc::channel();
    let long = Duration::from_secs(3600);
    let tell = move |standing: Standing, failed: bool| told.send((standing.checked, failed)).unwrap();
    let mut keeper = Keeper::start(ground.log().unwrap(), long, tell).unwrap();
    keeper.append(lines(0, 999).as_bytes());
    thread::sleep(Duration::from_millis(50));
    assert_eq!((keeper.look().0.entries, keeper.look().0.checked), (999, 0), "it is not time");
    keeper.append(lines(999, 1000).as_bytes());
    assert_eq!(until(&keeper, |now| now.checked > 0).checked, 768, "by number, over whole bundles");
    keeper.append(lines(1000, 1001).as_bytes());
    keeper.close().unwrap();
    assert_eq!(keeper.look().0.anchored, 1001, "at the end");
    assert_eq!(heard.iter().collect::<Vec<_>>(), [(0, false), (768, false), (1001, false)]);
    let keeper = Keeper::start(ground.log().unwrap(), Duration::from_millis(200), |_, _| {}).unwrap();
    keeper.append(lines(1001, 2001).as_bytes());
    assert_eq!(until(&keeper, |now| now.checked > 1001).checked, 1792, "by number");
    until(&keeper, |now| now.checked == 2001);
    assert_eq!(ground.verify().unwrap(), 2001, "the rest by age");
}

#[test]
fn a_checkpoint_that_cannot_be_made_is_told_and_made_when_that_is_asked_for() {
    let ground = Ground::new();
    let (told, heard) = mpsc::channel();
    let age = Duration::from_millis(1);
    let keeper =
        Keeper::start(ground.log().unwrap(), age, move |_, failed| told.send(failed).unwrap()).unwrap();
    assert!(!heard.recv().unwrap());
    // Where a directory of tiles is to be, something else is: no permission keeps root from anything.
    fs::write(ground.path("log/tile"), "").unwrap();
    keeper.append(lines(0, 300).as_bytes());
    assert!(heard.recv().unwrap(), "it is told");
    keeper.append(lines(300, 1400).as_bytes());
    assert!(keeper.retry().is_err() && keeper.look().1.is_some());
    fs::remove_file(ground.path("log/tile")).unwrap();
    keeper.retry().unwrap();
    assert_eq!((keeper.look().0.checked, ground.verify().unwrap()), (1400, 1400), "nothing is lost");
    keeper.append(lines(1400, 1401).as_bytes());
    until(&keeper, |now| now.checked == 1401);
}

#[test]
fn a_stop_at_any_moment_loses_nothing() {
    let ground = grown(500);
    let path = ground.record(500);
    ground.log().unwrap().resume(std::slice::from_ref(&path)).unwrap();
    // More was recorded, some of it filled tiles, and no checkpoint was made.
    ground.record(900);
    let mut log = ground.log().unwrap();
    log.append(lines(500, 800).as_bytes());
    log.flush().unwrap();
    drop(log);
    // What is under no checkpoint may be there in part.
    let tile = File::options().write(true).open(ground.path("log/tile/0/001")).unwrap();
    tile.set_len(1_000).unwrap();
    assert_eq!(ground.verify().unwrap(), 500);
    let mut log = ground.log().unwrap();
    assert_eq!(log.size(), 500);
    log.resume(&[path]).unwrap();
    assert_eq!(log.size(), 900);
    log.checkpoint(Reach::All).unwrap();
    assert_eq!(ground.verify().unwrap(), 900);
}

#[test]
fn a_changed_record_is_not_gone_on_from() {
    let check = |change: &dyn Fn(String) -> String| {
        let ground = grown(500);
        let path = ground.record(500);
        ground.log().unwrap().resume(std::slice::from_ref(&path)).unwrap();
        fs::write(&path, change(lines(0, 500))).unwrap();
        ground.log().unwrap().resume(&[path]).map_err(|fault| fault.to_string())
    };
    assert!(check(&|text| text + "one more\n").is_ok());
    for (name, change, said) in [
        (
            "a byte",
            (&|text: String| text.replace("number 123\n", "number 124\n")) as &dyn Fn(String) -> String,
            "jsonl:124:",
        ),
        ("a line removed", &|text| text.replace("entry number 77\n", ""), "jsonl:78:"),
        ("two lines in turn", &|text| text.replace(&lines(7, 9), &[line(8), line(7)].concat()), "jsonl:8:"),
        (
            "the end",
            &|text| text.replace(&lines(400, 500), ""),
            "ends after 400 lines, and the log knows of 500",
        ),
    ] {
        let fault = check(change).unwrap_err();
        assert!(fault.contains(said), "{name}: {fault}");
    }
}

#[test]
fn whatever_is_changed_is_found_and_named() {
    let edit = |path: &Path, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, change(bytes)).unwrap();
    };
    let flip = |at: usize| {
        move |mut bytes: Vec<u8>| {
            bytes[at] ^= 1;
            bytes
        }
    };
    for (name, file, change, said) in [
        ("an entry", "log/tile/entries/001", &flip(40) as &dyn Fn(Vec<u8>) -> Vec<u8>, "entry 258:"),
        ("an entry of the last bundle", "log/tile/entries/002.p/188", &flip(5), "entry 512:"),
        ("a hash of an entry", "log/tile/0/001", &flip(0), "entry 256:"),
        ("a hash above", "log/tile/1/000.p/2", &flip(33), "tile/1/000.p/2: its hashes"),
        (
            "the end of a bundle",
            "log/tile/entries/001",
            &|bytes| bytes[..bytes.len() - 9].to_vec(),
            "entries/001: it does not hold",
        ),
        ("the checkpoint", "log/checkpoint", &flip(20), "no key of ours signed it"),
    ] {
        let ground = grown(700);
        assert_eq!(ground.verify().unwrap(), 700);
        edit(&ground.path(file), change);
        let doubt = ground.verify().unwrap_err().to_string();
        assert!(doubt.contains(said), "{name}: {doubt}");
    }
    let ground = grown(700);
    fs::remove_file(ground.path("log/tile/entries/000")).unwrap();
    assert!(ground.verify().unwrap_err().to_string().contains("tile/entries/000:"));
}

#[test]
fn what_a_checkpoint_is_over_is_not_written_again() {
    for (size, more, path) in [(300, 10, "log/tile/1/000.p/1"), (65_540, 2_000, "log/tile/2/000.p/1")] {
        let ground = Ground::new();
        let mut log = ground.log().unwrap();
        log.append(lines(0, size).as_bytes());
        log.checkpoint(Reach::All).unwrap();
        let file = fs::metadata(ground.path(path)).unwrap();
        log.append(lines(size, size + more).as_bytes());
        log.checkpoint(Reach::All).unwrap();
        let now = fs::metadata(ground.path(path)).unwrap();
        assert_eq!((file.modified().unwrap(), file.len()), (now.modified().unwrap(), now.len()), "{path}");
        assert_eq!(ground.verify().unwrap(), size + more);
        ground.log().unwrap();
    }
}

#[test]
fn a_checkpoint_that_was_anchored_in_part_spoils_none_after_it() {
    let ground = grown(300);
    let history = ground.path("anchor/checkpoints");
    let whole = fs::read(&history).unwrap();
    for torn in [1, 30, 70, 100] {
        fs::write(&history, [&whole, &whole[..torn]].concat()).unwrap();
        assert_eq!(ground.verify().unwrap(), 300, "one that is being written is none yet");
        let mut log = ground.log().unwrap();
        log.append(lines(300, 310).as_bytes());
        log.checkpoint(Reach::All).unwrap();
        assert_eq!(ground.verify().unwrap(), 310, "{torn}");
        let after = fs::read(&history).unwrap();
        assert!(after.starts_with(&whole) && after.len() > whole.len(), "nothing whole was cut");
        fs::remove_dir_all(ground.path("log")).unwrap();
        fs::remove_dir_all(ground.path("anchor")).unwrap();
        fs::create_dir(ground.path("anchor")).unwrap();
        let mut log = ground.log().unwrap();
        for to in [100, 200, 300] {
            log.append(lines(to - 100, to).as_bytes());
            log.checkpoint(Reach::All).unwrap();
        }
    }
}

#[test]
fn what_was_anchored_cannot_be_taken_back() {
    // Whoever holds the key cuts the log, or writes another, and signs it.
    let ground = grown(700);
    fs::remove_dir_all(ground.path("log")).unwrap();
    let mut log = Log::open(LogSettings {
        directory: ground.path("log"),
        keys: Arc::clone(&ground.keys),
        anchor: None,
    })
    .unwrap();
    log.append(lines(0, 650).as_bytes());
    log.checkpoint(Reach::All).unwrap();
    assert!(matches!(ground.verify(), Err(Doubt::Truncated { anchored: 700, size: 650, .. })));
    assert!(matches!(ground.log(), Err(LogFault::Rewritten { size: 700, .. })));
    log.append(lines(651, 702).as_bytes());
    log.checkpoint(Reach::All).unwrap();
    assert!(matches!(ground.verify(), Err(Doubt::Root { size: 700, .. })));
    assert!(matches!(ground.log(), Err(LogFault::Rewritten { size: 700, .. })));
    assert!(
        verify(&ground.path("log"), &ground.keys, None, SystemTime::now()).is_ok(),
        "which nobody sees without an anchor"
    );
}

#[test]
fn entries_are_found_with_their_proofs() {
    let ground = grown(700);
    for index in [0, 1, 255, 256, 511, 512, 698, 699] {
        let found = find(&ground.path("log"), &ground.keys, |at, _| at == index).unwrap();
        let [found] = found.as_slice() else { panic!("{index}: {found:?}") };
        assert_eq!(found.entry, line(index).trim_end().as_bytes());
        let head = format!("c2sp.org/tlog-proof@v1\nindex {index}\n");
        assert!(found.proof.starts_with(&head), "{}", found.proof);
        let note = fs::read_to_string(ground.path("log").join(CHECKPOINT)).unwrap();
        assert!(found.proof.ends_with(&format!("\n\n{note}")));
    }
}
