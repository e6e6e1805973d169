//! Detectors of injected SQL and HTML: own implementation of the method of libinjection (BSD 3-Clause), which CRS
//! presumes behind `@detectSQLi` and `@detectXSS`. The tables of words and fingerprints are that project's facts; see
//! `LICENSE-libinjection` beside this file.

mod sqli;
mod xss;

pub use sqli::{Fingerprint, sqli};
pub use xss::xss;

pub(crate) use sqli::warm;
