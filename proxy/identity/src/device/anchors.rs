//! The authorities whose devices we know.

use std::time::SystemTime;

use pki_types::{CertificateDer, TrustAnchor};
use webpki::{EndEntityCert, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;

use super::Unfit;
use super::soundness::{self, system_time};

/// Trust anchors for devices and workloads: certificates of authorities, checked when they are loaded.
///
/// Any authority can be an anchor, not only a self-signed one. To have the revocation list of an issuing authority below a root
/// used, name that authority as an anchor too: a list is proven when it is loaded, by an anchor.
#[derive(Debug)]
pub struct Anchors {
    anchors: Vec<Anchor>,
    /// The same, in the same order, as webpki wants them.
    trust: Vec<TrustAnchor<'static>>,
}

#[derive(Debug)]
pub(super) struct Anchor {
    pub(super) der: CertificateDer<'static>,
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
    /// The content of the issuer's DER `Name`.
    pub(super) issuer: Vec<u8>,
    /// The subject's DER `Name`.
    pub(super) subject: Vec<u8>,
    pub(super) serial: Vec<u8>,
    /// Whether it may sign revocation lists: it says so, or has no key usage at all (RFC 5280, 4.2.1.3).
    pub(super) signs_lists: bool,
}

impl Anchors {
    /// Reads `ders`, one certificate each, as of `now`.
    ///
    /// # Errors
    /// Every fault of every certificate; an empty list is a fault too.
    pub fn new(ders: &[CertificateDer<'_>], now: SystemTime) -> Result<Self, Vec<AnchorFault>> {
        let mut loaded = Self { anchors: Vec::new(), trust: Vec::new() };
        let mut faults = Vec::new();
        if ders.is_empty() {
            faults.push(AnchorFault::Empty);
        }
        for (index, der) in ders.iter().enumerate() {
            match load(index, der, now) {
                Ok((anchor, trust)) => {
                    loaded.anchors.push(anchor);
                    loaded.trust.push(trust);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(loaded) } else { Err(faults) }
    }

    /// The subject of each anchor, a DER `Name` with its outer `SEQUENCE` (RFC 5280, 4.1.2.4): what a server offers as
    /// `certificate_authorities` (`rustls::DistinguishedName::from(subject.to_vec())`).
    pub fn subjects(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.anchors.iter().map(|anchor| anchor.subject.as_slice())
    }

    /// When the first anchor expires: with it, every device it issued to is refused.
    pub fn expire(&self) -> Option<SystemTime> {
        self.anchors.iter().map(|anchor| anchor.not_after).min()
    }

    pub(super) fn trust(&self) -> &[TrustAnchor<'static>] {
        &self.trust
    }

    pub(super) fn all(&self) -> &[Anchor] {
        &self.anchors
    }

    /// Which of ours `anchor` is: one that [`Anchors::trust`] lent.
    pub(super) fn position(&self, anchor: &TrustAnchor<'_>) -> Option<usize> {
        // By address: a renewed anchor has the same name and key as its predecessor.
        self.trust.iter().position(|ours| std::ptr::eq(ours, anchor))
    }
}

fn load(
    index: usize,
    der: &CertificateDer<'_>,
    now: SystemTime,
) -> Result<(Anchor, TrustAnchor<'static>), AnchorFault> {
    let unfit = |fault| AnchorFault::Unfit { index, fault };
    let x509 = soundness::read(der).map_err(unfit)?;
    check(index, &x509, now)?;
    let trust = anchor_from_trusted_cert(der).map_err(|_| unfit(Unfit::Malformed))?.to_owned();
    let strict = EndEntityCert::try_from(der).map_err(|_| unfit(Unfit::Malformed))?;
    let usage = x509.key_usage().map_err(|_| unfit(Unfit::DuplicateExtension))?;
    let anchor = Anchor {
        not_before: system_time(x509.validity().not_before),
        not_after: system_time(x509.validity().not_after),
        issuer: strict.issuer().to_vec(),
        subject: x509.subject().as_raw().to_vec(),
        serial: strict.serial().to_vec(),
        signs_lists: usage.is_none_or(|usage| usage.value.crl_sign()),
        der: der.clone().into_owned(),
    };
    Ok((anchor, trust))
}

fn check(index: usize, anchor: &X509Certificate<'_>, now: SystemTime) -> Result<(), AnchorFault> {
    soundness::check(anchor).map_err(|fault| AnchorFault::Unfit { index, fault })?;
    if !may_issue(anchor) {
        return Err(AnchorFault::NotAnAuthority { index });
    }
    if anchor.subject().iter_rdn().next().is_none() {
        return Err(AnchorFault::Nameless { index });
    }
    if now < system_time(anchor.validity().not_before) {
        return Err(AnchorFault::NotYetValid { index });
    }
    if now > system_time(anchor.validity().not_after) {
        return Err(AnchorFault::Expired { index });
    }
    Ok(())
}

/// RFC 5280, 6.1.4 (k) and (n): says that it is an authority, and, if it says what its key is for, that this is signing certificates.
pub(super) fn may_issue(certificate: &X509Certificate<'_>) -> bool {
    let signs = match certificate.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.key_cert_sign()),
        Err(_) => false,
    };
    certificate.is_ca() && signs
}

/// Why a certificate cannot be an anchor. `index` counts from 0 in the list that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnchorFault {
    /// No certificate was given.
    #[error(
        "no device anchor is configured; name the certificate of the authority that issues device certificates"
    )]
    Empty,
    /// The certificate itself is broken or weak.
    #[error("device anchor {} {fault}; give the authority's own certificate", index + 1)]
    Unfit {
        /// Position in the list, from 0.
        index: usize,
        /// What is wrong with it.
        fault: Unfit,
    },
    /// `basicConstraints` does not say CA, or `keyUsage` leaves out `keyCertSign`.
    #[error("device anchor {} is not an authority's certificate; give that of the authority which issues device certificates", index + 1)]
    NotAnAuthority {
        /// Position in the list, from 0.
        index: usize,
    },
    /// Its subject is empty.
    #[error("device anchor {} has no subject; no certificate can name it as its issuer", index + 1)]
    Nameless {
        /// Position in the list, from 0.
        index: usize,
    },
    /// It has expired.
    #[error("device anchor {} has expired; give the renewed certificate", index + 1)]
    Expired {
        /// Position in the list, from 0.
        index: usize,
    },
    /// It is not valid yet.
    #[error("device anchor {} is not valid yet; check the clock, or wait", index + 1)]
    NotYetValid {
        /// Position in the list, from 0.
        index: usize,
    },
}

