//! From a permit to a source and back: where it goes, what the source is told, and what of its answer reaches the client.

mod body_hash;
mod identity;
mod pool;
mod request;
mod response;
mod trace;
mod upgrade;

pub(crate) use identity::header_value;
pub(crate) use request::source_path;

pub use body_hash::BodyHash;
pub use pool::{Health, Pool, PoolFault, UpstreamSettings, UpstreamTls};
pub use request::{Outbound, prepare_request};
pub use response::{Inbound, prepare_response};
pub use upgrade::AnswerHold;
