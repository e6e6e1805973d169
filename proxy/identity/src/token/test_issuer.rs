//! A small issuer for tests. It signs with another library than the one that verifies.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use rcgen::PublicKeyData;
use serde_json::{Value, json};

use super::{Algorithm, ClaimMap, IssuerRules, Issuers, KeyLookup, KeySet, Keys, Profile};

pub(super) const NOW: u64 = 1_893_456_000; // 2030-01-01

pub(super) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

/// A key pair that signs as `algorithm` says.
pub(super) struct Signer {
    key: EncodingKey,
    algorithm: jsonwebtoken::Algorithm,
    /// The public key.
    pub(super) jwk: Value,
}

impl Signer {
    pub(super) fn new(algorithm: Algorithm, kid: &str) -> Self {
        use jsonwebtoken::Algorithm as Theirs;
        let theirs: Theirs = algorithm.as_str().parse().unwrap();
        let (kind, key): (_, fn(&[u8]) -> EncodingKey) = match theirs {
            Theirs::ES256 => (&rcgen::PKCS_ECDSA_P256_SHA256, EncodingKey::from_ec_der),
            Theirs::ES384 => (&rcgen::PKCS_ECDSA_P384_SHA384, EncodingKey::from_ec_der),
            Theirs::EdDSA => (&rcgen::PKCS_ED25519, EncodingKey::from_ed_der),
            _ => (&rcgen::PKCS_RSA_SHA256, |der| {
                let pem = pem(der);
                EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
            }),
        };
        let pair = rcgen::KeyPair::generate_for(kind).unwrap();
        let jwk = jwk(algorithm, kid, pair.der_bytes());
        Self { key: key(&pair.serialize_der()), algorithm: theirs, jwk }
    }

    /// A compact JWS over exactly these bytes.
    pub(super) fn sign_raw(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }

    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_raw(&header.to_string(), &claims.to_string())
    }
}

fn pem(der: &[u8]) -> String {
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
}

fn jwk(algorithm: Algorithm, kid: &str, public: &[u8]) -> Value {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match algorithm {
        Algorithm::Es256 | Algorithm::Es384 => {
            let (x, y) = public[1..].split_at(public.len() / 2);
            let curve = if algorithm == Algorithm::Es256 { "P-256" } else { "P-384" };
            json!({ "kty": "EC", "crv": curve, "kid": kid, "x": text(x), "y": text(y) })
        }
        Algorithm::EdDsa => json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": text(public) }),
        _ => {
            use x509_parser::prelude::FromDer;
            let (_, key) = x509_parser::public_key::RSAPublicKey::from_der(public).unwrap();
            json!({ "kty": "RSA", "kid": kid, "n": text(&key.modulus[1..]), "e": text(key.exponent) })
        }
    }
}

/// The keys of every issuer, by alias.
#[derive(Default)]
pub(super) struct Book(pub(super) HashMap<String, Keys>);

impl Book {
    pub(super) fn of(alias: &str, jwks: &[&Value]) -> Self {
        let mut book = Self::default();
        book.publish(alias, jwks);
        book
    }

    pub(super) fn publish(&mut self, alias: &str, jwks: &[&Value]) {
        let set = KeySet::parse(json!({ "keys": jwks }).to_string().as_bytes()).unwrap();
        self.0.insert(alias.to_owned(), Keys::Fresh(Arc::new(set)));
    }
}

impl KeyLookup for Book {
    fn keys(&self, alias: &str) -> Keys {
        self.0.get(alias).cloned().unwrap_or(Keys::Absent)
    }
}

pub(super) fn rules(profile: Profile) -> IssuerRules {
    let grants =
        |values: &[&str]| values.iter().map(|value| (value.to_string(), value.to_string())).collect();
    IssuerRules {
        alias: "zone".to_owned(),
        issuer: "https://sso.zone.example".to_owned(),
        audiences: vec!["poort".to_owned(), "https://gate.zone.example".to_owned()],
        algorithms: vec![Algorithm::Es256, Algorithm::Ps256],
        profile,
        roles: ClaimMap { claim: "roles".to_owned(), grants: grants(&["officer", "supervisor"]) },
        units: ClaimMap { claim: "units".to_owned(), grants: grants(&["team-a"]) },
        services: vec!["search".to_owned()],
        leeway: IssuerRules::LEEWAY,
        max_age: None,
    }
}

pub(super) fn issuers(rules: IssuerRules) -> Issuers {
    Issuers::new(vec![rules]).unwrap()
}

/// What each profile's access tokens have in common, as its product writes them.
pub(super) fn claims(profile: Profile) -> Value {
    let base = json!({
        "iss": "https://sso.zone.example", "aud": "poort", "sub": "1234", "iat": NOW - 10, "exp": NOW + 300,
    });
    let own = match profile {
        Profile::Generic => json!({ "client_id": "tablet", "jti": "t-1" }),
        Profile::Keycloak => json!({
            "jti": "t-1", "typ": "Bearer", "azp": "tablet", "sid": "s", "acr": "1", "allowed-origins": ["https://a.example"],
            "realm_access": { "roles": ["offline_access", "officer"] }, "scope": "openid profile",
            "preferred_username": "jan", "name": "Jan Peeters",
        }),
        Profile::EntraId => json!({
            "aio": "x", "azp": "tablet", "azpacr": "1", "name": "Jan Peeters", "oid": "o", "preferred_username": "jan@zone.example",
            "rh": "x", "scp": "gate.use", "tid": "t", "uti": "u-1", "ver": "2.0", "nbf": NOW - 10,
        }),
        Profile::AdFs => json!({
            "apptype": "Public", "appid": "tablet", "authmethod": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
            "auth_time": "2029-12-31T23:59:00.123Z", "ver": "1.0", "scp": "openid", "upn": "jan@zone.example",
        }),
    };
    with(base, &own)
}

pub(super) fn typ(profile: Profile) -> &'static str {
    if profile == Profile::Generic { "at+jwt" } else { "JWT" }
}

/// `claims` with those of `change` put over them; `null` takes one away.
pub(super) fn with(mut claims: Value, change: &Value) -> Value {
    let object = claims.as_object_mut().unwrap();
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    claims
}
