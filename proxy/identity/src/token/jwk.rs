//! One key of a key set (RFC 7517, 4; RFC 7518, 6; RFC 8037, 2).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RsaPublicKeyComponents,
    VerificationAlgorithm,
};
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use super::keyset::{IgnoredKey, IgnoredReason, Key};
use super::{Algorithm, KeySetFault, jws};
use crate::rsa;

/// Longest `kid`, in bytes: as in a token's header.
const KID_LIMIT_BYTES: usize = 256;

/// The key in `jwk`, or why it is passed over.
///
/// # Errors
/// [`KeySetFault`] if the whole set must be refused because of it.
pub(super) fn read(jwk: &Map<String, Value>) -> Result<Result<Key, IgnoredKey>, KeySetFault> {
    // `oth` holds further primes; the rest is RFC 7518, 6.2.2, 6.3.2 and 6.4.
    if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| jwk.contains_key(*name)) {
        return Err(KeySetFault::Secret);
    }
    let kid = match jwk.get("kid") {
        None => None,
        Some(Value::String(kid)) if kid.len() <= KID_LIMIT_BYTES => Some(kid.clone()),
        Some(_) => return Err(KeySetFault::Malformed),
    };
    Ok(match verifiers(jwk) {
        Ok(verifiers) => Ok(Key { kid, verifiers }),
        Err(reason) => Err(IgnoredKey { kid, reason }),
    })
}

fn verifiers(jwk: &Map<String, Value>) -> Result<Vec<(Algorithm, DecodingKey)>, IgnoredReason> {
    check_use(jwk)?;
    let named: Option<Algorithm> = match text(jwk, "alg")? {
        Some(name) => Some(name.parse().map_err(|_| IgnoredReason::Unsupported)?),
        None => None,
    };
    let kind = (text(jwk, "kty")?.ok_or(IgnoredReason::Malformed)?, text(jwk, "crv")?);
    match kind {
        ("EC", Some("P-256")) => {
            let point = point(jwk, 32)?;
            only(Algorithm::Es256, named, &ECDSA_P256_SHA256_FIXED, &point, DecodingKey::from_ec_der(&point))
        }
        ("EC", Some("P-384")) => {
            let point = point(jwk, 48)?;
            only(Algorithm::Es384, named, &ECDSA_P384_SHA384_FIXED, &point, DecodingKey::from_ec_der(&point))
        }
        ("OKP", Some("Ed25519")) => {
            let x = number(jwk, "x")?;
            only(Algorithm::EdDsa, named, &ED25519, &x, DecodingKey::from_ed_der(&x))
        }
        ("RSA", None) => rsa_verifiers(jwk, named),
        _ => Err(IgnoredReason::Unsupported),
    }
}

fn check_use(jwk: &Map<String, Value>) -> Result<(), IgnoredReason> {
    let signs = match jwk.get("use") {
        None => true,
        Some(purpose) => purpose == "sig",
    };
    let verifies = match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(operations)) => operations.iter().any(|operation| operation == "verify"),
        Some(_) => return Err(IgnoredReason::Malformed),
    };
    if signs && verifies { Ok(()) } else { Err(IgnoredReason::Use) }
}

/// A key that can verify one algorithm. That it is a key at all is proven now: the library that verifies looks only when it does.
fn only(
    own: Algorithm,
    named: Option<Algorithm>,
    verification: &'static dyn VerificationAlgorithm,
    bytes: &[u8],
    key: DecodingKey,
) -> Result<Vec<(Algorithm, DecodingKey)>, IgnoredReason> {
    if named.is_some_and(|named| named != own) {
        return Err(IgnoredReason::Mismatch);
    }
    ParsedPublicKey::new(verification, bytes).map_err(|_| IgnoredReason::Malformed)?;
    Ok(vec![(own, key)])
}

/// Without `alg`, an RSA key verifies whatever its issuer is allowed to use.
fn rsa_verifiers(
    jwk: &Map<String, Value>,
    named: Option<Algorithm>,
) -> Result<Vec<(Algorithm, DecodingKey)>, IgnoredReason> {
    let (n, e) = (number(jwk, "n")?, number(jwk, "e")?);
    // RFC 7518, 6.3.1.1 warns of issuers that put a sign octet in front; it changes nothing.
    let (n, e) = (rsa::without_leading_zeros(&n), rsa::without_leading_zeros(&e));
    if named.is_some_and(|named| named.rsa().is_none()) {
        return Err(IgnoredReason::Mismatch);
    }
    if !rsa::is_strong(n, e) {
        return Err(IgnoredReason::Weak);
    }
    let components = RsaPublicKeyComponents { n, e };
    Algorithm::ALL
        .into_iter()
        .filter(|algorithm| named.is_none_or(|named| named == *algorithm))
        .filter_map(|algorithm| algorithm.rsa().map(|parameters| (algorithm, parameters)))
        .map(|(algorithm, parameters)| match components.to_parsed_public_key(parameters) {
            Ok(_) => Ok((algorithm, DecodingKey::from_rsa_raw_components(n, e))),
            Err(_) => Err(IgnoredReason::Malformed),
        })
        .collect()
}

/// SEC 1, 2.3.3: an uncompressed point. RFC 7518, 6.2.1.2: both coordinates have the curve's full length.
fn point(jwk: &Map<String, Value>, coordinate_bytes: usize) -> Result<Vec<u8>, IgnoredReason> {
    let (x, y) = (number(jwk, "x")?, number(jwk, "y")?);
    if x.len() != coordinate_bytes || y.len() != coordinate_bytes {
        return Err(IgnoredReason::Malformed);
    }
    Ok([&[4], x.as_slice(), y.as_slice()].concat())
}

fn number(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, IgnoredReason> {
    let text = text(jwk, name)?.ok_or(IgnoredReason::Malformed)?;
    jws::decode(text.as_bytes()).map_err(|_| IgnoredReason::Malformed)
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, IgnoredReason> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(IgnoredReason::Malformed),
    }
}
