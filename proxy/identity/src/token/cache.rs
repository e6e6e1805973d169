//! Tokens that were verified a moment ago.

use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};

use super::{KeyLookup, Keys, Subject};

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
    pub fn find(&self, token: &[u8], keys: &dyn KeyLookup, now: SystemTime) -> Option<Arc<Verified<V>>> {
        let name = name(token);
        let verified = self.cache.get(&name)?;
        let subject = &verified.subject;
        if now >= subject.expires {
            self.cache.remove(&name);
            return None;
        }
        match keys.keys(&subject.issuer) {
            Keys::Fresh(set) if set.generation() == subject.generation => Some(verified),
            _ => None,
        }
    }

    /// Keeps what [`super::Issuers::verify`] said of `token`.
    pub fn keep(&self, token: &[u8], subject: Subject, value: V) -> Arc<Verified<V>> {
        let verified = Arc::new(Verified { subject, value });
        self.cache.insert(name(token), Arc::clone(&verified));
        verified
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

/// What is signed of a token, as it is known by where it is not to be kept.
///
/// SECURITY: without the signature. Whoever has a token signed with ECDSA can write a second signature under it that is as good (`n - s` in the
/// place of `s`), and so another token that says the same.
#[must_use]
pub fn name_of_signed(token: &[u8]) -> [u8; 32] {
    let end = token.iter().rposition(|byte| *byte == b'.').unwrap_or(token.len());
    name(token.get(..end).unwrap_or(token))
}

/// SECURITY: a cryptographic digest, not a fast one: whoever found two tokens of one name could be somebody else. And not the token itself:
/// the memory of the gate should hold no more bearer tokens than it must.
fn name(token: &[u8]) -> [u8; 32] {
    let mut name = [0; 32];
    name.iter_mut().zip(digest(&SHA256, token).as_ref()).for_each(|(to, from)| *to = *from);
    name
}
