//! The compact form of a signed token (RFC 7515, 7.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::json::{self, JsonFault};
use super::{Algorithm, TokenFault};

/// Longest `kid`, in bytes.
const KID_LIMIT_BYTES: usize = 256;

/// A token taken apart. Nothing in it is proven before [`super::KeySet`] says so.
#[derive(Debug)]
pub(super) struct Jws<'a> {
    pub(super) header: Header,
    pub(super) payload: Vec<u8>,
    /// What was signed: header and payload as they came.
    pub(super) message: &'a [u8],
    /// In base64url, proven to be that.
    pub(super) signature: &'a str,
}

#[derive(Debug)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
}

impl<'a> Jws<'a> {
    /// Takes `token` apart.
    pub(super) fn read(token: &'a [u8], limit_bytes: usize) -> Result<Self, TokenFault> {
        if token.len() > limit_bytes {
            return Err(TokenFault::TooLarge);
        }
        let mut parts = token.split(|&byte| byte == b'.');
        let (Some(header), Some(payload), Some(signature)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenFault::NotAToken);
        };
        match parts.count() {
            0 => {}
            2 => return Err(TokenFault::Encrypted),
            _ => return Err(TokenFault::NotAToken),
        }
        let message = token.get(..header.len() + 1 + payload.len()).ok_or(TokenFault::NotAToken)?;
        decode(signature)?;
        let signature = std::str::from_utf8(signature).map_err(|_| TokenFault::NotAToken)?;
        Ok(Self { header: Header::read(&decode(header)?)?, payload: decode(payload)?, message, signature })
    }
}

impl Jws<'_> {
    /// The claims in the payload.
    pub(super) fn claims(&self) -> Result<Map<String, Value>, TokenFault> {
        object(&self.payload)
    }
}

impl Header {
    fn read(json: &[u8]) -> Result<Self, TokenFault> {
        let mut header = object(json)?;
        // SECURITY: a token that tells where its key is would verify itself.
        if ["jku", "jwk", "x5u", "x5c"].iter().any(|name| header.contains_key(*name)) {
            return Err(TokenFault::KeyInHeader);
        }
        if header.contains_key("crit") {
            return Err(TokenFault::Critical);
        }
        let algorithm = match text(&mut header, "alg")? {
            Some(name) => name.parse().map_err(|_| TokenFault::Algorithm)?,
            None => return Err(TokenFault::Algorithm),
        };
        let kid = text(&mut header, "kid")?;
        if kid.as_ref().is_some_and(|kid| kid.len() > KID_LIMIT_BYTES) {
            return Err(TokenFault::NotAToken);
        }
        Ok(Self { algorithm, kid, typ: text(&mut header, "typ")? })
    }
}

fn text(object: &mut Map<String, Value>, name: &str) -> Result<Option<String>, TokenFault> {
    match object.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenFault::NotAToken),
    }
}

fn object(json: &[u8]) -> Result<Map<String, Value>, TokenFault> {
    json::object(json).map_err(|fault| match fault {
        JsonFault::Malformed => TokenFault::NotAToken,
        JsonFault::Duplicate => TokenFault::DuplicateClaim,
    })
}

/// base64url without padding, in its one canonical spelling: no white space, no bits left over.
pub(super) fn decode(part: &[u8]) -> Result<Vec<u8>, TokenFault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::NotAToken)
}
