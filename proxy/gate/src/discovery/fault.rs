//! Why what an issuer says of itself is not believed.

/// Why what an issuer says of itself was not to be had, or is not believed, one variant a reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryFault {
    /// Nobody answered.
    #[error("`{at}` does not answer: {cause}")]
    Unreachable {
        /// The document's address.
        at: String,
        /// What went wrong, down to its root.
        cause: String,
    },
    /// Something else than a document.
    #[error(
        "the answer of `{at}` was {status}, not 200; check `issuer`, or name the addresses and `keys` instead"
    )]
    Status {
        /// The document's address.
        at: String,
        /// The status.
        status: u16,
    },
    /// A redirect: whoever follows one believes whoever it leads to.
    #[error("`{at}` leads elsewhere, and is not followed; `issuer` has to be the address itself")]
    Redirect {
        /// The document's address.
        at: String,
    },
    /// A document without an end.
    #[error("the document at `{at}` is larger than {limit} bytes")]
    Large {
        /// The document's address.
        at: String,
        /// How large it may be.
        limit: usize,
    },
    /// No JSON, or not of that shape.
    #[error("this is no document of an issuer: {0}")]
    Garbage(String),
    /// The document is somebody else's (OpenID Connect Discovery 1.0, 4.3; RFC 8414, 3.3).
    #[error(
        "`issuer`: the document is of `{said}`, and `{wanted}` was asked; both must be equal to the letter"
    )]
    AnotherIssuer {
        /// Whose it is.
        said: String,
        /// Whose it had to be.
        wanted: String,
    },
    /// An address that the gate or a browser must not be sent to.
    #[error("`{member}`: {cause}")]
    Address {
        /// The document's member.
        member: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// An address inside: an issuer outside would make the gate ask in places that are not its own.
    #[error(
        "`{member}`: `{origin}` is not public; if it is this issuer's, name it: `discovery: {{ origins: [\"{origin}\"] }}`"
    )]
    Private {
        /// The document's member.
        member: &'static str,
        /// Scheme, host and port.
        origin: String,
    },
    /// It does not do what signing in needs.
    #[error("`{member}` has no `{wanted}`, without which nobody is signed in here")]
    Lacks {
        /// The document's member.
        member: &'static str,
        /// What it does not name.
        wanted: &'static str,
    },
}

impl DiscoveryFault {
    /// A stable code for the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Status { .. } => "status",
            Self::Redirect { .. } => "redirect",
            Self::Large { .. } => "too_large",
            Self::Garbage(_) => "garbage",
            Self::AnotherIssuer { .. } => "another_issuer",
            Self::Address { .. } => "address",
            Self::Private { .. } => "private_address",
            Self::Lacks { .. } => "lacks",
        }
    }
}
