//! Building a certification path, with `rustls-webpki`.

use pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::aws_lc_rs as algorithms;
use webpki::{EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};

use super::soundness;

/// Signature algorithms on a device's path and on revocation lists. No SHA-1, no RSA below 2048 bits, no P-521 (keys of that
/// curve are not accepted either).
pub(super) static ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P256_SHA512,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P384_SHA512,
    algorithms::ED25519,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

/// Most certificates a client may send: two more than any sensible hierarchy. webpki bounds one search by 100 signatures, and a
/// stranger chooses what is searched.
const CHAIN_LIMIT: usize = 6;
/// Most bytes all of them may have.
const CHAIN_LIMIT_BYTES: usize = 64 * 1024;

/// A chain of bounded size, split into leaf and the rest.
pub(super) fn split<'a>(
    chain: &'a [CertificateDer<'a>],
) -> Option<(&'a CertificateDer<'a>, &'a [CertificateDer<'a>])> {
    let bytes: usize = chain.iter().map(|der| der.len()).sum();
    if chain.len() > CHAIN_LIMIT || bytes > CHAIN_LIMIT_BYTES {
        return None;
    }
    chain.split_first()
}

/// Takes every extended key usage: what a leaf and an authority must have is checked apart, so that each has its own reason.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        for purpose in purposes {
            purpose?;
        }
        Ok(())
    }
}

/// A last look at a path that webpki would take.
type Objection<'a> = dyn Fn(&VerifiedPath<'_>) -> Result<(), Error> + 'a;

/// A path from `leaf` through `others` to one of `anchors` that is valid at `time` and that `accepts` takes.
pub(super) fn build<'p>(
    leaf: &'p EndEntityCert<'p>,
    others: &'p [CertificateDer<'p>],
    anchors: &'p [TrustAnchor<'p>],
    time: UnixTime,
    accepts: Option<&Objection<'_>>,
) -> Result<VerifiedPath<'p>, Error> {
    leaf.verify_for_usage(ALGORITHMS, anchors, others, time, AnyPurpose, None, accepts)
}

/// Does the chain lead to one of `anchors` at any time at all?
///
/// webpki always asks for a time. If the certificates of a path were ever valid together, they were so when the last of them became
/// valid; so the first second of each certificate is tried, the latest first, which finds the plain chain at once. (A leaf that had
/// expired before its authority's present certificate began is therefore not recognised.)
pub(super) fn leads_home(
    leaf: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    anchors: &[TrustAnchor<'_>],
) -> bool {
    let Ok(end_entity) = EndEntityCert::try_from(leaf) else { return false };
    let mut times: Vec<u64> = std::iter::once(leaf)
        .chain(others)
        .filter_map(|der| soundness::read(der).ok())
        .map(|certificate| u64::try_from(certificate.validity().not_before.timestamp()).unwrap_or(0))
        .collect();
    times.sort_unstable_by(|a, b| b.cmp(a));
    times.dedup();
    for seconds in times {
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        match build(&end_entity, others, anchors, time, None) {
            Ok(_) => return true,
            // webpki ranks time above everything else: another reason will not go away at another time.
            Err(Error::CertExpired { .. } | Error::CertNotValidYet { .. }) => {}
            Err(_) => return false,
        }
    }
    false
}
