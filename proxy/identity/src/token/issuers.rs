//! The issuers we believe, and what each may say.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::claims::Claims;
use super::jws::Jws;
use super::mapping::Mapping;
use super::{Algorithm, KeyLookup, KeySet, Keys, Subject, TokenFault, subject};

/// What one issuer may say, and how its tokens look.
#[derive(Debug, Clone)]
pub struct IssuerRules {
    /// Short name in subject ids and records: letters, digits, `-`, `_` and `.`.
    pub alias: String,
    /// The exact `iss` of its tokens.
    pub issuer: String,
    /// The `aud` values that mean us; one is enough.
    pub audiences: Vec<String>,
    /// The algorithms it may sign with.
    pub algorithms: Vec<Algorithm>,
    /// Whose product it is.
    pub profile: Profile,
    /// Where its tokens name roles, and which it may assert.
    pub roles: ClaimMap,
    /// Where its tokens name units, and which it may assert.
    pub units: ClaimMap,
    /// Client ids that are service accounts: a token such a client got for itself, not for a person, names a service.
    pub services: Vec<String>,
    /// How far its clock and ours may differ, at most [`IssuerRules::LEEWAY_LIMIT`].
    pub leeway: Duration,
    /// How old a token may be, counted from `iat`, whatever its `exp` says.
    pub max_age: Option<Duration>,
}

impl IssuerRules {
    /// The usual [`IssuerRules::leeway`].
    pub const LEEWAY: Duration = Duration::from_secs(30);
    /// The largest [`IssuerRules::leeway`].
    pub const LEEWAY_LIMIT: Duration = Duration::from_secs(300);
}

/// Whose access tokens an issuer's are like. It decides `typ`, which claims must be there, what betrays an ID token, and
/// how a service account is told from a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// RFC 9068: `typ` is `at+jwt`; `client_id`, `iat` and `jti` are there. A service's token has its client as `sub`.
    Generic,
    /// Keycloak: `typ` is `JWT` or `at+jwt`, and the claim `typ` is `Bearer`. A service's token is that of a service account.
    Keycloak,
    /// Microsoft Entra ID, version 1.0 or 2.0 tokens: `typ` is `JWT`; `azp` or `appid` and one of `scp`, `roles` and `idtyp` are there. A
    /// service's token has `idtyp` `app`, or no `scp` and `sub` equal to `oid`.
    EntraId,
    /// Active Directory Federation Services, 2016 or later: `typ` is `JWT`, `appid` is there. A user's token must carry `sub` (an issuance
    /// rule, or the scope `openid`); one without is the client's own.
    AdFs,
}

/// A claim, and which of its values become what.
#[derive(Debug, Clone, Default)]
pub struct ClaimMap {
    /// JSON pointer (`/realm_access/roles`, RFC 6901) or dotted path (`realm_access.roles`); a name with `://` in it is one name; empty:
    /// no claim is read. The claim is an array of strings, or one string: one value, and in `scope` and `scp` several separated by spaces.
    pub claim: String,
    /// Claim value → role or unit. Values that are not here are dropped and recorded.
    pub grants: BTreeMap<String, String>,
}

/// All issuers, found by the exact `iss` of a token.
#[derive(Debug)]
pub struct Issuers {
    by_name: HashMap<String, Issuer>,
}

/// An issuer's rules, ready to be applied.
#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) alias: Arc<str>,
    pub(super) audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    pub(super) profile: Profile,
    pub(super) roles: Mapping,
    pub(super) units: Mapping,
    pub(super) services: BTreeSet<String>,
    pub(super) leeway: u64,
    pub(super) max_age: Option<u64>,
}

impl Issuers {
    /// Largest token that is read, in bytes.
    pub const TOKEN_LIMIT_BYTES: usize = 16 * 1024;

    /// Checks and keeps `rules`. Without any, every token is from an unknown issuer.
    ///
    /// # Errors
    /// Every fault of every issuer.
    pub fn new(rules: Vec<IssuerRules>) -> Result<Self, Vec<IssuerFault>> {
        let mut by_name = HashMap::new();
        let mut aliases = BTreeSet::new();
        let mut faults = Vec::new();
        for rules in rules {
            let (alias, name) = (rules.alias.clone(), rules.issuer.clone());
            if !aliases.insert(alias.clone()) {
                faults.push(IssuerFault::DuplicateAlias(alias.clone()));
            }
            match Issuer::new(rules) {
                Ok(issuer) => {
                    if by_name.insert(name.clone(), issuer).is_some() {
                        faults.push(IssuerFault::DuplicateIssuer { alias, issuer: name });
                    }
                }
                Err(more) => faults.extend(more),
            }
        }
        if faults.is_empty() { Ok(Self { by_name }) } else { Err(faults) }
    }

