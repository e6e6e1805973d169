//! Exchanges to inspect: six examples with goals, CRS's own tests, and what ordinary applications send.

mod examples;
mod ordinary;
mod regression;

pub use examples::{EXAMPLES, examples};
pub use ordinary::ordinary;
pub use regression::regression;

/// Header fields in order, names as sent.
pub type Fields = Vec<(String, Vec<u8>)>;

/// A request and its response.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What it is called in a figure.
    pub name: String,
    /// `GET`, `POST` and so on.
    pub method: String,
    /// As in the request line; bytes outside ASCII occur in CRS's tests.
    pub target: Vec<u8>,
    /// Such as `HTTP/1.1`.
    pub protocol: String,
    /// Of the request.
    pub fields: Fields,
    /// Of the request.
    pub body: Vec<u8>,
    /// What comes back.
    pub response: Response,
}

/// What an application answers.
#[derive(Clone, Debug)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// Of the response.
    pub fields: Fields,
    /// Of the response.
    pub body: Vec<u8>,
}

impl Response {
    /// A short page.
    fn page() -> Self {
        let body = b"<!DOCTYPE html><html><body><p>Saved.</p></body></html>".to_vec();
        Self { status: 200, fields: typed("text/html; charset=utf-8", &body), body }
    }
}

/// The fields that describe a body.
fn typed(kind: &str, body: &[u8]) -> Fields {
    vec![
        ("Content-Type".to_owned(), kind.into()),
        ("Content-Length".to_owned(), body.len().to_string().into_bytes()),
    ]
}
