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
}

impl TokenFault {
    /// A stable code for records, metrics and pages.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "token_too_large",
            Self::NotAToken => "token_malformed",
        }
    }
}
