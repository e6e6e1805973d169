//! The connection layer: what happens between an accepted socket and the first filter.
//!
//! ```text
//! admission   places in the process and for the address prefix; PROXY protocol v2 from named balancers
//! tls         certificates by name (resolver), chains to our anchors only (verifier); replaced while it listens
//! connection  who is there: judged once, and again when the trust is replaced or a minute has passed
//! watch       deadlines for heads, idleness and stalled writes; a raw look at every HTTP/1 head
//! cut         a request is ended from outside, while it waits
//! service     all of it in front of an HTTP application, with its options
//! ```
//!
//! An application behind it finds its [`Connection`] by `session.digest().and_then(Connection::of)`, calls
//! [`Connection::head_done`] as soon as a request head reaches it, refuses a request with a [`Connection::head_fault`], and asks
//! [`Connection::device`] for each request. Everything it needs is in the four [`Surroundings`].

mod admission;
mod connection;
mod cut;
mod door;
mod head;
mod observer;
mod provider;
mod resolver;
mod service;
mod settings;
mod tls;
mod trust;
mod verifier;
mod watch;

pub use admission::Admission;
pub use connection::{Connection, HttpVersion, TlsFacts};
pub use cut::Cut;
pub use head::{HeadFault, HeadFaults, HeadScan, Progress};
pub use observer::{
    ConnectionEvent, ConnectionObserver, DropReason, HandshakeFault, HeadRefusal, Side, Unobserved,
};
pub use provider::{ForeignProvider, install as install_provider};
pub use resolver::{CertificateFault, CertificateFaultKind, Certificates, KeyPair, Served};
pub use service::{Gate, Surroundings, service};
pub use settings::{
    Budget, Budgets, ClientCertificate, Deadlines, HeadLimits, Http2Limits, ListenSettings, Rate, TlsVersion,
};
pub use tls::LiveTls;
pub use trust::{Held, Judgement, LiveTrust};
