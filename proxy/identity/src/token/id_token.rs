//! ID tokens and logout tokens: what an issuer tells the gate as its client, which gives access to nothing by itself.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::claims::{self, Claims, identifier, required, says, texts};
use super::issuers::{Issuer, Issuers};
use super::jws::Jws;
use super::{KeyLookup, Subject, SubjectKind, TokenFault, profile, subject};

/// What a token for the gate as a client must agree with.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The issuer that was asked, by its alias.
    pub alias: &'a str,
    /// The gate's client id there.
    pub client: &'a str,
    /// The `nonce` that was sent; none after a refresh (OpenID Connect Core, 12.2).
    pub nonce: Option<&'a str>,
}

/// Who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdToken {
    /// The person, with roles and units that this issuer may assert.
    pub subject: Subject,
    /// The issuer's own name for the sign-in (`sid`), which a logout token may name.
    pub sid: Option<String>,
}

/// Who signed out at the issuer (OpenID Connect Back-Channel Logout 1.0, 2.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutToken {
    /// The issuer's alias.
    pub issuer: Arc<str>,
    /// The person, as [`Subject::id`].
    pub subject: Option<String>,
    /// The issuer's own name for one sign-in; without it all of the person's are meant.
    pub sid: Option<String>,
    /// Names this token: each is obeyed once.
    pub id: String,
    /// Until when it could be sent again.
    pub expires: SystemTime,
}

const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

impl Issuers {
    /// Verifies an ID token at `now` (OpenID Connect Core, 3.1.3.7).
    ///
    /// # Errors
    /// [`TokenFault`], the first reason found.
    pub fn verify_id_token(
        &self,
        token: &[u8],
        expected: Expected<'_>,
        keys: &dyn KeyLookup,
        now: SystemTime,
    ) -> Result<IdToken, TokenFault> {
        let (issuer, claims) = self.for_client(token, expected, keys, &["JWT"])?;
        // Keycloak says in a claim what a token is; other products' tokens have no such claim.
        if claims.get("typ").is_some_and(|typ| typ != "ID") || claims.contains_key("events") {
            return Err(TokenFault::Type);
        }
        if expected.nonce.is_some_and(|nonce| !says(&claims, "nonce", nonce)) {
            return Err(TokenFault::Nonce);
        }
        let expires = subject::check_time(issuer, &claims, now)?;
        required(claims.get("iat"), "iat")?;
        if issuer.roles.is_left_out(&claims) || issuer.units.is_left_out(&claims) {
            return Err(TokenFault::GroupsOverage);
        }
        let sub = required(identifier(&claims, "sub")?, "sub")?;
        let mut dropped = Vec::new();
        let subject = Subject {
            id: format!("{}|{sub}", issuer.alias),
            kind: SubjectKind::User,
            issuer: Arc::clone(&issuer.alias),
            roles: issuer.roles.apply(&claims, &mut dropped)?,
            units: issuer.units.apply(&claims, &mut dropped)?,
            acr: identifier(&claims, "acr")?,
            amr: profile::methods(issuer.profile, &claims)?,
            auth_time: claims::auth_time(&claims)?,
            issued: claims::seconds(&claims, "iat")?,
            expires,
            token_id: identifier(&claims, "jti")?,
            client: Some(expected.client.to_owned()),
            actor: None,
            display: claims::display(&claims, &["preferred_username", "upn", "unique_name", "name"]),
            dropped,
            certificate: None,
            generation: 0,
        };
        Ok(IdToken { subject, sid: identifier(&claims, "sid")? })
    }

    /// Verifies a logout token at `now` (Back-Channel Logout 1.0, 2.6). That its id was not seen before is for the caller to see to.
    ///
    /// # Errors
    /// [`TokenFault`], the first reason found.
    pub fn verify_logout_token(
        &self,
        token: &[u8],
        expected: Expected<'_>,
        keys: &dyn KeyLookup,
        now: SystemTime,
    ) -> Result<LogoutToken, TokenFault> {
        let (issuer, claims) = self.for_client(token, expected, keys, &["logout+jwt", "JWT"])?;
        let event = claims.get("events").and_then(Value::as_object).and_then(|events| events.get(LOGOUT));
        if !event.is_some_and(Value::is_object) {
            return Err(TokenFault::Type);
        }
        // 2.4: so that no ID token passes for one.
        if claims.contains_key("nonce") {
            return Err(TokenFault::IdToken);
        }
        let expires = subject::check_time(issuer, &claims, now)?;
        required(claims.get("iat"), "iat")?;
        let (sub, sid) = (identifier(&claims, "sub")?, identifier(&claims, "sid")?);
        if sub.is_none() && sid.is_none() {
            return Err(TokenFault::MissingClaim("sub"));
        }
        Ok(LogoutToken {
            issuer: Arc::clone(&issuer.alias),
            subject: sub.map(|sub| format!("{}|{sub}", issuer.alias)),
            sid,
            id: required(identifier(&claims, "jti")?, "jti")?,
            expires,
        })
    }

