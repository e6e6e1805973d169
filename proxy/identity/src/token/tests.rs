//! Whom a token names, and every reason for refusing one.

#![expect(clippy::string_slice, reason = "tokens are ASCII")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::test_issuer::{Book, NOW, Signer, claims, issuers, now, rules, typ, with};
use super::*;

const PROFILES: [Profile; 4] = [Profile::Generic, Profile::Keycloak, Profile::EntraId, Profile::AdFs];

/// One issuer with one ES256 key.
struct Zone {
    signer: Signer,
    book: Book,
    issuers: Issuers,
    profile: Profile,
}

impl Zone {
    fn new(rules: IssuerRules) -> Self {
        let signer = Signer::new(Algorithm::Es256, "k1");
        let book = Book::of("zone", &[&signer.jwk]);
        Self { signer, book, profile: rules.profile, issuers: issuers(rules) }
    }

    fn of(profile: Profile) -> Self {
        Self::new(rules(profile))
    }

    fn header(&self) -> Value {
        json!({ "alg": "ES256", "kid": "k1", "typ": typ(self.profile) })
    }

    fn token(&self, header: &Value, change: &Value) -> String {
        self.signer.sign(&with(self.header(), header), &with(claims(self.profile), change))
    }

    fn verify(&self, token: &str) -> Result<Subject, TokenFault> {
        self.issuers.verify(token.as_bytes(), &self.book, now())
    }

    fn verify_claims(&self, change: &Value) -> Result<Subject, TokenFault> {
        self.verify(&self.token(&json!({}), change))
    }
}

fn texts(texts: &[&str]) -> Vec<Arc<str>> {
    texts.iter().map(|&text| text.into()).collect()
}

#[test]
fn a_token_names_its_subject() {
    let zone = Zone::of(Profile::Generic);
    let change = json!({
        "roles": ["supervisor", "admin", "officer"], "units": ["team-a", "team-b"], "acr": "phrh", "amr": ["pwd", "hwk"], "auth_time": NOW - 60,
        "act": { "sub": "spiffe://zone.example/workload/search" }, "cnf": { "x5t#S256": "A".repeat(43) }, "name": "Jan Peeters",
    });
    let expected = Subject {
        id: "zone|1234".to_owned(),
        kind: SubjectKind::User,
        issuer: "zone".into(),
        roles: texts(&["officer", "supervisor"]),
        units: texts(&["team-a"]),
        acr: Some("phrh".to_owned()),
        amr: vec!["pwd".to_owned(), "hwk".to_owned()],
        auth_time: Some(NOW - 60),
        issued: Some(NOW - 10),
        expires: now() + Duration::from_secs(300),
        token_id: Some("t-1".to_owned()),
        client: Some("tablet".to_owned()),
        actor: Some("spiffe://zone.example/workload/search".to_owned()),
        display: Some("Jan Peeters".to_owned()),
        dropped: vec!["admin".to_owned(), "team-b".to_owned()],
        certificate: Some([0; 32]),
        generation: match zone.book.keys("zone") {
            Keys::Fresh(set) => set.generation(),
            _ => unreachable!(),
        },
    };
    assert_eq!(zone.verify_claims(&change), Ok(expected));
}

#[test]
fn each_product_is_read_in_its_own_way() {
    let cases = [
        (Profile::Generic, Some("t-1"), None, vec![], None),
        (Profile::Keycloak, Some("t-1"), Some("jan"), vec![], None),
        (Profile::EntraId, Some("u-1"), Some("jan@zone.example"), vec![], None),
        (
            Profile::AdFs,
            None,
            Some("jan@zone.example"),
            vec!["urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"],
            Some(NOW - 60),
        ),
    ];
    for (profile, token_id, display, amr, auth_time) in cases {
        let subject = Zone::of(profile).verify_claims(&json!({})).unwrap();
        assert_eq!((subject.id.as_str(), subject.kind), ("zone|1234", SubjectKind::User), "{profile:?}");
        assert_eq!(subject.client.as_deref(), Some("tablet"), "{profile:?}");
        assert_eq!(subject.token_id.as_deref(), token_id, "{profile:?}");
        assert_eq!(subject.display.as_deref(), display, "{profile:?}");
        assert_eq!(subject.amr, amr, "{profile:?}");
        assert_eq!(subject.auth_time, auth_time, "{profile:?}");
    }
    let first =
        json!({ "ver": "1.0", "azp": null, "appid": "tablet", "acrs": ["c1"], "amr": ["pwd", "mfa"] });
    let subject = Zone::of(Profile::EntraId).verify_claims(&first).unwrap();
    assert_eq!(subject.client.as_deref(), Some("tablet"), "Entra ID, version 1.0");
    assert_eq!(subject.amr, ["pwd", "mfa", "c1"], "Entra ID, version 1.0");
}

