//! How the gate proves to an issuer that it is its client.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::SystemRandom;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use zeroize::Zeroizing;

use super::flow::random;
use super::provider::{encoded, escaped};
use super::{Provider, SignInFault};
use crate::assertion::{AssertionKey, AssertionKeyFault};

/// How long such a proof is good.
const LIFETIME: Duration = Duration::from_secs(60);
/// RFC 7523, 2.2.
const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What proves that the gate is the issuer's client.
#[derive(Debug, Clone, Default)]
pub enum ClientProof {
    /// Nothing: a public client, which PKCE alone protects.
    #[default]
    None,
    /// A secret that both know (`client_secret_basic` or `client_secret_post`; RFC 6749, 2.3.1).
    Secret(Zeroizing<String>),
    /// A key of which the issuer knows the public half (`private_key_jwt`; OpenID Connect Core, 9): nothing secret is ever sent.
    Key(std::sync::Arc<ClientKey>),
}

impl ClientProof {
    /// What it is called where issuers say which they take (OpenID Connect Core, 9).
    #[must_use]
    pub const fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::None => &["none"],
            Self::Secret(_) => &["client_secret_basic", "client_secret_post"],
            Self::Key(_) => &["private_key_jwt"],
        }
    }
}

/// A P-256 key that signs who the gate is.
pub struct ClientKey(AssertionKey);

impl ClientKey {
    /// Reads a P-256 private key in PKCS#8 PEM (`BEGIN PRIVATE KEY`). Its `kid` is its RFC 7638 thumbprint.
    ///
    /// # Errors
    /// [`AssertionKeyFault`]; the message holds nothing of the key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AssertionKeyFault> {
        AssertionKey::from_pem(pem).map(Self)
    }

    /// A JWT (RFC 7523, 3) in which `client` says that it is itself, for `issuer` alone, once.
    fn assertion(&self, client: &str, issuer: &str, now: SystemTime) -> Option<String> {
        let iat = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
        let exp = iat.checked_add(LIFETIME.as_secs())?;
        let claims = Claims { iss: client, sub: client, aud: issuer, iat, exp, jti: random().ok()? };
        let header = format!(r#"{{"alg":"ES256","typ":"JWT","kid":"{}"}}"#, self.0.kid());
        let claims = serde_json::to_vec(&claims).ok()?;
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).ok()?;
        Some(format!("{message}.{signature}"))
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientKey").field(&self.0.kid()).finish()
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    jti: String,
}

/// What goes with a form to the token endpoint.
#[derive(Default)]
pub struct Proof {
    /// The Authorization header.
    pub authorization: Option<Zeroizing<String>>,
    /// What is added to the form, to be put behind a `&`.
    pub form: Option<Zeroizing<String>>,
}

impl Provider {
    /// Proves who the gate is, in a request to the token endpoint at `now`.
    ///
    /// # Errors
    /// [`SignInFault::Internal`] if nothing can be signed.
    pub fn proof(&self, now: SystemTime) -> Result<Proof, SignInFault> {
        match &self.client.proof {
            ClientProof::None => Ok(Proof::default()),
            ClientProof::Secret(secret) if self.endpoints.secret_in_form => {
                let form = encoded([("client_secret", secret.as_str())].into_iter());
                Ok(Proof { authorization: None, form: Some(form.into()) })
            }
            ClientProof::Secret(secret) => {
                let pair = Zeroizing::new(format!("{}:{}", escaped(&self.client.id), escaped(secret)));
                let header = format!("Basic {}", STANDARD.encode(pair.as_bytes()));
                Ok(Proof { authorization: Some(header.into()), form: None })
            }
            ClientProof::Key(key) => {
                let assertion =
                    key.assertion(&self.client.id, &self.client.issuer, now).ok_or(SignInFault::Internal)?;
                let pairs = [("client_assertion_type", KIND), ("client_assertion", &*assertion)];
                Ok(Proof { authorization: None, form: Some(encoded(pairs.into_iter()).into()) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_client_signs_that_it_is_itself_for_one_issuer_and_a_minute() {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let key = ClientKey::from_pem(pair.serialize_pem().as_bytes()).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000);
        let assertion = || key.assertion("poort", "https://sso.zone.example", now).unwrap();
        let signed = assertion();
        let parts: Vec<_> = signed.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        let json = |part: &[u8]| serde_json::from_slice::<Value>(part).unwrap();
        assert_eq!(json(&parts[0]), json!({ "alg": "ES256", "typ": "JWT", "kid": key.0.kid() }));
        let mut claims = json(&parts[1]);
        let jti = claims["jti"].take();
        let expected = json!({
            "iss": "poort", "sub": "poort", "aud": "https://sso.zone.example", "iat": 1_893_456_000, "exp": 1_893_456_060, "jti": null,
        });
        assert_eq!(claims, expected);
        assert!(jti.as_str().is_some_and(|jti| jti.len() >= 22));
        let (message, _) = signed.rsplit_once('.').unwrap();
        let public = aws_lc_rs::signature::UnparsedPublicKey::new(
            &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED,
            pair.public_key_raw(),
        );
        assert!(public.verify(message.as_bytes(), &parts[2]).is_ok());
        assert_ne!(signed, assertion(), "each is good once");
    }
}