    /// The claims of a token whose signature, issuer, type and audience are right.
    fn for_client(
        &self,
        token: &[u8],
        expected: Expected<'_>,
        keys: &dyn KeyLookup,
        types: &[&str],
    ) -> Result<(&Issuer, Claims), TokenFault> {
        let jws = Jws::read(token, Self::TOKEN_LIMIT_BYTES)?;
        let claims = jws.claims()?;
        let issuer = self.named(&claims).filter(|issuer| &*issuer.alias == expected.alias);
        let issuer = issuer.ok_or(TokenFault::UnknownIssuer)?;
        issuer.verify_signature(&jws, keys)?;
        // RFC 8725, 3.11. OpenID Connect does not demand a type of ID tokens.
        let typ = jws.header.typ.as_deref();
        if typ.is_some() && !types.iter().any(|wanted| profile::is_media_type(typ, wanted)) {
            return Err(TokenFault::Type);
        }
        check_client(&claims, expected.client)?;
        Ok((issuer, claims))
    }
}

/// Core, 3.1.3.7, 3 to 5: it is for this client, and of several that it is for, issued to this one.
fn check_client(claims: &Claims, client: &str) -> Result<(), TokenFault> {
    let audience = texts(Some(required(claims.get("aud"), "aud")?), "aud")?;
    let party = identifier(claims, "azp")?;
    let issued_to_us = party.as_deref().map_or(audience.len() == 1, |party| party == client);
    if audience.contains(&client) && issued_to_us { Ok(()) } else { Err(TokenFault::Audience) }
}

#[cfg(test)]
mod tests {
    use super::super::test_issuer::{Book, NOW, Signer, issuers, now, rules, with};
    use super::super::{Algorithm, Profile};
    use super::*;
    use serde_json::json;

    const EXPECTED: Expected<'static> = Expected { alias: "zone", client: "gate", nonce: Some("n-1") };

    fn claims() -> Value {
        json!({
            "iss": "https://sso.zone.example", "aud": "gate", "sub": "1234", "iat": NOW - 5, "exp": NOW + 300, "nonce": "n-1",
            "sid": "s-1", "acr": "phrh", "amr": ["hwk"], "auth_time": NOW - 60, "roles": ["officer", "chief"], "units": ["team-a"],
            "preferred_username": "jan",
        })
    }

    #[test]
    fn an_id_token_says_who_signed_in() {
        let signer = Signer::new(Algorithm::Es256, "k");
        let book = Book::of("zone", &[&signer.jwk]);
        let token = signer.sign(&json!({ "alg": "ES256", "kid": "k" }), &claims());
        let read = issuers(rules(Profile::Generic))
            .verify_id_token(token.as_bytes(), EXPECTED, &book, now())
            .unwrap();
        assert_eq!((read.subject.id.as_str(), read.sid.as_deref()), ("zone|1234", Some("s-1")));
        assert_eq!(read.subject.roles, ["officer".into()]);
        assert_eq!(read.subject.dropped, ["chief"], "what this issuer may not say is dropped");
        assert_eq!((read.subject.acr.as_deref(), read.subject.auth_time), (Some("phrh"), Some(NOW - 60)));
    }

