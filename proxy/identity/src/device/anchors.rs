//! The authorities whose devices we know.

use std::time::SystemTime;

use pki_types::CertificateDer;

/// Trust anchors for devices and workloads: certificates of authorities, checked when they are loaded.
#[derive(Debug)]
pub struct Anchors {
    subjects: Vec<Vec<u8>>,
}

impl Anchors {
    /// Reads `ders`, one certificate each, as of `now`.
    ///
    /// # Errors
    /// Every fault of every certificate; an empty list is a fault too.
    pub fn new(ders: &[CertificateDer<'_>], _now: SystemTime) -> Result<Self, Vec<AnchorFault>> {
        Err(ders.iter().enumerate().map(|(index, _)| AnchorFault::Malformed { index }).collect())
    }

    /// The subject of each anchor, a DER `Name` with its outer `SEQUENCE` (RFC 5280, 4.1.2.4): what a server offers as
    /// `certificate_authorities` (`rustls::DistinguishedName::from(subject.to_vec())`).
    pub fn subjects(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.subjects.iter().map(Vec::as_slice)
    }
}

/// Why a certificate cannot be an anchor. `index` counts from 0 in the list that was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorFault {
    /// No certificate was given.
    #[error(
        "no device anchor is configured; name the certificate of the authority that issues device certificates"
    )]
    Empty,
    /// Not an X.509 version 3 certificate in DER.
    #[error("anchor {index} is not an X.509 v3 certificate; give the authority's certificate in PEM or DER")]
    Malformed {
        /// Position in the list, from 0.
        index: usize,
    },
}
