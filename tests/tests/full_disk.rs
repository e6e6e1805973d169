//! A disk that is full, and a gate that is killed over it: nothing unrecorded reaches a source, nothing recorded is lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and what is skipped is said"
)]

use std::{fs, path::PathBuf, process::Command};

use nix::sys::signal::Signal;
use poort_demo::gate::{Gate, binary};
use poort_tests::{PERSON, World, eventually, get, rounds, without_limits};

/// A file system of some megabytes, unmounted on drop.
struct SmallDisk {
    path: PathBuf,
    megabytes: usize,
}

/// So small that there is no room for a write-ahead log, and large enough for one.
const SIZES: [usize; 2] = [4, 64];

impl SmallDisk {
    /// None, and loudly, where this user may not mount one.
    fn mount(path: PathBuf, megabytes: usize) -> Option<Self> {
        fs::create_dir_all(&path).unwrap();
        let options = format!("size={megabytes}m,mode=0700");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { path, megabytes }),
            other => {
                eprintln!("SKIPPED: a full disk was not tried, as this user may not mount one: {other:?}");
                None
            }
        }
    }

    /// Leaves no byte.
    fn fill(&self) {
        let full = fs::write(self.path.join("filler"), vec![0; 2 * (self.megabytes << 20)]);
        assert!(full.is_err(), "it takes no twice as much as it has room for");
    }

    fn make_room(&self) {
        fs::remove_file(self.path.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

/// A zone whose record is on a small disk, with these lines more about it.
async fn world(megabytes: usize, more: &str) -> Option<(World, SmallDisk)> {
    let mut disk = None;
    let world = World::start_with(|zone| {
        without_limits(zone)?;
        fs::create_dir_all(zone.layout.path("spill")).unwrap();
        disk = SmallDisk::mount(zone.layout.path("deploy/audit"), megabytes);
        zone.layout.edit("deploy/poort.yaml", |yaml| {
            yaml["audit"]["reserve"] = "0B".into();
            let more: serde_yaml::Mapping = serde_yaml::from_str(more).unwrap();
            yaml["audit"].as_mapping_mut().unwrap().extend(more);
        })
    })
    .await
    .unwrap();
    Some((world, disk?))
}

/// Every record is there, once, and proved.
fn proved(world: &World, requests: usize) {
    let config = world.zone.layout.path("deploy/poort.yaml");
    let output =
        Command::new(binary().unwrap()).args(["audit", "verify", "--config"]).arg(config).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");
    let count = |kind| {
        let records = world.zone.layout.records();
        let ids: Vec<_> = records
            .iter()
            .filter(|record| record["metadata"]["event_code"] == kind)
            .map(|record| record["metadata"]["correlation_uid"].as_str().unwrap().to_owned())
            .collect();
        let mut once = ids.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), ids.len(), "each {kind} once");
        ids.len()
    };
    assert!(count("decision") >= requests, "{} of {requests}", count("decision"));
    // Who was refused at the door has an outcome alone.
    assert!(count("outcome") >= count("decision"), "each decision has its outcome");
}

#[tokio::test]
async fn a_full_disk_lets_nothing_pass_and_works_again_without_a_restart() {
    for round in 0..2 * rounds() {
        let Some((mut world, disk)) = world(SIZES[round % 2], "{}").await else { return };
        let an = world.officer().unwrap();
        let persons = &world.zone.persons;
        assert_eq!(get(&an, persons, PERSON).await.unwrap().0.status, 200);
        let wal = world.zone.layout.path("deploy/audit/audit.wal");
        assert_eq!(wal.exists(), disk.megabytes == SIZES[1]);
        disk.fill();
        let refused = eventually(async || {
            let (answer, _) = get(&an, persons, PERSON).await.unwrap();
            (answer.status == 503).then_some(answer)
        });
        refused.await.expect("a full disk takes nothing");
        // Reading is asked of the source while the disk is written; changing waits for the disk.
        let before = persons.count();
        for _ in 0..3 {
            let answer = an.ask("PUT", "persons.localhost", PERSON, &["Content-Length: 0"]).await.unwrap();
            assert!(matches!(answer.status, 503 | 403), "{}", answer.status);
            assert_eq!(get(&an, persons, PERSON).await.unwrap().0.status, 503);
        }
        assert_eq!(persons.count(), before, "what cannot be recorded does not pass");
        disk.make_room();
        let again =
            eventually(async || (get(&an, persons, PERSON).await.unwrap().0.status == 200).then_some(()));
        again.await.expect("it works again");
        world.gate.stop().await.unwrap();
        proved(&world, 2);
    }
}

#[tokio::test]
async fn a_second_disk_keeps_everybody_at_work_though_the_gate_is_killed() {
    for round in 0..2 * rounds() {
        let Some((mut world, disk)) = world(SIZES[round % 2], "{ spill: ../spill }").await else { return };
        let an = world.officer().unwrap();
        let mut requests = 0;
        for _ in 0..3 {
            disk.fill();
            for _ in 0..5 {
                assert_eq!(get(&an, &world.zone.persons, PERSON).await.unwrap().0.status, 200);
                requests += 1;
            }
            world.gate.signal(Signal::SIGKILL).unwrap();
            world.gate.wait_until_ended().await.unwrap();
            disk.make_room();
            world.gate = Gate::start(&world.zone.layout).await.unwrap();
        }
        assert_eq!(get(&an, &world.zone.persons, PERSON).await.unwrap().0.status, 200);
        world.gate.stop().await.unwrap();
        assert_eq!(fs::metadata(world.zone.layout.path("spill/audit.spill")).unwrap().len(), 0);
        proved(&world, requests + 1);
    }
}
