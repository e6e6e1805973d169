//! Links from a dispatch centre: what an intervention is about, signed, so that nobody types it twice. They give access to nothing.

use std::time::{Duration, SystemTime};

use super::claims::{identifier, required, seconds, texts};
use super::jws::Jws;
use super::{Issuers, KeyLookup, TokenFault, profile, subject};

/// What a dispatch centre says of an intervention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DispatchLink {
    /// The name of the purpose. Whether there is one of this name is not looked at.
    pub purpose: String,
    /// The case number.
    pub case: Option<String>,
    /// Names this link: each is used once.
    pub id: String,
    /// Until when it could be shown again.
    pub expires: SystemTime,
}

impl DispatchLink {
    /// Longest time from `iat` to `exp`: a link is for the intervention that begins now.
    pub const LIFETIME_LIMIT: Duration = Duration::from_secs(3600);
    /// What its header says that it is (RFC 8725, 3.11): no other token of that signer passes for one.
    pub const TYPE: &str = "poort-dispatch+jwt";
    /// Largest link that is read, in bytes.
    pub const LIMIT_BYTES: usize = 4 * 1024;
}

impl Issuers {
    /// Verifies a dispatch link for `audience`, the sign-in host's origin, at `now`. That its id was not seen before is for the caller to see to.
    ///
    /// # Errors
    /// [`TokenFault`], the first reason found.
    pub fn verify_dispatch_link(
        &self,
        link: &[u8],
        audience: &str,
        keys: &dyn KeyLookup,
        now: SystemTime,
    ) -> Result<DispatchLink, TokenFault> {
        let jws = Jws::read(link, DispatchLink::LIMIT_BYTES)?;
        let claims = jws.claims()?;
        let issuer = self.named(&claims).ok_or(TokenFault::UnknownIssuer)?;
        issuer.verify_signature(&jws, keys)?;
        if !profile::is_media_type(jws.header.typ.as_deref(), DispatchLink::TYPE) {
            return Err(TokenFault::Type);
        }
        let audiences = texts(Some(required(claims.get("aud"), "aud")?), "aud")?;
        if audiences != [audience] {
            return Err(TokenFault::Audience);
        }
        let expires = subject::check_time(issuer, &claims, now)?;
        let issued = required(seconds(&claims, "iat")?, "iat")?;
        let until = required(seconds(&claims, "exp")?, "exp")?;
        if until.saturating_sub(issued) > DispatchLink::LIFETIME_LIMIT.as_secs() {
            return Err(TokenFault::TooOld);
        }
        Ok(DispatchLink {
            purpose: required(identifier(&claims, "purpose")?, "purpose")?,
            case: identifier(&claims, "case")?,
            id: required(identifier(&claims, "jti")?, "jti")?,
            expires,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_issuer::{Book, NOW, Signer, issuers, now, rules, with};
    use super::super::{Algorithm, Profile};
    use super::*;
    use serde_json::{Value, json};

    const HERE: &str = "https://signin.zone.example";

    fn claims() -> Value {
        json!({
            "iss": "https://sso.zone.example", "aud": HERE, "iat": NOW - 5, "exp": NOW + 600, "jti": "d-1",
            "purpose": "intervention", "case": "2026/4711",
        })
    }

    #[test]
    fn a_link_says_what_an_intervention_is_about_and_everything_else_is_refused() {
        let signer = Signer::new(Algorithm::Es256, "k");
        let stranger = Signer::new(Algorithm::Es256, "k");
        let book = Book::of("zone", &[&signer.jwk]);
        let issuers = issuers(rules(Profile::Generic));
        let verify = |link: &str| issuers.verify_dispatch_link(link.as_bytes(), HERE, &book, now());
        let header = |typ: Value| with(json!({ "alg": "ES256", "kid": "k", "typ": typ }), &json!({}));
        let typed = header(DispatchLink::TYPE.into());
        let read = verify(&signer.sign(&typed, &claims())).unwrap();
        assert_eq!((read.purpose.as_str(), read.case.as_deref()), ("intervention", Some("2026/4711")));
        assert_eq!(read.id, "d-1");
        let change = |change: Value| signer.sign(&typed, &with(claims(), &change));
        for (name, link, fault) in [
            ("of another signer", stranger.sign(&typed, &claims()), TokenFault::Signature),
            ("an access token", signer.sign(&header("at+jwt".into()), &claims()), TokenFault::Type),
            ("of no type", signer.sign(&json!({ "alg": "ES256", "kid": "k" }), &claims()), TokenFault::Type),
            (
                "of another issuer",
                change(json!({ "iss": "https://evil.example" })),
                TokenFault::UnknownIssuer,
            ),
            ("for another host", change(json!({ "aud": "https://persons.example" })), TokenFault::Audience),
            (
                "for several hosts",
                change(json!({ "aud": [HERE, "https://x.example"] })),
                TokenFault::Audience,
            ),
            ("for nobody", change(json!({ "aud": null })), TokenFault::MissingClaim("aud")),
            ("expired", change(json!({ "iat": NOW - 700, "exp": NOW - 100 })), TokenFault::Expired),
            (
                "of tomorrow",
                change(json!({ "iat": NOW + 600, "exp": NOW + 900 })),
                TokenFault::IssuedInFuture,
            ),
            ("good for a day", change(json!({ "exp": NOW + 86_400 })), TokenFault::TooOld),
            ("for ever", change(json!({ "exp": null })), TokenFault::MissingClaim("exp")),
            ("without an id", change(json!({ "jti": null })), TokenFault::MissingClaim("jti")),
            ("without a purpose", change(json!({ "purpose": null })), TokenFault::MissingClaim("purpose")),
            ("a purpose that is no text", change(json!({ "purpose": 5 })), TokenFault::BadClaim("purpose")),
            ("no link at all", "patrol".to_owned(), TokenFault::NotAToken),
            ("too long", "a".repeat(DispatchLink::LIMIT_BYTES + 1), TokenFault::TooLarge),
        ] {
            assert_eq!(verify(&link), Err(fault), "{name}");
        }
    }
}
