//! An issuer and officers with tokens as an identity provider makes them.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use poort_identity::token::{Algorithm, ClaimMap, IssuerRules, Issuers, KeySet, Profile};
use serde_json::{Value, json};

/// The issuer of the zone.
pub(crate) struct Issuer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Issuer {
    /// With a key of its own.
    pub(crate) fn new() -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            random: SystemRandom::new(),
        }
    }

    /// Its public key.
    pub(crate) fn keys(&self) -> Arc<KeySet> {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let key = json!({ "kty": "EC", "crv": "P-256", "kid": "1", "alg": "ES256", "use": "sig",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) });
        Arc::new(KeySet::parse(json!({ "keys": [key] }).to_string().as_bytes()).unwrap())
    }

    /// An access token of the size that Keycloak makes them, some 1,200 bytes.
    pub(crate) fn token(&self, officer: usize) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({
            "iss": "https://sso.zone.example/realms/zone", "aud": ["poort", "account"], "sub": format!("0f9b2c34-97f5-4b53-9d2c-{officer:012}"),
            "typ": "Bearer", "azp": "tablet", "sid": "2c1f3ab1-9fd4-4d1b-8d6c-0f4f2ad3be11", "jti": format!("onrtac:{officer:032}"),
            "iat": now, "exp": now + 3600, "auth_time": now - 60, "acr": "phrh", "allowed-origins": ["https://portal.zone.example"],
            "realm_access": { "roles": ["offline_access", "uma_authorization", "default-roles-zone", "officer"] },
            "resource_access": { "account": { "roles": ["manage-account", "manage-account-links", "view-profile"] } },
            "units": ["team-a"], "scope": "openid profile email", "email_verified": true, "name": "Jan Peeters",
            "preferred_username": "jan.peeters", "given_name": "Jan", "family_name": "Peeters", "email": "jan.peeters@zone.example",
        });
        self.sign(&json!({ "alg": "ES256", "typ": "JWT", "kid": "1" }), &claims)
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = self.key.sign(&self.random, message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// What the gate believes of that issuer.
pub(crate) fn believed() -> Issuers {
    let same =
        |values: &[&str]| values.iter().map(|value| ((*value).to_owned(), (*value).to_owned())).collect();
    let rules = IssuerRules {
        alias: "zone".to_owned(),
        issuer: "https://sso.zone.example/realms/zone".to_owned(),
        audiences: vec!["poort".to_owned()],
        algorithms: vec![Algorithm::Es256],
        profile: Profile::Keycloak,
        roles: ClaimMap { claim: "realm_access.roles".to_owned(), grants: same(&["officer", "supervisor"]) },
        units: ClaimMap { claim: "units".to_owned(), grants: same(&["team-a", "team-b"]) },
        services: vec![],
        leeway: Duration::from_secs(30),
        max_age: None,
    };
    Issuers::new(vec![rules]).unwrap()
}
