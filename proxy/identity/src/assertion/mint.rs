//! Minting assertions, and remembering them for a minute.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quick_cache::sync::Cache;
use serde::Serialize;

use super::statement::Remembered;
use super::{AssertionKey, Statement};

/// Mints assertions and keeps each for up to [`Assertions::KEPT`]: a signature costs 21 µs.
///
/// An assertion is a JWT signed with ES256. Its header has `typ` `poort-assertion+jwt` (RFC 8725, 3.11) and `kid`; its claims are `iss`,
/// `aud` (the source), `sub`, `kind` (`user`, `service` or `device`), `iat`, `exp`, `jti`, `roles`, `units` and, where they are known,
/// `device`, `act.sub` (RFC 8693, 4.1), `acr`, `purpose` and `case`. The same assertion goes with several requests: `jti` names the assertion.
pub struct Assertions {
    key: AssertionKey,
    issuer: String,
    /// The first part of every assertion.
    header: String,
    random: SystemRandom,
    minted: Cache<Remembered, Minted>,
}

#[derive(Clone)]
struct Minted {
    assertion: Arc<str>,
    at: SystemTime,
}

/// RFC 7519, 4.1, and ours.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    kind: &'static str,
    iat: u64,
    exp: u64,
    jti: String,
    roles: &'a [Arc<str>],
    units: &'a [Arc<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Actor<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<&'a str>,
}

#[derive(Serialize)]
struct Actor<'a> {
    sub: &'a str,
}

impl Assertions {
    /// How long an assertion is valid when it is minted.
    pub const LIFETIME: Duration = Duration::from_secs(120);
    /// How long the same assertion is handed out again: it is then valid for another minute.
    pub const KEPT: Duration = Duration::from_secs(60);

    /// Assertions signed by `key` in the name of `issuer` (`iss`), of which at most `capacity` are kept.
    pub fn new(key: AssertionKey, issuer: String, capacity: usize) -> Self {
        let header = format!(r#"{{"alg":"ES256","typ":"poort-assertion+jwt","kid":"{}"}}"#, key.kid());
        Self {
            header: URL_SAFE_NO_PAD.encode(header),
            key,
            issuer,
            random: SystemRandom::new(),
            minted: Cache::new(capacity),
        }
    }

    /// The key.
    pub fn key(&self) -> &AssertionKey {
        &self.key
    }

    /// The `iss` of every assertion.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// An assertion of `statement`, minted now or within the last minute: a compact JWS, ready to be a header's value.
    ///
    /// # Errors
    /// [`MintFault`] if the signature or the randomness fails, or the time is before 1970: forward nothing then.
    pub fn mint(&self, statement: &Statement<'_>, now: SystemTime) -> Result<Arc<str>, MintFault> {
        if let Some(minted) = self.minted.get(statement)
            && now.duration_since(minted.at).is_ok_and(|age| age < Self::KEPT)
        {
            return Ok(minted.assertion);
        }
        let assertion: Arc<str> = self.sign(statement, now)?.into();
        self.minted.insert((*statement).into(), Minted { assertion: Arc::clone(&assertion), at: now });
        Ok(assertion)
    }

    fn sign(&self, statement: &Statement<'_>, now: SystemTime) -> Result<String, MintFault> {
        let iat = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| MintFault)?.as_secs();
        let claims = Claims {
            iss: &self.issuer,
            aud: statement.source,
            sub: statement.subject,
            kind: statement.kind.as_str(),
            iat,
            exp: iat.checked_add(Self::LIFETIME.as_secs()).ok_or(MintFault)?,
            jti: self.name()?,
            roles: statement.roles,
            units: statement.units,
            device: statement.device,
            act: statement.actor.map(|sub| Actor { sub }),
            acr: statement.acr,
            purpose: statement.purpose,
            case: statement.case,
        };
        let claims = serde_json::to_vec(&claims).map_err(|_| MintFault)?;
        let mut assertion = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims));
        let signature = self.key.sign(&self.random, assertion.as_bytes())?;
        assertion.push('.');
        assertion.push_str(&signature);
        Ok(assertion)
    }

    fn name(&self) -> Result<String, MintFault> {
        let mut name = [0; 16];
        self.random.fill(&mut name).map_err(|_| MintFault)?;
        Ok(URL_SAFE_NO_PAD.encode(name))
    }
}

impl fmt::Debug for Assertions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertions")
            .field("key", &self.key)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// An assertion could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the assertion could not be signed")]
pub struct MintFault;

#[cfg(test)]
mod tests {
    use super::super::StatementKind;
    use super::*;
    use serde_json::{Value, json};

