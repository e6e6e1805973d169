//! The connection layer over real sockets, in front of the HTTP library's own proxy.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod admission;
mod client;
mod ground;
mod heads;
mod http2;
mod pki;
mod tls;
