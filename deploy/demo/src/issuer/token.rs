use std::time::{Duration, SystemTime};

use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::SigningKey;
use crate::pki::Signed;

/// Whose claims a token looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// RFC 9068: `typ: at+jwt`, `roles`, `units`.
    Generic,
    /// Keycloak: `typ: JWT`, payload `typ: Bearer`, `realm_access.roles`, `units`.
    Keycloak,
    /// Entra ID v2.0: `typ: JWT`, `roles`, `groups`, `oid`, `tid`.
    EntraId,
    /// AD FS: `typ: JWT`, `appid`, `upn`, `role`, `group`.
    AdFs,
}

impl Profile {
    /// Its name in the gate's configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Keycloak => "keycloak",
            Self::EntraId => "entra-id",
            Self::AdFs => "ad-fs",
        }
    }

    /// The claims that hold roles and units, as the gate's configuration names them.
    pub fn claim_paths(self) -> (&'static str, &'static str) {
        match self {
            Self::Generic => ("roles", "units"),
            Self::Keycloak => ("realm_access.roles", "units"),
            Self::EntraId => ("roles", "groups"),
            Self::AdFs => ("role", "group"),
        }
    }
}

/// An access token to be minted. Everything can be overridden, to be right or to be wrong.
#[derive(Debug, Clone)]
pub struct Token {
    /// The `sub`.
    pub subject: String,
    /// How long it lasts from [`Token::issued`] on.
    pub lifetime: Duration,
    /// When it says it was issued.
    pub issued: SystemTime,
    roles: Vec<String>,
    units: Vec<String>,
    amr: Vec<String>,
    claims: Map<String, Value>,
    header: Map<String, Value>,
}

impl Token {
    /// A token of this subject: issued now, five minutes long, no roles, one factor.
    pub fn of(subject: &str) -> Self {
        Self {
            subject: subject.to_owned(),
            lifetime: Duration::from_secs(5 * 60),
            issued: SystemTime::now(),
            roles: Vec::new(),
            units: Vec::new(),
            amr: Vec::new(),
            claims: Map::new(),
            header: Map::new(),
        }
    }

    /// An officer of team A, signed in with a password: what most tests start from.
    pub fn officer(subject: &str) -> Self {
        Self::of(subject).role("officer").unit("team-a").acr("password").amr("pwd")
    }

    /// Another subject.
    #[must_use]
    pub fn subject(self, subject: &str) -> Self {
        Self { subject: subject.to_owned(), ..self }
    }

    /// Adds a role, as the issuer calls it.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.roles.push(role.to_owned());
        self
    }

    /// Adds a unit, as the issuer calls it.
    #[must_use]
    pub fn unit(mut self, unit: &str) -> Self {
        self.units.push(unit.to_owned());
        self
    }

    /// How the subject signed in (`acr`).
    #[must_use]
    pub fn acr(self, acr: &str) -> Self {
        self.claim("acr", acr)
    }

    /// Adds a method of signing in (`amr`, RFC 8176).
    #[must_use]
    pub fn amr(mut self, method: &str) -> Self {
        self.amr.push(method.to_owned());
        self
    }

    /// Signed in with a second factor (REFEDS MFA).
    #[must_use]
    pub fn strong(self) -> Self {
        self.acr("https://refeds.org/profile/mfa").amr("hwk").amr("user")
    }

    /// Another `aud`.
    #[must_use]
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", audience)
    }

    /// Who acts for the subject (RFC 8693, 4.1).
    #[must_use]
    pub fn actor(self, subject: &str) -> Self {
        self.claim("act", json!({ "sub": subject }))
    }

    /// Bound to a device's certificate (RFC 8705, 3.1).
    #[must_use]
    pub fn bound_to(self, device: &Signed) -> Self {
        let digest = digest::digest(&digest::SHA256, device.der());
        self.claim("cnf", json!({ "x5t#S256": URL_SAFE_NO_PAD.encode(digest) }))
    }

    /// How long it lasts.
    #[must_use]
    pub fn lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// When it says it was issued; it expires a lifetime later.
    #[must_use]
    pub fn issued(self, issued: SystemTime) -> Self {
        Self { issued, ..self }
    }

    /// Expired this long ago.
    #[must_use]
    pub fn expired(self, ago: Duration) -> Self {
        let issued = SystemTime::now() - ago - self.lifetime;
        self.issued(issued)
    }

    /// Sets any claim, over what the profile would say; `null` leaves it out.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Sets any header parameter; `null` leaves it out.
    #[must_use]
    pub fn header_parameter(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// The header, by profile and key; without a key the algorithm is `none`.
    pub fn header(&self, profile: Profile, key: Option<&SigningKey>) -> Value {
        let mut header = Map::new();
        header.insert("alg".into(), key.map_or("none", |key| key.algorithm.as_str()).into());
        header.insert("typ".into(), if profile == Profile::Generic { "at+jwt" } else { "JWT" }.into());
        if let Some(key) = key {
            header.insert("kid".into(), key.id.clone().into());
        }
        overlay(header, &self.header)
    }

    /// The claims, by profile.
    pub fn claims(&self, profile: Profile, issuer: &str, audience: &str) -> Value {
        let issued = seconds(self.issued);
        let common = json!({
            "iss": issuer, "aud": audience, "sub": self.subject,
            "iat": issued, "nbf": issued, "exp": issued + self.lifetime.as_secs(), "jti": unique(),
        });
        let mut claims = match common {
            Value::Object(claims) => claims,
            _ => Map::new(),
        };
        if !self.amr.is_empty() {
            claims.insert("amr".into(), json!(self.amr));
        }
        if let Value::Object(own) = self.shaped(profile, issued) {
            claims.extend(own);
        }
        overlay(claims, &self.claims)
    }

    fn shaped(&self, profile: Profile, issued: u64) -> Value {
        let (roles, units, user) = (&self.roles, &self.units, &self.subject);
        match profile {
            Profile::Generic => {
                json!({ "client_id": "portal", "roles": roles, "units": units, "auth_time": issued })
            }
            Profile::Keycloak => json!({
                "typ": "Bearer", "azp": "portal", "sid": unique(), "auth_time": issued, "scope": "openid",
                "realm_access": { "roles": roles }, "units": units, "preferred_username": user,
            }),
            Profile::EntraId => json!({
                "ver": "2.0", "tid": "6babcaad-604b-40ac-a9d7-9fd97c0b779f", "oid": user, "azp": "portal",
                "azpacr": "1", "roles": roles, "groups": units, "preferred_username": user, "scp": "access",
            }),
            Profile::AdFs => json!({
                "appid": "portal", "upn": user, "unique_name": user, "role": roles, "group": units,
                "auth_time": issued, "ver": "1.0",
            }),
        }
    }
}

/// Random, as a UUID (RFC 9562, version 4).
pub(crate) fn unique() -> String {
    let mut bytes = [0_u8; 16];
    // Without randomness nothing else here works either; a constant is as unique as that leaves it.
    let _ = rand::fill(&mut bytes);
    let value = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{value:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
}

fn overlay(mut base: Map<String, Value>, over: &Map<String, Value>) -> Value {
    for (name, value) in over {
        if value.is_null() {
            base.remove(name);
        } else {
            base.insert(name.clone(), value.clone());
        }
    }
    Value::Object(base)
}
