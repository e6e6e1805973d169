//! A copy of the shipped policies, to change one thing of, and the command.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use poort_policy::Engine;
use serde_json::json;
use tempfile::TempDir;

pub(crate) struct Ground {
    root: TempDir,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
        copy(&shipped, &root.path().join("policies"));
        Self { root }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes a file below `policies`.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path("policies").join(name), text).unwrap();
    }

    /// Replaces a text that occurs once in a file below `policies`.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.path("policies").join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{name}: {from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// `poort policy …`, where `policies` is.
    pub(crate) fn poort(&self, arguments: &[&str]) -> Said {
        self.run(arguments, Stdio::piped())
    }

    /// The same, where nobody reads what it says.
    pub(crate) fn unread(&self, arguments: &[&str]) -> Said {
        let (_, unread) = std::io::pipe().unwrap();
        self.run(arguments, unread)
    }

    fn run(&self, arguments: &[&str], output: impl Into<Stdio>) -> Said {
        let child = Command::new(env!("CARGO_BIN_EXE_poort"))
            .arg("policy")
            .args(arguments)
            .current_dir(self.root.path())
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn();
        let done = child.unwrap().wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

impl Said {
    /// Holds the code and parts of what was said, in their order, against what is expected.
    #[track_caller]
    pub(crate) fn is(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{self:#?}");
        let all = format!("{}{}", self.out, self.err);
        let mut rest = all.as_str();
        for part in parts {
            let found = rest.split_once(part);
            (_, rest) = found.unwrap_or_else(|| panic!("{part}\nis not in (the rest of)\n{all}"));
        }
        assert!(!all.contains('\x1b'), "no colour outside a terminal");
    }
}

/// A record of every question of the shipped tests, answered as the shipped policies answer, one line each, in one file a day.
pub(crate) fn record(ground: &Ground, times: usize) {
    let (mut read, trials) = poort::config::policies_with_tests(&ground.path("policies")).unwrap();
    let engine = Engine::load(&std::mem::take(&mut read.corpus)).unwrap();
    let directory = ground.path("audit");
    fs::create_dir_all(&directory).unwrap();
    let mut lines = String::new();
    for time in 0..times {
        for (number, case) in trials.cases.iter().enumerate() {
            let question = &case.question;
            let prepared =
                engine.prepare(&question.principal, question.device.as_ref(), question.actor.as_ref());
            let decision = engine.decide(question, &prepared);
            let id = format!("{time:016x}{number:016x}");
            let verdict = if decision.allow { "allow" } else { "refuse" };
            let decided = json!({
                "metadata": { "event_code": "decision", "correlation_uid": id },
                "status_detail": (!decision.allow).then_some("not_permitted"),
                "unmapped": { "code": code(number), "verdict": verdict, "policy": decision, "question": question },
            });
            let ended =
                json!({ "metadata": { "event_code": "outcome", "correlation_uid": id }, "unmapped": {} });
            lines.push_str(&format!("{decided}\n{ended}\n"));
        }
    }
    // One that was refused before any policy was asked.
    let stranger = json!({
        "metadata": { "event_code": "decision", "correlation_uid": "ff" },
        "status_detail": "device_expired", "unmapped": { "code": "EXP1RD", "verdict": "refuse" },
    });
    fs::write(directory.join("audit-20260106.jsonl"), lines).unwrap();
    fs::write(directory.join("audit-20260107.jsonl"), format!("{stranger}\n")).unwrap();
    fs::write(directory.join("strangers-20260107.jsonl"), "no record of decisions\n").unwrap();
}

/// The code of a test's question.
pub(crate) fn code(number: usize) -> String {
    format!("C{number:05}")
}
