//! Who completes TLS, as what, and how that changes under way.

use std::{sync::Arc, time::Duration};

use poort::listen::{ClientCertificate, ConnectionEvent, HandshakeFault, TlsVersion};
use rustls::{
    ClientConfig, SignatureScheme, client::ResolvesClientCert, pki_types::CertificateDer, sign::CertifiedKey,
    version,
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    client::{Client, config, config_of},
    ground::{Ground, Plan},
    pki::{self, Authority},
};

/// In TLS 1.3 a client is done before the server has seen its certificate, and learns of a refusal when it first reads.
async fn is_refused(ground: &Ground, config: ClientConfig) -> bool {
    match Client::connect(ground.address, config).await {
        Ok(mut client) => client.get().await.is_err(),
        Err(_) => true,
    }
}

#[tokio::test]
async fn a_device_of_ours_is_known() {
    let ground = Ground::plain();
    let answer = Client::of(&ground).await.get().await.unwrap();
    assert_eq!(answer.fact("device"), "spiffe://zone.example/device/car-12");
    assert_eq!((answer.fact("tls"), answer.fact("sni")), ("1.3", "gate.example"));
}

#[tokio::test]
async fn a_foreign_certificate_fails_in_tls() {
    let ground = Ground::plain();
    // The same name on both authorities: it is the key that counts.
    let foreign = Authority::new("Devices").device("car-12", 12, 10);
    assert!(is_refused(&ground, config(Some(&foreign))).await);
    ground.seen.wait(ConnectionEvent::HandshakeFailed(HandshakeFault::CertificateForeign)).await;
    assert!(ground.seen.requests().is_empty());
}

#[tokio::test]
async fn a_missing_certificate_fails_where_one_is_required() {
    let ground = Ground::plain();
    assert!(is_refused(&ground, config(None)).await);
    ground.seen.wait(ConnectionEvent::HandshakeFailed(HandshakeFault::CertificateMissing)).await;

    let mut plan = Plan::new();
    plan.settings.client_certificate = ClientCertificate::Optional;
    let ground = Ground::start(plan);
    let answer = Client::connect(ground.address, config(None)).await.unwrap().get().await.unwrap();
    assert_eq!(answer.fact("device"), "none");
    assert!(is_refused(&ground, config(Some(&Authority::new("Others").device("car-12", 12, 10)))).await);
}

#[tokio::test]
async fn an_expired_or_revoked_device_completes_tls_and_is_marked() {
    let ground = Ground::plain();
    ground.trust.replace(ground.authority.trust(&[13]));
    for (identity, verdict) in [
        (ground.authority.device("old", 11, -1), "certificate_expired"),
        (ground.authority.device("stolen", 13, 10), "certificate_revoked"),
    ] {
        let answer =
            Client::connect(ground.address, config(Some(&identity))).await.unwrap().get().await.unwrap();
        assert_eq!(answer.fact("device"), verdict);
    }
}

#[tokio::test]
async fn a_revocation_reaches_a_connection_that_is_open() {
    let ground = Ground::plain();
    let mut client = Client::of(&ground).await;
    let before = client.get().await.unwrap();
    assert_eq!(
        (before.fact("device"), before.fact("generation")),
        ("spiffe://zone.example/device/car-12", "1")
    );
    assert_eq!(ground.trust.replace(ground.authority.trust(&[12])), 2);
    let after = client.get().await.unwrap();
    assert_eq!((after.fact("device"), after.fact("generation")), ("certificate_revoked", "2"));
    assert_eq!(after.fact("id"), before.fact("id"));
}

#[tokio::test]
async fn a_revocation_reaches_a_session_that_is_resumed() {
    for (name, versions, minimum) in
        [("1.3", &[&version::TLS13], TlsVersion::V13), ("1.2", &[&version::TLS12], TlsVersion::V12)]
    {
        let mut plan = Plan::new();
        plan.settings.minimum_tls = minimum;
        let ground = Ground::start(plan);
        let config = Arc::new(config_of(versions, Some(&ground.device)));
        let first = Client::connect(ground.address, config.clone()).await.unwrap().get().await.unwrap();
        assert_eq!((first.fact("resumed"), first.fact("tls")), ("false", name));
        ground.trust.replace(ground.authority.trust(&[12]));
        let second = Client::connect(ground.address, config).await.unwrap().get().await.unwrap();
        assert_eq!(
            (second.fact("resumed"), second.fact("device")),
            ("true", "certificate_revoked"),
            "TLS {name}"
        );
        ground.seen.wait(ConnectionEvent::Established { resumed: true }).await;
    }
}

#[tokio::test]
async fn an_authority_that_is_dropped_takes_its_open_connections_with_it() {
    let ground = Ground::plain();
    let config = Arc::new(config(Some(&ground.device)));
    let mut client = Client::connect(ground.address, config.clone()).await.unwrap();
    client.get().await.unwrap();
    ground.trust.replace(Authority::new("Others").trust(&[]));
    assert_eq!(client.get().await.unwrap().fact("device"), "certificate_foreign");
    let resumed = Client::connect(ground.address, config).await.unwrap().get().await.unwrap();
    assert_eq!((resumed.fact("resumed"), resumed.fact("device")), ("true", "certificate_foreign"));
}

