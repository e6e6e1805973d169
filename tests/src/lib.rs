//! End-to-end tests of the gate: a whole zone on loopback, a real gate process in front of it, real sockets in between.
//!
//! Each test starts a [`World`] of its own. What counts is what a source *received*; a status alone proves nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed, and a table is as long as it is"
)]

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use poort_demo::{
    DemoError,
    client::{Answer, Caller},
    gate::{Gate, binary},
    issuer::Token,
    layout::{Layout, Posture},
    sources::{Received, Source},
    zone::{Zone, ZoneOptions},
};
use serde_json::Value;

pub mod browser;
pub mod day;
pub mod glass;
pub mod nginx;
pub mod redis;
pub mod signing_in;
pub mod tomcat;
pub mod tools;

/// How long a condition is waited for before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A path at the persons register that means a consultation.
pub const PERSON: &str = "/persons/85073100190";

/// A zone and a gate in front of it, stopped and removed on drop.
pub struct World {
    /// Certificates, issuers, sources and the layout the gate runs on.
    pub zone: Zone,
    /// The gate.
    pub gate: Gate,
    directory: tempfile::TempDir,
}

impl World {
    /// A zone and a gate on the shipped policies.
    ///
    /// # Errors
    /// When something does not start; the gate's own words are in it.
    pub async fn start() -> Result<Self, DemoError> {
        Self::start_with(|_| Ok(())).await
    }

    /// The same after a change to the configuration.
    ///
    /// # Errors
    /// As [`World::start`].
    pub async fn start_with(change: impl FnOnce(&Zone) -> Result<(), DemoError>) -> Result<Self, DemoError> {
        let directory = tempfile::tempdir().map_err(|source| DemoError::File {
            action: "create",
            path: std::env::temp_dir(),
            source,
        })?;
        let zone = Zone::start(&ZoneOptions::new(directory.path()))?;
        without_inspection(&zone)?;
        without_demands(&zone)?;
        change(&zone)?;
        let gate = Gate::start(&zone.layout).await?;
        Ok(Self { zone, gate, directory })
    }

    /// Where everything is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// An officer of team A, signed in with a password, in a managed car.
    ///
    /// # Errors
    /// When the token cannot be minted.
    pub fn officer(&self) -> Result<Caller, DemoError> {
        self.caller(&Token::officer("an.janssens"))
    }

    /// Whoever a token of the zone's own issuer names, in a managed car.
    ///
    /// # Errors
    /// When the token cannot be minted.
    pub fn caller(&self, token: &Token) -> Result<Caller, DemoError> {
        Ok(self.zone.caller("car-12")?.bearer(&self.zone.zone.mint(token)?))
    }

    /// Changes a YAML file of the layout.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn edit(&self, file: &str, change: impl FnOnce(&mut serde_yaml::Value)) -> Result<(), DemoError> {
        self.zone.layout.edit(file, change)
    }

    /// Whether the gate's metrics have a line that begins like this.
    pub async fn counts(&self, line: &str) -> bool {
        let metrics = self.gate.admin("/metrics").await.unwrap().1;
        metrics.lines().any(|said| said.starts_with(line))
    }

    /// Reloads the gate; whether that succeeded, and what was said.
    ///
    /// # Errors
    /// When the command cannot be run.
    pub async fn reload(&self, arguments: &[&str]) -> Result<(bool, String), DemoError> {
        let output = self.gate.command("reload", arguments).await?;
        let said = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
    }

    /// The record's line of this kind (`decision` or `outcome`) for the answer's request, waited for.
    pub async fn record(&self, kind: &str, answer: &Answer) -> Option<Value> {
        self.record_of(kind, answer.header("poort-request-id")?).await
    }

    /// The record's line of this kind for the request of this id, waited for.
    pub async fn record_of(&self, kind: &str, id: &str) -> Option<Value> {
        eventually(async || {
            self.zone.layout.records().into_iter().find(|record| {
                let says = |name, value: &str| record.pointer(name).is_some_and(|said| said == value);
                says("/metadata/event_code", kind) && says("/metadata/correlation_uid", id)
            })
        })
        .await
    }
}

