//! The record as a whole, on real files.

mod failure;
mod group_commit;
pub(super) mod material;
mod reading_back;
mod spill;
