//! What the crate costs, one figure a line: `cargo run --release -p poort-identity --example figures`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement, not the gate"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use pki_types::CertificateDer;
use poort_identity::{
    Algorithm, Anchors, AssertionKey, Assertions, ClaimMap, IssuerRules, Issuers, KeyLookup, KeySet, Keys,
    Profile, RevocationRule, Revocations, Statement, StatementKind, Trust, VerifiedTokens,
};
use serde_json::json;

const NOW: u64 = 1_893_456_000; // 2030-01-01

struct Book(Arc<KeySet>);

impl KeyLookup for Book {
    fn keys(&self, _: &str) -> Keys {
        Keys::Fresh(Arc::clone(&self.0))
    }
}

/// The median of 21 runs, after one to warm up.
fn measure(name: &str, runs: u32, mut work: impl FnMut()) {
    let mut times: Vec<Duration> = (0..22)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..runs {
                work();
            }
            start.elapsed() / runs
        })
        .skip(1)
        .collect();
    times.sort();
    println!("{name:<48} {:>9.3} µs", times[10].as_secs_f64() * 1e6);
}

fn main() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    tokens(now);
    certificates(now);
    assertions(now);
}

fn tokens(now: SystemTime) {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let point = rcgen::PublicKeyData::der_bytes(&pair);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "kid": "k1", "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]) });
    let book = Book(Arc::new(KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap()));
    let issuers = Issuers::new(vec![IssuerRules {
        alias: "zone".to_owned(),
        issuer: "https://sso.zone.example/realms/zone".to_owned(),
        audiences: vec!["poort".to_owned()],
        algorithms: vec![Algorithm::Es256],
        profile: Profile::Keycloak,
        roles: ClaimMap {
            claim: "realm_access.roles".to_owned(),
            grants: [("officer".to_owned(), "officer".to_owned())].into(),
        },
        units: ClaimMap::default(),
        services: Vec::new(),
        leeway: IssuerRules::LEEWAY,
        max_age: None,
    }])
    .unwrap();
    let claims = json!({
        "exp": NOW + 300, "iat": NOW, "auth_time": NOW, "jti": "onrtac:9d5e6f0e-6c4b-4a50-8a7e-0f4d9d2f6b1a", "iss": "https://sso.zone.example/realms/zone",
        "aud": ["poort", "account"], "sub": "1d6a9c6b-7a3c-4a0f-9d5d-2f5f7ed0b7a4", "typ": "Bearer", "azp": "tablet",
        "sid": "c4a3a1de-1f4c-47a9-a5a3-d9e5e3d2f6aa", "acr": "1", "allowed-origins": ["https://portal.zone.example"],
        "realm_access": { "roles": ["offline_access", "default-roles-zone", "uma_authorization", "officer"] },
        "resource_access": { "account": { "roles": ["manage-account", "manage-account-links", "view-profile"] } },
        "scope": "openid email profile", "email_verified": true, "name": "Jan Peeters", "preferred_username": "jan.peeters",
        "given_name": "Jan", "family_name": "Peeters", "email": "jan.peeters@zone.example",
    });
    let header = Header { kid: Some("k1".to_owned()), ..Header::new(jsonwebtoken::Algorithm::ES256) };
    let token =
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ec_der(&pair.serialize_der())).unwrap();
    let token = token.as_bytes();
    println!("a token of {} bytes", token.len());
    measure("token, ES256, verified", 500, || drop(black_box(issuers.verify(token, &book, now).unwrap())));
    let kept = VerifiedTokens::new(10_000);
    kept.keep(token, issuers.verify(token, &book, now).unwrap(), ());
    measure("token, remembered", 20_000, || drop(black_box(kept.find(token, &book, now).unwrap())));
}

fn certificates(now: SystemTime) {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    let root = rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names =
        vec![rcgen::SanType::URI("spiffe://zone.example/device/car-12".try_into().unwrap())];
    let leaf: CertificateDer<'static> =
        params.signed_by(&rcgen::KeyPair::generate().unwrap(), &root).unwrap().der().clone();
    let crl = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2029, 12, 31),
        next_update: rcgen::date_time_ymd(2030, 1, 30),
        crl_number: rcgen::SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: (1..1000_u64)
            .map(|serial| rcgen::RevokedCertParams {
                serial_number: rcgen::SerialNumber::from(serial),
                revocation_time: rcgen::date_time_ymd(2029, 12, 30),
                reason_code: None,
                invalidity_date: None,
            })
            .collect(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let crl = crl.signed_by(&root).unwrap().der().to_vec();
    let anchors = Anchors::new(&[root.der().clone()], now).unwrap();
    let revocations = Revocations::new(&[crl], &anchors, now).unwrap();
    let trust = Trust::new(anchors, revocations, RevocationRule { required: true, grace: Duration::ZERO });
    let chain = [leaf];
    measure("certificate, admitted (one signature)", 500, || trust.admits(black_box(&chain)).unwrap());
    measure("certificate, judged (one signature, a list)", 500, || {
        drop(black_box(trust.judge(&chain, now).unwrap()));
    });
}

fn assertions(now: SystemTime) {
    let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let assertions = Assertions::new(
        AssertionKey::from_pem(pem.as_bytes()).unwrap(),
        "https://gate.example".to_owned(),
        10_000,
    );
    let roles = ["officer".into(), "supervisor".into()];
    let statement = Statement {
        source: "persons",
        subject: "zone|1d6a9c6b-7a3c-4a0f-9d5d-2f5f7ed0b7a4",
        kind: StatementKind::User,
        roles: &roles,
        units: &["team-a".into()],
        device: Some("spiffe://zone.example/device/car-12"),
        actor: None,
        acr: Some("1"),
        purpose: None,
        case: None,
    };
    measure("assertion, remembered", 20_000, || drop(black_box(assertions.mint(&statement, now).unwrap())));
    let mut minute = 0;
    measure("assertion, minted", 500, || {
        minute += 1;
        drop(black_box(assertions.mint(&statement, now + Duration::from_secs(60 * minute)).unwrap()));
    });
}