impl AnchorFault {
    /// Position of the certificate in the list that was given, from 0.
    pub fn index(&self) -> Option<usize> {
        match self {
            Self::Empty => None,
            Self::Unfit { index, .. }
            | Self::NotAnAuthority { index }
            | Self::Nameless { index }
            | Self::Expired { index }
            | Self::NotYetValid { index } => Some(*index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_authority::{DAY, authority, authority_params, below, device_params, key, now};
    use super::*;
    use rcgen::{CertificateParams, CustomExtension, IsCa, KeyUsagePurpose, SerialNumber, date_time_ymd};

    fn load(ders: &[CertificateDer<'_>]) -> Result<usize, Vec<AnchorFault>> {
        Anchors::new(ders, now()).map(|anchors| anchors.subjects().len())
    }

    fn with(change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let mut params = authority_params("Device CA");
        change(&mut params);
        params.self_signed(&key()).unwrap().der().clone()
    }

    #[test]
    fn authorities_are_taken_with_their_subjects() {
        let root = authority("Root");
        let issuing = below("Issuing", &root);
        let anchors = Anchors::new(&[root.der().clone(), issuing.der().clone()], now()).unwrap();
        let subjects: Vec<_> = anchors.subjects().collect();
        // SEQUENCE { SET { SEQUENCE { commonName, UTF8String } } }
        assert_eq!(subjects[0], b"\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04Root");
        assert_eq!(subjects.len(), 2);
        assert_eq!(anchors.expire(), Some(now() + 1826 * DAY));
    }

    #[test]
    fn keys_of_every_accepted_kind() {
        for (case, algorithm) in [
            ("P-256", &rcgen::PKCS_ECDSA_P256_SHA256),
            ("P-384", &rcgen::PKCS_ECDSA_P384_SHA384),
            ("Ed25519", &rcgen::PKCS_ED25519),
            ("RSA 2048", &rcgen::PKCS_RSA_SHA256),
        ] {
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let der = authority_params("Device CA").self_signed(&key).unwrap().der().clone();
            assert_eq!(load(&[der]), Ok(1), "{case}");
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn what_is_no_authority_of_today_is_refused() {
        let unfit = |fault| AnchorFault::Unfit { index: 0, fault };
        let critical = || {
            let mut extension = CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]);
            extension.set_criticality(true);
            extension
        };
        let mut trailing = with(|_| {}).to_vec();
        trailing.push(0);
        let p521 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
        let cases = [
            ("not a certificate", CertificateDer::from(vec![0x30, 0]), unfit(Unfit::Malformed)),
            ("bytes after it", trailing.into(), unfit(Unfit::Malformed)),
            (
                "a device",
                device_params(1).self_signed(&key()).unwrap().der().clone(),
                AnchorFault::NotAnAuthority { index: 0 },
            ),
            (
                "not a CA",
                with(|params| params.is_ca = IsCa::ExplicitNoCa),
                AnchorFault::NotAnAuthority { index: 0 },
            ),
            (
                "may not sign certificates",
                with(|params| params.key_usages = vec![KeyUsagePurpose::CrlSign]),
                AnchorFault::NotAnAuthority { index: 0 },
            ),
            (
                "expired",
                with(|params| params.not_after = date_time_ymd(2029, 12, 31)),
                AnchorFault::Expired { index: 0 },
            ),
            (
                "not valid yet",
                with(|params| params.not_before = date_time_ymd(2030, 1, 2)),
                AnchorFault::NotYetValid { index: 0 },
            ),
            (
                "zero serial",
                with(|params| params.serial_number = Some(SerialNumber::from(0))),
                unfit(Unfit::Serial),
            ),
            (
                "unknown critical extension",
                with(|params| params.custom_extensions.push(critical())),
                unfit(Unfit::CriticalExtension),
            ),
            (
                "no subject",
                with(|params| params.distinguished_name = rcgen::DistinguishedName::new()),
                AnchorFault::Nameless { index: 0 },
            ),
            (
                "P-521",
                authority_params("Device CA").self_signed(&p521).unwrap().der().clone(),
                unfit(Unfit::Key),
            ),
        ];
        for (case, der, fault) in cases {
            assert_eq!(load(&[der]), Err(vec![fault]), "{case}");
        }
    }

    #[test]
    fn every_fault_is_reported_with_its_place() {
        let good = authority("Root").der().clone();
        let broken = CertificateDer::from(vec![1]);
        let faults = load(&[broken.clone(), good, broken]).unwrap_err();
        assert_eq!(faults.iter().map(AnchorFault::index).collect::<Vec<_>>(), [Some(0), Some(2)]);
        assert_eq!(load(&[]), Err(vec![AnchorFault::Empty]));
    }
}