    #[test]
    fn id_tokens_of_another_sign_in_client_or_kind_are_refused() {
        let signer = Signer::new(Algorithm::Es256, "k");
        let book = Book::of("zone", &[&signer.jwk]);
        let other = Signer::new(Algorithm::Es256, "k");
        let (header, issuers) = (json!({ "alg": "ES256", "kid": "k" }), issuers(rules(Profile::Keycloak)));
        let verify = |token: &str, expected| {
            issuers.verify_id_token(token.as_bytes(), expected, &book, now()).map(|_| ())
        };
        let typed = |typ: &str| with(header.clone(), &json!({ "typ": typ }));
        for (what, header, change, fault) in [
            ("another nonce", header.clone(), json!({ "nonce": "n-2" }), TokenFault::Nonce),
            ("no nonce", header.clone(), json!({ "nonce": null }), TokenFault::Nonce),
            ("another client", header.clone(), json!({ "aud": "portal" }), TokenFault::Audience),
            ("the gate as a source", header.clone(), json!({ "aud": "poort" }), TokenFault::Audience),
            (
                "several, issued to another",
                header.clone(),
                json!({ "aud": ["gate", "x"], "azp": "x" }),
                TokenFault::Audience,
            ),
            (
                "several, issued to nobody",
                header.clone(),
                json!({ "aud": ["gate", "x"] }),
                TokenFault::Audience,
            ),
            ("an access token", header.clone(), json!({ "typ": "Bearer" }), TokenFault::Type),
            ("an access token by its header", typed("at+jwt"), json!({}), TokenFault::Type),
            ("a logout token", typed("logout+jwt"), json!({}), TokenFault::Type),
            ("a logout token by its events", header.clone(), json!({ "events": {} }), TokenFault::Type),
            ("expired", header.clone(), json!({ "exp": NOW - 31 }), TokenFault::Expired),
            ("of the future", header.clone(), json!({ "iat": NOW + 31 }), TokenFault::IssuedInFuture),
            (
                "of a sign-in to come",
                header.clone(),
                json!({ "auth_time": NOW + 31 }),
                TokenFault::IssuedInFuture,
            ),
            ("no subject", header.clone(), json!({ "sub": null }), TokenFault::MissingClaim("sub")),
            (
                "another issuer",
                header.clone(),
                json!({ "iss": "https://sso.zone.example/" }),
                TokenFault::UnknownIssuer,
            ),
        ] {
            assert_eq!(
                verify(&signer.sign(&header, &with(claims(), &change)), EXPECTED),
                Err(fault),
                "{what}"
            );
        }
        assert_eq!(verify(&other.sign(&header, &claims()), EXPECTED), Err(TokenFault::Signature));
        let unsigned = signer.sign(&json!({ "alg": "none" }), &claims());
        assert_eq!(verify(&unsigned, EXPECTED), Err(TokenFault::Algorithm));
        let federal = Expected { alias: "federal", ..EXPECTED };
        assert_eq!(verify(&signer.sign(&header, &claims()), federal), Err(TokenFault::UnknownIssuer));
        let refreshed = signer.sign(&header, &with(claims(), &json!({ "nonce": null, "typ": "ID" })));
        assert_eq!(verify(&refreshed, Expected { nonce: None, ..EXPECTED }), Ok(()));
    }

    #[test]
    fn logout_tokens_are_told_from_every_other() {
        let signer = Signer::new(Algorithm::Es256, "k");
        let book = Book::of("zone", &[&signer.jwk]);
        let issuers = issuers(rules(Profile::Generic));
        let logout = json!({
            "iss": "https://sso.zone.example", "aud": ["gate"], "sub": "1234", "sid": "s-1", "iat": NOW, "exp": NOW + 120, "jti": "l-1",
            "events": { LOGOUT: {} },
        });
        let verify = |typ: &str, change: Value| {
            let token = signer
                .sign(&json!({ "alg": "ES256", "kid": "k", "typ": typ }), &with(logout.clone(), &change));
            issuers.verify_logout_token(token.as_bytes(), EXPECTED, &book, now())
        };
        let read = verify("logout+jwt", json!({})).unwrap();
        assert_eq!(
            (read.subject.as_deref(), read.sid.as_deref(), &*read.id),
            (Some("zone|1234"), Some("s-1"), "l-1")
        );
        for (what, change, fault) in [
            ("an ID token", json!({ "nonce": "n-1" }), TokenFault::IdToken),
            ("no event", json!({ "events": null }), TokenFault::Type),
            ("another event", json!({ "events": { "x": {} } }), TokenFault::Type),
            ("an event that is no object", json!({ "events": { LOGOUT: true } }), TokenFault::Type),
            ("nobody", json!({ "sub": null, "sid": null }), TokenFault::MissingClaim("sub")),
            ("no id", json!({ "jti": null }), TokenFault::MissingClaim("jti")),
            ("no end", json!({ "exp": null }), TokenFault::MissingClaim("exp")),
            ("for another client", json!({ "aud": "portal" }), TokenFault::Audience),
        ] {
            assert_eq!(verify("logout+jwt", change).map(|_| ()), Err(fault), "{what}");
        }
        assert_eq!(verify("at+jwt", json!({})).map(|_| ()), Err(TokenFault::Type));
    }
}
