//! The format: a file has the tests of one rule, a test has stages, a stage is a request and what should come of it.

mod raw;
mod template;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use crate::fault::Fault;
use crate::wire::Request;

/// One test.
#[derive(Debug, Clone)]
pub struct Case {
    /// Rule and number, such as `942100-3`.
    pub name: String,
    /// The rule it is about.
    pub rule: u64,
    /// Its author's words; may be empty.
    pub description: String,
    /// Requests, one after the other.
    pub stages: Vec<Stage>,
    /// What it asks for and no runner here does.
    pub unsupported: Option<&'static str>,
}

/// A request, and what should come of it.
#[derive(Debug, Clone)]
pub struct Stage {
    /// What is sent.
    pub request: Request,
    /// What should be seen.
    pub expected: Expected,
}

impl Stage {
    /// Whether it says what rules should do, and not only what should be answered.
    #[must_use]
    pub fn is_about_rules(&self) -> bool {
        let Expected { ids, no_ids, log, no_log, .. } = &self.expected;
        !ids.is_empty() || !no_ids.is_empty() || log.is_some() || no_log.is_some()
    }
}

/// What should be seen. Nothing expected means nothing is checked, as with go-ftw.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// The status of the answer.
    pub status: Option<u16>,
    /// An expression for the answer.
    pub response: Option<Regex>,
    /// There should be no answer; nothing else is checked then.
    pub error: bool,
    /// A failure counts only when it happens twice.
    pub retry_once: bool,
    /// Just one rule should match.
    pub isolated: bool,
    /// Rules that should match.
    pub ids: Vec<u64>,
    /// Rules that should not match.
    pub no_ids: Vec<u64>,
    /// An expression for some line of the log.
    pub log: Option<Regex>,
    /// An expression for no line of the log.
    pub no_log: Option<Regex>,
}

/// All tests of the files `*.yaml` and `*.yml` below `directory`, in the order of the paths.
///
/// # Errors
/// All faults of all files: what cannot be read, or is not of the format.
pub fn read(directory: &Path) -> Result<Vec<Case>, Vec<Fault>> {
    let mut paths = Vec::new();
    walk(directory, &mut paths).map_err(|fault| vec![fault])?;
    paths.sort();
    let (mut cases, mut faults) = (Vec::new(), Vec::new());
    for path in paths {
        let text =
            std::fs::read_to_string(&path).map_err(|source| vec![Fault::Read { path: path.clone(), source }]);
        match text.and_then(|text| parse(&path.display().to_string(), &text)) {
            Ok(more) => cases.extend(more),
            Err(more) => faults.extend(more),
        }
    }
    if faults.is_empty() { Ok(cases) } else { Err(faults) }
}

/// What CRS 3.3 must decide.
///
/// # Errors
/// As [`parse`].
pub fn crs_3() -> Result<Vec<Case>, Vec<Fault>> {
    parse("crs-3.yaml", include_str!("../../cases/crs-3.yaml"))
}

/// Does not follow links to directories: they may lead in circles.
fn walk(directory: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Fault> {
    let fault = |source| Fault::Read { path: directory.to_owned(), source };
    for entry in std::fs::read_dir(directory).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let path = entry.path();
        if entry.file_type().map_err(fault)?.is_dir() {
            walk(&path, paths)?;
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            paths.push(path);
        }
    }
    Ok(())
}

/// The tests in the text of a file.
///
/// # Errors
/// All faults found; only the first one when the text is no YAML of this shape.
pub fn parse(file: &str, text: &str) -> Result<Vec<Case>, Vec<Fault>> {
    let raw: raw::File = serde_yaml::from_str(text).map_err(|error| {
        let place = error.location().map_or_else(String::new, |at| format!(":{}:{}", at.line(), at.column()));
        vec![Fault::Format { file: file.to_owned(), place, message: error.to_string() }]
    })?;
    let Some(rule) = raw.rule_id.or_else(|| number_in(file)) else {
        return Err(vec![Fault::format(file, "has no `rule_id`, and no number in its name")]);
    };
    let (mut cases, mut faults) = (Vec::new(), Vec::new());
    for (at, test) in (1..).zip(raw.tests) {
        let name = format!("{rule}-{}", test.test_id.filter(|id| *id > 0).unwrap_or(at));
        match case(name.clone(), rule, test) {
            Ok(case) => cases.push(case),
            Err(message) => faults.push(Fault::format(file, format!("test {name}: {message}"))),
        }
    }
    if faults.is_empty() { Ok(cases) } else { Err(faults) }
}

/// The first number in a file's name stands in for its rule.
fn number_in(file: &str) -> Option<u64> {
    let name = file.rsplit('/').next()?;
    let digits = name.split(|letter: char| !letter.is_ascii_digit()).find(|part| !part.is_empty())?;
    digits.parse().ok()
}

fn case(name: String, rule: u64, test: raw::Test) -> Result<Case, String> {
    let inputs = || test.stages.iter().map(|stage| &stage.input);
    let unsupported = if inputs().any(|input| input.follow_redirect) {
        Some("it follows a redirect")
    } else if inputs().any(|input| input.save_cookie) {
        Some("it keeps cookies")
    } else {
        None
    };
    if test.stages.is_empty() {
        return Err("has no stage".into());
    }
    let stages = test.stages.into_iter().map(stage).collect::<Result<_, _>>()?;
    Ok(Case { name, rule, description: test.desc, stages, unsupported })
}

