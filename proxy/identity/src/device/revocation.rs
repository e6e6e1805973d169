//! Certificate revocation lists (RFC 5280, section 5).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use webpki::{CertRevocationList, EndEntityCert, OwnedCertRevocationList, spki_for_anchor};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::Anchors;
use super::distinguished::rfc4514;
use super::path::ALGORITHMS;
use super::soundness::system_time;

/// How far ahead of our clock a list may be issued.
const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// Revocation lists, read and proven once: asking costs a search in a map, no signature.
#[derive(Debug, Default)]
pub struct Revocations {
    lists: Vec<Arc<List>>,
}

#[derive(Debug)]
struct List {
    crl: CertRevocationList<'static>,
    /// The issuer's key, a DER `SubjectPublicKeyInfo`. A list speaks for certificates signed with this key: two authorities may
    /// bear the same name.
    key: Vec<u8>,
    issuer: String,
    this_update: SystemTime,
    next_update: SystemTime,
}

/// What the lists say of one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Revoked,
    Good,
    /// There is a list, but its successor is overdue beyond the grace.
    Stale,
    /// No list.
    Unknown,
}

impl Revocations {
    /// Reads `crls` (DER, one list each) as of `now` and proves each with the anchor that signed it. Of several lists of one
    /// issuer the newest counts.
    ///
    /// # Errors
    /// Every fault of every list. A stale list is none: see [`Revocations::ages`] and [`RevocationRule::grace`].
    pub fn new(crls: &[Vec<u8>], anchors: &Anchors, now: SystemTime) -> Result<Self, Vec<CrlFault>> {
        let mut lists: Vec<Arc<List>> = Vec::new();
        let mut faults = Vec::new();
        for (index, der) in crls.iter().enumerate() {
            match load(index, der, anchors, now) {
                Ok(list) => keep_newest(&mut lists, Arc::new(list)),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(Self { lists }) } else { Err(faults) }
    }

    /// Takes those of `before` in the place of older ones of the same authority; the issuers of these, as RFC 4514 writes them.
    pub(super) fn keep_newer(&mut self, before: &Self) -> Vec<String> {
        let mut older = Vec::new();
        for list in &mut self.lists {
            let newer =
                |known: &&Arc<List>| known.is_of_issuer_of(list) && known.this_update > list.this_update;
            if let Some(newer) = before.lists.iter().find(newer) {
                older.push(list.issuer.clone());
                *list = Arc::clone(newer);
            }
        }
        older
    }

    /// How old each list is at `now`: what alarms and readiness are made of.
    pub fn ages(&self, now: SystemTime) -> Vec<CrlAge> {
        self.lists.iter().map(|list| list.age(now)).collect()
    }

    /// What is known at `now` of the certificate that `issuer` (the content of a DER `Name`) signed with `key`.
    pub(super) fn standing(
        &self,
        issuer: &[u8],
        key: &[u8],
        serial: &[u8],
        now: SystemTime,
        grace: Duration,
    ) -> Standing {
        let Some(list) = self.lists.iter().find(|list| list.is_of(issuer, key)) else {
            return Standing::Unknown;
        };
        // Even a stale list is right about what it revokes.
        if list.lists(serial) {
            return Standing::Revoked;
        }
        match list.next_update.checked_add(grace) {
            Some(end) if now < end => Standing::Good,
            _ => Standing::Stale,
        }
    }

    /// Whether any list of an issuer of this name (the content of a DER `Name`) revokes `serial`, whichever key it was signed with.
    pub(super) fn names(&self, issuer: &[u8], serial: &[u8]) -> bool {
        self.lists.iter().any(|list| list.crl.issuer() == issuer && list.lists(serial))
    }
}

impl List {
    fn is_of(&self, issuer: &[u8], key: &[u8]) -> bool {
        self.key == key && self.crl.issuer() == issuer
    }

    fn is_of_issuer_of(&self, other: &Self) -> bool {
        self.is_of(other.crl.issuer(), &other.key)
    }

    fn lists(&self, serial: &[u8]) -> bool {
        // An error cannot come from an owned list; should it ever, the certificate counts as revoked.
        self.crl.find_serial(serial).map_or(true, |found| found.is_some())
    }