    const NOW: u64 = 1_893_456_000;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + seconds)
    }

    fn assertions() -> Assertions {
        let pem = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem();
        Assertions::new(
            AssertionKey::from_pem(pem.as_bytes()).unwrap(),
            "https://gate.example".to_owned(),
            100,
        )
    }

    const STATEMENT: Statement<'static> = Statement {
        source: "persons",
        subject: "zone|1234",
        kind: StatementKind::User,
        roles: &[],
        units: &[],
        device: Some("spiffe://zone.example/device/car-12"),
        actor: None,
        acr: None,
        purpose: None,
        case: None,
    };

    /// What a source makes of it, with another library and the published key set.
    fn read(assertions: &Assertions, assertion: &str, source: &str) -> (jsonwebtoken::Header, Value) {
        let set: jsonwebtoken::jwk::JwkSet =
            serde_json::from_str(&AssertionKey::jwks([assertions.key()])).unwrap();
        let kid = jsonwebtoken::decode_header(assertion).unwrap().kid.unwrap();
        let key = jsonwebtoken::DecodingKey::from_jwk(set.find(&kid).unwrap()).unwrap();
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
        validation.set_audience(&[source]);
        validation.set_issuer(&["https://gate.example"]);
        let read = jsonwebtoken::decode::<Value>(assertion, &key, &validation).unwrap();
        (read.header, read.claims)
    }

    #[test]
    fn a_source_reads_what_was_said() {
        let assertions = assertions();
        let roles = ["officer".into(), "a \"quoted\" role".into()];
        let statement = Statement {
            roles: &roles,
            units: &["team-a".into()],
            actor: Some("spiffe://zone.example/workload/search"),
            acr: Some("phrh"),
            purpose: Some("patrol"),
            case: Some("2026/4711"),
            ..STATEMENT
        };
        let (header, mut claims) = read(&assertions, &assertions.mint(&statement, at(0)).unwrap(), "persons");
        assert_eq!(header.typ.as_deref(), Some("poort-assertion+jwt"));
        let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
        assert_eq!(jti.as_str().unwrap().len(), 22, "16 random bytes");
        let expected = json!({
            "iss": "https://gate.example", "aud": "persons", "sub": "zone|1234", "kind": "user", "iat": NOW, "exp": NOW + 120,
            "roles": ["officer", "a \"quoted\" role"], "units": ["team-a"], "device": "spiffe://zone.example/device/car-12",
            "act": { "sub": "spiffe://zone.example/workload/search" }, "acr": "phrh", "purpose": "patrol",
            "case": "2026/4711",
        });
        assert_eq!(claims, expected);
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let assertions = assertions();
        let statement = Statement { device: None, kind: StatementKind::Service, ..STATEMENT };
        let (_, claims) = read(&assertions, &assertions.mint(&statement, at(0)).unwrap(), "persons");
        let mut names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["aud", "exp", "iat", "iss", "jti", "kind", "roles", "sub", "units"]);
        assert_eq!(claims["kind"], "service");
    }

    #[test]
    fn an_assertion_is_kept_for_a_minute() {
        let assertions = assertions();
        let first = assertions.mint(&STATEMENT, at(0)).unwrap();
        assert_eq!(assertions.mint(&STATEMENT, at(59)).unwrap(), first);
        let second = assertions.mint(&STATEMENT, at(60)).unwrap();
        assert_ne!(second, first);
        assert_eq!(assertions.mint(&STATEMENT, at(119)).unwrap(), second);
        assert_ne!(assertions.mint(&STATEMENT, at(59)).unwrap(), second, "the clock went back");
    }

    #[test]
    fn whoever_differs_in_anything_gets_an_assertion_of_his_own() {
        let assertions = assertions();
        let (role, unit): ([Arc<str>; 1], [Arc<str>; 1]) = (["a".into()], ["a".into()]);
        let others = [
            ("source", Statement { source: "vehicles", ..STATEMENT }),
            ("subject", Statement { subject: "zone|1235", ..STATEMENT }),
            ("kind", Statement { kind: StatementKind::Service, ..STATEMENT }),
            ("role", Statement { roles: &role, ..STATEMENT }),
            ("unit", Statement { units: &unit, ..STATEMENT }),
            ("device", Statement { device: None, ..STATEMENT }),
            ("actor", Statement { actor: Some("a"), ..STATEMENT }),
            ("strength", Statement { acr: Some("a"), ..STATEMENT }),
            ("purpose", Statement { purpose: Some("a"), ..STATEMENT }),
            ("case", Statement { case: Some("a"), ..STATEMENT }),
        ];
        let mut seen = vec![assertions.mint(&STATEMENT, at(0)).unwrap()];
        for (case, other) in others {
            let minted = assertions.mint(&other, at(0)).unwrap();
            assert!(!seen.contains(&minted), "{case}");
            assert_eq!(assertions.mint(&other, at(1)).unwrap(), minted, "{case}: is kept too");
            seen.push(minted);
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let assertions = assertions();
        for number in 0..1000 {
            assertions.mint(&Statement { subject: &format!("zone|{number}"), ..STATEMENT }, at(0)).unwrap();
        }
        assert!((1..=100).contains(&assertions.minted.len()), "{}", assertions.minted.len());
    }

    #[test]
    fn before_1970_nothing_is_said() {
        assert_eq!(
            assertions().mint(&STATEMENT, SystemTime::UNIX_EPOCH - Duration::from_secs(1)),
            Err(MintFault)
        );
    }
}
