//! Bearer tokens: whose are believed, what is refused of them, and what happens when an issuer rotates its keys or is down.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use poort_demo::{
    client::Caller,
    gate::{Gate, binary},
    issuer::{Algorithm, Issuer, IssuerOptions, Profile, SigningKey, Token},
    layout::Layout,
    pki::Leaf,
    wire::ServedOver,
    zone::{Zone, ZoneOptions},
};
use poort_tests::{PERSON, World, eventually, get, without_limits};
use serde_json::{Value, json};

/// Another issuer that runs, and its entry in the security team's file.
fn add_issuer(zone: &Zone, alias: &str, profile: Profile, algorithm: Algorithm) -> Issuer {
    let over = ServedOver::tls(&zone.pki.internal.issue(&Leaf::server(&["localhost", "127.0.0.1"])).unwrap());
    let options = IssuerOptions::new(alias, &format!("https://{alias}.example/"), profile);
    let issuer = Issuer::start(IssuerOptions { over, algorithm, ..options }).unwrap();
    let (roles, units) = profile.claim_paths();
    zone.layout
        .edit("policies/poort.yaml", |yaml| {
            let issuers = yaml["issuers"].as_sequence_mut().unwrap();
            let mut entry = issuers[0].clone();
            entry["alias"] = alias.into();
            entry["issuer"] = issuer.issuer().into();
            entry["algorithms"] = vec![algorithm.as_str().to_owned()].into();
            entry["profile"] = profile.as_str().into();
            // It is not where its name says, so it cannot be asked.
            let asked = entry.as_mapping_mut().unwrap().remove("discovery").unwrap();
            entry["keys"]["ca"] = asked["ca"].clone();
            entry["keys"]["url"] = issuer.keys_url().into();
            entry["roles"]["claim"] = roles.into();
            entry["units"]["claim"] = units.into();
            issuers.push(entry);
        })
        .unwrap();
    issuer
}

#[tokio::test]
async fn four_products_sign_in_side_by_side() {
    let mut issuers = Vec::new();
    let world = World::start_with(|zone| {
        for (alias, profile, algorithm) in [
            ("keycloak", Profile::Keycloak, Algorithm::Ps256),
            ("entra", Profile::EntraId, Algorithm::Rs256),
            ("ad-fs", Profile::AdFs, Algorithm::Rs256),
            ("plain", Profile::Generic, Algorithm::EdDsa),
        ] {
            issuers.push(add_issuer(zone, alias, profile, algorithm));
        }
        Ok(())
    })
    .await
    .unwrap();
    let car = world.zone.caller("car-12").unwrap();
    for issuer in &issuers {
        let token = issuer.mint(&Token::officer("an.janssens")).unwrap();
        let (answer, received) = get(&car.bearer(&token), &world.zone.persons, PERSON).await.unwrap();
        assert_eq!(answer.status, 200, "{}: {}", issuer.alias(), answer.text());
        assert_eq!(received.unwrap().header("x-remote-roles"), Some("officer"), "{}", issuer.alias());
        let decision = world.record("decision", &answer).await.unwrap();
        let subject = decision["actor"]["user"]["uid"].as_str().unwrap().to_owned();
        assert!(subject.starts_with(&format!("{}|", issuer.alias())), "{subject}");
    }
    // Groups that Entra left out because there are too many.
    let many = Token::officer("an.janssens").claim("groups", Value::Null).claim("hasgroups", true);
    let token = issuers[1].mint(&many).unwrap();
    let (answer, received) = get(&car.bearer(&token), &world.zone.persons, PERSON).await.unwrap();
    assert_eq!((answer.status, received.is_none()), (401, true));
    assert_eq!(world.record("decision", &answer).await.unwrap()["status_detail"], "token_groups_overage");
    // One issuer's key signs nobody else's tokens.
    let token = issuers[0].mint_with(&world.zone.zone.signing_key(), &Token::officer("an.janssens")).unwrap();
    let (answer, _) = get(&car.bearer(&token), &world.zone.persons, PERSON).await.unwrap();
    assert_eq!(answer.status, 401);
}

/// A token signed with a symmetric key: the issuer's public one, which everybody has.
fn confused(issuer: &Issuer, token: &Token) -> String {
    let key = issuer.signing_key();
    let secret = key.public_jwk().to_string();
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    header.kid = Some(key.id.clone());
    let claims = token.claims(issuer.profile(), issuer.issuer(), issuer.audience());
    jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_secret(secret.as_bytes()))
        .unwrap()
}

/// A token of which one claim is there twice.
fn ambiguous(issuer: &Issuer, token: &Token) -> String {
    let key = issuer.signing_key();
    let header = token.header(issuer.profile(), Some(&key)).to_string();
    let claims = token.claims(issuer.profile(), issuer.issuer(), issuer.audience()).to_string();
    let twice = claims.replacen('{', "{\"sub\":\"chief\",", 1);
    key.sign_bytes(header.as_bytes(), twice.as_bytes()).unwrap()
}