    /// Verifies a compact JWS (RFC 7515, 7.1) at `now` and says whom it names.
    ///
    /// # Errors
    /// [`TokenFault`], the first reason found.
    pub fn verify(&self, token: &[u8], keys: &dyn KeyLookup, now: SystemTime) -> Result<Subject, TokenFault> {
        let jws = Jws::read(token, Self::TOKEN_LIMIT_BYTES)?;
        let claims = jws.claims()?;
        let issuer = self.named(&claims).ok_or(TokenFault::UnknownIssuer)?;
        let generation = issuer.verify_signature(&jws, keys)?;
        subject::of(issuer, jws.header.typ.as_deref(), &claims, generation, now)
    }

    /// What was believed of somebody, perhaps by other rules, as far as their issuer may still say it: without the roles and units that it may
    /// assert no more. The same where nothing is left out.
    #[must_use]
    pub fn still_granted(&self, subject: &Arc<Subject>) -> Arc<Subject> {
        let issuer = self.by_name.values().find(|issuer| issuer.alias == subject.issuer);
        let role = |role: &Arc<str>| issuer.is_some_and(|issuer| issuer.roles.may_grant(role));
        let unit = |unit: &Arc<str>| issuer.is_some_and(|issuer| issuer.units.may_grant(unit));
        if subject.roles.iter().all(role) && subject.units.iter().all(unit) {
            return Arc::clone(subject);
        }
        let mut left = Subject::clone(subject);
        left.roles.retain(role);
        left.units.retain(unit);
        Arc::new(left)
    }

    /// The issuer that claims name, character by character.
    pub(super) fn named(&self, claims: &Claims) -> Option<&Issuer> {
        self.by_name.get(claims.get("iss")?.as_str()?)
    }
}

impl Issuer {
    fn new(rules: IssuerRules) -> Result<Self, Vec<IssuerFault>> {
        let alias = rules.alias.clone();
        let mut faults = check(&rules);
        let mut mapping = |map, name| {
            Mapping::new(map, name).unwrap_or_else(|()| {
                faults.push(IssuerFault::Claim { alias: alias.clone(), of: name });
                Mapping::default()
            })
        };
        let issuer = Self {
            roles: mapping(rules.roles, "roles"),
            units: mapping(rules.units, "units"),
            alias: rules.alias.into(),
            audiences: rules.audiences,
            algorithms: rules.algorithms,
            profile: rules.profile,
            services: rules.services.into_iter().collect(),
            leeway: rules.leeway.as_secs(),
            max_age: rules.max_age.map(|age| age.as_secs()),
        };
        if faults.is_empty() { Ok(issuer) } else { Err(faults) }
    }

    /// Verifies the signature, and says which generation of keys did.
    pub(super) fn verify_signature(&self, jws: &Jws<'_>, keys: &dyn KeyLookup) -> Result<u64, TokenFault> {
        self.check_algorithm(jws.header.algorithm)?;
        let set = self.keys(keys)?;
        set.check(jws, &self.alias)?;
        Ok(set.generation())
    }

    fn keys(&self, keys: &dyn KeyLookup) -> Result<Arc<KeySet>, TokenFault> {
        match keys.keys(&self.alias) {
            Keys::Fresh(set) => Ok(set),
            Keys::Stale => Err(TokenFault::KeysStale { alias: Arc::clone(&self.alias) }),
            Keys::Absent => Err(TokenFault::KeysAbsent { alias: Arc::clone(&self.alias) }),
        }
    }

    fn check_algorithm(&self, algorithm: Algorithm) -> Result<(), TokenFault> {
        if self.algorithms.contains(&algorithm) { Ok(()) } else { Err(TokenFault::Algorithm) }
    }
}

fn check(rules: &IssuerRules) -> Vec<IssuerFault> {
    let alias = || rules.alias.clone();
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let mut faults = Vec::new();
    if rules.alias.is_empty() || !rules.alias.bytes().all(named) {
        faults.push(IssuerFault::Alias(alias()));
    }
    if rules.issuer.is_empty() {
        faults.push(IssuerFault::NoIssuer(alias()));
    }
    if rules.audiences.is_empty() || rules.audiences.iter().any(String::is_empty) {
        faults.push(IssuerFault::NoAudience(alias()));
    }
    if rules.algorithms.is_empty() {
        faults.push(IssuerFault::NoAlgorithm(alias()));
    }
    if rules.leeway > IssuerRules::LEEWAY_LIMIT {
        faults.push(IssuerFault::Leeway(alias()));
    }
    if rules.max_age.is_some_and(|age| age.as_secs() == 0) {
        faults.push(IssuerFault::MaxAge(alias()));
    }
    faults
}

