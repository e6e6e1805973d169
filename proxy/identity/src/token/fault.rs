//! Why a token is refused.

use std::sync::Arc;

/// Why a token is refused, one variant a reason. What a variant holds of the token is cut to a bounded, printable form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Longer than [`super::Issuers::TOKEN_LIMIT_BYTES`].
    #[error("the token is larger than 16 KiB; have the issuer put less into it")]
    TooLarge,
    /// Not three base64url parts of which the first two are JSON objects.
    #[error("this is not a signed token in compact form")]
    NotAToken,
    /// A JWE (RFC 7516): only the issuer's own application could read it.
    #[error("the token is encrypted; have the issuer sign it only")]
    Encrypted,
    /// A name occurs twice in an object of the header or the claims, at any depth (RFC 8725, 2.4: readers would differ).
    #[error("the token has the same claim or header twice")]
    DuplicateClaim,
    /// `none`, unknown, not allowed to this issuer, or not what the key is for (RFC 8725, 3.1 and 3.2).
    #[error("the token is signed with an algorithm that its issuer may not use")]
    Algorithm,
    /// The header brings or points to a key: `jku`, `x5u`, `jwk` or `x5c` (RFC 8725, 3.10).
    #[error("the token brings its own key")]
    KeyInHeader,
    /// `crit` in the header: this gate understands no extension (RFC 7515, 4.1.11).
    #[error("the token demands a header extension this gate does not know")]
    Critical,
    /// `iss` is absent, or nobody we know, character by character (RFC 8725, 3.8).
    #[error("the token is from an issuer this gate does not know")]
    UnknownIssuer,
    /// The issuer's keys were fetched longer ago than the ceiling allows.
    #[error("the keys of issuer `{alias}` are stale: the issuer cannot be reached")]
    KeysStale {
        /// The issuer.
        alias: Arc<str>,
    },
    /// The issuer's keys were never fetched.
    #[error("the keys of issuer `{alias}` are not known yet: the issuer cannot be reached")]
    KeysAbsent {
        /// The issuer.
        alias: Arc<str>,
    },
    /// None of the issuer's keys has this id; without an id, not exactly one fits.
    #[error("the token is signed with a key that issuer `{alias}` does not publish")]
    UnknownKey {
        /// The issuer.
        alias: Arc<str>,
        /// The `kid` of the header.
        kid: Option<String>,
    },
    /// The signature is not by that key.
    #[error("the token's signature is wrong")]
    Signature,
    /// An ID token: it tells a client about a sign-in and gives no access (RFC 9068, 5).
    #[error("this is an ID token; send the access token")]
    IdToken,
    /// `nonce` is not the one that was sent: the token belongs to another sign-in (OpenID Connect Core, 3.1.3.7).
    #[error("the ID token belongs to another sign-in")]
    Nonce,
    /// `typ` says that this is not an access token of its issuer (RFC 8725, 3.11).
    #[error("this is not an access token: its type is another")]
    Type,
    /// `aud` does not name us (RFC 8725, 3.9).
    #[error("the token is meant for someone else")]
    Audience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is still to come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is still to come, or the sign-in behind it (`auth_time`).
    #[error("the token, or the sign-in behind it, is of the future; compare the clocks")]
    IssuedInFuture,
    /// Older than the issuer's rules allow, whatever its `exp`.
    #[error("the token is older than its issuer's tokens may be")]
    TooOld,
    /// A claim that the issuer's profile demands is absent.
    #[error("the token lacks the claim `{0}`")]
    MissingClaim(&'static str),
    /// A claim has the wrong form.
    #[error("the token's claim `{0}` is malformed")]
    BadClaim(&'static str),
    /// Entra ID left the groups out because there are too many, and they are what roles or units are made of here.
    #[error(
        "the token names no groups because there are over 200; assign app roles, or limit groups to those assigned to the application"
    )]
    GroupsOverage,
    /// Bound to a key by a method this gate does not check (`cnf` with anything but `x5t#S256`): it must not pass as a bearer token.
    #[error("the token is bound to a key in a way this gate does not check")]
    Confirmation,
    /// A client's token for itself, and the client is no service account of this issuer.
    #[error("the client is not listed among the services of its issuer")]
    UnlistedService {
        /// The client's id, if the token names one.
        client: Option<String>,
    },
}

impl TokenFault {
    /// A stable code for records, metrics and pages.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "token_too_large",
            Self::NotAToken => "token_malformed",
            Self::Encrypted => "token_encrypted",
            Self::DuplicateClaim => "token_duplicate_claim",
            Self::Algorithm => "token_algorithm",
            Self::KeyInHeader => "token_key_in_header",
            Self::Critical => "token_critical_header",
            Self::UnknownIssuer => "token_unknown_issuer",
            Self::KeysStale { .. } => "token_keys_stale",
            Self::KeysAbsent { .. } => "token_keys_absent",
            Self::UnknownKey { .. } => "token_unknown_key",
            Self::Signature => "token_signature",
            Self::IdToken => "token_is_id_token",
            Self::Nonce => "token_nonce",
            Self::Type => "token_type",
            Self::Audience => "token_audience",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::IssuedInFuture => "token_issued_in_future",
            Self::TooOld => "token_too_old",
            Self::MissingClaim(_) => "token_claim_missing",
            Self::BadClaim(_) => "token_claim_malformed",
            Self::GroupsOverage => "token_groups_overage",
            Self::Confirmation => "token_confirmation",
            Self::UnlistedService { .. } => "token_service_not_listed",
        }
    }
}