    fn age(&self, now: SystemTime) -> CrlAge {
        let life = self.next_update.duration_since(self.this_update).unwrap_or_default();
        let age = now.duration_since(self.this_update).unwrap_or_default();
        CrlAge {
            issuer: self.issuer.clone(),
            this_update: self.this_update,
            next_update: self.next_update,
            half_life_passed: age >= life / 2,
            stale: now >= self.next_update,
        }
    }
}

fn keep_newest(lists: &mut Vec<Arc<List>>, list: Arc<List>) {
    match lists.iter_mut().find(|other| other.is_of_issuer_of(&list)) {
        Some(other) if other.this_update >= list.this_update => {}
        Some(other) => *other = list,
        None => lists.push(list),
    }
}

fn load(index: usize, der: &[u8], anchors: &Anchors, now: SystemTime) -> Result<List, CrlFault> {
    // webpki is the strict reader (version, extensions, every entry); the other one knows the issue date.
    let owned = OwnedCertRevocationList::from_der(der).map_err(|error| refusal(index, &error))?;
    let crl = CertRevocationList::Owned(owned);
    let (rest, x509) = CertificateRevocationList::from_der(der).map_err(|_| CrlFault::Malformed { index })?;
    if !rest.is_empty() {
        return Err(CrlFault::Malformed { index });
    }
    if crl.issuing_distribution_point().is_some() {
        return Err(CrlFault::Partial { index });
    }
    let this_update = system_time(x509.last_update());
    let next_update = x509.next_update().map(system_time).ok_or(CrlFault::Malformed { index })?;
    if next_update <= this_update {
        return Err(CrlFault::Malformed { index });
    }
    if this_update > now.checked_add(CLOCK_SKEW).unwrap_or(now) {
        return Err(CrlFault::NotYetValid { index });
    }
    let key = prove(index, &x509, &crl, anchors)?;
    Ok(List { crl, key, issuer: rfc4514(x509.issuer()), this_update, next_update })
}

fn refusal(index: usize, error: &webpki::Error) -> CrlFault {
    use webpki::Error as E;
    match error {
        E::UnsupportedDeltaCrl
        | E::UnsupportedIndirectCrl
        | E::UnsupportedCrlIssuingDistributionPoint
        | E::UnsupportedRevocationReasonsPartitioning => CrlFault::Partial { index },
        _ => CrlFault::Malformed { index },
    }
}

/// Finds the anchor that signed the list, and gives its key.
fn prove(
    index: usize,
    x509: &CertificateRevocationList<'_>,
    crl: &CertRevocationList<'_>,
    anchors: &Anchors,
) -> Result<Vec<u8>, CrlFault> {
    let issuer = rfc4514(x509.issuer());
    let mut fault = CrlFault::UnknownIssuer { index, issuer: issuer.clone() };
    for (anchor, trust) in anchors.all().iter().zip(anchors.trust()) {
        if trust.subject.as_ref() != crl.issuer() {
            continue;
        }
        if !is_signed_by(x509, &anchor.der) {
            fault = CrlFault::Signature { index, issuer: issuer.clone() };
        } else if !anchor.signs_lists {
            fault = CrlFault::NotASigner { index, issuer: issuer.clone() };
        } else {
            return Ok(spki_for_anchor(trust).as_ref().to_vec());
        }
    }
    Err(fault)
}

fn is_signed_by(x509: &CertificateRevocationList<'_>, anchor: &pki_types::CertificateDer<'_>) -> bool {
    let Ok(anchor) = EndEntityCert::try_from(anchor) else { return false };
    let wanted = x509.signature_algorithm.algorithm.as_bytes();
    ALGORITHMS
        .iter()
        // An AlgorithmIdentifier's content starts with the identifier: tag, length, octets.
        .filter(|algorithm| {
            algorithm.signature_alg_id().as_ref().get(2..).is_some_and(|id| id.starts_with(wanted))
        })
        .any(|algorithm| {
            anchor
                .verify_signature(*algorithm, x509.tbs_cert_list.as_ref(), &x509.signature_value.data)
                .is_ok()
        })
}

/// The age of one revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlAge {
    /// Issuer of the list, as RFC 4514 writes it.
    pub issuer: String,
    /// When it was issued.
    pub this_update: SystemTime,
    /// When its successor is due; from then on it is stale.
    pub next_update: SystemTime,
    /// Half of its life is over: the alarm.
    pub half_life_passed: bool,
    /// Its successor is overdue.
    pub stale: bool,
}

