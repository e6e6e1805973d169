//! Running one test.

use std::net::{IpAddr, Ipv4Addr};

use poort_waf::{Opening, Transaction};
use regex_automata::meta::Regex;

use super::backend::{self, Response};
use super::case::{Output, Stage, Test};
use super::wire::{self, Read, Request};

/// What came of a request.
struct Seen {
    status: Option<u16>,
    ids: Vec<u64>,
    log: String,
}

/// Runs all stages.
pub(crate) fn test(transaction: &mut Transaction, test: &Test) -> Result<(), String> {
    for stage in &test.stages {
        let seen = run(transaction, stage);
        check(&stage.output, &seen)?;
    }
    Ok(())
}

fn run(transaction: &mut Transaction, stage: &Stage) -> Seen {
    match wire::read(&wire::write(&stage.input)) {
        Read::Bad => Seen { status: Some(400), ids: Vec::new(), log: String::new() },
        Read::Closed => Seen { status: None, ids: Vec::new(), log: String::new() },
        Read::Request(request) => {
            let response = backend::answer(&request);
            inspect(transaction, &request, &response);
            let matches = transaction.matches();
            let lines = matches.iter().map(|found| {
                let meta = &found.rule;
                let plain = |text: &str| text.replace('\r', "\\r").replace('\n', "\\n");
                format!(
                    "[id \"{}\"] [msg \"{}\"] [data \"{}\"] [variable \"{}\"]\n",
                    meta.id,
                    plain(&found.message),
                    plain(&found.data),
                    found.variable
                )
            });
            Seen {
                status: Some(response.status),
                ids: matches.iter().map(|found| found.rule.id).collect(),
                log: lines.collect(),
            }
        }
    }
}

/// Gives a whole exchange to the engine.
pub(crate) fn inspect(transaction: &mut Transaction, request: &Request, response: &Response) {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    transaction.open(&Opening {
        id: "aQ3x8Zk1",
        now: 1_700_000_000,
        client: (address, 40_000),
        server: (address, 443),
    });
    transaction.request_line(&request.method, &request.target, &request.version);
    for (name, value) in &request.headers {
        transaction.request_header(name, value);
    }
    transaction.phase1();
    transaction.request_body(&request.body);
    transaction.phase2();
    transaction.response_line(response.status, b"HTTP/1.1");
    for (name, value) in &response.headers {
        transaction.response_header(name.as_bytes(), value.as_bytes());
    }
    transaction.phase3();
    if transaction.wants_response_body() {
        transaction.response_body(&response.body);
    }
    transaction.phase4();
    transaction.phase5();
}

fn check(expected: &Output, seen: &Seen) -> Result<(), String> {
    if expected.expect_error {
        return if seen.status.is_none() { Ok(()) } else { Err("an error was expected".into()) };
    }
    if let Some(status) = expected.status
        && seen.status != Some(status)
    {
        return Err(format!("status {:?}, expected {status}", seen.status));
    }
    let log = &expected.log;
    if let Some(missing) = log.expect_ids.iter().find(|id| !seen.ids.contains(id)) {
        return Err(format!("rule {missing} did not match; {:?} did", seen.ids));
    }
    if let Some(unwanted) = log.no_expect_ids.iter().find(|id| seen.ids.contains(id)) {
        let line = seen.log.lines().find(|line| line.contains(&unwanted.to_string())).unwrap_or_default();
        return Err(format!("rule {unwanted} matched: {line}"));
    }
    if expected.isolated && seen.ids.len() != 1 {
        return Err(format!("{:?} matched, expected one", seen.ids));
    }
    let matches = |pattern: &String| {
        Regex::new(pattern).expect("the suite's expressions compile").is_match(seen.log.as_str())
    };
    if log.match_regex.as_ref().is_some_and(|pattern| !matches(pattern)) {
        return Err(format!("the log lacks {:?}: {}", log.match_regex, seen.log));
    }
    if log.no_match_regex.as_ref().is_some_and(matches) {
        return Err(format!("the log has {:?}: {}", log.no_match_regex, seen.log));
    }
    Ok(())
}
