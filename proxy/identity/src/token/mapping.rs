//! From claim values to roles and units.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::claims::{self, Claims};
use super::{ClaimMap, TokenFault};

/// Most values that are recorded as dropped: Keycloak puts three of its own into every token, a misconfigured issuer may put hundreds.
const DROPPED_LIMIT: usize = 32;

/// A [`ClaimMap`], ready to be applied.
#[derive(Debug)]
pub(super) struct Mapping {
    /// Names from the outermost object inwards; empty: no claim is read.
    path: Vec<String>,
    grants: BTreeMap<String, Arc<str>>,
    name: &'static str,
}

impl Mapping {
    /// `name` is what a fault calls the claim.
    ///
    /// # Errors
    /// `Err` if the path is malformed, or values are granted from no claim.
    pub(super) fn new(map: ClaimMap, name: &'static str) -> Result<Self, ()> {
        let path = path(&map.claim).ok_or(())?;
        if path.is_empty() && !map.grants.is_empty() {
            return Err(());
        }
        let grants = map.grants.into_iter().map(|(value, granted)| (value, granted.into())).collect();
        Ok(Self { path, grants, name })
    }

    /// What `claims` grant, sorted; what they name in vain goes to `dropped`.
    pub(super) fn apply(
        &self,
        claims: &Claims,
        dropped: &mut Vec<String>,
    ) -> Result<Vec<Arc<str>>, TokenFault> {
        let mut granted = BTreeSet::new();
        for value in self.values(claims)? {
            match self.grants.get(value) {
                Some(grant) => _ = granted.insert(Arc::clone(grant)),
                None if dropped.len() < DROPPED_LIMIT => dropped.push(claims::for_record(value)),
                None => {}
            }
        }
        Ok(granted.into_iter().collect())
    }

    /// Whether this is granted to any value.
    pub(super) fn may_grant(&self, granted: &str) -> bool {
        self.grants.values().any(|grant| **grant == *granted)
    }

    /// Whether the claim was left out of the token because it would be too large: Entra ID's overage, in the form of OpenID Connect
    /// Core, 5.6.2 (`_claim_names`) or of the implicit flow (`hasgroups`, `groups:src1`). Without this, a member of many groups would
    /// silently lose roles.
    pub(super) fn is_left_out(&self, claims: &Claims) -> bool {
        let Some(claim) = self.path.first() else { return false };
        let elsewhere = claims
            .get("_claim_names")
            .and_then(Value::as_object)
            .is_some_and(|names| names.contains_key(claim));
        let hinted = claim == "groups"
            && (claims.get("hasgroups").is_some_and(|has| has == true || has == "true")
                || claims.keys().any(|name| name.starts_with("groups:src")));
        elsewhere || hinted
    }

    /// Whether its text is a list of words (RFC 6749, 3.3; RFC 8693, 4.2; Entra ID and AD FS call it `scp`).
    fn is_scope(&self) -> bool {
        self.path.last().is_some_and(|name| name == "scope" || name == "scp")
    }

    fn values<'a>(&self, claims: &'a Claims) -> Result<Vec<&'a str>, TokenFault> {
        let value = match self.path.split_first() {
            None => None,
            Some((first, rest)) => rest.iter().try_fold(claims.get(first), |value, name| match value {
                None => Ok(None),
                Some(Value::Object(object)) => Ok(object.get(name)),
                Some(_) => Err(TokenFault::BadClaim(self.name)),
            })?,
        };
        match value {
            Some(Value::String(text)) if self.is_scope() => {
                Ok(text.split(' ').filter(|value| !value.is_empty()).collect())
            }
            // SECURITY: AD FS writes a single value as text, and a group may have spaces in its name: whoever is in `former officer` alone
            // is no `officer`.
            value => claims::texts(value, self.name),
        }
    }
}

/// The names in a JSON pointer (RFC 6901) or a dotted path. A claim whose name is a URI, as AD FS has them, is one name.
fn path(claim: &str) -> Option<Vec<String>> {
    if claim.is_empty() {
        return Some(Vec::new());
    }
    let names: Vec<String> = if let Some(pointer) = claim.strip_prefix('/') {
        pointer.split('/').map(unescape).collect::<Option<_>>()?
    } else if claim.contains("://") {
        vec![claim.to_owned()]
    } else {
        claim.split('.').map(str::to_owned).collect()
    };
    names.iter().all(|name| !name.is_empty()).then_some(names)
}

/// RFC 6901, 3 and 4: `~1` is `/`, `~0` is `~`, and nothing else follows a `~`.
fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('~');
    let mut out = parts.next()?.to_owned();
    for part in parts {
        let (escaped, rest) = match (part.strip_prefix('0'), part.strip_prefix('1')) {
            (Some(rest), _) => ('~', rest),
            (_, Some(rest)) => ('/', rest),
            _ => return None,
        };
        out.push(escaped);
        out.push_str(rest);
    }
    Some(out)
}