/// How strictly revocation is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationRule {
    /// Every certificate below the anchor must be covered by a revocation list. Otherwise only the lists that are there count; but
    /// one that is there and stale beyond the grace is never passed over.
    pub required: bool,
    /// How long a list is still used after its successor was due.
    pub grace: Duration,
}

/// Why a revocation list cannot be used. `index` counts from 0 in the list that was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrlFault {
    /// Not a version 2 revocation list in DER, without `nextUpdate` or extensions, or with an extension nobody understands.
    #[error("revocation list {} is not an X.509 v2 CRL with nextUpdate and CRL number; export it again from the authority", index + 1)]
    Malformed {
        /// Position in the list, from 0.
        index: usize,
    },
    /// It covers only some certificates: a delta, an indirect list, or one with an issuing distribution point.
    #[error("revocation list {} covers only part of its authority's certificates; give the complete list", index + 1)]
    Partial {
        /// Position in the list, from 0.
        index: usize,
    },
    /// Issued in the future.
    #[error("revocation list {} was issued in the future; check the clock", index + 1)]
    NotYetValid {
        /// Position in the list, from 0.
        index: usize,
    },
    /// No anchor bears the issuer's name.
    #[error("revocation list {} is by `{issuer}`, which is none of the anchors; name the list of the authority that issues the certificates", index + 1)]
    UnknownIssuer {
        /// Position in the list, from 0.
        index: usize,
        /// Issuer of the list, as RFC 4514 writes it.
        issuer: String,
    },
    /// The anchor of that name did not sign it.
    #[error("revocation list {} is not signed by the anchor `{issuer}`; export it again from the authority", index + 1)]
    Signature {
        /// Position in the list, from 0.
        index: usize,
        /// Issuer of the list, as RFC 4514 writes it.
        issuer: String,
    },
    /// The anchor that signed it may not: its `keyUsage` leaves out `cRLSign` (RFC 5280, 4.2.1.3).
    #[error("revocation list {} is signed by `{issuer}`, whose certificate does not allow that; issue it with cRLSign", index + 1)]
    NotASigner {
        /// Position in the list, from 0.
        index: usize,
        /// Issuer of the list, as RFC 4514 writes it.
        issuer: String,
    },
}

