//! `poort policy`, as the security team types it: what it says, and how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod check;
mod explain;
mod format;
mod ground;
mod guide;
mod replay;
mod tests;
