//! The keys of an issuer (RFC 7517).

use std::sync::Arc;

/// A parsed JWK Set: an issuer's keys for verifying signatures.
#[derive(Debug)]
pub struct KeySet {
    generation: u64,
}

impl KeySet {
    /// Largest JWK Set that is read, in bytes.
    pub const LIMIT_BYTES: usize = 64 * 1024;
    /// Most keys a set may hold.
    pub const LIMIT_KEYS: usize = 64;

    /// Reads a JWK Set.
    ///
    /// # Errors
    /// [`KeySetFault`] when the set cannot be trusted as a whole, or holds no key that verifies signatures.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetFault> {
        if json.len() > Self::LIMIT_BYTES {
            return Err(KeySetFault::TooLarge);
        }
        Err(KeySetFault::Malformed)
    }

    /// A number made of the set's content: equal for equal documents, different otherwise. What a verified token is tied to.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

/// Where the current keys of an issuer come from: the gate fetches them, this crate asks.
pub trait KeyLookup {
    /// The keys of the issuer with this alias. Asked on every request: it must not wait.
    fn keys(&self, alias: &str) -> Keys;
}

/// The state of an issuer's keys.
#[derive(Debug, Clone)]
pub enum Keys {
    /// Current.
    Fresh(Arc<KeySet>),
    /// Fetched longer ago than the ceiling allows.
    Stale,
    /// Never fetched.
    Absent,
}

/// Why a JWK Set is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetFault {
    /// Larger than [`KeySet::LIMIT_BYTES`].
    #[error("key set is larger than {} bytes", KeySet::LIMIT_BYTES)]
    TooLarge,
    /// Not a JWK Set in JSON.
    #[error("key set is not a JWK Set (RFC 7517): an object with an array `keys`")]
    Malformed,
}