fn stage(stage: raw::Stage) -> Result<Stage, String> {
    Ok(Stage { request: request(stage.input)?, expected: expected(stage.output)? })
}

fn request(input: raw::Input) -> Result<Request, String> {
    let raw = match input.encoded_request.filter(|text| !text.is_empty()) {
        Some(_) if input.data.as_ref().is_some_and(|data| !data.is_empty()) => {
            return Err("`data` and `encoded_request` exclude each other".into());
        }
        Some(text) => Some(decode(&text).ok_or("`encoded_request` is not base 64")?),
        None => None,
    };
    let data = match (input.data, input.encoded_data) {
        // What go-ftw cannot expand it sends as no body at all, and the expectations are written to that.
        (Some(data), _) => template::expand(&data)?.unwrap_or_default().into_bytes(),
        (None, Some(encoded)) => decode(&encoded).ok_or("`encoded_data` is not base 64")?,
        (None, None) => Vec::new(),
    };
    let headers = match (input.ordered_headers, input.headers) {
        (Some(headers), _) => headers,
        (None, Some(raw::HeaderMap(mut headers))) => {
            headers.sort_by(|one, other| one.name.cmp(&other.name));
            headers
        }
        (None, None) => Vec::new(),
    };
    Ok(Request {
        method: input.method.unwrap_or_else(|| "GET".into()),
        uri: input.uri.unwrap_or_else(|| "/".into()),
        version: input.version.unwrap_or_else(|| "HTTP/1.1".into()),
        headers: headers.into_iter().map(|header| (header.name, header.value)).collect(),
        data,
        completes_headers: input.autocomplete_headers.unwrap_or(!input.stop_magic.unwrap_or(false)),
        raw,
    })
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let compact: String = text.split_whitespace().collect();
    STANDARD.decode(compact).ok()
}

fn expected(output: raw::Output) -> Result<Expected, String> {
    let log = output.log;
    // The old names give way to the new ones.
    let old = output.log_contains.filter(|_| log.expect_ids.is_none());
    let no_old = output.no_log_contains.filter(|_| log.no_expect_ids.is_none());
    let ids = log.expect_ids.unwrap_or_default();
    if output.isolated && ids.len() != 1 {
        return Err("`isolated` needs exactly one of `expect_ids`".into());
    }
    Ok(Expected {
        status: output.status.filter(|status| *status != 0),
        response: pattern("response_contains", output.response_contains)?,
        error: output.expect_error,
        retry_once: output.retry_once,
        isolated: output.isolated,
        ids,
        no_ids: log.no_expect_ids.unwrap_or_default(),
        log: pattern("match_regex", log.match_regex.or(old))?,
        no_log: pattern("no_match_regex", log.no_match_regex.or(no_old))?,
    })
}

/// Classes such as `\d` are ASCII, as in Go.
fn pattern(key: &str, text: Option<String>) -> Result<Option<Regex>, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let syntax = syntax::Config::new().unicode(false).utf8(false);
    let built = Regex::builder().syntax(syntax).build(&text);
    built.map(Some).map_err(|error| format!("`{key}` is no regular expression: {error}"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    const OUTPUT: &str = "output: {status: 200}";

    fn file(input: &str, output: &str) -> String {
        format!("tests:\n  - stages:\n      - input: {input}\n        {output}\n")
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        let case = &parse("rules/900100.yaml", &file("{}", OUTPUT)).unwrap()[0];
        assert_eq!((case.name.as_str(), case.rule), ("900100-1", 900_100));
        let request = &case.stages[0].request;
        assert_eq!(
            (request.method.as_str(), request.uri.as_str(), request.version.as_str()),
            ("GET", "/", "HTTP/1.1")
        );
        assert!(request.completes_headers);
    }

    #[test]
    fn headers_come_sorted_or_as_ordered() {
        for (input, expected) in [
            ("{headers: {b: 1.0, A: ~, a: yes}}", vec![("A", "~"), ("a", "yes"), ("b", "1.0")]),
            ("{ordered_headers: [{name: b, value: x}, {name: a, value: y}]}", vec![("b", "x"), ("a", "y")]),
        ] {
            let case = &parse("1.yaml", &file(input, OUTPUT)).unwrap()[0];
            let headers = &case.stages[0].request.headers;
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(headers, expected, "{input}");
        }
    }

    #[test]
    fn what_could_not_fail_is_refused() {
        for (name, text, message) in [
            ("misspelt", file("{}", "output: {log: {expect_id: [1]}}"), "expect_id"),
            ("later format", "tests: [{payload: x}]".into(), "payload"),
            ("no stage", "tests: [{stages: []}]".into(), "stage"),
            ("isolated", file("{}", "output: {isolated: true, log: {expect_ids: [1, 2]}}"), "isolated"),
            ("both", file("{data: a, encoded_request: Yg==}", OUTPUT), "exclude"),
            ("base 64", file("{encoded_data: '*'}", OUTPUT), "base 64"),
            ("expression", file("{}", "output: {log: {match_regex: '('}}"), "regular expression"),
            ("twice", file("{headers: {a: b, a: c}}", OUTPUT), "twice"),
        ] {
            let faults = parse("900100.yaml", &text).expect_err(name);
            assert!(faults[0].to_string().contains(message), "{name}: {}", faults[0]);
        }
        assert!(parse("rules.yaml", "tests: []").is_err(), "no rule");
    }
}
