//! How access tokens of each product look, and how they differ from its other tokens.

use serde_json::Value;

use super::claims::{self, Claims, identifier, required, says};
use super::{Profile, TokenFault};

/// Claims that only ID tokens have: a client's `nonce`, and hashes of what was issued beside them (OpenID Connect Core, 3.1.3.6 and 3.3.2.11).
const ID_TOKEN_HASHES: [&str; 3] = ["at_hash", "c_hash", "s_hash"];

/// Is this an access token of that product (RFC 8725, 3.11 and 3.12)?
pub(super) fn check_type(profile: Profile, typ: Option<&str>, claims: &Claims) -> Result<(), TokenFault> {
    if ID_TOKEN_HASHES.iter().any(|name| claims.contains_key(*name)) {
        return Err(TokenFault::IdToken);
    }
    match profile {
        Profile::Keycloak => check_keycloak(typ, claims),
        _ if claims.contains_key("nonce") || says(claims, "typ", "ID") => Err(TokenFault::IdToken),
        Profile::Generic if is_media_type(typ, "at+jwt") => Ok(()),
        Profile::AdFs if is_media_type(typ, "JWT") => Ok(()),
        Profile::EntraId if is_media_type(typ, "JWT") => check_entra_id(claims),
        _ => Err(TokenFault::Type),
    }
}

/// Keycloak writes into the claim `typ` what a token is: `Bearer`, `ID`, `Refresh`, `Offline`, `Logout`, `DPoP`. Its access tokens had
/// a `nonce` too, until version 24.
fn check_keycloak(typ: Option<&str>, claims: &Claims) -> Result<(), TokenFault> {
    match claims.get("typ").and_then(Value::as_str) {
        Some("ID") => Err(TokenFault::IdToken),
        Some("Bearer") if is_media_type(typ, "JWT") || is_media_type(typ, "at+jwt") => Ok(()),
        _ => Err(TokenFault::Type),
    }
}

/// Entra ID's ID tokens have the same `typ` and issuer; but only access tokens say what they give access to: `scp` with a user, `roles`
/// or `idtyp` without.
fn check_entra_id(claims: &Claims) -> Result<(), TokenFault> {
    let access = claims.contains_key("scp") || claims.contains_key("roles") || says(claims, "idtyp", "app");
    let client = claims.contains_key("azp") || claims.contains_key("appid");
    if access && client { Ok(()) } else { Err(TokenFault::IdToken) }
}

/// RFC 7515, 4.1.9: media types know no case, and `application/` may be left out.
pub(super) fn is_media_type(typ: Option<&str>, wanted: &str) -> bool {
    const PREFIX: &str = "application/";
    let Some(typ) = typ else { return false };
    let short = match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => typ,
    };
    short.eq_ignore_ascii_case(wanted)
}

/// The client that the token was issued to.
pub(super) fn client(profile: Profile, claims: &Claims) -> Result<Option<String>, TokenFault> {
    let names: [&'static str; 2] = match profile {
        Profile::Generic => ["client_id", "azp"],
        Profile::Keycloak => ["azp", "client_id"],
        Profile::EntraId => ["azp", "appid"],
        Profile::AdFs => ["appid", "client_id"],
    };
    for name in names {
        if let Some(client) = identifier(claims, name)? {
            return Ok(Some(client));
        }
    }
    match profile {
        // RFC 9068, 2.2.
        Profile::Generic => Err(TokenFault::MissingClaim("client_id")),
        Profile::EntraId => Err(TokenFault::MissingClaim("azp")),
        Profile::AdFs => Err(TokenFault::MissingClaim("appid")),
        Profile::Keycloak => Ok(None),
    }
}

/// `sub`, and whether the token speaks for its client alone, not for a person.
///
/// SECURITY: a client that is listed as a service also obtains tokens for people (token exchange); those must stay people's.
pub(super) fn subject(
    profile: Profile,
    claims: &Claims,
    client: Option<&str>,
) -> Result<(Option<String>, bool), TokenFault> {
    let sub = identifier(claims, "sub")?;
    let of_client = match profile {
        // RFC 9068, 2.2: without a resource owner, `sub` stands for the client.
        Profile::Generic => sub.as_deref() == client,
        Profile::Keycloak => is_keycloak_service(claims, client)?,
        Profile::EntraId => match claims.get("idtyp") {
            Some(kind) => kind == "app",
            // Application tokens have no scopes, and the application's own object as `sub`.
            None => !claims.contains_key("scp") && sub.is_some() && sub == identifier(claims, "oid")?,
        },
        // Without a user, AD FS has nothing to make a `sub` of.
        Profile::AdFs => sub.is_none() || sub.as_deref() == client,
    };
    if sub.is_none() && !(profile == Profile::AdFs && client.is_some()) {
        return Err(TokenFault::MissingClaim("sub"));
    }
    Ok((sub, of_client))
}

/// A service account's user is named after its client, and the scope `service_account` adds the client's address.
fn is_keycloak_service(claims: &Claims, client: Option<&str>) -> Result<bool, TokenFault> {
    const PREFIX: &str = "service-account-";
    let name = claims.get("preferred_username").and_then(Value::as_str).unwrap_or_default();
    if let Some(named) = name.strip_prefix(PREFIX) {
        // SECURITY: user names are unique in a realm, so nobody else can bear the name of a service account that exists; but somebody may
        // bear one of the kind.
        return match client.is_some_and(|client| client.eq_ignore_ascii_case(named)) {
            true => Ok(true),
            false => Err(TokenFault::UnlistedService { client: client.map(claims::for_record) }),
        };
    }
    Ok(["clientHost", "clientAddress", "clientId"].iter().any(|name| claims.contains_key(*name)))
}

/// Claims that must be there besides `iss`, `aud`, `exp` and `sub`.
pub(super) fn check_required(profile: Profile, claims: &Claims) -> Result<(), TokenFault> {
    if profile == Profile::Generic {
        // RFC 9068, 2.2.
        required(claims.get("iat"), "iat")?;
        required(claims.get("jti"), "jti")?;
    }
    Ok(())
}

/// By which means the user signed in.
pub(super) fn methods(profile: Profile, claims: &Claims) -> Result<Vec<String>, TokenFault> {
    let mut methods = claims::texts(claims.get("amr"), "amr")?;
    match profile {
        Profile::AdFs => methods.extend(claims::texts(claims.get("authmethod"), "authmethod")?),
        // Conditional access: the authentication contexts that were satisfied.
        Profile::EntraId => methods.extend(claims::texts(claims.get("acrs"), "acrs")?),
        Profile::Generic | Profile::Keycloak => {}
    }
    Ok(methods.into_iter().map(str::to_owned).collect())
}

/// The token's own id.
pub(super) fn token_id(profile: Profile, claims: &Claims) -> Result<Option<String>, TokenFault> {
    match identifier(claims, "jti")? {
        None if profile == Profile::EntraId => identifier(claims, "uti"),
        id => Ok(id),
    }
}
