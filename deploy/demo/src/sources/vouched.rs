use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::Value;

use crate::DemoError;
use crate::wire::{Head, Reply};

/// What an application knows that takes nobody's word but the gate's: the key of its assertions.
#[derive(Clone)]
pub struct Vouched {
    point: Vec<u8>,
}

/// The `iss` of the demo's gate.
const ISSUER: &str = "https://gate.localhost";

impl Vouched {
    /// By the gate whose private key this is. The application keeps the public half.
    ///
    /// # Errors
    /// When the file holds no P-256 key.
    pub fn by(file: &Path) -> Result<Self, DemoError> {
        let unusable = || DemoError::Key { path: PathBuf::from(file) };
        let der = PrivatePkcs8KeyDer::from_pem_file(file).map_err(|_| unusable())?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der());
        Ok(Self { point: pair.map_err(|_| unusable())?.public_key().as_ref().to_vec() })
    }

    /// Nothing, or the 401 for whoever comes without the gate's word.
    pub(super) fn judge(&self, source: &str, head: &Head) -> Result<(), Reply> {
        let refused = || Reply::text(401, "text/plain", "who says so?\n");
        let assertion = head.header("poort-assertion").unwrap_or_default();
        self.claims(assertion).filter(|claims| is_for(claims, source)).map(|_| ()).ok_or_else(refused)
    }

    /// What was signed with the gate's key, by its own algorithm and no other.
    fn claims(&self, assertion: &str) -> Option<Value> {
        let (signed, signature) = assertion.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let json = |part: &str| serde_json::from_slice::<Value>(&decoded(part)?).ok();
        let header = json(header)?;
        if header.get("alg")? != "ES256" || header.get("typ")? != "poort-assertion+jwt" {
            return None;
        }
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point);
        key.verify(signed.as_bytes(), &decoded(signature)?).ok()?;
        json(claims)
    }
}

/// For this application, of this gate, and not over.
fn is_for(claims: &Value, source: &str) -> bool {
    let says = |name: &str, value: &str| claims.get(name).is_some_and(|said| said == value);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs());
    let expires = claims.get("exp").and_then(Value::as_u64).unwrap_or_default();
    says("iss", ISSUER) && says("aud", source) && expires >= now
}
