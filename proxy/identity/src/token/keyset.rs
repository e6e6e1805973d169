//! The keys of an issuer (RFC 7517).

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::DecodingKey;
use serde_json::Value;

use super::json::{self, JsonFault};
use super::jws::Jws;
use super::{Algorithm, Issuers, TokenFault, claims, jwk};

/// A parsed JWK Set: an issuer's keys for verifying signatures, ready to use.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    ignored: Vec<IgnoredKey>,
    generation: u64,
}

/// A key and the algorithms it can verify: its type, curve and `alg` leave no others (RFC 8725, 3.1).
#[derive(Debug)]
pub(super) struct Key {
    pub(super) kid: Option<String>,
    pub(super) verifiers: Vec<(Algorithm, DecodingKey)>,
}

/// A key that was passed over, as RFC 7517, 5 wants: it cannot verify a token here, but speaks not against the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredKey {
    /// Its `kid`.
    pub kid: Option<String>,
    /// Why.
    pub reason: IgnoredReason,
}

/// Why a key of a set is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum IgnoredReason {
    /// `use` or `key_ops` say that it is for something else.
    #[error("is not for verifying signatures")]
    Use,
    /// A key type, curve or algorithm that is not verified here.
    #[error("is of a kind this gate does not verify with")]
    Unsupported,
    /// `alg` does not fit the type or curve.
    #[error("has an algorithm that does not fit its kind")]
    Mismatch,
    /// A number is missing or malformed, or the point is not on the curve.
    #[error("is malformed")]
    Malformed,
    /// RSA below 2048 bits, with a small exponent, or made by the library of CVE-2017-15361.
    #[error("is too weak")]
    Weak,
}

impl KeySet {
    /// Largest JWK Set that is read, in bytes.
    pub const LIMIT_BYTES: usize = 64 * 1024;
    /// Most keys a set may hold.
    pub const LIMIT_KEYS: usize = 64;

    /// Reads a JWK Set.
    ///
    /// # Errors
    /// [`KeySetFault`] when the set cannot be trusted as a whole, or holds no key that verifies signatures.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetFault> {
        if json.len() > Self::LIMIT_BYTES {
            return Err(KeySetFault::TooLarge);
        }
        let mut document = json::object(json).map_err(|fault| match fault {
            JsonFault::Malformed => KeySetFault::Malformed,
            JsonFault::Duplicate => KeySetFault::DuplicateName,
        })?;
        let Some(Value::Array(entries)) = document.remove("keys") else { return Err(KeySetFault::Malformed) };
        if entries.len() > Self::LIMIT_KEYS {
            return Err(KeySetFault::TooManyKeys);
        }
        let mut set = Self { keys: Vec::new(), ignored: Vec::new(), generation: generation(json) };
        for entry in &entries {
            let Value::Object(entry) = entry else { return Err(KeySetFault::Malformed) };
            match jwk::read(entry)? {
                Ok(key) => set.add(key)?,
                Err(ignored) => set.ignored.push(ignored),
            }
        }
        if set.keys.is_empty() { Err(KeySetFault::Empty) } else { Ok(set) }
    }

    /// SECURITY: with two keys of one id, which of them verifies would be chance.
    fn add(&mut self, key: Key) -> Result<(), KeySetFault> {
        if let Some(kid) =
            key.kid.as_deref().filter(|kid| self.keys.iter().any(|other| other.kid.as_deref() == Some(kid)))
        {
            return Err(KeySetFault::DuplicateKid(kid.chars().take(64).collect()));
        }
        self.keys.push(key);
        Ok(())
    }

    /// A number made of the set's content: equal for equal documents, different otherwise. What a verified token is tied to.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How many keys verify signatures.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none does: never so, [`KeySet::parse`] refuses such a set.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Keys that were passed over.
    pub fn ignored(&self) -> &[IgnoredKey] {
        &self.ignored
    }

    /// Verifies a compact JWS (RFC 7515, 7.1) of any kind with one of these keys and one of `algorithms`, and gives its payload. Whether
    /// it is meant for us, and what for, is for the caller to check; access tokens go to [`super::Issuers::verify`]. `alias` names
    /// whose keys these are in a fault.
    ///
    /// # Errors
    /// [`TokenFault`], the first reason found, of those that concern form, header and signature.
    pub fn open(
        &self,
        jws: &[u8],
        algorithms: &[Algorithm],
        alias: &Arc<str>,
    ) -> Result<Vec<u8>, TokenFault> {
        let jws = Jws::read(jws, Issuers::TOKEN_LIMIT_BYTES)?;
        if !algorithms.contains(&jws.header.algorithm) {
            return Err(TokenFault::Algorithm);
        }
        self.check(&jws, alias)?;
        Ok(jws.payload)
    }

    /// SECURITY: the header only says which of the issuer's own keys and algorithms was used; the key must be for that algorithm
    /// (RFC 8725, 2.1 and 3.1). Whether the issuer may use the algorithm was asked before.
    pub(super) fn check(&self, jws: &Jws<'_>, alias: &Arc<str>) -> Result<(), TokenFault> {
        let (algorithm, kid) = (jws.header.algorithm, jws.header.kid.as_deref());
        let key = self.find(kid, algorithm).ok_or_else(|| TokenFault::UnknownKey {
            alias: Arc::clone(alias),
            kid: kid.map(claims::for_record),
        })?;
        let verifier = key.verifier(algorithm).ok_or(TokenFault::Algorithm)?;
        match jsonwebtoken::crypto::verify(jws.signature, jws.message, verifier, algorithm.into()) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(TokenFault::Signature),
        }
    }

    /// The key that `kid` names; without a `kid`, the only one that can verify `algorithm`.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        match kid {
            Some(kid) => self.keys.iter().find(|key| key.kid.as_deref() == Some(kid)),
            None => {
                let mut fitting = self.keys.iter().filter(|key| key.verifier(algorithm).is_some());
                fitting.next().filter(|_| fitting.next().is_none())
            }
        }
    }
}

