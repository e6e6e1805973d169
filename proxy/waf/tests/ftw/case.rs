//! The format of the tests.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde::Deserialize;
use serde_yaml::{Mapping, Value};

/// A file of tests, all of one rule.
#[derive(Deserialize)]
pub(crate) struct File {
    #[serde(default)]
    pub(crate) rule_id: u64,
    #[serde(default)]
    pub(crate) tests: Vec<Test>,
}

#[derive(Deserialize)]
pub(crate) struct Test {
    #[serde(default)]
    pub(crate) test_id: u64,
    pub(crate) stages: Vec<Stage>,
}

#[derive(Deserialize)]
pub(crate) struct Stage {
    pub(crate) input: Input,
    pub(crate) output: Output,
}

#[derive(Deserialize)]
pub(crate) struct Input {
    pub(crate) uri: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) method: Option<String>,
    #[serde(default)]
    headers: Mapping,
    data: Option<String>,
    encoded_data: Option<String>,
    encoded_request: Option<String>,
    autocomplete_headers: Option<bool>,
    stop_magic: Option<bool>,
}

#[derive(Deserialize)]
pub(crate) struct Output {
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) expect_error: bool,
    #[serde(default)]
    pub(crate) isolated: bool,
    #[serde(default)]
    pub(crate) log: Log,
}

#[derive(Deserialize, Default)]
pub(crate) struct Log {
    #[serde(default)]
    pub(crate) expect_ids: Vec<u64>,
    #[serde(default)]
    pub(crate) no_expect_ids: Vec<u64>,
    pub(crate) match_regex: Option<String>,
    pub(crate) no_match_regex: Option<String>,
}

impl Input {
    pub(crate) fn completes_headers(&self) -> bool {
        self.autocomplete_headers.unwrap_or(!self.stop_magic.unwrap_or(false))
    }

    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => serde_yaml::to_string(other).unwrap().trim_end().to_owned(),
        };
        self.headers.iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    pub(crate) fn raw(&self) -> Option<Vec<u8>> {
        self.encoded_request.as_ref().filter(|text| !text.is_empty()).map(|text| decode(text))
    }

    /// The body before completion; what is a malformed template is none, as with go-ftw.
    pub(crate) fn data(&self) -> Vec<u8> {
        match (&self.data, &self.encoded_data) {
            (Some(data), _) => template(data).unwrap_or_default().into_bytes(),
            (None, Some(encoded)) => decode(encoded),
            (None, None) => Vec::new(),
        }
    }
}

fn decode(text: &str) -> Vec<u8> {
    let compact: String = text.split_whitespace().collect();
    base64::engine::general_purpose::STANDARD.decode(compact).expect("the suite's base 64 is valid")
}

/// Expands `{{ "x" | repeat 3 }}`, the only template the suite has.
fn template(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (inner, after) = after.split_once("}}")?;
        let (what, how) = inner.split_once('|')?;
        let what = what.trim().strip_prefix('"')?.strip_suffix('"')?;
        let count: usize = how.trim().strip_prefix("repeat")?.trim().parse().ok()?;
        out.push_str(&what.repeat(count));
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// All test files below `directory`, sorted.
pub(crate) fn files(directory: &Path) -> Vec<File> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in
        std::fs::read_dir(directory).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir())
    {
        let files = std::fs::read_dir(entry.path()).unwrap().map(|entry| entry.unwrap().path());
        paths.extend(files.filter(|path| path.extension().is_some_and(|end| end == "yaml")));
    }
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> File {
    let text = std::fs::read_to_string(path).unwrap();
    let mut file: File =
        serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if file.rule_id == 0 {
        file.rule_id = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok()).unwrap_or(0);
    }
    for (at, test) in (1..).zip(&mut file.tests) {
        if test.test_id == 0 {
            test.test_id = at;
        }
    }
    file
}
