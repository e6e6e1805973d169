//! The demo of Poort: a throw-away police zone on loopback, put up in a second and gone without a trace.
//!
//! | module | what |
//! |---|---|
//! | [`pki`] | certificate authorities, devices, servers, revocation lists |
//! | [`issuer`] | token issuers of the zone and of the federal service |
//! | [`sources`] | three old applications with invented data, which write down all they receive |
//! | [`aggregator`] | the search application, which asks all sources on an officer's behalf |
//! | [`layout`] | a configuration directory in which the shipped policies meet the demo's addresses |
//! | [`gate`], [`ports`] | the gate as a child process, and ports for it |
//! | [`prometheus`] | a Prometheus that scrapes the gate, and what the dashboards ask it |
//! | [`tour`] | some twenty-five requests with what should come of them |
//! | [`client`] | callers of the gate: as programs call, and byte by byte |
//! | [`zone`] | all of that together, but the gate |
//! | [`wire`] | the small HTTP/1.1 server everything here stands on; it keeps bytes as they came |
//!
//! The end-to-end tests use this library too: every part is startable alone and records what it saw.

pub mod aggregator;
pub mod client;
mod error;
pub mod gate;
pub mod issuer;
pub mod layout;
pub mod pki;
pub mod ports;
pub mod prometheus;
pub mod sources;
pub mod tour;
pub mod wire;
pub mod zone;

pub use error::DemoError;
