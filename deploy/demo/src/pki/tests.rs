use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime, pem::PemObject};
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, EndEntityCert, KeyUsage, RevocationOptionsBuilder,
};

use super::*;

fn verdict(pki: &Pki, name: &str) -> Result<(), webpki::Error> {
    let leaf = CertificateDer::from_pem_file(pki.device_files(name).0).unwrap();
    let authority = CertificateDer::from_pem_file(pki.path("device-ca.crt")).unwrap();
    let list = CertificateRevocationListDer::from_pem_file(pki.path("device-ca.crl")).unwrap();
    let list = CertRevocationList::from(BorrowedCertRevocationList::from_der(&list).unwrap());
    let lists = [&list];
    let revocation = RevocationOptionsBuilder::new(&lists).unwrap().build();
    EndEntityCert::try_from(&leaf)
        .unwrap()
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &[webpki::anchor_from_trusted_cert(&authority).unwrap()],
            &[],
            UnixTime::now(),
            KeyUsage::client_auth(),
            Some(revocation),
            None,
        )
        .map(drop)
}

#[test]
fn devices_are_what_their_names_say() {
    let directory = tempfile::tempdir().unwrap();
    let pki = Pki::create(directory.path()).unwrap();
    for name in ["car-12", "private-7", "search"] {
        assert_eq!(verdict(&pki, name), Ok(()), "{name}");
    }
    assert_eq!(verdict(&pki, "car-99"), Err(webpki::Error::CertRevoked));
    assert!(matches!(verdict(&pki, "car-31"), Err(webpki::Error::CertExpired { .. })));
    assert_eq!(verdict(&pki, "stranger"), Err(webpki::Error::UnknownIssuer));
}

#[test]
fn a_revocation_list_can_be_signed_again() {
    let directory = tempfile::tempdir().unwrap();
    let pki = Pki::create(directory.path()).unwrap();
    let car = pki.device("car-50").unwrap();
    assert_eq!(verdict(&pki, "car-50"), Ok(()));
    pki.revoke(std::slice::from_ref(&car.serial)).unwrap();
    assert_eq!(verdict(&pki, "car-50"), Err(webpki::Error::CertRevoked));
    assert_eq!(verdict(&pki, "car-99"), Ok(()));
}

#[test]
fn keys_are_for_their_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let pki = Pki::create(directory.path()).unwrap();
    for name in [
        "device-ca.key",
        "gate.key",
        "assertion.key",
        "audit.key",
        "pseudonyms.keys",
        "devices/car-12.key",
        "devices/car-12.p12",
    ] {
        let mode = pki.path(name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
}

#[test]
fn leaves_can_be_wrong_in_every_way_a_test_needs() {
    let authority = Authority::new(&AuthorityOptions::named("CA")).unwrap();
    for (what, leaf) in [
        ("no usage", Leaf { usages: Vec::new(), ..Leaf::device("a") }),
        ("server usage", Leaf { usages: vec![Usage::Server], ..Leaf::device("a") }),
        ("an authority", Leaf { authority: true, ..Leaf::device("a") }),
        ("no name", Leaf { names: Vec::new(), ..Leaf::device("a") }),
        ("RSA", Leaf { key: KeyKind::Rsa2048, ..Leaf::device("a") }),
        ("Ed25519", Leaf { key: KeyKind::Ed25519, ..Leaf::device("a") }),
    ] {
        assert!(authority.issue(&leaf).is_ok(), "{what}");
    }
}

/// Another implementation's opinion of what was written.
#[test]
fn openssl_reads_what_was_written() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("SKIPPED: openssl is not installed");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    Pki::create(directory.path()).unwrap();
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").current_dir(directory.path()).args(arguments).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for arguments in [
        &["verify", "-CAfile", "device-ca.crt", "-purpose", "sslclient", "devices/car-12.crt"][..],
        &["verify", "-CAfile", "gate-ca.crt", "-purpose", "sslserver", "gate.crt"],
        &["crl", "-in", "device-ca.crl", "-CAfile", "device-ca.crt", "-noout"],
        &["pkcs12", "-in", "devices/car-12.p12", "-passin", "pass:poort", "-nodes"],
        &["pkey", "-in", "assertion.key", "-noout"],
    ] {
        assert!(openssl(arguments).0, "{arguments:?}");
    }
    let (_, text) = openssl(&["x509", "-in", "devices/car-12.crt", "-noout", "-ext", "subjectAltName"]);
    assert!(text.contains("URI:spiffe://zone.example/device/car-12"), "{text}");
}
