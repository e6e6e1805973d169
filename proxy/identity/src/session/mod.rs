//! A person's session in a browser: what the gate's cookie says, and how it is kept from saying anything else.
//!
//! A cookie is sealed ([`Seal`]): whoever holds it can neither read nor change it. What it says ([`Session`]) is bound to one device by the
//! name in its certificate, which outlives a renewal, and to one host: a cookie that was stolen is worth nothing elsewhere.

mod cookie;
mod seal;

pub use cookie::{NoSessionId, Session, SessionFault, SessionId};
pub use seal::{Purpose, Seal, SealFault, SealKeyFault};
