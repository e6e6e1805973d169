//! Runs the tests of rule sets written in the regression format of the OWASP Core Rule Set, with the habits of its runner,
//! go-ftw 2 (<https://github.com/coreruleset/go-ftw>, schema `ftw-tests-schema` 2.3).
//!
//! No socket is opened here. [`run`] gives each request to the engine in this process; whoever has a socket sends
//! [`Request::bytes`] as they are, gathers what was logged, and asks [`Stage::judge`]: `gate/`, a crate of its own, does.
//!
//! ```
//! use std::sync::Arc;
//! use poort_conformance::{Outcome, case, run};
//! use poort_waf::{Files, LoadLimits, Program, Transaction, TransactionLimits};
//!
//! let rules = r#"SecRule ARGS "@streq x" "id:7,phase:2,pass,log""#;
//! let files: Files = [("main.conf".to_owned(), rules.as_bytes().to_vec())].into();
//! let program = Program::compile(&files, &["main.conf"], &LoadLimits::default()).unwrap();
//! let cases = case::parse("7.yaml", r#"
//! rule_id: 7
//! tests:
//!   - test_id: 1
//!     stages:
//!       - input: { uri: "/?a=x" }
//!         output: { log: { expect_ids: [7] } }
//! "#).unwrap();
//! let mut transaction = Transaction::new(Arc::new(program), TransactionLimits::default());
//! assert_eq!(run::case(&mut transaction, &cases[0]), Outcome::Passed);
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`case`] | the format: files, tests, stages |
//! | [`wire`] | a request's bytes as go-ftw writes them, and as a server reads them |
//! | [`backend`] | what stands behind the engine: the suite's `/reflect` |
//! | [`judge`] | what was seen against what was expected |
//! | [`run`] | the exchange in this process |
//! | [`setup`] | CRS with the configuration its tests presume |
//! | [`libinjection`] | verdicts and fingerprints of the C library |
//! | [`profile`] | whole requests with the rules that match them, and those that do not |
//! | [`traffic`] | ordinary text and attacks, in quantity |
//! | [`accuracy`] | how rules judge it |
//! | [`report`], [`figure`] | counts and figures, text, JSON |
//! | [`command`] | what a runner's arguments mean |
//! | [`fault`] | why a suite cannot be run |
//! | [`shared`] | where the suites lie |

pub mod accuracy;
pub mod backend;
pub mod case;
pub mod command;
pub mod fault;
pub mod figure;
pub mod judge;
pub mod libinjection;
pub mod profile;
pub mod report;
pub mod run;
pub mod setup;
pub mod shared;
pub mod traffic;
pub mod wire;

pub use case::{Case, Expected, Stage};
pub use fault::Fault;
pub use judge::{Logged, Seen};
pub use report::{Outcome, Report};
pub use wire::Request;
