//! Exchanges through our engine, as the gate puts them through.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

use poort_waf::{Files, LoadLimits, Opening, Program, Transaction};

use crate::{rules, traffic::Exchange};

/// Reads and compiles CRS from the directory of its rules, at level 1.
///
/// # Errors
/// When a file cannot be read, or the rules have faults.
pub fn load(directory: &Path) -> io::Result<Program> {
    let mut files: Files = [("main.conf".to_owned(), rules::around("rules").into_bytes())].into();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        files.insert(format!("rules/{}", entry.file_name().to_string_lossy()), fs::read(entry.path())?);
    }
    Program::compile(&files, &["main.conf"], &LoadLimits::default()).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        io::Error::other(faults.join("\n"))
    })
}

/// One transaction, all five phases.
pub fn inspect(transaction: &mut Transaction, exchange: &Exchange) {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let (client, server) = ((address, 40_000), (address, 443));
    transaction.open(&Opening { id: "aQ3x8Zk1", now: 1_700_000_000, client, server });
    transaction.request_line(exchange.method.as_bytes(), &exchange.target, exchange.protocol.as_bytes());
    for (name, value) in &exchange.fields {
        transaction.request_header(name.as_bytes(), value);
    }
    transaction.phase1();
    transaction.request_body(&exchange.body);
    transaction.phase2();
    transaction.response_line(exchange.response.status, b"HTTP/1.1");
    for (name, value) in &exchange.response.fields {
        transaction.response_header(name.as_bytes(), value);
    }
    transaction.phase3();
    if transaction.wants_response_body() {
        transaction.response_body(&exchange.response.body);
    }
    transaction.phase4();
    transaction.phase5();
}