#[tokio::test]
async fn every_wrong_token_is_refused_for_its_own_reason() {
    let world = World::start_with(without_limits).await.unwrap();
    let issuer = &world.zone.zone;
    let officer = || Token::officer("an.janssens");
    let mint = |token: Token| issuer.mint(&token).unwrap();
    let stranger = SigningKey::generate(Algorithm::Es256, &issuer.signing_key().id).unwrap();
    let right = mint(officer());
    let (head, signature) = right.rsplit_once('.').unwrap();
    let (first, rest) = signature.split_at(1);
    let flipped = format!("{}{rest}", if first == "A" { "B" } else { "A" });
    let soon = SystemTime::now() + Duration::from_secs(300);
    #[rustfmt::skip]
    let cases: Vec<(&str, String, &str, &str)> = vec![
        ("expired", mint(officer().expired(Duration::from_secs(60))), "sign_in_expired", "token_expired"),
        ("another audience", mint(officer().audience("elsewhere")), "sign_in_invalid", "token_audience"),
        ("unsigned", issuer.mint_unsigned(&officer()), "sign_in_invalid", "token_algorithm"),
        ("signed with the public key", confused(issuer, &officer()), "sign_in_invalid", "token_algorithm"),
        ("signed by somebody else", issuer.mint_with(&stranger, &officer()).unwrap(), "sign_in_invalid", "token_signature"),
        ("another signature", format!("{head}.{flipped}"), "sign_in_invalid", "token_signature"),
        ("issued in the future", mint(officer().issued(soon)), "sign_in_invalid", "token_not_yet_valid"),
        ("an unknown issuer", mint(officer().claim("iss", "https://evil.example")), "sign_in_invalid", "token_unknown_issuer"),
        ("almost the issuer", mint(officer().claim("iss", format!("{}/", issuer.issuer()))), "sign_in_invalid", "token_unknown_issuer"),
        ("its own key", mint(officer().header_parameter("jwk", stranger.public_jwk())), "sign_in_invalid", "token_key_in_header"),
        ("a link to its key", mint(officer().header_parameter("jku", "https://evil.example/jwks")), "sign_in_invalid", "token_key_in_header"),
        ("a demand nobody knows", mint(officer().header_parameter("crit", json!(["exp"]))), "sign_in_invalid", "token_critical_header"),
        ("an ID token", mint(officer().claim("typ", "ID")), "sign_in_invalid", "token_is_id_token"),
        ("a claim twice", ambiguous(issuer, &officer()), "sign_in_invalid", "token_duplicate_claim"),
        ("no subject", mint(officer().claim("sub", Value::Null)), "sign_in_invalid", "token_claim_missing"),
        ("no end", mint(officer().claim("exp", Value::Null)), "sign_in_invalid", "token_claim_missing"),
        ("17 KiB", mint(officer().claim("padding", "x".repeat(17 * 1024 * 3 / 4))), "sign_in_invalid", "token_too_large"),
        ("nonsense", "e30.e30".to_owned(), "sign_in_invalid", "token_malformed"),
    ];
    let car = world.zone.caller("car-12").unwrap();
    for (what, token, reason, code) in cases {
        let (answer, received) = get(&car.bearer(&token), &world.zone.persons, PERSON).await.unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (401, reason), "{what}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer "), "{what}");
        assert!(received.is_none(), "{what}");
        let decision = world.record("decision", &answer).await.unwrap();
        assert_eq!(decision["status_detail"], code, "{what}");
    }
    assert_eq!(get(&car.bearer(&right), &world.zone.persons, PERSON).await.unwrap().0.status, 200);
}

#[tokio::test]
async fn a_token_comes_in_one_place_once() {
    let world = World::start().await.unwrap();
    let token = world.zone.zone.mint(&Token::officer("an.janssens")).unwrap();
    let (car, host) = (world.zone.caller("car-12").unwrap(), Layout::host("persons"));
    let header = format!("Authorization: Bearer {token}");
    let in_query = format!("{PERSON}?access_token={token}");
    let in_query_encoded = format!("{PERSON}?access%5Ftoken={token}");
    for (what, target, lines, code) in [
        ("in the query", in_query.as_str(), vec![], "token_in_query"),
        ("in the query as well", in_query.as_str(), vec![header.as_str()], "token_in_query"),
        ("in the query, encoded", in_query_encoded.as_str(), vec![], "token_in_query"),
        ("twice", PERSON, vec![header.as_str(), header.as_str()], "authorization"),
        (
            "and another way to sign in",
            PERSON,
            vec![header.as_str(), "Authorization: Basic YTpi"],
            "authorization",
        ),
        ("by another way to sign in", PERSON, vec!["Authorization: Basic YTpi"], "authorization"),
        ("not at all", PERSON, vec!["Authorization: Bearer "], "authorization"),
    ] {
        let answer = car.ask("GET", &host, target, &lines).await.unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (401, "sign_in_invalid"), "{what}");
        let decision = world.record("decision", &answer).await.unwrap();
        assert_eq!(decision["status_detail"], code, "{what}");
    }
    assert_eq!(world.zone.persons.count(), 0);
}

