//! The eight checks, one a file, in the order of [`crate::pipeline::Check`]; and what two of them share.
//!
//! A check reads the exchange, adds what it found, and says whether to go on. It does not log, count or audit.

pub(crate) mod device;
pub(crate) mod flood;
pub(crate) mod policy;
pub(crate) mod protocol;
pub(crate) mod quota;
pub(crate) mod route;
mod search;
pub(crate) mod shift;
mod stated;
pub(crate) mod subject;
pub(crate) mod waf;
