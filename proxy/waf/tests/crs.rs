//! The regression suite of the OWASP Core Rule Set, in-process: each test's request is put together as go-ftw does,
//! read as a server would, inspected in `DetectionOnly` at paranoia level 4, and answered as the suite's back end does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod ftw;
mod shared;

use std::sync::Arc;

use ftw::{case, rules, run};
use poort_waf::{Transaction, TransactionLimits};

#[test]
fn core_rule_set_regression() {
    let (Some(rules_dir), Some(tests_dir)) = (shared::path("crs/rules"), shared::path("crs/tests")) else {
        return;
    };
    let program = rules::program(&rules_dir, rules::REGRESSION);
    let mut transaction = Transaction::new(Arc::new(program), TransactionLimits::default());
    let only = std::env::var("POORT_CRS_TEST").ok();
    let (mut passed, mut failures) = (0, Vec::new());
    for file in case::files(&tests_dir) {
        for test in file.tests {
            let name = format!("{}-{}", file.rule_id, test.test_id);
            if only.as_ref().is_some_and(|only| !name.starts_with(only.as_str())) {
                continue;
            }
            match run::test(&mut transaction, &test) {
                Ok(()) => passed += 1,
                Err(reason) => failures.push(format!("{name}: {reason}")),
            }
        }
    }
    for failure in &failures {
        println!("FAILED {failure}");
    }
    println!("{passed} passed, {} failed, 0 skipped", failures.len());
    assert!(failures.is_empty(), "{} of CRS's tests failed", failures.len());
}
