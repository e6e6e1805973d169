//! Why a token is refused.

/// Why a token is refused, one variant a reason. Messages hold nothing of the token but what is named here, cut to a
/// bounded, printable form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFault {
    /// Longer than [`super::Issuers::TOKEN_LIMIT_BYTES`].
    #[error("the token is larger than 16 KiB")]
    TooLarge,
    /// Not three base64url parts of which two are JSON objects.
    #[error("this is not a signed token in compact form")]
    NotAToken,
    /// No key of the issuer has this `kid`.
    #[error("issuer `{alias}` has no key `{kid}`")]
    UnknownKey {
        /// The issuer.
        alias: String,
        /// The key id asked for.
        kid: String,
    },
    /// The issuer's keys were fetched too long ago.
    #[error("the keys of issuer `{alias}` are stale")]
    KeysStale {
        /// The issuer.
        alias: String,
    },
    /// The issuer's keys were never fetched.
    #[error("the keys of issuer `{alias}` are not known")]
    KeysAbsent {
        /// The issuer.
        alias: String,
    },
    /// Past its end.
    #[error("the token has expired")]
    Expired,
    /// Older than the issuer's tokens may become.
    #[error("the token is too old")]
    TooOld,
}

impl TokenFault {
    /// A stable code for records, metrics and pages.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "token_too_large",
            Self::NotAToken => "token_malformed",
            Self::UnknownKey { .. } => "token_key_unknown",
            Self::KeysStale { .. } => "token_keys_stale",
            Self::KeysAbsent { .. } => "token_keys_absent",
            Self::Expired => "token_expired",
            Self::TooOld => "token_too_old",
        }
    }
}