#[tokio::test]
async fn what_an_issuer_may_not_say_is_dropped_and_recorded() {
    let world = World::start().await.unwrap();
    let claims = Token::officer("f.marchal").role("federal-partner").role("supervisor").strong();
    let token = world.zone.federal.mint(&claims).unwrap();
    let partner = world.zone.caller("car-12").unwrap().bearer(&token);
    let (answer, received) = get(&partner, &world.zone.persons, PERSON).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (403, "not_permitted"));
    assert!(received.is_none());
    let decision = world.record("decision", &answer).await.unwrap();
    let dropped = decision["unmapped"]["dropped"].to_string();
    for claim in ["officer", "supervisor", "team-a"] {
        assert!(dropped.contains(claim), "{claim} is not in {dropped}");
    }
    assert_eq!(decision["unmapped"]["question"]["principal"]["roles"], json!(["federal-partner"]));
    let (answer, received) = get(&partner, &world.zone.vehicles, "/vehicles/0-ABC-123").await.unwrap();
    assert_eq!(answer.status, 200, "what it may say counts");
    assert_eq!(received.unwrap().header("x-remote-roles"), Some("federal-partner"));
}

async fn status(caller: &Caller, world: &World, token: &str) -> u16 {
    get(&caller.bearer(token), &world.zone.persons, PERSON).await.unwrap().0.status
}

/// Takes half a minute: that is how long an unknown key may wait for the next fetch.
#[tokio::test]
async fn an_unknown_key_is_fetched_once_however_many_ask() {
    let world = World::start_with(without_limits).await.unwrap();
    let (car, issuer) = (world.zone.caller("car-12").unwrap(), &world.zone.zone);
    assert_eq!(issuer.key_fetches(), 1, "at the start");
    issuer.rotate(Algorithm::Es256).unwrap();
    let rotated = issuer.mint(&Token::officer("an.janssens")).unwrap();
    let mut refused = 0;
    let deadline = SystemTime::now() + Duration::from_secs(45);
    while status(&car, &world, &rotated).await != 200 {
        refused += 1;
        assert_eq!(issuer.key_fetches(), 1, "not again within half a minute");
        assert!(SystemTime::now() < deadline, "the new key is never believed");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(refused > 0);
    assert_eq!(issuer.key_fetches(), 2, "one fetch");
    // A flood of keys that nobody publishes makes none.
    issuer.rotate_in_secret(Algorithm::Es256).unwrap();
    let tokens: Vec<_> =
        (0..40).map(|number| issuer.mint(&Token::officer(&format!("flood-{number}"))).unwrap()).collect();
    let statuses = join_all(tokens.iter().map(|token| status(&car, &world, token))).await;
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    assert_eq!(issuer.key_fetches(), 2, "a flood fetches nothing");
    // The issuer goes away; what is known of it goes on counting.
    issuer.close().await;
    let known = issuer.mint(&Token::officer("bo.maes")).unwrap();
    assert_eq!((status(&car, &world, &known).await, status(&car, &world, &rotated).await), (401, 200));
}

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_keeps_only_its_own_people_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let zone = Zone::start(&ZoneOptions::new(directory.path())).unwrap();
    zone.federal.down(true);
    let gate = Gate::spawn(&binary().unwrap(), &zone.layout).unwrap();
    let hindered = eventually(async || {
        let (status, said) = gate.admin("/readyz").await.ok()?;
        (status == 200 && said.contains("`federal`") && !said.contains("`zone`")).then_some(())
    });
    assert!(hindered.await.is_some(), "{}", gate.log());
    assert_eq!(
        gate.admin("/healthz").await.unwrap().0,
        200,
        "it is alive, and must not be restarted for that"
    );
    let car = zone.caller("car-12").unwrap();
    let officer = car.bearer(&zone.zone.mint(&Token::officer("an.janssens")).unwrap());
    assert_eq!(get(&officer, &zone.persons, PERSON).await.unwrap().0.status, 200);
    let partner = Token::of("f.marchal").role("federal-partner");
    let partner = car.bearer(&zone.federal.mint(&partner).unwrap());
    let (answer, received) = get(&partner, &zone.vehicles, "/vehicles/0-ABC-123").await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (503, "gate_unavailable"));
    assert!(received.is_none());
    zone.federal.publish(Some(b"{\"keys\": 12}".to_vec()));
    zone.federal.down(false);
    let unusable = eventually(async || gate.log().contains("unusable").then_some(()));
    assert!(unusable.await.is_some(), "a document that is no key set is told apart: {}", gate.log());
    zone.federal.publish(None);
    let served = eventually(async || {
        let (answer, _) = get(&partner, &zone.vehicles, "/vehicles/0-ABC-123").await.ok()?;
        (answer.status == 200).then_some(())
    });
    assert!(served.await.is_some(), "it is back");
}
