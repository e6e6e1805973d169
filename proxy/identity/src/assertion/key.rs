//! The gate's signing key.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pki_types::PrivatePkcs8KeyDer;
use pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::MintFault;

/// An ES256 key (RFC 7518, 3.4) that signs assertions.
pub struct AssertionKey {
    pair: EcdsaKeyPair,
    kid: String,
    jwk: String,
}

impl AssertionKey {
    /// Reads a P-256 private key in PKCS#8 PEM (`BEGIN PRIVATE KEY`).
    ///
    /// # Errors
    /// [`AssertionKeyFault`]; the message holds nothing of the key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AssertionKeyFault> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| AssertionKeyFault::NotPkcs8)?;
        let der = Zeroizing::new(der);
        Self::from_pkcs8_der(der.secret_pkcs8_der())
    }

    /// Takes a P-256 private key in PKCS#8 DER (RFC 5208, RFC 5915).
    ///
    /// # Errors
    /// [`AssertionKeyFault::NotP256`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, AssertionKeyFault> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map_err(|_| AssertionKeyFault::NotP256)?;
        let (x, y) = coordinates(pair.public_key().as_ref()).ok_or(AssertionKeyFault::NotP256)?;
        // RFC 7638, 3.2: exactly these members, in this order, without white space.
        let members = format!(r#""crv":"P-256","kty":"EC","x":"{x}","y":"{y}""#);
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{{{members}}}").as_bytes()));
        let jwk = format!(r#"{{{members},"alg":"ES256","kid":"{kid}","use":"sig"}}"#);
        Ok(Self { pair, kid, jwk })
    }

    /// The key's id: its RFC 7638 thumbprint (SHA-256, base64url).
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key as a JWK (RFC 7517) in JSON.
    pub fn public_jwk(&self) -> &str {
        &self.jwk
    }

    /// The JWK Set a source verifies assertions with: the current key, the next one before it is used, and the last one until what it
    /// signed has expired.
    pub fn jwks<'a>(keys: impl IntoIterator<Item = &'a Self>) -> String {
        let keys: Vec<&str> = keys.into_iter().map(Self::public_jwk).collect();
        format!("{{\"keys\":[{}]}}", keys.join(","))
    }

    /// The signature over `message` as a JWS has it (RFC 7518, 3.4): R and S, in base64url.
    pub(crate) fn sign(&self, random: &SystemRandom, message: &[u8]) -> Result<String, MintFault> {
        let signature = self.pair.sign(random, message).map_err(|_| MintFault)?;
        Ok(URL_SAFE_NO_PAD.encode(signature))
    }
}

impl fmt::Debug for AssertionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssertionKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// SEC 1, 2.3.3: an uncompressed point is 4, x, y.
fn coordinates(point: &[u8]) -> Option<(String, String)> {
    let (x, y) = point.strip_prefix(&[4])?.split_at_checked(32)?;
    (y.len() == 32).then(|| (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y)))
}

/// Why a key cannot sign assertions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionKeyFault {
    /// No PKCS#8 private key in the PEM.
    #[error(
        "the assertion key is not a PKCS#8 private key in PEM (`BEGIN PRIVATE KEY`); make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`, or convert one of `BEGIN EC PRIVATE KEY` with `openssl pkcs8 -topk8 -nocrypt`"
    )]
    NotPkcs8,
    /// A private key, but not for P-256, or in another form (SEC 1).
    #[error(
        "the assertion key is not a P-256 key in PKCS#8 (`BEGIN PRIVATE KEY`); make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`, or convert one of `BEGIN EC PRIVATE KEY` with `openssl pkcs8 -topk8 -nocrypt`"
    )]
    NotP256,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(algorithm: &'static rcgen::SignatureAlgorithm) -> String {
        rcgen::KeyPair::generate_for(algorithm).unwrap().serialize_pem()
    }

    #[test]
    fn the_key_id_is_the_thumbprint_another_library_computes() {
        use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
        let key = AssertionKey::from_pem(pem(&rcgen::PKCS_ECDSA_P256_SHA256).as_bytes()).unwrap();
        let theirs: Jwk = serde_json::from_str(key.public_jwk()).unwrap();
        assert_eq!(key.kid(), theirs.thumbprint(ThumbprintHash::SHA256).unwrap());
        assert_eq!(theirs.common.key_id.as_deref(), Some(key.kid()));
    }

    #[test]
    fn the_set_holds_every_key_and_nothing_private() {
        let keys =
            [(); 2].map(|()| AssertionKey::from_pem(pem(&rcgen::PKCS_ECDSA_P256_SHA256).as_bytes()).unwrap());
        let set = crate::KeySet::parse(AssertionKey::jwks(&keys).as_bytes()).unwrap();
        assert_eq!((set.len(), set.ignored().len()), (2, 0));
        assert_eq!(AssertionKey::jwks(&[]), r#"{"keys":[]}"#);
    }

    #[test]
    fn other_keys_are_refused_and_none_is_shown() {
        let p256 = pem(&rcgen::PKCS_ECDSA_P256_SHA256);
        let sec1 = p256.replace("PRIVATE KEY", "EC PRIVATE KEY");
        let cases = [
            ("empty", String::new(), AssertionKeyFault::NotPkcs8),
            ("not PEM", "key".to_owned(), AssertionKeyFault::NotPkcs8),
            ("SEC 1", sec1, AssertionKeyFault::NotPkcs8),
            ("P-384", pem(&rcgen::PKCS_ECDSA_P384_SHA384), AssertionKeyFault::NotP256),
            ("Ed25519", pem(&rcgen::PKCS_ED25519), AssertionKeyFault::NotP256),
            ("RSA", pem(&rcgen::PKCS_RSA_SHA256), AssertionKeyFault::NotP256),
        ];
        for (case, pem, fault) in cases {
            assert_eq!(AssertionKey::from_pem(pem.as_bytes()).unwrap_err(), fault, "{case}");
        }
        let key = AssertionKey::from_pem(p256.as_bytes()).unwrap();
        assert_eq!(format!("{key:?}"), format!("AssertionKey {{ kid: \"{}\", .. }}", key.kid()));
    }
}