#[test]
fn claims_that_every_product_must_send() {
    let bad = TokenFault::BadClaim;
    let missing = TokenFault::MissingClaim;
    let cases = [
        ("as it should be", json!({}), None),
        ("another audience of ours", json!({ "aud": ["x", "https://gate.zone.example"] }), None),
        ("another's audience", json!({ "aud": "other" }), Some(TokenFault::Audience)),
        ("audience in another case", json!({ "aud": "Poort" }), Some(TokenFault::Audience)),
        ("empty audience", json!({ "aud": [] }), Some(TokenFault::Audience)),
        ("audience is a number", json!({ "aud": 1 }), Some(bad("aud"))),
        ("no audience", json!({ "aud": null }), Some(missing("aud"))),
        ("no expiry", json!({ "exp": null }), Some(missing("exp"))),
        ("expiry as text", json!({ "exp": "2030" }), Some(bad("exp"))),
        ("last second of the leeway", json!({ "exp": NOW - 29 }), None),
        ("expired", json!({ "exp": NOW - 30 }), Some(TokenFault::Expired)),
        ("begins within the leeway", json!({ "nbf": NOW + 30 }), None),
        ("begins later", json!({ "nbf": NOW + 31 }), Some(TokenFault::NotYetValid)),
        ("begin as text", json!({ "nbf": "now" }), Some(bad("nbf"))),
        ("issued within the leeway", json!({ "iat": NOW + 30 }), None),
        ("issued in the future", json!({ "iat": NOW + 31 }), Some(TokenFault::IssuedInFuture)),
        ("signed in within the leeway", json!({ "auth_time": NOW + 30 }), None),
        ("signed in in the future", json!({ "auth_time": NOW + 31 }), Some(TokenFault::IssuedInFuture)),
        ("another issuer", json!({ "iss": "https://sso.zone.example/" }), Some(TokenFault::UnknownIssuer)),
        ("no issuer", json!({ "iss": null }), Some(TokenFault::UnknownIssuer)),
        ("issuer is a list", json!({ "iss": ["https://sso.zone.example"] }), Some(TokenFault::UnknownIssuer)),
        ("subject with a line break", json!({ "sub": "a\nb" }), Some(bad("sub"))),
        ("subject is a number", json!({ "sub": 1 }), Some(bad("sub"))),
        ("roles are an object", json!({ "roles": { "a": 1 } }), Some(bad("roles"))),
        ("units are a number", json!({ "units": 1 }), Some(bad("units"))),
        ("means are a number", json!({ "amr": 1 }), Some(bad("amr"))),
        ("strength is a number", json!({ "acr": 1 }), Some(bad("acr"))),
        ("sign-in time is nonsense", json!({ "auth_time": "yesterday" }), Some(bad("auth_time"))),
        ("bound by DPoP", json!({ "cnf": { "jkt": "x" } }), Some(TokenFault::Confirmation)),
        ("actor is text", json!({ "act": "x" }), Some(bad("act"))),
        ("roles left out", json!({ "_claim_names": { "roles": "s" } }), Some(TokenFault::GroupsOverage)),
        ("hash of an access token", json!({ "at_hash": "x" }), Some(TokenFault::IdToken)),
        ("hash of a code", json!({ "c_hash": "x" }), Some(TokenFault::IdToken)),
    ];
    for profile in PROFILES {
        let zone = Zone::of(profile);
        for (case, change, fault) in &cases {
            assert_eq!(zone.verify_claims(change).err().as_ref(), fault.as_ref(), "{profile:?}: {case}");
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn claims_and_types_of_each_product() {
    let missing = |name| Some(TokenFault::MissingClaim(name));
    let unlisted = |client: &str| Some(TokenFault::UnlistedService { client: Some(client.to_owned()) });
    let (none, id, typ) = (None, Some(TokenFault::IdToken), Some(TokenFault::Type));
    let cases: Vec<(Profile, &str, Value, Value, Option<TokenFault>)> = vec![
        (
            Profile::Generic,
            "media type in full",
            json!({ "typ": "application/at+jwt" }),
            json!({}),
            none.clone(),
        ),
        (Profile::Generic, "media type in capitals", json!({ "typ": "AT+JWT" }), json!({}), none.clone()),
        (Profile::Generic, "JWT", json!({ "typ": "JWT" }), json!({}), typ.clone()),
        (Profile::Generic, "no type", json!({ "typ": null }), json!({}), typ.clone()),
        (Profile::Generic, "a logout token", json!({ "typ": "logout+jwt" }), json!({}), typ.clone()),
        (Profile::Generic, "nonce", json!({}), json!({ "nonce": "x" }), id.clone()),
        (Profile::Generic, "claim typ", json!({}), json!({ "typ": "ID" }), id.clone()),
        (Profile::Generic, "no client", json!({}), json!({ "client_id": null }), missing("client_id")),
        (Profile::Generic, "no id", json!({}), json!({ "jti": null }), missing("jti")),
        (Profile::Generic, "no issue date", json!({}), json!({ "iat": null }), missing("iat")),
        (Profile::Generic, "no subject", json!({}), json!({ "sub": null }), missing("sub")),
        (Profile::Generic, "a client for itself", json!({}), json!({ "sub": "tablet" }), unlisted("tablet")),
        (Profile::Keycloak, "at+jwt", json!({ "typ": "at+jwt" }), json!({}), none.clone()),
        (Profile::Keycloak, "nonce, before version 24", json!({}), json!({ "nonce": "x" }), none.clone()),
        (Profile::Keycloak, "no type", json!({ "typ": null }), json!({}), typ.clone()),
        (Profile::Keycloak, "an ID token", json!({}), json!({ "typ": "ID" }), id.clone()),
        (Profile::Keycloak, "a refresh token", json!({}), json!({ "typ": "Refresh" }), typ.clone()),
        (Profile::Keycloak, "a logout token", json!({}), json!({ "typ": "Logout" }), typ.clone()),
        (Profile::Keycloak, "bound by DPoP", json!({}), json!({ "typ": "DPoP" }), typ.clone()),
        (Profile::Keycloak, "no claim typ", json!({}), json!({ "typ": null }), typ.clone()),
        (Profile::Keycloak, "no subject", json!({}), json!({ "sub": null }), missing("sub")),
        (
            Profile::Keycloak,
            "a client for itself",
            json!({}),
            json!({ "preferred_username": "service-account-tablet" }),
            unlisted("tablet"),
        ),
        (
            Profile::Keycloak,
            "a client for itself, by its address",
            json!({}),
            json!({ "preferred_username": null, "clientHost": "192.0.2.1" }),
            unlisted("tablet"),
        ),
        (
            Profile::Keycloak,
            "a user named like another's service account",
            json!({}),
            json!({ "azp": "search", "preferred_username": "service-account-searches" }),
            unlisted("search"),
        ),
        (Profile::EntraId, "at+jwt", json!({ "typ": "at+jwt" }), json!({}), typ.clone()),
        (Profile::EntraId, "nonce", json!({}), json!({ "nonce": "x" }), id.clone()),
        (Profile::EntraId, "no scope", json!({}), json!({ "scp": null }), id.clone()),
        (Profile::EntraId, "no client", json!({}), json!({ "azp": null }), id.clone()),
        (
            Profile::EntraId,
            "roles alone",
            json!({}),
            json!({ "scp": null, "roles": ["officer"] }),
            none.clone(),
        ),
        (Profile::EntraId, "no subject", json!({}), json!({ "sub": null }), missing("sub")),
        (
            Profile::EntraId,
            "a client for itself",
            json!({}),
            json!({ "scp": null, "idtyp": "app" }),
            unlisted("tablet"),
        ),
        (
            Profile::EntraId,
            "a client for itself, without idtyp",
            json!({}),
            json!({ "scp": null, "roles": ["officer"], "oid": "1234" }),
            unlisted("tablet"),
        ),
        (
            Profile::EntraId,
            "groups left out, roles come from elsewhere",
            json!({}),
            json!({ "_claim_names": { "groups": "src1" }, "hasgroups": true }),
            none.clone(),
        ),
        (Profile::AdFs, "with x5t", json!({ "x5t": "x" }), json!({}), none.clone()),
        (Profile::AdFs, "at+jwt", json!({ "typ": "at+jwt" }), json!({}), typ),
        (Profile::AdFs, "nonce", json!({}), json!({ "nonce": "x" }), id),
        (Profile::AdFs, "no client", json!({}), json!({ "appid": null }), missing("appid")),
        (Profile::AdFs, "no subject", json!({}), json!({ "sub": null }), missing("sub")),
        (Profile::AdFs, "sign-in time as a number", json!({}), json!({ "auth_time": NOW }), none),
    ];
    for (profile, case, header, change, fault) in cases {
        let zone = Zone::of(profile);
        assert_eq!(zone.verify(&zone.token(&header, &change)).err(), fault, "{profile:?}: {case}");
    }
}

#[test]
fn a_listed_client_is_a_service_only_for_itself() {
    use SubjectKind::{Service, User};
    let cases = [
        (
            Profile::Generic,
            "for itself",
            json!({ "client_id": "search", "sub": "search" }),
            "zone|search",
            Service,
        ),
        (Profile::Generic, "for an officer", json!({ "client_id": "search" }), "zone|1234", User),
        (
            Profile::Keycloak,
            "for itself",
            json!({ "azp": "search", "preferred_username": "service-account-search", "clientHost": "192.0.2.1" }),
            "zone|search",
            Service,
        ),
        (Profile::Keycloak, "for an officer", json!({ "azp": "search" }), "zone|1234", User),
        (
            Profile::EntraId,
            "for itself",
            json!({ "azp": "search", "idtyp": "app", "scp": null, "oid": "1234" }),
            "zone|search",
            Service,
        ),
        (Profile::EntraId, "for an officer", json!({ "azp": "search" }), "zone|1234", User),
        (Profile::AdFs, "for itself", json!({ "appid": "search", "sub": null }), "zone|search", Service),
        (Profile::AdFs, "for an officer", json!({ "appid": "search" }), "zone|1234", User),
    ];
    for (profile, case, change, id, kind) in cases {
        let subject = Zone::of(profile).verify_claims(&change).unwrap();
        assert_eq!((subject.id.as_str(), subject.kind), (id, kind), "{profile:?}: {case}");
    }
}

#[test]
fn groups_that_were_left_out_are_a_reason_where_roles_are_made_of_them() {
    let mut rules = rules(Profile::EntraId);
    rules.roles.claim = "groups".to_owned();
    let zone = Zone::new(rules);
    assert!(zone.verify_claims(&json!({ "groups": ["officer"] })).is_ok());
    for change in [
        json!({ "_claim_names": { "groups": "src1" } }),
        json!({ "hasgroups": true }),
        json!({ "groups:src1": "x" }),
    ] {
        assert_eq!(zone.verify_claims(&change), Err(TokenFault::GroupsOverage), "{change}");
    }
}

#[test]
fn a_maximum_age_ends_before_the_expiry() {
    let mut rules = rules(Profile::Keycloak);
    rules.max_age = Some(Duration::from_secs(600));
    let zone = Zone::new(rules);
    let aged = |age: u64| zone.verify_claims(&json!({ "iat": NOW - age, "exp": NOW + 3600 }));
    assert_eq!(aged(60).map(|subject| subject.expires), Ok(now() + Duration::from_secs(540)));
    assert!(aged(629).is_ok(), "within the leeway");
    assert_eq!(aged(630), Err(TokenFault::TooOld));
    assert_eq!(zone.verify_claims(&json!({ "iat": null })), Err(TokenFault::MissingClaim("iat")));
}

#[test]
fn headers() {
    let zone = Zone::of(Profile::Generic);
    let unknown =
        |kid: Option<&str>| TokenFault::UnknownKey { alias: "zone".into(), kid: kid.map(str::to_owned) };
    let cases = [
        ("plain", json!({}), None),
        ("without kid, one key fits", json!({ "kid": null }), None),
        ("unknown parameter", json!({ "x": 1 }), None),
        ("thumbprint of a certificate", json!({ "x5t": "x", "x5t#S256": "x" }), None),
        ("another kid", json!({ "kid": "k2" }), Some(unknown(Some("k2")))),
        ("kid with a line break", json!({ "kid": "a\nb" }), Some(unknown(Some("a\u{fffd}b")))),
        ("kid is a number", json!({ "kid": 1 }), Some(TokenFault::NotAToken)),
        ("kid too long", json!({ "kid": "k".repeat(257) }), Some(TokenFault::NotAToken)),
        ("type is a number", json!({ "typ": 1 }), Some(TokenFault::NotAToken)),
        ("jku", json!({ "jku": "https://evil.example" }), Some(TokenFault::KeyInHeader)),
        ("x5u", json!({ "x5u": "https://evil.example" }), Some(TokenFault::KeyInHeader)),
        ("jwk", json!({ "jwk": zone.signer.jwk }), Some(TokenFault::KeyInHeader)),
        ("x5c", json!({ "x5c": ["x"] }), Some(TokenFault::KeyInHeader)),
        ("crit", json!({ "crit": ["exp"], "exp": 1 }), Some(TokenFault::Critical)),
        ("empty crit", json!({ "crit": [] }), Some(TokenFault::Critical)),
        ("unencoded payload", json!({ "crit": ["b64"], "b64": false }), Some(TokenFault::Critical)),
        ("no algorithm", json!({ "alg": null }), Some(TokenFault::Algorithm)),
        ("none", json!({ "alg": "none" }), Some(TokenFault::Algorithm)),
        ("nOnE", json!({ "alg": "nOnE" }), Some(TokenFault::Algorithm)),
        ("HMAC", json!({ "alg": "HS256" }), Some(TokenFault::Algorithm)),
        ("not allowed", json!({ "alg": "RS256" }), Some(TokenFault::Algorithm)),
        ("not allowed, same curve family", json!({ "alg": "ES384" }), Some(TokenFault::Algorithm)),
        ("allowed, but the key is not for it", json!({ "alg": "PS256" }), Some(TokenFault::Algorithm)),
        ("algorithm is a list", json!({ "alg": ["ES256"] }), Some(TokenFault::NotAToken)),
    ];
    for (case, header, fault) in cases {
        assert_eq!(zone.verify(&zone.token(&header, &json!({}))).err(), fault, "{case}");
    }
}

#[test]
fn forms_that_are_no_token() {
    let zone = Zone::of(Profile::Generic);
    let token = zone.token(&json!({}), &json!({}));
    let parts: Vec<&str> = token.split('.').collect();
    let header = zone.header().to_string();
    let body = claims(zone.profile).to_string();
    let twice = |json: &str, name: &str| format!("{{\"{name}\":\"x\",{}", &json[1..]);
    let padded = format!("{}{}", "x".repeat(Issuers::TOKEN_LIMIT_BYTES), token);
    let cases = [
        ("empty", String::new(), TokenFault::NotAToken),
        ("one part", parts[0].to_owned(), TokenFault::NotAToken),
        ("two parts", format!("{}.{}", parts[0], parts[1]), TokenFault::NotAToken),
        ("four parts", format!("{token}.x"), TokenFault::NotAToken),
        ("five parts: encrypted", format!("{token}.x.y"), TokenFault::Encrypted),
        ("too large", padded, TokenFault::TooLarge),
        ("padding", format!("{token}="), TokenFault::NotAToken),
        ("white space", format!("{token} "), TokenFault::NotAToken),
        ("line break inside", format!("{}.\n{}.{}", parts[0], parts[1], parts[2]), TokenFault::NotAToken),
        ("not ASCII", format!("{token}é"), TokenFault::NotAToken),
        ("no signature", format!("{}.{}.", parts[0], parts[1]), TokenFault::Signature),
        ("signature cut", token[..token.len() - 2].to_owned(), TokenFault::Signature),
        ("JSON serialisation", "{\"payload\":\"x\",\"signatures\":[]}".to_owned(), TokenFault::NotAToken),
        ("header is a list", zone.signer.sign_raw("[]", &body), TokenFault::NotAToken),
        ("claims are text", zone.signer.sign_raw(&header, "hello"), TokenFault::NotAToken),
        ("claims are nothing", zone.signer.sign_raw(&header, ""), TokenFault::NotAToken),
        ("header twice", zone.signer.sign_raw(&twice(&header, "alg"), &body), TokenFault::DuplicateClaim),
        ("claim twice", zone.signer.sign_raw(&header, &twice(&body, "aud")), TokenFault::DuplicateClaim),
        (
            "nested claim twice",
            zone.signer.sign_raw(&header, &body.replacen('{', "{\"a\":{\"b\":[{\"c\":1,\"c\":1}]},", 1)),
            TokenFault::DuplicateClaim,
        ),
    ];
    for (case, token, fault) in cases {
        assert_eq!(zone.verify(&token).err(), Some(fault), "{case}");
    }
}

#[test]
fn every_algorithm_verifies_with_its_own_key_only() {
    let signers: Vec<_> =
        Algorithm::ALL.iter().map(|&algorithm| (algorithm, Signer::new(algorithm, "k1"))).collect();
    for (algorithm, signer) in &signers {
        let mut rules = rules(Profile::Generic);
        rules.algorithms = Algorithm::ALL.to_vec();
        let issuers = issuers(rules);
        let book = Book::of("zone", &[&signer.jwk]);
        for (other, forger) in &signers {
            let header = json!({ "alg": other.as_str(), "kid": "k1", "typ": "at+jwt" });
            let token = forger.sign(&header, &claims(Profile::Generic));
            let verdict = issuers.verify(token.as_bytes(), &book, now());
            assert_eq!(verdict.is_ok(), algorithm == other, "{other} against a key for {algorithm}");
        }
    }
}

#[test]
fn a_public_key_is_no_secret() {
    // The classic confusion: the attacker signs with HMAC, the secret being the public key that everyone knows.
    let zone = Zone::of(Profile::Generic);
    let header = json!({ "alg": "HS256", "kid": "k1", "typ": "at+jwt" });
    let message = zone.signer.sign(&header, &claims(Profile::Generic));
    let message = message.rsplit_once('.').unwrap().0;
    for secret in [zone.signer.jwk.to_string(), zone.signer.jwk["x"].as_str().unwrap().to_owned()] {
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        let mac =
            jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
        assert_eq!(zone.verify(&format!("{message}.{mac}")), Err(TokenFault::Algorithm));
    }
}

#[test]
fn an_issuer_speaks_for_itself_only() {
    let federal = {
        let mut rules = rules(Profile::Generic);
        rules.alias = "federal".to_owned();
        rules.issuer = "https://sso.federal.example".to_owned();
        rules.roles.grants = [("federal-officer".to_owned(), "federal-officer".to_owned())].into();
        rules
    };
    let issuers = Issuers::new(vec![rules(Profile::Generic), federal]).unwrap();
    let (ours, theirs) = (Signer::new(Algorithm::Es256, "k1"), Signer::new(Algorithm::Es256, "k1"));
    let mut book = Book::of("zone", &[&ours.jwk]);
    book.publish("federal", &[&theirs.jwk]);
    let header = json!({ "alg": "ES256", "kid": "k1", "typ": "at+jwt" });
    let of = |issuer: &str| {
        with(claims(Profile::Generic), &json!({ "iss": issuer, "roles": ["officer", "federal-officer"] }))
    };
    let verify = |signer: &Signer, issuer: &str| {
        issuers.verify(signer.sign(&header, &of(issuer)).as_bytes(), &book, now())
    };

    let subject = verify(&theirs, "https://sso.federal.example").unwrap();
    assert_eq!(subject.id, "federal|1234");
    assert_eq!(subject.roles, texts(&["federal-officer"]));
    assert_eq!(subject.dropped, ["officer"], "a local role is not theirs to give");
    assert_eq!(
        verify(&theirs, "https://sso.zone.example"),
        Err(TokenFault::Signature),
        "another issuer's key"
    );
}

#[test]
fn what_an_issuer_may_say_no_more_is_taken_from_whom_it_said_it_of() {
    let zone = Zone::of(Profile::Generic);
    let said = zone.verify_claims(&json!({ "roles": ["supervisor", "officer"], "units": ["team-a"] }));
    let said = Arc::new(said.unwrap());
    assert!(Arc::ptr_eq(&zone.issuers.still_granted(&said), &said), "by the same rules all of it is left");

    let mut fewer = rules(Profile::Generic);
    fewer.roles.grants.remove("supervisor");
    fewer.units.grants.clear();
    let left = issuers(fewer).still_granted(&said);
    let expected = Subject { roles: texts(&["officer"]), units: vec![], ..Subject::clone(&said) };
    assert_eq!(*left, expected);

    let gone = Issuers::new(vec![]).unwrap().still_granted(&said);
    assert_eq!((gone.roles.len(), gone.units.len()), (0, 0), "an issuer that is gone grants nothing");
}

#[test]
fn keys_must_be_there_and_fresh() {
    let mut zone = Zone::of(Profile::Generic);
    let token = zone.token(&json!({}), &json!({}));
    zone.book.0.insert("zone".to_owned(), Keys::Stale);
    assert_eq!(zone.verify(&token), Err(TokenFault::KeysStale { alias: "zone".into() }));
    zone.book.0.clear();
    assert_eq!(zone.verify(&token), Err(TokenFault::KeysAbsent { alias: "zone".into() }));
}

#[test]
fn without_kid_exactly_one_key_must_fit() {
    let mut zone = Zone::of(Profile::Generic);
    let token = zone.token(&json!({ "kid": null }), &json!({}));
    let (second, other) = (Signer::new(Algorithm::Es256, "k2"), Signer::new(Algorithm::EdDsa, "k3"));
    let own = zone.signer.jwk.clone();
    zone.book.publish("zone", &[&own, &other.jwk]);
    assert!(zone.verify(&token).is_ok());
    zone.book.publish("zone", &[&own, &second.jwk]);
    assert_eq!(zone.verify(&token), Err(TokenFault::UnknownKey { alias: "zone".into(), kid: None }));
}

#[test]
fn a_clock_before_1970_believes_nothing() {
    let zone = Zone::of(Profile::Generic);
    let token = zone.token(&json!({}), &json!({}));
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    assert_eq!(zone.issuers.verify(token.as_bytes(), &zone.book, before), Err(TokenFault::IssuedInFuture));
}

#[test]
fn a_verified_token_is_remembered_until_something_changes() {
    let mut zone = Zone::of(Profile::Generic);
    let token = zone.token(&json!({}), &json!({}));
    let other = zone.token(&json!({}), &json!({ "jti": "t-2" }));
    let tokens = VerifiedTokens::new(100);
    let subject = zone.verify(&token).unwrap();
    tokens.keep(token.as_bytes(), subject.clone(), 7);
    let find = |token: &str, book: &Book, at| {
        tokens.find(token.as_bytes(), book, at).map(|kept| (kept.subject.clone(), kept.value))
    };

    assert_eq!(find(&token, &zone.book, now()), Some((subject.clone(), 7)));
    assert_eq!(find(&other, &zone.book, now()), None, "another token");
    let last = now() + Duration::from_secs(299);
    assert_eq!(find(&token, &zone.book, last), Some((subject, 7)), "the last second");

    let own = zone.signer.jwk.clone();
    let fresh = zone.book.0.insert("zone".to_owned(), Keys::Stale).unwrap();
    assert_eq!(find(&token, &zone.book, now()), None, "stale keys");
    zone.book.publish("zone", &[&own, &Signer::new(Algorithm::Es256, "k2").jwk]);
    assert_eq!(find(&token, &zone.book, now()), None, "other keys");
    zone.book.0.insert("zone".to_owned(), fresh);
    assert!(find(&token, &zone.book, now()).is_some(), "the same keys again");

    assert_eq!(find(&token, &zone.book, last + Duration::from_secs(1)), None, "expired");
    assert!(tokens.is_empty(), "and forgotten");
}

#[test]
fn the_memory_of_tokens_is_bounded() {
    let zone = Zone::of(Profile::Generic);
    let subject = zone.verify_claims(&json!({})).unwrap();
    let tokens = VerifiedTokens::new(100);
    for number in 0..10_000 {
        tokens.keep(format!("token {number}").as_bytes(), subject.clone(), ());
    }
    assert!((1..=100).contains(&tokens.len()), "{}", tokens.len());
    let none = VerifiedTokens::new(0);
    none.keep(b"token", subject, ());
    assert!(none.is_empty());
}

proptest! {
    #[test]
    fn any_bytes_are_refused(token in proptest::collection::vec(any::<u8>(), 0..300)) {
        let zone = Zone::of(Profile::Generic);
        prop_assert!(zone.issuers.verify(&token, &zone.book, now()).is_err());
    }

    #[test]
    fn any_parts_are_refused(header in ".{0,60}", claims in ".{0,60}") {
        let zone = Zone::of(Profile::Generic);
        prop_assert!(zone.verify(&zone.signer.sign_raw(&header, &claims)).is_err());
    }

    /// Whatever claims a properly signed token has, it is read or refused, and never with another issuer's name or an unmapped role.
    #[test]
    fn any_claims_are_read_or_refused(
        name in prop::sample::select(vec!["aud", "exp", "sub", "roles", "units", "act", "cnf", "amr", "acr", "auth_time", "jti", "nonce"]),
        value in prop::sample::select(vec![
            json!(null), json!(true), json!(-1), json!(1e18), json!(""), json!("officer"), json!("admin\u{0}"), json!([]), json!([1]), json!({}),
            json!({ "sub": "x" }), json!(["officer", "admin"]),
        ]),
    ) {
        let zone = Zone::of(Profile::Generic);
        let mut claims = claims(Profile::Generic);
        claims[name] = value;
        if let Ok(subject) = zone.verify(&zone.signer.sign(&zone.header(), &claims)) {
            prop_assert!(subject.id.starts_with("zone|"));
            prop_assert!(subject.roles.iter().all(|role| &**role == "officer"));
        }
    }

    #[test]
    fn a_changed_token_never_verifies(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let zone = Zone::of(Profile::Generic);
        let mut token = zone.token(&json!({}), &json!({})).into_bytes();
        let at = position.index(token.len());
        prop_assume!(token[at] != byte);
        token[at] = byte;
        prop_assert!(zone.issuers.verify(&token, &zone.book, now()).is_err());
    }

    #[test]
    fn a_cut_or_lengthened_token_never_verifies(cut in 1_usize..100, tail in "[A-Za-z0-9_=. -]{1,20}") {
        let zone = Zone::of(Profile::Generic);
        let token = zone.token(&json!({}), &json!({}));
        prop_assert!(zone.verify(&token[..token.len() - cut]).is_err());
        let longer = format!("{token}{tail}");
        prop_assert!(zone.verify(&longer).is_err());
    }
}
