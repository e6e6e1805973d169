//! Whom a token names.

use std::sync::Arc;
use std::time::SystemTime;

/// The person or service a verified token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `alias|sub` for a user, `alias|client` for a service: unique over all issuers.
    pub id: String,
    /// A person, or a service acting for itself.
    pub kind: SubjectKind,
    /// Alias of the issuer.
    pub issuer: Arc<str>,
    /// Roles this issuer may assert and did, sorted, each once.
    pub roles: Vec<Arc<str>>,
    /// Units this issuer may assert and did, sorted, each once.
    pub units: Vec<Arc<str>>,
    /// How strongly the user signed in, in the issuer's words (`acr`).
    pub acr: Option<String>,
    /// By which means the user signed in (`amr`; AD FS `authmethod`; Entra ID also its satisfied contexts, `acrs`).
    pub amr: Vec<String>,
    /// When the user signed in, in seconds since 1970.
    pub auth_time: Option<u64>,
    /// From when the token is not believed any more, leeway apart: `exp`, or earlier if the issuer's tokens have a maximum age.
    pub expires: SystemTime,
    /// The token's own id (`jti`; Entra ID `uti`).
    pub token_id: Option<String>,
    /// The client the token was issued to (`azp`, `client_id` or `appid`).
    pub client: Option<String>,
    /// Who acts on the subject's behalf: the outermost `act.sub` (RFC 8693, 4.1).
    pub actor: Option<String>,
    /// A name to show to people: `preferred_username`, `upn`, `unique_name` or `name`. Never an identity.
    pub display: Option<String>,
    /// Values of the role and unit claims that this issuer may not assert, at most 32 of at most 128 bytes, for the record.
    pub dropped: Vec<String>,
    /// SHA-256 of the certificate this token is bound to (`cnf.x5t#S256`, RFC 8705): the caller must refuse any other.
    pub certificate: Option<[u8; 32]>,
    /// Generation of the key set that verified it.
    pub generation: u64,
}

/// What kind of principal a [`Subject`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubjectKind {
    /// A person.
    User,
    /// A service account: a listed client that obtained a token for itself.
    Service,
}