#[tokio::test]
async fn server_certificates_are_replaced_while_it_listens() {
    let ground = Ground::plain();
    let served = |client: &Client| client.stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    let mut old = Client::of(&ground).await;
    let renewed = pki::server(&["gate.example"]);
    let leaf = renewed.chain[0].clone();
    assert_ne!(served(&old), leaf);
    ground.serve(vec![renewed]);
    let mut new = Client::of(&ground).await;
    assert_eq!(served(&new), leaf);
    assert_eq!((old.get().await.unwrap().status, new.get().await.unwrap().status), (200, 200));
}

#[tokio::test]
async fn the_certificate_is_chosen_by_name() {
    let mut plan = Plan::new();
    plan.certificates = vec![
        pki::server(&["gate.example"]),
        pki::server(&["*.zone.example", "zone.example"]),
        pki::server(&["persons.zone.example"]),
    ];
    let leaves: Vec<CertificateDer<'static>> =
        plan.certificates.iter().map(|pair| pair.chain[0].clone()).collect();
    let ground = Ground::start(plan);
    for (name, place) in [
        ("gate.example", 0),
        ("persons.zone.example", 2),
        ("PERSONS.zone.example", 2),
        ("vehicles.zone.example", 1),
        ("zone.example", 1),
        ("a.b.zone.example", 0),
        ("elsewhere.example", 0),
        // An address is no name, so the client sends none.
        ("127.0.0.1", 0),
    ] {
        let config = config(Some(&ground.device));
        let client = Client::connect_to(ground.address, config, name, b"").await.unwrap();
        let served = &client.stream.get_ref().1.peer_certificates().unwrap()[0];
        assert_eq!(leaves.iter().position(|leaf| leaf == served), Some(place), "{name}");
    }
}

#[tokio::test]
async fn an_old_client_is_refused_unless_the_listener_says_otherwise() {
    let ground = Ground::plain();
    assert!(is_refused(&ground, config_of(&[&version::TLS12], Some(&ground.device))).await);
    ground.seen.wait(ConnectionEvent::HandshakeFailed(HandshakeFault::Incompatible)).await;

    let mut plan = Plan::new();
    plan.settings.minimum_tls = TlsVersion::V12;
    let ground = Ground::start(plan);
    let old = config_of(&[&version::TLS12], Some(&ground.device));
    let answer = Client::connect(ground.address, old).await.unwrap().get().await.unwrap();
    assert_eq!((answer.fact("tls"), answer.fact("device")), ("1.2", "spiffe://zone.example/device/car-12"));
    let foreign = Authority::new("Devices").device("car-12", 12, 10);
    assert!(is_refused(&ground, config_of(&[&version::TLS12], Some(&foreign))).await);
    assert!(is_refused(&ground, config_of(&[&version::TLS12], None)).await);
    ground.seen.wait(ConnectionEvent::HandshakeFailed(HandshakeFault::CertificateMissing)).await;
    let modern = Client::of(&ground).await.get().await.unwrap();
    assert_eq!(modern.fact("tls"), "1.3", "the better version is taken where both are spoken");
}

#[tokio::test]
async fn the_key_exchange_is_safe_from_quantum_computers() {
    let ground = Ground::plain();
    assert_eq!(Client::of(&ground).await.get().await.unwrap().fact("group"), "X25519MLKEM768");
}

/// Keeps what a server asks for.
#[derive(Debug, Default)]
struct Asked(std::sync::Mutex<Vec<Vec<u8>>>);

impl ResolvesClientCert for Asked {
    fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.0.lock().unwrap() = hints.iter().map(|hint| hint.to_vec()).collect();
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn clients_are_told_whose_certificates_are_asked_for() {
    let ground = Ground::plain();
    let hints = async || {
        let asked = Arc::new(Asked::default());
        let mut config = config(None);
        config.client_auth_cert_resolver = asked.clone();
        assert!(is_refused(&ground, config).await);
        std::mem::take(&mut *asked.0.lock().unwrap())
    };
    assert_eq!(hints().await, [ground.authority.subject()]);
    let other = Authority::new("Other devices");
    ground.trust.replace(other.trust(&[]));
    ground.serve(vec![pki::server(&["gate.example"])]);
    assert_eq!(hints().await, [other.subject()]);
}

#[tokio::test]
async fn who_does_not_finish_the_handshake_is_dropped() {
    let mut plan = Plan::new();
    plan.settings.deadlines.handshake = Duration::from_millis(200);
    let ground = Ground::start(plan);
    let _silent = TcpStream::connect(ground.address).await.unwrap();
    ground.seen.wait(ConnectionEvent::HandshakeFailed(HandshakeFault::Timeout)).await;
    assert_eq!(ground.admission.open(), 0);
}

#[tokio::test]
async fn the_reason_of_a_failed_handshake_is_told_apart() {
    let ground = Ground::plain();
    let mut socket = TcpStream::connect(ground.address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: gate.example\r\n\r\n").await.unwrap();
    ground.seen.wait(ConnectionEvent::HandshakeFailed(HandshakeFault::NotTls)).await;

    drop(TcpStream::connect(ground.address).await.unwrap());
    ground.seen.wait(ConnectionEvent::HandshakeFailed(HandshakeFault::Abandoned)).await;

    // A client that trusts nobody, as one would behind a wrong server certificate.
    let distrustful =
        ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    assert!(is_refused(&ground, distrustful).await);
    ground.seen.wait(ConnectionEvent::HandshakeFailed(HandshakeFault::RefusedByClient)).await;
}
