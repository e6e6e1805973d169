use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::DemoError;

/// A signature algorithm of RFC 7518 or RFC 8037.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PSS with SHA-256 and 2048 bits.
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 and 2048 bits.
    Rs256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Its name in a header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// A key that signs tokens.
pub struct SigningKey {
    /// The `kid`.
    pub id: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Makes a key.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate(algorithm: Algorithm, id: &str) -> Result<Self, DemoError> {
        let pair = match algorithm {
            Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Pair::Ecdsa),
            Algorithm::Ps256 | Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
            Algorithm::EdDsa => Ed25519KeyPair::generate().map(Pair::Ed25519),
        };
        let pair = pair.map_err(|_| DemoError::Signing(algorithm.as_str()))?;
        Ok(Self { id: id.to_owned(), algorithm, pair })
    }

    /// A compact JWS (RFC 7515, 7.1) of header and claims as given.
    ///
    /// # Errors
    /// When the key refuses to sign.
    pub fn sign(&self, header: &Value, claims: &Value) -> Result<String, DemoError> {
        self.sign_bytes(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    /// As [`SigningKey::sign`], with bytes that need not be JSON or may name a member twice.
    ///
    /// # Errors
    /// As [`SigningKey::sign`].
    pub fn sign_bytes(&self, header: &[u8], claims: &[u8]) -> Result<String, DemoError> {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature =
            self.signature(message.as_bytes()).map_err(|_| DemoError::Signing(self.algorithm.as_str()))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The public half (RFC 7517), with `kid`, `use` and `alg`.
    pub fn public_jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Ecdsa(pair) => {
                // INVARIANT: an uncompressed point (SEC 1, 2.3.3): 0x04, 32 bytes x, 32 bytes y.
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": encode(point.get(1..33)), "y": encode(point.get(33..65)) })
            }
            Pair::Rsa(pair) => {
                // INVARIANT: PKCS#1 of a 2048-bit key: nine bytes of DER, 256 bytes n, then e, which is always 65537.
                let der = pair.public_key().as_ref();
                json!({ "kty": "RSA", "n": encode(der.get(9..265)), "e": "AQAB" })
            }
            Pair::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(Some(pair.public_key().as_ref())) })
            }
        };
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".into(), self.id.clone().into());
            members.insert("use".into(), "sig".into());
            members.insert("alg".into(), self.algorithm.as_str().into());
        }
        jwk
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let encoding: &dyn RsaEncoding =
                    if self.algorithm == Algorithm::Ps256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature)?;
                Ok(signature)
            }
        }
    }
}

/// A compact JWS with an empty signature.
pub(super) fn unsigned(header: &Value, claims: &Value) -> String {
    format!(
        "{}.{}.",
        encode(Some(header.to_string().as_bytes())),
        encode(Some(claims.to_string().as_bytes()))
    )
}

fn encode(bytes: Option<&[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes.unwrap_or_default())
}