/// Nothing is mapped.
impl Default for Mapping {
    fn default() -> Self {
        Self { path: Vec::new(), grants: BTreeMap::new(), name: "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mapping(claim: &str) -> Mapping {
        let grants =
            [("officer", "officer"), ("chief", "supervisor"), ("boss", "supervisor"), ("two words", "odd")];
        let grants = grants.map(|(value, role)| (value.to_owned(), role.to_owned())).into();
        Mapping::new(ClaimMap { claim: claim.to_owned(), grants }, "roles").unwrap()
    }

    fn applied(claim: &str, claims: &Value) -> Result<(Vec<String>, Vec<String>), TokenFault> {
        let mut dropped = Vec::new();
        let granted = mapping(claim).apply(claims.as_object().unwrap(), &mut dropped)?;
        Ok((granted.iter().map(ToString::to_string).collect(), dropped))
    }

    #[test]
    fn values_are_granted_or_dropped() {
        type Expected = (&'static [&'static str], &'static [&'static str]);
        let cases: Vec<(&str, &str, Value, Expected)> = vec![
            ("array", "roles", json!({ "roles": ["officer", "chief"] }), (&["officer", "supervisor"], &[])),
            (
                "each once, sorted",
                "roles",
                json!({ "roles": ["chief", "officer", "boss"] }),
                (&["officer", "supervisor"], &[]),
            ),
            ("spaces", "scope", json!({ "scope": " officer  admin" }), (&["officer"], &["admin"])),
            ("a granted value with a space", "roles", json!({ "roles": "two words" }), (&["odd"], &[])),
            (
                "another that has a granted one in its name",
                "roles",
                json!({ "roles": "former officer" }),
                (&[], &["former officer"]),
            ),
            (
                "words in a scope inside",
                "a.scp",
                json!({ "a": { "scp": "chief x" } }),
                (&["supervisor"], &["x"]),
            ),
            ("an array keeps spaces", "roles", json!({ "roles": ["two words"] }), (&["odd"], &[])),
            (
                "nested",
                "realm_access.roles",
                json!({ "realm_access": { "roles": ["officer"] } }),
                (&["officer"], &[]),
            ),
            (
                "pointer",
                "/realm_access/roles",
                json!({ "realm_access": { "roles": ["officer"] } }),
                (&["officer"], &[]),
            ),
            ("pointer with escapes", "/a~1b~0c", json!({ "a/b~c": ["officer"] }), (&["officer"], &[])),
            (
                "name with dots",
                "https://z.example/roles",
                json!({ "https://z.example/roles": "officer" }),
                (&["officer"], &[]),
            ),
            ("foreign role", "roles", json!({ "roles": ["admin", "Officer"] }), (&[], &["admin", "Officer"])),
            ("absent", "roles", json!({}), (&[], &[])),
            ("absent inside", "a.roles", json!({ "a": {} }), (&[], &[])),
            ("nothing mapped", "roles", json!({ "roles": [] }), (&[], &[])),
        ];
        for (case, claim, claims, expected) in cases {
            let (granted, dropped) = applied(claim, &claims).unwrap();
            assert_eq!((&*granted, &*dropped), (&*owned(expected.0), &*owned(expected.1)), "{case}");
        }
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_claim_that_is_none_is_refused() {
        for (case, claim, claims) in [
            ("number", "roles", json!({ "roles": 1 })),
            ("null", "roles", json!({ "roles": null })),
            ("number in the array", "roles", json!({ "roles": ["officer", 1] })),
            ("object", "roles", json!({ "roles": {} })),
            ("path through a string", "a.roles", json!({ "a": "roles" })),
        ] {
            assert_eq!(applied(claim, &claims), Err(TokenFault::BadClaim("roles")), "{case}");
        }
    }

    #[test]
    fn a_bounded_number_is_recorded_as_dropped() {
        let many: Vec<String> = (0..100).map(|number| format!("group-{number}")).collect();
        assert_eq!(applied("roles", &json!({ "roles": many })).unwrap().1.len(), DROPPED_LIMIT);
    }

    #[test]
    fn malformed_paths_are_refused() {
        for claim in ["a..b", ".a", "a.", "/", "/a//b", "/a~2", "/a~"] {
            assert!(path(claim).is_none(), "{claim}");
        }
        let grants: BTreeMap<_, _> = [("a".to_owned(), "b".to_owned())].into();
        assert!(Mapping::new(ClaimMap { claim: String::new(), grants }, "roles").is_err());
    }

    #[test]
    fn groups_left_out_are_noticed_where_they_matter() {
        let cases = [
            ("there", "groups", json!({ "groups": ["a"] }), false),
            ("elsewhere", "groups", json!({ "_claim_names": { "groups": "src1" } }), true),
            ("hint", "groups", json!({ "hasgroups": true }), true),
            ("hint as text", "groups", json!({ "hasgroups": "true" }), true),
            ("source", "groups", json!({ "groups:src1": "https://graph" }), true),
            (
                "roles come from another claim",
                "roles",
                json!({ "_claim_names": { "groups": "src1" }, "hasgroups": true }),
                false,
            ),
            ("roles are elsewhere", "roles", json!({ "_claim_names": { "roles": "src1" } }), true),
            ("no claim at all", "", json!({ "hasgroups": true }), false),
        ];
        for (case, claim, claims, left_out) in cases {
            let mapping =
                Mapping::new(ClaimMap { claim: claim.to_owned(), ..ClaimMap::default() }, "roles").unwrap();
            assert_eq!(mapping.is_left_out(claims.as_object().unwrap()), left_out, "{case}");
        }
    }
}
