//! Bearer tokens: JWTs (RFC 7519) of several issuers, after the best practices of RFC 8725.
//!
//! A token is split and read strictly (`jws`, `json`), its issuer is found by its exact `iss`, its signature is verified with
//! a key of that issuer ([`KeySet`]) and an algorithm which that issuer may use, and only then are its claims believed
//! and mapped to roles and units that this issuer may assert.

mod algorithm;
mod cache;
mod claims;
mod dispatch;
mod fault;
mod id_token;
mod issuers;
mod json;
mod jwk;
mod jws;
mod keyset;
mod mapping;
mod profile;
mod subject;
#[cfg(test)]
mod test_issuer;
#[cfg(test)]
mod tests;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use cache::{Verified, VerifiedTokens, name_of_signed};
pub use dispatch::DispatchLink;
pub use fault::TokenFault;
pub use id_token::{Expected, IdToken, LogoutToken};
pub use issuers::{ClaimMap, IssuerFault, IssuerRules, Issuers, Profile};
pub use keyset::{IgnoredKey, IgnoredReason, KeyLookup, KeySet, KeySetFault, Keys};
pub use subject::{Subject, SubjectKind};
