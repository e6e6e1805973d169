//! The judgement on a certificate chain.

use std::time::SystemTime;

use pki_types::CertificateDer;

use super::{Anchors, Certificate, RevocationRule, Revocations, Unfit};

/// Anchors, revocation lists and the rule that joins them: everything a chain is judged by.
#[derive(Debug)]
pub struct Trust {
    anchors: Anchors,
    revocations: Revocations,
    rule: RevocationRule,
}

impl Trust {
    /// Joins what was loaded.
    pub fn new(anchors: Anchors, revocations: Revocations, rule: RevocationRule) -> Self {
        Self { anchors, revocations, rule }
    }

    /// The anchors.
    pub fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    /// The revocation lists.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// The rule for revocation.
    pub fn rule(&self) -> RevocationRule {
        self.rule
    }

    /// Does `chain` (leaf first) lead to one of our anchors, whatever the time, and revoked or not? For the TLS verifier: a
    /// device of ours that is expired or revoked completes the handshake, so that it gets a page and a code.
    ///
    /// # Errors
    /// [`Foreign`] when it does not.
    pub fn admits(&self, _chain: &[CertificateDer<'_>]) -> Result<(), Foreign> {
        Err(Foreign)
    }

    /// Judges `chain` (leaf first) at `now`. Once per connection, resumed ones too, and again when the trust changes.
    ///
    /// # Errors
    /// [`Rejected`] with the reason, and with the certificate where the chain proves it to be ours.
    pub fn judge(&self, _chain: &[CertificateDer<'_>], _now: SystemTime) -> Result<Certificate, Rejected> {
        Err(Rejected { certificate: None, fault: DeviceFault::Foreign })
    }
}

/// A chain that leads to none of our anchors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the certificate was not issued by an authority this gate trusts for devices")]
pub struct Foreign;

/// A chain that was judged and refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The leaf, where it is proven to be issued by an authority of ours and has a name.
    pub certificate: Option<Box<Certificate>>,
    /// Why it was refused.
    pub fault: DeviceFault,
}

/// Why a device's certificate is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceFault {
    /// It leads to none of our anchors.
    #[error("{Foreign}")]
    Foreign,
    /// It, or an authority on its path, has expired.
    #[error("the certificate has expired")]
    Expired,
    /// It, or an authority on its path, is not valid yet.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// It, or an authority on its path, was revoked.
    #[error("the certificate was revoked")]
    Revoked,
    /// No revocation list says anything about it, or only one that is stale beyond the grace.
    #[error("no current revocation list covers the certificate")]
    RevocationUnknown,
    /// It is ours, but may not stand for a device.
    #[error("the certificate {0}")]
    Unfit(#[from] Unfit),
    /// It has no URI and no DNS name that could be the device's identity.
    #[error("the certificate names no device: it has neither a URI nor a DNS subject alternative name")]
    Nameless,
}

impl DeviceFault {
    /// A stable code for records, metrics and pages.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Foreign => "certificate_foreign",
            Self::Expired => "certificate_expired",
            Self::NotYetValid => "certificate_not_yet_valid",
            Self::Revoked => "certificate_revoked",
            Self::RevocationUnknown => "certificate_revocation_unknown",
            Self::Unfit(_) => "certificate_unfit",
            Self::Nameless => "certificate_nameless",
        }
    }
}
