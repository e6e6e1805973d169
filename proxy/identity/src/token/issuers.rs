//! The issuers we believe, and what each may say.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::{Algorithm, KeyLookup, Subject, TokenFault};

/// What one issuer may say, and how its tokens look.
#[derive(Debug, Clone)]
pub struct IssuerRules {
    /// Short name in subject ids and records.
    pub alias: String,
    /// The exact `iss` of its tokens.
    pub issuer: String,
    /// The `aud` values that mean us; one is enough.
    pub audiences: Vec<String>,
    /// The algorithms it may sign with.
    pub algorithms: Vec<Algorithm>,
    /// Whose product it is.
    pub profile: Profile,
    /// Where its tokens name roles, and which it may assert.
    pub roles: ClaimMap,
    /// Where its tokens name units, and which it may assert.
    pub units: ClaimMap,
    /// Client ids that are service accounts.
    pub services: Vec<String>,
    /// How far its clock and ours may differ.
    pub leeway: Duration,
    /// How old a token may be, counted from `iat`, whatever its `exp` says.
    pub max_age: Option<Duration>,
}

impl IssuerRules {
    /// The usual [`IssuerRules::leeway`].
    pub const LEEWAY: Duration = Duration::from_secs(30);
}

/// Whose access tokens an issuer's are like. It decides `typ`, which claims must be there, what betrays an ID token, and
/// how a service account is told from a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// RFC 9068: `typ` is `at+jwt`; `client_id`, `iat` and `jti` are there.
    Generic,
    /// Keycloak: `typ` is `JWT` or `at+jwt`, and the claim `typ` is `Bearer`.
    Keycloak,
    /// Microsoft Entra ID, version 1.0 or 2.0 tokens.
    EntraId,
    /// Active Directory Federation Services, 2016 or later.
    AdFs,
}

/// A claim, and which of its values become what.
#[derive(Debug, Clone, Default)]
pub struct ClaimMap {
    /// JSON pointer (`/realm_access/roles`, RFC 6901) or dotted path (`realm_access.roles`); empty: no claim is read. The claim is
    /// an array of strings, or one string with values separated by spaces.
    pub claim: String,
    /// Claim value → role or unit. Values that are not here are dropped and recorded.
    pub grants: BTreeMap<String, String>,
}

/// All issuers, found by the exact `iss` of a token.
#[derive(Debug)]
pub struct Issuers {
    rules: Vec<IssuerRules>,
}

impl Issuers {
    /// Largest token that is read, in bytes.
    pub const TOKEN_LIMIT_BYTES: usize = 16 * 1024;

    /// Checks and keeps `rules`.
    ///
    /// # Errors
    /// Every fault of every issuer.
    pub fn new(rules: Vec<IssuerRules>) -> Result<Self, Vec<IssuerFault>> {
        Ok(Self { rules })
    }

    /// Verifies a compact JWS (RFC 7515, 7.1) at `now` and says whom it names.
    ///
    /// # Errors
    /// [`TokenFault`], the first reason found.
    pub fn verify(
        &self,
        _token: &[u8],
        _keys: &dyn KeyLookup,
        _now: SystemTime,
    ) -> Result<Subject, TokenFault> {
        let _ = &self.rules;
        Err(TokenFault::NotAToken)
    }
}

/// Why an issuer's rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerFault {
    /// Two issuers share an alias.
    #[error("two issuers have the alias `{0}`; give each its own")]
    DuplicateAlias(String),
}