/// Sets inspection aside: most tests are about something else, and what rules think of their oddities is not theirs to say. The tour
/// walks with the shipped rules.
fn without_inspection(zone: &Zone) -> Result<(), DemoError> {
    zone.layout.edit("policies/poort.yaml", |yaml| yaml["waf"]["mode"] = "off".into())
}

/// Asks nobody what a request is for: most tests are about something else. [`with_demands`] is for those that are not.
fn without_demands(zone: &Zone) -> Result<(), DemoError> {
    zone.layout.edit("policies/sources/firearms.yaml", |yaml| yaml["purpose"] = "optional".into())
}

/// Asks what a request to the firearms register is for, as the shipped files do.
///
/// # Errors
/// When a file cannot be read or written.
pub fn with_demands(zone: &Zone) -> Result<(), DemoError> {
    zone.layout.edit("policies/sources/firearms.yaml", |yaml| yaml["purpose"] = "required".into())
}

/// Another managed car.
///
/// # Errors
/// When its certificate cannot be made, or the inventory not be changed.
pub fn with_device(zone: &Zone, device: &str) -> Result<(), DemoError> {
    zone.pki.device(device)?;
    let posture = Posture::managed(&format!("device/{device}"), "cars", Some("team-a"));
    zone.layout.edit("policies/inventory.yaml", |yaml| {
        let mut entry = yaml["devices"][0].clone();
        entry["name"] = posture.name.into();
        yaml["devices"].as_sequence_mut().unwrap().push(entry);
    })
}

/// Lifts every limit, for tests that ask more than any person would.
///
/// # Errors
/// When a file cannot be read or written.
pub fn without_limits(zone: &Zone) -> Result<(), DemoError> {
    zone.layout.edit("policies/poort.yaml", |yaml| {
        for limit in ["address", "device", "user", "source"] {
            yaml["limits"][limit] = quota(100_000, 100_000);
        }
    })?;
    for source in zone.sources() {
        zone.layout.edit(&format!("policies/sources/{}.yaml", source.id()), |yaml| {
            yaml["limits"] = serde_yaml::Value::Mapping(serde_yaml::Mapping::new());
        })?;
    }
    Ok(())
}

/// So many requests a second, and so many at once, as the files say it.
#[must_use]
pub fn quota(rate: u32, burst: u32) -> serde_yaml::Value {
    let mut quota = serde_yaml::Mapping::new();
    quota.insert("rate".into(), format!("{rate}/1s").into());
    quota.insert("burst".into(), burst.into());
    quota.into()
}

/// GET at a source, and what the source received of it; nothing if the request never got there.
///
/// # Errors
/// When no answer comes.
pub async fn get(
    caller: &Caller,
    source: &Source,
    target: &str,
) -> std::io::Result<(Answer, Option<Received>)> {
    ask(caller, "GET", source, target, &[]).await
}

/// Any request at a source by hand, and what the source received of it.
///
/// # Errors
/// When no answer comes.
pub async fn ask(
    caller: &Caller,
    method: &str,
    source: &Source,
    target: &str,
    lines: &[&str],
) -> std::io::Result<(Answer, Option<Received>)> {
    let before = source.count();
    let answer = caller.ask(method, &Layout::host(source.id()), target, lines).await?;
    Ok((answer, source.received().into_iter().nth(before)))
}

/// Waits until there is something, at most [`PATIENCE`].
pub async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = look().await;
        if found.is_some() || Instant::now() >= deadline {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Runs `poort policy …` in the zone's directory: its exit code, and what was said.
#[must_use]
pub fn policy(root: &Path, arguments: &[&str]) -> (i32, String) {
    let binary = std::path::absolute(binary().unwrap()).unwrap();
    let done = Command::new(binary).arg("policy").args(arguments).current_dir(root).output().unwrap();
    let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
    (done.status.code().unwrap(), said)
}
