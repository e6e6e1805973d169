//! What a request costs.
//!
//! Each bench is a program without a harness: it warms up, measures many small batches, and hands its figures to
//! [`figures::report`], which prints them and appends them to `target/figures.jsonl`. [`timing`] is how they are measured.
//!
//! - `waf`: inspecting one exchange with CRS, and loading it;
//! - `pipeline`: one decision, its record, and the share of each check;
//! - `end_to_end`: a whole request through the gate, beside the same through a bare proxy; and a reload under load.
//!
//! [`traffic`] is what is inspected, by [`inspection`] with [`rules`] around CRS. `peers/`, a workspace of its own, runs
//! the same work on other systems.

pub mod figures;
pub mod inspection;
pub mod rules;
pub mod timing;
pub mod traffic;

pub use poort_conformance::shared;