impl Key {
    /// What verifies `algorithm` with this key, if it is for that.
    fn verifier(&self, algorithm: Algorithm) -> Option<&DecodingKey> {
        self.verifiers.iter().find(|(own, _)| *own == algorithm).map(|(_, verifier)| verifier)
    }
}

fn generation(json: &[u8]) -> u64 {
    digest(&SHA256, json).as_ref().iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// Where the current keys of an issuer come from: the gate fetches them, this crate asks.
pub trait KeyLookup {
    /// The keys of the issuer with this alias. Asked on every request: it must not wait.
    fn keys(&self, alias: &str) -> Keys;
}

/// The state of an issuer's keys.
#[derive(Debug, Clone)]
pub enum Keys {
    /// Current.
    Fresh(Arc<KeySet>),
    /// Fetched longer ago than the ceiling allows.
    Stale,
    /// Never fetched.
    Absent,
}

/// Why a JWK Set is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetFault {
    /// Larger than [`KeySet::LIMIT_BYTES`].
    #[error("the key set is larger than {} bytes", KeySet::LIMIT_BYTES)]
    TooLarge,
    /// More than [`KeySet::LIMIT_KEYS`] keys.
    #[error("the key set holds more than {} keys", KeySet::LIMIT_KEYS)]
    TooManyKeys,
    /// Not a JWK Set in JSON.
    #[error(
        "the document is not a JWK Set (RFC 7517): want an object with an array `keys` of objects; is the URL the issuer's `jwks_uri`?"
    )]
    Malformed,
    /// A name occurs twice in an object.
    #[error("the key set has the same name twice in one object")]
    DuplicateName,
    /// Two keys with the same id.
    #[error("the key set has two keys with the id `{0}`; the issuer must give each its own")]
    DuplicateKid(String),
    /// A private or symmetric key lies open in it: whoever read it can sign.
    #[error(
        "the key set holds a private or symmetric key; the issuer must withdraw it and publish public keys only"
    )]
    Secret,
    /// No key in it verifies signatures here.
    #[error(
        "the key set holds no key this gate can verify signatures with; want P-256, P-384, Ed25519, or RSA of 2048 to 8192 bits"
    )]
    Empty,
}

#[cfg(test)]
mod tests {
    use super::super::test_issuer::Signer;
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parse(keys: &[Value]) -> Result<KeySet, KeySetFault> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn changed(jwk: &Value, name: &str, value: impl Into<Value>) -> Value {
        let mut jwk = jwk.clone();
        jwk[name] = value.into();
        jwk
    }

