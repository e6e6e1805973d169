//! The six example transactions, a request and a response file each: a head, an empty line, a body.

use std::{fs, io, path::Path};

use super::{Exchange, Fields, Response};

/// The examples, and the microseconds that inspecting each may take.
pub const EXAMPLES: [(&str, f64); 6] = [
    ("a_get", 35.0),
    ("b_json2k", 180.0),
    ("c_form20", 80.0),
    ("d_multi64k", 100.0),
    ("e_sqli", 70.0),
    ("f_resp32k", 100.0),
];

/// Reads the examples in `directory`, in the order of [`EXAMPLES`].
///
/// # Errors
/// When a file is missing, or is no request or response.
pub fn examples(directory: &Path) -> io::Result<Vec<Exchange>> {
    EXAMPLES.iter().map(|(name, _)| exchange(directory, name)).collect()
}

fn exchange(directory: &Path, name: &str) -> io::Result<Exchange> {
    let (line, fields, body) = message(&directory.join(format!("{name}.req")))?;
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (status_line, response_fields, response_body) = message(&directory.join(format!("{name}.resp")))?;
    let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Exchange {
        name: name.to_owned(),
        method: method.to_owned(),
        target: target.into(),
        protocol: words.next().unwrap_or("HTTP/1.1").to_owned(),
        fields,
        body,
        response: Response {
            status: status.ok_or_else(|| invalid(&format!("{name}.resp has no status")))?,
            fields: response_fields,
            body: response_body,
        },
    })
}

/// First line, fields and body of a file.
fn message(file: &Path) -> io::Result<(String, Fields, Vec<u8>)> {
    let raw = fs::read(file)?;
    let (head, body) =
        split(&raw).ok_or_else(|| invalid(&format!("{} has no end of its head", file.display())))?;
    let head = str::from_utf8(head).map_err(|error| invalid(&format!("{}: {error}", file.display())))?;
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default().to_owned();
    let fields = lines.filter_map(|line| line.split_once(": "));
    Ok((line, fields.map(|(name, value)| (name.to_owned(), value.into())).collect(), body.to_vec()))
}

/// Head and body, divided at the first empty line, whichever line ends the head has: a body may have others.
fn split(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut start = 0;
    while let Some(length) = raw.get(start..)?.iter().position(|byte| *byte == b'\n') {
        let line = raw.get(start..start + length)?;
        if line.is_empty() || line == b"\r" {
            return Some((raw.get(..start)?, raw.get(start + length + 1..)?));
        }
        start += length + 1;
    }
    None
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_at_the_first_empty_line() {
        let cases = [
            ("GET /\nHost: a\n\n", Some(("GET /\nHost: a\n", ""))),
            ("GET /\r\nHost: a\r\n\r\nx", Some(("GET /\r\nHost: a\r\n", "x"))),
            ("POST /\nHost: a\n\npart\r\n\r\nend", Some(("POST /\nHost: a\n", "part\r\n\r\nend"))),
            ("GET /\nHost: a", None),
            ("", None),
        ];
        for (raw, expected) in cases {
            let expected = expected.map(|(head, body)| (head.as_bytes(), body.as_bytes()));
            assert_eq!(split(raw.as_bytes()), expected, "{raw:?}");
        }
    }
}