impl CrlFault {
    /// Position of the revocation list in the list that was given, from 0.
    pub fn index(&self) -> usize {
        match self {
            Self::Malformed { index }
            | Self::Partial { index }
            | Self::NotYetValid { index }
            | Self::UnknownIssuer { index, .. }
            | Self::Signature { index, .. }
            | Self::NotASigner { index, .. } => *index,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_authority::{
        Authority, DAY, authority, authority_params, below, key, list, list_params, now,
    };
    use super::*;
    use rcgen::{
        CertifiedIssuer, CrlDistributionPoint, CrlIssuingDistributionPoint, Issuer, KeyPair, KeyUsagePurpose,
        date_time_ymd,
    };

    fn anchors(authorities: &[&Authority]) -> Anchors {
        let ders: Vec<_> = authorities.iter().map(|authority| authority.der().clone()).collect();
        Anchors::new(&ders, now()).unwrap()
    }

    fn load(crl: Vec<u8>, authorities: &[&Authority]) -> Result<Vec<CrlAge>, Vec<CrlFault>> {
        Revocations::new(&[crl], &anchors(authorities), now()).map(|lists| lists.ages(now()))
    }

    #[test]
    fn a_list_ages() {
        let root = authority("Root");
        let lists = Revocations::new(&[list(&root, &[7])], &anchors(&[&root]), now()).unwrap();
        let cases = [
            ("on the second day", now(), false, false),
            ("just before half of its life", now() + 13 * DAY, false, false),
            ("half of its life", now() + 14 * DAY, true, false),
            ("just before its successor is due", now() + 29 * DAY - Duration::from_secs(1), true, false),
            ("when its successor is due", now() + 29 * DAY, true, true),
            ("before it was issued", now() - 9 * DAY, false, false),
        ];
        for (case, at, half_life_passed, stale) in cases {
            let expected = CrlAge {
                issuer: "CN=Root".to_owned(),
                this_update: now() - DAY,
                next_update: now() + 29 * DAY,
                half_life_passed,
                stale,
            };
            assert_eq!(lists.ages(at), [expected], "{case}");
        }
    }

    #[test]
    fn of_two_lists_of_one_issuer_the_newest_counts() {
        let root = authority("Root");
        let old = {
            let mut params = list_params(&[7]);
            params.this_update = date_time_ymd(2029, 12, 1);
            params.signed_by(&root).unwrap().der().to_vec()
        };
        let new = list(&root, &[8]);
        for (case, crls) in [("old first", vec![old.clone(), new.clone()]), ("new first", vec![new, old])] {
            let lists = Revocations::new(&crls, &anchors(&[&root]), now()).unwrap();
            assert_eq!(lists.lists.len(), 1, "{case}");
            assert!(lists.lists[0].lists(&[8]) && !lists.lists[0].lists(&[7]), "{case}");
        }
    }

    #[test]
    fn a_list_that_proves_nothing_is_refused() {
        let root = authority("Root");
        let issuer = || "CN=Root".to_owned();
        let namesake = authority("Root");
        let silent = {
            let mut params = authority_params("Root");
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            let key = key();
            let copy = KeyPair::from_pem(&key.serialize_pem()).unwrap();
            let signer = Issuer::new(authority_params("Root"), copy);
            let crl = list_params(&[]).signed_by(&signer).unwrap().der().to_vec();
            (CertifiedIssuer::self_signed(params, key).unwrap(), crl)
        };
        let partial = {
            let mut params = list_params(&[]);
            params.issuing_distribution_point = Some(CrlIssuingDistributionPoint {
                distribution_point: CrlDistributionPoint { uris: vec!["http://ca.example/1.crl".to_owned()] },
                scope: None,
            });
            params.signed_by(&root).unwrap().der().to_vec()
        };
        let future = {
            let mut params = list_params(&[]);
            params.this_update = date_time_ymd(2030, 1, 2);
            params.signed_by(&root).unwrap().der().to_vec()
        };
        let mut forged = list(&root, &[7]);
        *forged.last_mut().unwrap() ^= 1;
        let mut trailing = list(&root, &[7]);
        trailing.push(0);
        let stranger = list(&below("Other", &root), &[]);
        let cases = [
            ("not a list", vec![0x30, 0], &root, CrlFault::Malformed { index: 0 }),
            ("bytes after it", trailing, &root, CrlFault::Malformed { index: 0 }),
            ("partial", partial, &root, CrlFault::Partial { index: 0 }),
            ("from the future", future, &root, CrlFault::NotYetValid { index: 0 }),
            (
                "unknown issuer",
                stranger,
                &root,
                CrlFault::UnknownIssuer { index: 0, issuer: "CN=Other".to_owned() },
            ),
            ("forged", forged, &root, CrlFault::Signature { index: 0, issuer: issuer() }),
            (
                "signed by a namesake",
                list(&namesake, &[]),
                &root,
                CrlFault::Signature { index: 0, issuer: issuer() },
            ),
            (
                "signer without cRLSign",
                silent.1,
                &silent.0,
                CrlFault::NotASigner { index: 0, issuer: issuer() },
            ),
        ];
        for (case, crl, root, fault) in cases {
            assert_eq!(load(crl, &[root]), Err(vec![fault]), "{case}");
        }
    }

    #[test]
    fn every_accepted_key_can_sign_a_list() {
        for (case, algorithm) in [
            ("P-384", &rcgen::PKCS_ECDSA_P384_SHA384),
            ("Ed25519", &rcgen::PKCS_ED25519),
            ("RSA", &rcgen::PKCS_RSA_SHA256),
            ("RSA with SHA-512", &rcgen::PKCS_RSA_SHA512),
        ] {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let root = CertifiedIssuer::self_signed(authority_params("Root"), key).unwrap();
            assert_eq!(load(list(&root, &[1]), &[&root]).map(|ages| ages.len()), Ok(1), "{case}");
        }
    }

    #[test]
    fn every_fault_is_reported_with_its_place() {
        let root = authority("Root");
        let crls = [vec![1], list(&root, &[]), vec![2]];
        let faults = Revocations::new(&crls, &anchors(&[&root]), now()).unwrap_err();
        assert_eq!(faults.iter().map(CrlFault::index).collect::<Vec<_>>(), [0, 2]);
    }
}