    fn without(jwk: &Value, name: &str) -> Value {
        let mut jwk = jwk.clone();
        jwk.as_object_mut().unwrap().remove(name);
        jwk
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn keys_are_used_for_what_they_are_or_passed_over() {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        let ec = Signer::new(Es256, "a").jwk;
        let ec384 = Signer::new(Es384, "a").jwk;
        let ed = Signer::new(EdDsa, "a").jwk;
        let rsa = Signer::new(Rs256, "a").jwk;
        let n = rsa["n"].as_str().unwrap();
        let short = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, [0xff; 128]);
        // "AP…" is the same number behind a zero octet; the encoding shifts, so take it from the bytes.
        let signed = {
            let bytes = super::super::jws::decode(n.as_bytes()).unwrap();
            base64::Engine::encode(
                &base64::engine::general_purpose::URL_SAFE_NO_PAD,
                [vec![0], bytes].concat(),
            )
        };
        type Outcome = Result<Vec<Algorithm>, IgnoredReason>;
        let cases: Vec<(&str, Value, Outcome)> = vec![
            ("P-256", ec.clone(), Ok(vec![Es256])),
            ("P-384", ec384.clone(), Ok(vec![Es384])),
            ("Ed25519", ed.clone(), Ok(vec![EdDsa])),
            ("RSA for anything", rsa.clone(), Ok(vec![Ps256, Ps384, Ps512, Rs256, Rs384, Rs512])),
            ("RSA for one", changed(&rsa, "alg", "PS256"), Ok(vec![Ps256])),
            (
                "RSA with a sign octet",
                changed(&rsa, "n", signed),
                Ok(vec![Ps256, Ps384, Ps512, Rs256, Rs384, Rs512]),
            ),
            ("with its algorithm", changed(&ec, "alg", "ES256"), Ok(vec![Es256])),
            ("Ed25519 by its newer name", changed(&ed, "alg", "Ed25519"), Ok(vec![EdDsa])),
            ("for signatures", changed(&ec, "use", "sig"), Ok(vec![Es256])),
            ("for verifying", changed(&ec, "key_ops", json!(["verify"])), Ok(vec![Es256])),
            ("with a certificate", changed(&ec, "x5c", json!(["x"])), Ok(vec![Es256])),
            ("for encryption", changed(&ec, "use", "enc"), Err(IgnoredReason::Use)),
            ("for wrapping", changed(&ec, "key_ops", json!(["wrapKey"])), Err(IgnoredReason::Use)),
            (
                "for signatures, not verifying",
                changed(&changed(&ec, "use", "sig"), "key_ops", json!([])),
                Err(IgnoredReason::Use),
            ),
            ("operations are text", changed(&ec, "key_ops", "verify"), Err(IgnoredReason::Malformed)),
            ("for RSA encryption", changed(&rsa, "alg", "RSA-OAEP"), Err(IgnoredReason::Unsupported)),
            ("algorithm of another curve", changed(&ec, "alg", "ES384"), Err(IgnoredReason::Mismatch)),
            ("algorithm of another type", changed(&ec, "alg", "RS256"), Err(IgnoredReason::Mismatch)),
            ("RSA with a curve's algorithm", changed(&rsa, "alg", "ES256"), Err(IgnoredReason::Mismatch)),
            ("curve of another name", changed(&ec, "crv", "P-384"), Err(IgnoredReason::Malformed)),
            ("Bitcoin's curve", changed(&ec, "crv", "secp256k1"), Err(IgnoredReason::Unsupported)),
            ("RSA with a curve", changed(&rsa, "crv", "P-256"), Err(IgnoredReason::Unsupported)),
            ("unknown type", changed(&ec, "kty", "AKP"), Err(IgnoredReason::Unsupported)),
            ("no type", without(&ec, "kty"), Err(IgnoredReason::Malformed)),
            ("off the curve", changed(&ec, "y", ec["x"].clone()), Err(IgnoredReason::Malformed)),
            ("no coordinate", without(&ec, "y"), Err(IgnoredReason::Malformed)),
            ("short coordinate", changed(&ec, "x", "AQ"), Err(IgnoredReason::Malformed)),
            ("coordinate is a number", changed(&ec, "x", 1), Err(IgnoredReason::Malformed)),
            ("coordinate in base64", changed(&ec, "x", "+/+/"), Err(IgnoredReason::Malformed)),
            ("short Ed25519", changed(&ed, "x", "AQ"), Err(IgnoredReason::Malformed)),
            ("RSA of 1024 bits", changed(&rsa, "n", short), Err(IgnoredReason::Weak)),
            ("exponent 1", changed(&rsa, "e", "AQ"), Err(IgnoredReason::Weak)),
            ("exponent 3", changed(&rsa, "e", "Aw"), Err(IgnoredReason::Weak)),
            ("no exponent", without(&rsa, "e"), Err(IgnoredReason::Malformed)),
        ];
        let other = changed(&ec, "kid", "b");
        for (case, jwk, expected) in cases {
            let set = parse(&[other.clone(), jwk]).unwrap();
            let of = |key: &Key| key.verifiers.iter().map(|(algorithm, _)| *algorithm).collect();
            let outcome = match set.ignored() {
                [] => Ok(set.keys.last().map(of).unwrap()),
                [ignored] => Err(ignored.reason),
                _ => panic!("{case}: more than one"),
            };
            assert_eq!(outcome, expected, "{case}");
        }
    }

