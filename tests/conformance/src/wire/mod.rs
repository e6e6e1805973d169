//! Requests as bytes: as go-ftw writes them, and as a server reads them. Of CRS 4.28's tests go-ftw 2.5 makes the same bytes.

mod read;
mod url;
mod write;

pub use read::{Arrival, Received};

/// A request as a test describes it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The target, as it goes on the request line.
    pub uri: String,
    /// Such as `HTTP/1.1`.
    pub version: String,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body before it is completed.
    pub data: Vec<u8>,
    /// Whether `Content-Type`, `Connection` and `Content-Length` are added where they are not there, and a form encoded.
    pub completes_headers: bool,
    /// The whole request, when the test gives it so; then nothing else counts.
    pub raw: Option<Vec<u8>>,
}
