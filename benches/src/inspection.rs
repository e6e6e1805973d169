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
    load_with(directory, &[("blocking_paranoia_level", 1), ("detection_paranoia_level", 1)])
}

/// The same with these constants.
fn load_with(directory: &Path, constants: &[(&str, i64)]) -> io::Result<Program> {
    let mut files: Files = [("main.conf".to_owned(), rules::around("rules").into_bytes())].into();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        files.insert(format!("rules/{}", entry.file_name().to_string_lossy()), fs::read(entry.path())?);
    }
    Program::compile_with(&files, &["main.conf"], &LoadLimits::default(), constants).map_err(|faults| {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use poort_waf::TransactionLimits;

    use super::*;
    use crate::{shared, traffic::regression};

    /// CRS sets the level itself, to 1, when nobody else does.
    #[test]
    fn rules_decide_the_same_whether_the_level_is_known_at_load_or_not() {
        let (Some(rules), Some(tests)) = (shared::path("crs/rules"), shared::path("crs/tests")) else {
            return;
        };
        let transaction = |constants: &[(&str, i64)]| {
            let program = load_with(&rules, constants).unwrap();
            Transaction::new(Arc::new(program), TransactionLimits::default())
        };
        let (mut known, mut asked) = (
            transaction(&[("blocking_paranoia_level", 1), ("detection_paranoia_level", 1)]),
            transaction(&[]),
        );
        let seen = |transaction: &mut Transaction, exchange: &Exchange| {
            inspect(transaction, exchange);
            let matches = transaction.matches().iter();
            let matches: Vec<_> =
                matches.map(|found| (found.rule.id, found.message.clone(), found.data.clone())).collect();
            (matches, transaction.scores())
        };
        let exchanges = regression(&tests).unwrap();
        let mut matched = 0;
        // A few, of every kind: this is not optimised.
        for exchange in exchanges.iter().step_by(7) {
            let found = seen(&mut known, exchange);
            matched += usize::from(!found.0.is_empty());
            assert_eq!(found, seen(&mut asked, exchange), "{}", exchange.name);
        }
        assert!(matched > 100, "{matched}");
    }
}
