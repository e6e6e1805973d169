//! Who is asking.
//!
//! Five trades, all synchronous: keys, revocation lists and the time are arguments; nothing here opens a file, a socket or
//! reads a clock.
//!
//! - [`device`]: is this certificate chain one of ours, and fit to stand for a device or a workload? [`Trust::admits`] answers
//!   the TLS handshake, [`Trust::judge`] answers once per connection and says why not.
//! - [`token`]: is this bearer token (RFC 7519) from an issuer we know, meant for us, and whom does it name?
//!   [`Issuers::verify`] answers, [`VerifiedTokens`] remembers.
//! - [`session`]: a person's session in a browser, as a sealed cookie; [`sign_in`]: how it is begun with an issuer.
//! - [`assertion`]: what the gate tells a source about who is asking: a short-lived JWT of its own, [`Assertions::mint`].
//!
//! A question that cannot be answered is a refusal with a reason; every reason has a stable code.

pub mod assertion;
pub mod device;
mod rsa;
pub mod session;
pub mod sign_in;
pub mod token;

pub use assertion::{AssertionKey, AssertionKeyFault, Assertions, MintFault, Statement, StatementKind};
pub use device::{
    AnchorFault, Anchors, Certificate, CrlAge, CrlFault, DeviceFault, Foreign, NameKind, Rejected,
    RevocationRule, Revocations, Trust, Unfit,
};
pub use session::{Purpose, Seal, Session, SessionFault, SessionId};
pub use sign_in::{Callback, Flow, Grant, Provider, SignInFault, Tokens};
pub use token::{
    Algorithm, ClaimMap, IgnoredKey, IgnoredReason, IssuerFault, IssuerRules, Issuers, KeyLookup, KeySet,
    KeySetFault, Keys, Profile, Subject, SubjectKind, TokenFault, Verified, VerifiedTokens,
};
