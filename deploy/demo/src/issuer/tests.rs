use jsonwebtoken::{DecodingKey, Validation, decode, decode_header, jwk::JwkSet};

use super::*;
use crate::client;

fn issuer(algorithm: Algorithm, profile: Profile) -> Issuer {
    let options = IssuerOptions::new("zone", "https://sso.zone.example/realms/zone", profile);
    Issuer::start(IssuerOptions { algorithm, ..options }).unwrap()
}

fn verified(issuer: &Issuer, token: &str) -> jsonwebtoken::errors::Result<Value> {
    let keys: JwkSet = serde_json::from_value(issuer.key_set()).unwrap();
    let header = decode_header(token)?;
    let key = keys.find(header.kid.as_deref().unwrap()).expect("the key is published");
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&["poort"]);
    validation.set_issuer(&[issuer.issuer()]);
    decode::<Value>(token, &DecodingKey::from_jwk(key)?, &validation).map(|token| token.claims)
}

#[tokio::test]
async fn every_algorithm_is_verified_by_another_implementation() {
    for algorithm in [Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256, Algorithm::EdDsa] {
        let issuer = issuer(algorithm, Profile::Generic);
        let token = issuer.mint(&Token::officer("an.janssens")).unwrap();
        let claims = verified(&issuer, &token).unwrap_or_else(|error| panic!("{algorithm:?}: {error}"));
        assert_eq!(claims["sub"], "an.janssens");
        assert_eq!(claims["roles"], json!(["officer"]));
    }
}

#[tokio::test]
async fn every_profile_puts_roles_where_it_says() {
    for profile in [Profile::Generic, Profile::Keycloak, Profile::EntraId, Profile::AdFs] {
        let issuer = issuer(Algorithm::Es256, profile);
        let claims = verified(&issuer, &issuer.mint(&Token::officer("an")).unwrap()).unwrap();
        let (roles, units) = profile.claim_paths();
        let at = |path: &str| claims.pointer(&format!("/{}", path.replace('.', "/"))).cloned();
        assert_eq!(at(roles), Some(json!(["officer"])), "{profile:?}");
        assert_eq!(at(units), Some(json!(["team-a"])), "{profile:?}");
    }
}

#[tokio::test]
async fn tokens_can_be_wrong_on_purpose() {
    use jsonwebtoken::errors::ErrorKind;
    let issuer = issuer(Algorithm::Es256, Profile::Generic);
    let fault = |token: &Token| verified(&issuer, &issuer.mint(token).unwrap()).unwrap_err().into_kind();
    let token = Token::of("an");
    assert_eq!(fault(&token.clone().expired(Duration::from_secs(120))), ErrorKind::ExpiredSignature);
    assert_eq!(fault(&token.clone().audience("another")), ErrorKind::InvalidAudience);
    assert_eq!(fault(&token.clone().claim("iss", "https://elsewhere")), ErrorKind::InvalidIssuer);
    let stranger = SigningKey::generate(Algorithm::Es256, "zone-1").unwrap();
    let forged = issuer.mint_with(&stranger, &token).unwrap();
    assert_eq!(verified(&issuer, &forged).unwrap_err().into_kind(), ErrorKind::InvalidSignature);
    let unsigned = issuer.mint_unsigned(&token);
    assert!(unsigned.ends_with('.') && unsigned.matches('.').count() == 2, "{unsigned}");
    let odd = token.header_parameter("jku", "https://evil").claim("exp", Value::Null);
    assert_eq!(odd.header(Profile::Generic, None)["jku"], "https://evil");
    assert_eq!(odd.claims(Profile::Generic, "i", "a").get("exp"), None);
}

#[tokio::test]
async fn keys_rotate_and_fetches_are_counted() {
    let issuer = issuer(Algorithm::Es256, Profile::Generic);
    let before = issuer.mint(&Token::of("an")).unwrap();
    issuer.rotate(Algorithm::EdDsa).unwrap();
    let after = issuer.mint(&Token::of("an")).unwrap();
    assert!(verified(&issuer, &before).is_ok() && verified(&issuer, &after).is_ok());
    issuer.retire_old_keys();
    let served: Value = client::plain().get(issuer.keys_url()).send().await.unwrap().json().await.unwrap();
    assert_eq!(served, issuer.key_set());
    assert_eq!(served["keys"].as_array().unwrap().len(), 1);
    issuer.down(true);
    assert_eq!(client::plain().get(issuer.keys_url()).send().await.unwrap().status(), 503);
    assert_eq!(issuer.key_fetches(), 2);
    issuer.close().await;
    assert!(client::plain().get(issuer.keys_url()).send().await.is_err());
    issuer.open().unwrap();
    issuer.down(false);
    assert_eq!(client::plain().get(issuer.keys_url()).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_token_is_to_be_had_with_curl() {
    let issuer = issuer(Algorithm::Es256, Profile::Keycloak);
    let url =
        format!("{}/token?user=bo.maes&role=supervisor&unit=team-b&minutes=1&format=text", issuer.root());
    let token = client::plain().get(url).send().await.unwrap().text().await.unwrap();
    let claims = verified(&issuer, &token).unwrap();
    assert_eq!(claims["sub"], "bo.maes");
    assert_eq!(claims["realm_access"]["roles"], json!(["supervisor"]));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 60);
    let discovery: Value = client::plain()
        .get(format!("{}/.well-known/openid-configuration", issuer.root()))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(discovery["issuer"], issuer.issuer());
    assert_eq!(discovery["jwks_uri"], issuer.keys_url());
}
