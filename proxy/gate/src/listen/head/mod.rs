//! A raw look at HTTP/1 heads while they stream past.
//!
//! The HTTP library repairs or hides what has more than one reading: it drops a Content-Length beside a Transfer-Encoding, collapses
//! equal Content-Lengths, takes bare LF for a line end, escapes spaces in the target. Behind the gate stand applications that read the
//! same bytes otherwise (request smuggling). [`HeadScan`] sees the head as it was sent and notes every fault of it.

mod fault;
mod line;
mod scan;

pub use fault::{HeadFault, HeadFaults};
pub use scan::{HeadScan, Progress};
