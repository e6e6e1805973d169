//! A small HTTP/1.1 server that keeps the bytes as they came.
//!
//! Frameworks normalise what they read and refuse to write anything malformed. Tests need to see exactly what the gate sent to a source,
//! and the gate needs to be shown exactly what a broken source sends, so both ends of the wire are in the open here.

mod connection;
mod message;
mod server;

pub use connection::Connection;
pub use message::{Head, Reply};
pub(crate) use message::{decode_component, pairs};
pub use server::{Handler, ServedOver, Server};
