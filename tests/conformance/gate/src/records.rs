//! The gate's record, read as it grows.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use poort_conformance::Logged;
use serde::Deserialize;

use crate::fault::Fault;

/// Longest wait for a line.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(5);

/// What the gate recorded of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The rules that matched, in request and answer.
    pub log: Vec<Logged>,
    /// Why the gate refused the request before the rules saw it; none if they did.
    pub refused: Option<String>,
    /// Matches that the record has no room for.
    pub dropped: u64,
}

/// What is read of a line.
#[derive(Deserialize)]
struct Line {
    metadata: Metadata,
    #[serde(default)]
    status_detail: String,
    unmapped: Unmapped,
}

#[derive(Deserialize)]
struct Metadata {
    event_code: String,
    /// The request. Lines about something else have none.
    #[serde(default)]
    correlation_uid: String,
}

#[derive(Deserialize)]
struct Unmapped {
    #[serde(default)]
    verdict: String,
    waf: Option<Waf>,
}

#[derive(Deserialize)]
struct Waf {
    result: String,
    #[serde(default)]
    matches: Vec<Match>,
    #[serde(default)]
    dropped: u64,
}

#[derive(Deserialize)]
struct Match {
    rule: u64,
    message: String,
    variable: String,
    #[serde(default)]
    data: String,
}

/// The files of the record.
pub struct Records {
    directory: PathBuf,
    read: Mutex<Read>,
}

/// What was read so far.
#[derive(Default)]
struct Read {
    /// How far, by file.
    ends: HashMap<PathBuf, u64>,
    /// Lines that nobody has asked for yet, by kind and request.
    lines: HashMap<(&'static str, String), Line>,
}

impl Records {
    /// The record in `directory`.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, read: Mutex::default() }
    }

    /// What is recorded of the request `id`, waited for.
    ///
    /// # Errors
    /// When a line does not come.
    pub async fn find(&self, id: &str) -> Result<Found, Fault> {
        let decision = self.line("decision", id).await?;
        let mut found = Found { refused: decision.refusal(), ..Found::default() };
        let outcome = decision.is_allowed().then(|| self.line("outcome", id));
        found.add(decision);
        if let Some(outcome) = outcome {
            found.add(outcome.await?);
        }
        Ok(found)
    }

    async fn line(&self, kind: &'static str, id: &str) -> Result<Line, Fault> {
        let begin = Instant::now();
        let key = (kind, id.to_owned());
        loop {
            let found = self.read.lock().take(&self.directory, &key);
            if let Some(line) = found {
                return Ok(line);
            }
            if begin.elapsed() > PATIENCE {
                return Err(Fault::NoRecord { kind, id: key.1, seconds: PATIENCE.as_secs() });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Read {
    fn take(&mut self, directory: &Path, key: &(&'static str, String)) -> Option<Line> {
        if let Some(line) = self.lines.remove(key) {
            return Some(line);
        }
        self.catch_up(directory);
        self.lines.remove(key)
    }

    /// Reads the whole lines that have come. What cannot be read yet is there the next time, or missed by who waits for it.
    fn catch_up(&mut self, directory: &Path) {
        let paths = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in paths.filter(|path| path.extension().is_some_and(|end| end == "jsonl")) {
            let end = self.ends.entry(path.clone()).or_default();
            let Some(bytes) = rest(&path, *end) else { continue };
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            *end += whole as u64;
            for line in bytes.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n') {
                self.lines.extend(keyed(line));
            }
        }
    }
}

fn rest(path: &Path, from: u64) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn keyed(line: &[u8]) -> Option<((&'static str, String), Line)> {
    let line: Line = serde_json::from_slice(line).ok()?;
    let kind = ["decision", "outcome"].into_iter().find(|kind| *kind == line.metadata.event_code)?;
    Some(((kind, line.metadata.correlation_uid.clone()), line))
}

impl Line {
    fn is_allowed(&self) -> bool {
        self.unmapped.verdict == "allow"
    }

    /// The reason of a refusal that is not inspection's.
    fn refusal(&self) -> Option<String> {
        let inspected = self.unmapped.waf.as_ref().is_some_and(|waf| waf.result != "not_inspected");
        (!inspected && !self.is_allowed()).then(|| self.status_detail.clone())
    }
}

impl Found {
    fn add(&mut self, line: Line) {
        let Some(waf) = line.unmapped.waf else { return };
        let lines = waf.matches.iter();
        self.log
            .extend(lines.map(|found| Logged::new(found.rule, &found.message, &found.data, &found.variable)));
        self.dropped += waf.dropped;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Found, Line, keyed};

    fn line(unmapped: &Value) -> Line {
        let metadata = json!({ "event_code": "decision", "correlation_uid": "a" });
        let line = json!({ "metadata": metadata, "status_detail": "target_escape", "unmapped": unmapped });
        serde_json::from_value(line).unwrap()
    }

    #[test]
    fn lines_are_known_by_kind_and_request() {
        let outcome = r#"{"metadata": {"event_code": "outcome", "correlation_uid": "a"}, "unmapped": {}}"#;
        assert_eq!(keyed(outcome.as_bytes()).unwrap().0, ("outcome", "a".to_owned()));
        for other in ["", "{}", r#"{"metadata": {"event_code": "strangers"}, "unmapped": {}}"#] {
            assert!(keyed(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn only_what_was_not_inspected_is_refused_before_inspection() {
        for (verdict, result, expected) in [
            ("allow", "detected", None),
            ("refuse", "refused", None),
            ("refuse", "not_inspected", Some("target_escape")),
            ("allow", "not_inspected", None),
        ] {
            let line = line(&json!({ "verdict": verdict, "waf": { "result": result } }));
            assert_eq!(line.refusal().as_deref(), expected, "{verdict} {result}");
        }
    }

    #[test]
    fn matches_are_lines_of_the_log() {
        let matches = json!([
            { "rule": 920_100, "message": "m", "variable": "ARGS:x", "data": "d" },
            { "rule": 7, "message": "", "variable": "" },
        ]);
        let mut found = Found::default();
        found.add(line(&json!({ "waf": { "result": "detected", "dropped": 2, "matches": matches } })));
        assert_eq!(found.dropped, 2);
        let lines: Vec<&str> = found.log.iter().map(|logged| logged.line.as_str()).collect();
        assert_eq!(
            lines,
            [
                r#"[id "920100"] [msg "m"] [data "d"] [variable "ARGS:x"]"#,
                r#"[id "7"] [msg ""] [data ""] [variable ""]"#
            ]
        );
    }
}
