//! A SecLang engine that runs the OWASP Core Rule Set unmodified.
//!
//! Sync, bytes in, verdicts out: no network, file, clock or async runtime, no HTTP types, linear time throughout. Rules
//! are compiled once into a [`Program`], which any number of threads share; each connection keeps a [`Transaction`],
//! which reuses its buffers from request to request.
//!
//! ```
//! use std::net::{IpAddr, Ipv4Addr};
//! use std::sync::Arc;
//! use poort_waf::{Files, LoadLimits, Opening, Program, Transaction, TransactionLimits, Verdict};
//!
//! let rules = r#"SecRule ARGS "@detectSQLi" "id:1,phase:2,deny,status:403,msg:'SQL injection in %{MATCHED_VAR_NAME}'""#;
//! let files: Files = [("main.conf".to_owned(), rules.as_bytes().to_vec())].into();
//! let program = Arc::new(Program::compile(&files, &["main.conf"], &LoadLimits::default()).unwrap());
//!
//! let mut transaction = Transaction::new(program, TransactionLimits::default());
//! let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
//! transaction.open(&Opening { id: "1", now: 0, client: (address, 40_000), server: (address, 443) });
//! transaction.request_line(b"GET", b"/?id=1'+OR+'1'='1", b"HTTP/1.1");
//! transaction.request_header(b"Host", b"example.com");
//! assert_eq!(transaction.phase1(), Verdict::Continue);
//! let Verdict::Interrupt(interruption) = transaction.phase2() else { panic!("not seen") };
//! assert_eq!((interruption.status, interruption.rule), (403, Some(1)));
//! assert_eq!(transaction.matches()[0].message, "SQL injection in ARGS:id");
//! ```
//!
//! What is not supported is a [`Fault`] with file, line and column, never passed over: `@rbl`, `exec`, Lua, look-around
//! and back references among them. Work is bounded by [`TransactionLimits`]: counted, not timed, so that verdicts repeat.
//!
//! | module | what |
//! |---|---|
//! | `syntax` | SecLang as written, with places |
//! | `program` | rules resolved: constants, jumps, slots, groups of targets and transformations, the gate of literals |
//! | `transform`, `operator`, [`detect`] | what is done to values and asked of them, one family a file |
//! | `body` | urlencoded, multipart, JSON, XML |
//! | `transaction` | variables, the rule loop, effects, outcomes |
//! | `collections`, `exclusion` | persistent collections, and exclusions, as data |

mod body;
mod bytes;
mod collections;
pub mod detect;
mod exclusion;
mod fault;
mod limits;
mod operator;
mod program;
mod source;
mod syntax;
mod transaction;
mod transform;

pub use collections::{Collections, Member, Members};
pub use exclusion::Exclusion;
pub use fault::Fault;
pub use limits::{LoadLimits, TransactionLimits};
pub use program::{Engine, Meta, OverLimit, Program, Settings};
pub use source::{Files, RuleSource};
pub use syntax::Variable;
pub use transaction::{Interruption, InterruptionKind, Match, Opening, Scores, Transaction, Verdict};
