//! Whom a token names.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::claims::{self, Claims, identifier, required, seconds};
use super::issuers::Issuer;
use super::{TokenFault, profile};

/// The person or service a verified token speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// When the token was issued (`iat`), in seconds since 1970; none for a session's cookie.
    pub issued: Option<u64>,
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

impl Subject {
    /// When the sign-in behind it was, in seconds since 1970: a token that was renewed is no newer for that. Where the issuer does not say
    /// that, when the token was issued.
    #[must_use]
    pub fn signed_in(&self) -> Option<u64> {
        self.auth_time.or(self.issued)
    }
}

/// What kind of principal a [`Subject`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SubjectKind {
    /// A person.
    User,
    /// A service account: a listed client that obtained a token for itself.
    Service,
}

/// Believes the claims of a token whose signature was verified with a key of generation `generation`.
pub(super) fn of(
    issuer: &Issuer,
    typ: Option<&str>,
    claims: &Claims,
    generation: u64,
    now: SystemTime,
) -> Result<Subject, TokenFault> {
    profile::check_type(issuer.profile, typ, claims)?;
    check_audience(issuer, claims)?;
    let expires = check_time(issuer, claims, now)?;
    profile::check_required(issuer.profile, claims)?;
    if issuer.roles.is_left_out(claims) || issuer.units.is_left_out(claims) {
        return Err(TokenFault::GroupsOverage);
    }
    let client = profile::client(issuer.profile, claims)?;
    let (id, kind) = principal(issuer, claims, client.as_deref())?;
    let mut dropped = Vec::new();
    Ok(Subject {
        id,
        kind,
        issuer: Arc::clone(&issuer.alias),
        roles: issuer.roles.apply(claims, &mut dropped)?,
        units: issuer.units.apply(claims, &mut dropped)?,
        acr: identifier(claims, "acr")?,
        amr: profile::methods(issuer.profile, claims)?,
        auth_time: claims::auth_time(claims)?,
        issued: seconds(claims, "iat")?,
        expires,
        token_id: profile::token_id(issuer.profile, claims)?,
        client,
        actor: claims::actor(claims)?,
        display: claims::display(claims, &["preferred_username", "upn", "unique_name", "name"]),
        dropped,
        certificate: claims::confirmation(claims)?,
        generation,
    })
}

fn check_audience(issuer: &Issuer, claims: &Claims) -> Result<(), TokenFault> {
    let audience = claims::texts(Some(required(claims.get("aud"), "aud")?), "aud")?;
    let ours = audience.iter().any(|named| issuer.audiences.iter().any(|ours| ours == named));
    if ours { Ok(()) } else { Err(TokenFault::Audience) }
}

/// RFC 7519, 4.1.4 to 4.1.6. Gives the time from which the token is not believed any more.
pub(super) fn check_time(
    issuer: &Issuer,
    claims: &Claims,
    now: SystemTime,
) -> Result<SystemTime, TokenFault> {
    // A clock before 1970 makes every token one of the future.
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let earliest = now.saturating_sub(issuer.leeway);
    let latest = now.saturating_add(issuer.leeway);
    let expires = required(seconds(claims, "exp")?, "exp")?;
    if expires <= earliest {
        return Err(TokenFault::Expired);
    }
    if seconds(claims, "nbf")?.is_some_and(|begins| begins > latest) {
        return Err(TokenFault::NotYetValid);
    }
    let issued = seconds(claims, "iat")?;
    if issued.is_some_and(|issued| issued > latest) {
        return Err(TokenFault::IssuedInFuture);
    }
    // SECURITY: a sign-in that is still to come would be recent for ever, and newer than whatever ended its person's access.
    if claims::auth_time(claims)?.is_some_and(|signed_in| signed_in > latest) {
        return Err(TokenFault::IssuedInFuture);
    }
    let Some(max_age) = issuer.max_age else { return Ok(claims::time(expires)) };
    let too_old = required(issued, "iat")?.saturating_add(max_age);
    if too_old <= earliest {
        return Err(TokenFault::TooOld);
    }
    Ok(claims::time(expires.min(too_old)))
}

/// A person by `sub`; a service by its client id, which is what policies are written with.
fn principal(
    issuer: &Issuer,
    claims: &Claims,
    client: Option<&str>,
) -> Result<(String, SubjectKind), TokenFault> {
    let (sub, of_client) = profile::subject(issuer.profile, claims, client)?;
    let alias = &issuer.alias;
    match (of_client, client, sub) {
        (true, Some(client), _) if issuer.services.contains(client) => {
            Ok((format!("{alias}|{client}"), SubjectKind::Service))
        }
        (false, _, Some(sub)) => Ok((format!("{alias}|{sub}"), SubjectKind::User)),
        (_, _, None) => Err(TokenFault::MissingClaim("sub")),
        (true, client, Some(_)) => {
            Err(TokenFault::UnlistedService { client: client.map(claims::for_record) })
        }
    }
}
