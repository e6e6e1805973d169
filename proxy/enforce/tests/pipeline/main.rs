//! The whole decision: requests in, permits, answers and refusals out. Real policies, real tokens; only the ports are ours.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod fixture;

mod aggregator;
mod device;
mod ending;
mod flood;
mod law;
mod policy;
mod protocol;
mod quota;
mod route;
mod session;
mod shadow;
mod shift;
mod stated;
mod steps;
mod subject;
mod waf;
