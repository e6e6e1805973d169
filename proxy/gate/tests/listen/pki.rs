//! Certificates made for one test.

use std::time::{Duration, SystemTime};

use poort::listen::KeyPair;
use poort_identity::device::{Anchors, RevocationRule, Revocations, Trust};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// An authority for devices.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, rcgen::KeyPair>,
}

/// A device's chain and key.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

fn key_der(key: &rcgen::KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()))
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(SerialNumber::from(vec![1]));
        params.not_before = (SystemTime::now() - DAY * 30).into();
        params.not_after = (SystemTime::now() + DAY * 30).into();
        let key = rcgen::KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    /// A device that expires so many days from now, which may be negative.
    pub(crate) fn device(&self, name: &str, serial: u8, days: i32) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let uri = format!("spiffe://zone.example/device/{name}");
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(SerialNumber::from(vec![serial]));
        params.not_before = (SystemTime::now() - DAY * 20).into();
        let distance = DAY * days.unsigned_abs();
        let now = SystemTime::now();
        params.not_after = (if days < 0 { now - distance } else { now + distance }).into();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { chain: vec![certificate.der().clone()], key: key_der(&key) }
    }

    /// Trust in this authority, less these serial numbers.
    pub(crate) fn trust(&self, revoked: &[u8]) -> Trust {
        let now = SystemTime::now();
        let anchors = Anchors::new(&[self.issuer.der().clone()], now).unwrap();
        let crl = CertificateRevocationListParams {
            this_update: (now - Duration::from_secs(3600)).into(),
            next_update: (now + DAY).into(),
            crl_number: SerialNumber::from(vec![1]),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(|serial| RevokedCertParams {
                    serial_number: SerialNumber::from(vec![*serial]),
                    revocation_time: (now - Duration::from_secs(60)).into(),
                    reason_code: None,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let crl = crl.signed_by(&self.issuer).unwrap().der().to_vec();
        let revocations = Revocations::new(&[crl], &anchors, now).unwrap();
        Trust::new(anchors, revocations, RevocationRule { required: true, grace: Duration::ZERO })
    }

    /// The subject, a DER name.
    pub(crate) fn subject(&self) -> Vec<u8> {
        use x509_parser::prelude::{FromDer, X509Certificate};
        X509Certificate::from_der(self.issuer.der()).unwrap().1.subject().as_raw().to_vec()
    }
}

/// A server certificate for these names.
pub(crate) fn server(names: &[&str]) -> KeyPair {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
    KeyPair { chain: vec![cert.der().clone()], key: key_der(&signing_key) }
}
