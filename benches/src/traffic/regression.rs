//! The requests of CRS's regression tests, as traffic: attacks of all kinds, near misses, and broken messages.
//!
//! What a test expects is no concern here. The bytes are those that the suite's own runner sends.

use std::{io, path::Path};

use poort_conformance::{
    backend, case,
    wire::{Arrival, Received},
};

use super::{Exchange, Response};

/// Every request of the tests below `directory`, in the order of file names, called after its test, such as `942100-1`. What a server
/// refuses to take apart never gets as far as inspection and is left out.
///
/// # Errors
/// When a file cannot be read, or is no file of tests.
pub fn regression(directory: &Path) -> io::Result<Vec<Exchange>> {
    let cases = case::read(directory).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        io::Error::other(faults.join("\n"))
    })?;
    let stages = cases.iter().flat_map(|case| case.stages.iter().map(|stage| (&case.name, stage)));
    let arrived = stages.filter_map(|(name, stage)| match Arrival::read(&stage.request.bytes()) {
        Arrival::Request(received) => Some(exchange(name, received)),
        Arrival::Bad | Arrival::Closed => None,
    });
    Ok(arrived.collect())
}

fn exchange(name: &str, received: Received) -> Exchange {
    let response = response(&received);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Exchange {
        name: name.to_owned(),
        method: text(&received.method),
        protocol: text(&received.version),
        fields: received.headers.into_iter().map(|(name, value)| (text(&name), value)).collect(),
        response,
        target: received.target,
        body: received.body,
    }
}

/// What the suite's back end answers, and a page where it would answer nothing: applications do, and rules look into that too.
fn response(received: &Received) -> Response {
    let answer = backend::answer(received);
    if answer.body.is_empty() {
        return Response::page();
    }
    let fields = answer.headers.into_iter().map(|(name, value)| (name, value.into_bytes()));
    Response { status: answer.status, fields: fields.collect(), body: answer.body }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Exchange {
        match Arrival::read(raw.as_bytes()) {
            Arrival::Request(received) => exchange("1-1", received),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_is_what_was_asked_for_or_a_page() {
        let asked = r#"{"status": 500, "encodedBody": "b29wcw=="}"#;
        let sent = read(&format!(
            "POST /reflect HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{asked}",
            asked.len()
        ));
        assert_eq!((sent.response.status, sent.response.body.as_slice()), (500, &b"oops"[..]));
        assert_eq!((sent.method.as_str(), sent.body.as_slice()), ("POST", asked.as_bytes()));
        let plain = read("GET /?a=b HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((plain.response.status, plain.response.body.is_empty()), (200, false));
        assert_eq!(plain.fields, [("Host".to_owned(), b"a".to_vec())]);
    }
}