    #[test]
    fn sets_that_are_refused_whole() {
        let ec = Signer::new(Algorithm::Es256, "a").jwk;
        let good = json!({ "keys": [ec] }).to_string();
        let many: Vec<Value> = (0..65).map(|number| changed(&ec, "kid", number.to_string())).collect();
        let secret = |name: &str| json!({ "keys": [ec, changed(&ec, name, "AQ")] }).to_string();
        let cases = [
            ("not JSON", "hello".to_owned(), KeySetFault::Malformed),
            ("a key alone", ec.to_string(), KeySetFault::Malformed),
            ("a list", json!([ec]).to_string(), KeySetFault::Malformed),
            ("keys are an object", json!({ "keys": ec }).to_string(), KeySetFault::Malformed),
            ("a key is text", json!({ "keys": ["x"] }).to_string(), KeySetFault::Malformed),
            (
                "kid is a number",
                json!({ "keys": [changed(&ec, "kid", 1)] }).to_string(),
                KeySetFault::Malformed,
            ),
            (
                "kid too long",
                json!({ "keys": [changed(&ec, "kid", "k".repeat(257))] }).to_string(),
                KeySetFault::Malformed,
            ),
            (
                "name twice",
                good.replacen("\"kty\"", "\"kty\":\"RSA\",\"kty\"", 1),
                KeySetFault::DuplicateName,
            ),
            ("too large", format!("{good}{}", " ".repeat(KeySet::LIMIT_BYTES)), KeySetFault::TooLarge),
            ("too many", json!({ "keys": many }).to_string(), KeySetFault::TooManyKeys),
            ("no key", json!({ "keys": [] }).to_string(), KeySetFault::Empty),
            (
                "no key of use",
                json!({ "keys": [changed(&ec, "use", "enc")] }).to_string(),
                KeySetFault::Empty,
            ),
            ("same kid", json!({ "keys": [ec, ec] }).to_string(), KeySetFault::DuplicateKid("a".to_owned())),
            ("private", secret("d"), KeySetFault::Secret),
            ("symmetric", secret("k"), KeySetFault::Secret),
            ("further primes", secret("oth"), KeySetFault::Secret),
        ];
        for (case, json, fault) in cases {
            assert_eq!(KeySet::parse(json.as_bytes()).unwrap_err(), fault, "{case}");
        }
    }

    #[test]
    fn an_encryption_key_may_share_the_kid_of_a_signing_key() {
        let ec = Signer::new(Algorithm::Es256, "a").jwk;
        let set = parse(&[changed(&ec, "use", "enc"), ec]).unwrap();
        assert_eq!((set.len(), set.ignored().len()), (1, 1));
    }

    #[test]
    fn the_generation_is_that_of_the_content() {
        let (a, b) = (Signer::new(Algorithm::Es256, "a").jwk, Signer::new(Algorithm::Es256, "b").jwk);
        let generation = |keys: &[&Value]| {
            KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap().generation()
        };
        assert_eq!(generation(&[&a]), generation(&[&a]));
        assert_ne!(generation(&[&a]), generation(&[&b]));
        assert_ne!(generation(&[&a]), generation(&[&a, &b]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(json in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(KeySet::parse(&json).is_err());
        }

        #[test]
        fn any_key_is_read_or_refused(
            kty in prop::sample::select(vec!["EC", "RSA", "OKP", "oct", ""]),
            crv in prop::sample::select(vec!["P-256", "P-384", "Ed25519", "X25519"]),
            number in "[A-Za-z0-9_-]{0,90}",
        ) {
            let jwk = json!({ "kty": kty, "crv": crv, "x": number, "y": number, "n": number, "e": number });
            // Random numbers are no key but for Ed25519, where any 32 bytes may be a point.
            let expected = kty == "OKP" && crv == "Ed25519";
            prop_assert!(expected || parse(&[jwk]).is_err());
        }
    }
}
