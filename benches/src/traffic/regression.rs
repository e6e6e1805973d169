//! The requests of CRS's regression tests, as traffic: attacks of all kinds, near misses, and broken messages.
//!
//! What a test expects is no concern here. Bodies are sent as written, completed with the fields a client adds.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::Deserialize;
use serde_yaml::{Mapping, Value};

use super::{Exchange, Fields, Response, typed};

#[derive(Deserialize)]
struct File {
    /// A file may say only that its rule cannot be tested.
    #[serde(default)]
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    test_id: Option<u64>,
    stages: Vec<Stage>,
}

#[derive(Deserialize)]
struct Stage {
    input: Input,
}

#[derive(Deserialize)]
struct Input {
    uri: Option<String>,
    version: Option<String>,
    method: Option<String>,
    #[serde(default)]
    headers: Mapping,
    data: Option<String>,
    encoded_data: Option<String>,
    encoded_request: Option<String>,
    #[serde(default = "yes")]
    autocomplete_headers: bool,
}

fn yes() -> bool {
    true
}

/// What a test asks the suite's back end to answer.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Reflection {
    status: u16,
    headers: serde_json::Map<String, serde_json::Value>,
    body: String,
    encoded_body: String,
}

/// Every request of the tests below `directory`, in the order of file names, called after its test, such as `942100-1`. Raw
/// requests are left out: to take them apart is a server's work, which most refuse to do.
///
/// # Errors
/// When a file cannot be read, or is no file of tests.
pub fn regression(directory: &Path) -> io::Result<Vec<Exchange>> {
    let mut exchanges = Vec::new();
    for path in files(directory)? {
        let file: File = serde_yaml::from_str(&fs::read_to_string(&path)?).map_err(io::Error::other)?;
        let rule = path.file_stem().unwrap_or_default().to_string_lossy();
        for (place, test) in (1..).zip(file.tests) {
            let name = format!("{rule}-{}", test.test_id.unwrap_or(place));
            let inputs = test.stages.into_iter().map(|stage| stage.input);
            exchanges
                .extend(inputs.filter(|input| input.encoded_request.is_none()).map(|i| exchange(&name, &i)));
        }
    }
    Ok(exchanges)
}

fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            let entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
            files.extend(entries.into_iter().map(|entry| entry.path()));
        }
    }
    files.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    files.sort();
    Ok(files)
}

fn exchange(name: &str, input: &Input) -> Exchange {
    let mut fields: Fields =
        input.headers.iter().map(|(name, value)| (text(name), text(value).into_bytes())).collect();
    let mut body = data(input);
    if find(&fields, "content-type").is_some_and(|kind| kind.starts_with(b"multipart/")) {
        body = body.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]);
    }
    if input.autocomplete_headers {
        complete(&mut fields, &body);
    }
    let target = input.uri.clone().unwrap_or_else(|| "/".to_owned());
    Exchange {
        name: name.to_owned(),
        method: input.method.clone().unwrap_or_else(|| "GET".to_owned()),
        protocol: input.version.clone().unwrap_or_else(|| "HTTP/1.1".to_owned()),
        fields,
        response: if target.starts_with("/reflect") { reflect(&body) } else { Response::page() },
        target: target.into_bytes(),
        body,
    }
}

fn complete(fields: &mut Fields, body: &[u8]) {
    let mut wanted = vec![("Connection".to_owned(), b"close".to_vec())];
    if !body.is_empty() {
        wanted.extend(typed("application/x-www-form-urlencoded", body));
    }
    for field in wanted {
        if find(fields, &field.0).is_none() {
            fields.push(field);
        }
    }
}

fn find<'f>(fields: &'f Fields, name: &str) -> Option<&'f [u8]> {
    fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => serde_yaml::to_string(other).unwrap_or_default().trim_end().to_owned(),
    }
}

fn data(input: &Input) -> Vec<u8> {
    match (&input.data, &input.encoded_data) {
        (Some(data), _) => repeated(data).unwrap_or_else(|| data.clone()).into_bytes(),
        (None, Some(encoded)) => decode(encoded),
        (None, None) => Vec::new(),
    }
}

/// `{{ "x" | repeat 3 }}`, the suite's only template, expanded.
fn repeated(data: &str) -> Option<String> {
    let (before, rest) = data.split_once("{{ \"")?;
    let (what, rest) = rest.split_once("\" | repeat ")?;
    let (count, after) = rest.split_once(" }}")?;
    Some(format!("{before}{}{after}", what.repeat(count.parse().ok()?)))
}

fn reflect(body: &[u8]) -> Response {
    let asked: Reflection = serde_json::from_slice(body).unwrap_or_default();
    let body = if asked.body.is_empty() { decode(&asked.encoded_body) } else { asked.body.into_bytes() };
    let mut fields: Fields = asked
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().into()))
        .collect();
    for field in typed("text/html; charset=utf-8", &body) {
        if find(&fields, &field.0).is_none() {
            fields.push(field);
        }
    }
    Response { status: if asked.status == 0 { 200 } else { asked.status }, fields, body }
}

fn decode(text: &str) -> Vec<u8> {
    let compact: String = text.split_whitespace().collect();
    BASE64.decode(compact).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Exchange {
        exchange("1-1", &serde_yaml::from_str(yaml).unwrap())
    }

    #[test]
    fn a_body_is_completed_with_the_fields_that_describe_it() {
        let sent = read("{method: POST, uri: /post, headers: {Host: a}, data: 'v=1 OR 1=1'}");
        assert_eq!(sent.body, b"v=1 OR 1=1");
        assert_eq!(
            sent.fields,
            [
                ("Host".to_owned(), b"a".to_vec()),
                ("Connection".to_owned(), b"close".to_vec()),
                ("Content-Type".to_owned(), b"application/x-www-form-urlencoded".to_vec()),
                ("Content-Length".to_owned(), b"10".to_vec()),
            ]
        );
        assert_eq!(read("{headers: {Host: a}, data: x, autocomplete_headers: false}").fields.len(), 1);
    }

    #[test]
    fn templates_and_line_ends_are_what_a_client_sends() {
        assert_eq!(read("data: '<{{ \"ab\" | repeat 3 }}>'").body, b"<ababab>");
        assert_eq!(read("data: '{{constructor}}'").body, b"{{constructor}}");
        let multipart = read("{headers: {Content-Type: multipart/form-data; boundary=b}, data: \"--b\\nx\"}");
        assert_eq!(multipart.body, b"--b\r\nx");
    }

    #[test]
    fn a_reflected_answer_is_what_was_asked_for() {
        let sent =
            read("{method: POST, uri: /reflect, data: '{\"status\": 500, \"encodedBody\": \"b29wcw==\"}'}");
        assert_eq!((sent.response.status, sent.response.body.as_slice()), (500, &b"oops"[..]));
        assert_eq!(read("uri: /").response.status, 200);
    }
}
