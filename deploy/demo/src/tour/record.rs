use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_yaml::Value;

use super::Table;
use super::rows::Tour;
use crate::DemoError;
use crate::gate::{Gate, binary};

/// The record as it will be in a month, beside the one that is written.
const LATER: &str = "deploy/later";
const CONFIG: &str = "deploy/later.yaml";
/// Where Debian's package libfaketime has it.
const CLOCK: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// What proves the record, and how it is kept no longer than its sources say.
pub(super) async fn walk(tour: &Tour<'_>, gate: &Gate, table: &mut Table) -> Result<(), DemoError> {
    let layout = &tour.zone.layout;
    let verified = verified(gate).await?;
    table.row("`poort audit verify`", "whole and unchanged", said(&verified.stdout, "whole and unchanged"));
    for source in ["persons", "vehicles", "firearms"] {
        layout.edit(&format!("policies/sources/{source}.yaml"), |yaml| yaml["retention"] = "30d".into())?;
    }
    let retired = gate.command("audit retire", &[]).await?;
    table.row(
        "`poort audit retire` of what is kept for 30 days",
        "0 records to be retired",
        said(&retired.stderr, "0 records to be retired"),
    );
    let Some(clock) = clock() else {
        eprintln!(
            "SKIPPED: `poort audit retire` a month later, as there is no other clock (apt install libfaketime)"
        );
        return Ok(());
    };
    // A copy, so that the gate's own record goes on today; without the anchor, which is of that one.
    layout.copy("deploy/audit", LATER)?;
    layout.write_file(CONFIG, &layout.read_file("deploy/poort.yaml")?)?;
    layout.edit(CONFIG, |yaml| {
        move_to(yaml, "audit", "./later");
        move_to(yaml, "state", "./later-state");
        let log = yaml.get_mut("audit").and_then(|audit| audit.get_mut("log"));
        log.and_then(Value::as_mapping_mut).map(|log| log.remove("anchor"));
    })?;
    let config = layout.path(CONFIG);
    // The newest files are left alone: a look at the record makes one, a day.
    for day in [1, 2] {
        on(&clock, day, &config, "search").await?;
    }
    on(&clock, 32, &config, "retire").await?;
    let verified = on(&clock, 32, &config, "verify").await?;
    table.row("... a month later", "retired in their time", said(&verified, "retired in their time"));
    table.row("... which leaves the rest", "whole and unchanged", said(&verified, "whole and unchanged"));
    layout.remove_file(LATER)
}

/// What is said of the log, as soon as there is a checkpoint: a gate signs its first within ten seconds.
async fn verified(gate: &Gate) -> Result<Output, DemoError> {
    let start = Instant::now();
    loop {
        let verified = gate.command("audit verify", &[]).await?;
        if verified.status.success() || start.elapsed() > Duration::from_secs(20) {
            return Ok(verified);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn move_to(yaml: &mut Value, section: &str, directory: &str) {
    if let Some(place) = yaml.get_mut(section).and_then(|section| section.get_mut("directory")) {
        *place = directory.into();
    }
}

/// `poort audit VERB`, so many days from now; what it said.
async fn on(clock: &Path, days: u32, config: &Path, verb: &str) -> Result<Vec<u8>, DemoError> {
    let binary = binary()?;
    let mut command = Command::new(&binary);
    command.args(["audit", verb, "--config"]).arg(config).stdin(Stdio::null());
    command.env("LD_PRELOAD", clock).env("FAKETIME", format!("+{days}d")).env("DONT_FAKE_MONOTONIC", "1");
    let run = tokio::task::spawn_blocking(move || command.output()).await;
    let output = run.unwrap_or_else(|stopped| Err(io::Error::other(stopped)));
    let output = output.map_err(DemoError::file("run", &binary))?;
    Ok([output.stdout, output.stderr].concat())
}

/// The words, if they were said; otherwise what was.
fn said(output: &[u8], words: &str) -> String {
    let text = String::from_utf8_lossy(output);
    let found = text.contains(words).then(|| words.to_owned());
    found.unwrap_or_else(|| text.lines().last().unwrap_or("nothing").to_owned())
}

/// A library that has a process believe in another time: the one that `FAKETIME_LIBRARY` names, or Debian's.
fn clock() -> Option<PathBuf> {
    let named = std::env::var_os("FAKETIME_LIBRARY").map(PathBuf::from);
    named.into_iter().chain([PathBuf::from(CLOCK)]).find(|path| path.is_file())
}