/// Why an issuer's rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerFault {
    /// An alias with other characters, or none.
    #[error("the alias `{0}` is not fit for subject ids; use letters, digits, `-`, `_` and `.`")]
    Alias(String),
    /// Two issuers share an alias.
    #[error("two issuers have the alias `{0}`; give each its own")]
    DuplicateAlias(String),
    /// Two issuers share an `iss`.
    #[error("issuer `{alias}` is `{issuer}`, and so is another; join them")]
    DuplicateIssuer {
        /// The later one.
        alias: String,
        /// The `iss` they share.
        issuer: String,
    },
    /// No `iss`.
    #[error("issuer `{0}` has no issuer name; copy `issuer` from its metadata, character by character")]
    NoIssuer(String),
    /// No audience, or an empty one: any token of that issuer, for whomever, would do.
    #[error("issuer `{0}` has no audience; name the `aud` that its tokens for this gate have")]
    NoAudience(String),
    /// No algorithm.
    #[error("issuer `{0}` has no algorithm; name those it signs with, such as ES256 or PS256")]
    NoAlgorithm(String),
    /// The path of a claim is malformed, or values are granted but no claim is named.
    #[error(
        "issuer `{alias}` has an unusable claim for {of}; use a path such as `realm_access.roles` or `/realm_access/roles`"
    )]
    Claim {
        /// The issuer.
        alias: String,
        /// `roles` or `units`.
        of: &'static str,
    },
    /// A leeway beyond [`IssuerRules::LEEWAY_LIMIT`].
    #[error("issuer `{0}` has a leeway over 5 minutes; set the clocks instead")]
    Leeway(String),
    /// A maximum age below a second.
    #[error("issuer `{0}` has a maximum age below one second; no token would ever do")]
    MaxAge(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(alias: &str) -> IssuerRules {
        IssuerRules {
            alias: alias.to_owned(),
            issuer: format!("https://{alias}.example"),
            audiences: vec!["poort".to_owned()],
            algorithms: vec![Algorithm::Es256],
            profile: Profile::Generic,
            roles: ClaimMap::default(),
            units: ClaimMap::default(),
            services: Vec::new(),
            leeway: IssuerRules::LEEWAY,
            max_age: None,
        }
    }

    #[test]
    fn unusable_rules_are_refused() {
        let zone = || "zone".to_owned();
        type Change = fn(&mut IssuerRules);
        let cases: Vec<(&str, Change, IssuerFault)> = vec![
            (
                "separator in the alias",
                |rules| rules.alias = "a|b".to_owned(),
                IssuerFault::Alias("a|b".to_owned()),
            ),
            ("no alias", |rules| rules.alias.clear(), IssuerFault::Alias(String::new())),
            ("no issuer", |rules| rules.issuer.clear(), IssuerFault::NoIssuer(zone())),
            ("no audience", |rules| rules.audiences.clear(), IssuerFault::NoAudience(zone())),
            ("empty audience", |rules| rules.audiences.push(String::new()), IssuerFault::NoAudience(zone())),
            ("no algorithm", |rules| rules.algorithms.clear(), IssuerFault::NoAlgorithm(zone())),
            (
                "path",
                |rules| rules.roles.claim = "a..b".to_owned(),
                IssuerFault::Claim { alias: zone(), of: "roles" },
            ),
            (
                "units from nowhere",
                |rules| rules.units.grants = [("a".to_owned(), "b".to_owned())].into(),
                IssuerFault::Claim { alias: zone(), of: "units" },
            ),
            ("leeway", |rules| rules.leeway = Duration::from_secs(301), IssuerFault::Leeway(zone())),
            ("age", |rules| rules.max_age = Some(Duration::from_millis(999)), IssuerFault::MaxAge(zone())),
        ];
        for (case, change, fault) in cases {
            let mut rules = rules("zone");
            change(&mut rules);
            assert_eq!(Issuers::new(vec![rules]).unwrap_err(), [fault], "{case}");
        }
    }

    #[test]
    fn faults_of_all_issuers_are_reported_together() {
        let mut silent = rules("b");
        silent.algorithms.clear();
        let mut same = rules("a");
        same.issuer = "https://zone.example".to_owned();
        let faults = Issuers::new(vec![rules("zone"), rules("zone"), same, silent]).unwrap_err();
        let issuer = || "https://zone.example".to_owned();
        let expected = [
            IssuerFault::DuplicateAlias("zone".to_owned()),
            IssuerFault::DuplicateIssuer { alias: "zone".to_owned(), issuer: issuer() },
            IssuerFault::DuplicateIssuer { alias: "a".to_owned(), issuer: issuer() },
            IssuerFault::NoAlgorithm("b".to_owned()),
        ];
        assert_eq!(faults, expected);
        assert!(Issuers::new(Vec::new()).is_ok());
    }
}
