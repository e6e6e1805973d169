//! Why a sign-in fails.

use crate::token::TokenFault;

/// Why a sign-in fails, one variant a reason. What a variant holds of a request is cut to a bounded, printable form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInFault {
    /// A parameter occurs twice (RFC 6749, 3.1).
    #[error("a parameter of the answer occurs twice")]
    Repeated,
    /// No `state`, or none that is waited for: made up, used before, or too old.
    #[error("this sign-in is not waited for: it was finished before, or took too long")]
    State,
    /// Not the browser that began it: somebody else's answer (login CSRF; RFC 9700, 4.7).
    #[error("this sign-in was begun in another browser")]
    Browser,
    /// Not the device that began it.
    #[error("this sign-in was begun on another device")]
    Device,
    /// `iss` names another issuer (RFC 9207, 2.4: mix-up), or the answer came to another issuer's address.
    #[error("the answer is from another issuer than was asked")]
    Issuer,
    /// This issuer says `iss`, and this answer does not.
    #[error("the answer does not say which issuer it is from")]
    IssuerMissing,
    /// The issuer says no.
    #[error("the issuer refused: `{0}`")]
    Refused(String),
    /// Neither a code nor an error.
    #[error("the answer holds no code")]
    NoCode,
    /// The issuer's token endpoint did not answer.
    #[error("the issuer cannot be reached: {0}")]
    Unreachable(String),
    /// The issuer has not yet said where it is, or what it said was not accepted.
    #[error("where the issuer signs people in is not known: what it says of itself was not to be had")]
    Undiscovered,
    /// The issuer takes none of the proofs that this gate has.
    #[error("the issuer takes no proof that this gate has of being its client")]
    ClientProof,
    /// The issuer's token endpoint answered what is no token response (RFC 6749, 5.1).
    #[error("the issuer's answer cannot be read")]
    Response,
    /// The ID token is not believed.
    #[error("{0}")]
    Token(#[from] TokenFault),
    /// The issuer confirmed somebody else than who signed in (OpenID Connect Core, 12.2).
    #[error("the issuer names another person than before")]
    Subject,
    /// Access was taken from this person until it is given back.
    #[error("this person's access was blocked")]
    Blocked,
    /// The issuer goes by a sign-in from before this person's access was ended.
    #[error("this sign-in is from before the person's access was ended")]
    Ended,
    /// Nothing more can be kept.
    #[error("too many people are signing in at once")]
    Full,
    /// What keeps sessions does not answer.
    #[error("what keeps sessions does not answer")]
    Unkept,
    /// The gate itself failed.
    #[error("the gate failed")]
    Internal,
}

impl SignInFault {
    /// Whether the issuer says that what was exchanged is void (RFC 6749, 5.2): used, expired or revoked.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        matches!(self, Self::Refused(error) if error == "invalid_grant")
    }

    /// A stable code for records, metrics and pages.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Repeated => "sign_in_parameter_repeated",
            Self::State => "sign_in_state",
            Self::Browser => "sign_in_of_another_browser",
            Self::Device => "sign_in_of_another_device",
            Self::Issuer => "sign_in_issuer",
            Self::IssuerMissing => "sign_in_issuer_missing",
            Self::Refused(_) => "sign_in_refused",
            Self::NoCode => "sign_in_no_code",
            Self::Unreachable(_) => "sign_in_issuer_unreachable",
            Self::Undiscovered => "sign_in_issuer_undiscovered",
            Self::ClientProof => "sign_in_client_proof",
            Self::Response => "sign_in_response",
            Self::Token(fault) => fault.code(),
            Self::Subject => "sign_in_of_another_person",
            Self::Blocked => "sign_in_blocked",
            Self::Ended => "sign_in_ended",
            Self::Full => "sign_in_full",
            Self::Unkept => "sign_in_state_unreachable",
            Self::Internal => "internal",
        }
    }
}
