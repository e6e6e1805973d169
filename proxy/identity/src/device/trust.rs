//! The judgement on a certificate chain.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use pki_types::{CertificateDer, UnixTime};
use webpki::{Cert, EndEntityCert, Error, VerifiedPath, spki_for_anchor};
use x509_parser::certificate::X509Certificate;

use super::anchors::may_issue;
use super::leaf::Leaf;
use super::path;
use super::revocation::Standing;
use super::{Anchors, Certificate, RevocationRule, Revocations, Unfit, soundness};

/// Anchors, revocation lists and the rule that joins them: everything a chain is judged by.
#[derive(Debug)]
pub struct Trust {
    anchors: Anchors,
    revocations: Revocations,
    rule: RevocationRule,
    /// For each anchor, whether a list of the authority above it revokes it.
    revoked: Vec<bool>,
}

impl Trust {
    /// Joins what was loaded.
    pub fn new(anchors: Anchors, revocations: Revocations, rule: RevocationRule) -> Self {
        let revoked =
            anchors.all().iter().map(|anchor| revocations.names(&anchor.issuer, &anchor.serial)).collect();
        Self { anchors, revocations, rule, revoked }
    }

    /// The same, once `before` was in force: with its revocation lists where these have older ones of the same authorities, whose issuers are
    /// named as RFC 4514 writes them.
    ///
    /// SECURITY: whatever is revoked stays so, also where an earlier configuration is gone back to, or a mirror lags behind.
    #[must_use]
    pub fn after(self, before: &Self) -> (Self, Vec<String>) {
        let Self { anchors, mut revocations, rule, .. } = self;
        let older = revocations.keep_newer(&before.revocations);
        (Self::new(anchors, revocations, rule), older)
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
    /// [`Foreign`] when it does not. So is an authority's certificate used as a leaf, or a chain of more than 6 certificates or
    /// 64 KiB.
    pub fn admits(&self, chain: &[CertificateDer<'_>]) -> Result<(), Foreign> {
        let (leaf, others) = path::split(chain).ok_or(Foreign)?;
        if path::leads_home(leaf, others, self.anchors.trust()) { Ok(()) } else { Err(Foreign) }
    }

    /// Judges `chain` (leaf first) at `now`. Once per connection, resumed ones too, and again when the trust changes.
    ///
    /// # Errors
    /// [`Rejected`] with the reason, and with the certificate where the chain proves it to be ours.
    pub fn judge(&self, chain: &[CertificateDer<'_>], now: SystemTime) -> Result<Certificate, Rejected> {
        let (der, others) = path::split(chain).ok_or(Rejected::unproven(DeviceFault::Foreign))?;
        let leaf = Leaf::read(der).map_err(|unfit| Rejected::unproven(unfit.into()))?;
        let end_entity = EndEntityCert::try_from(der).map_err(|_| {
            Rejected::unproven(leaf.fitness.err().map_or(DeviceFault::Foreign, DeviceFault::Unfit))
        })?;
        let path = match self.path(&end_entity, others, now) {
            Ok(path) => path,
            Err(fault) => return Err(self.explain(leaf, chain, fault, now)),
        };
        let verdict = self.check_revocation(&path, now).and_then(|()| Ok(leaf.fitness?));
        match (verdict, leaf.certificate) {
            (Ok(()), Some(certificate)) => Ok(*certificate),
            (Ok(()), None) => Err(Rejected::unproven(DeviceFault::Nameless)),
            (Err(fault), certificate) => Err(Rejected { certificate, fault }),
        }
    }

    /// A path that is valid now, over authorities that are fit, to an anchor that is current and not revoked.
    fn path<'p>(
        &'p self,
        leaf: &'p EndEntityCert<'p>,
        others: &'p [CertificateDer<'p>],
        now: SystemTime,
    ) -> Result<VerifiedPath<'p>, DeviceFault> {
        let objection = Cell::new(None);
        let accepts = |path: &VerifiedPath<'_>| {
            self.check_authorities(path, now).map_err(|fault| {
                objection.set(Some(fault));
                Error::UnknownIssuer
            })
        };
        path::build(leaf, others, self.anchors.trust(), unix_time(now), Some(&accepts)).map_err(|error| {
            objection.take().unwrap_or(match error {
                Error::CertExpired { .. } => DeviceFault::Expired,
                Error::CertNotValidYet { .. } => DeviceFault::NotYetValid,
                _ => DeviceFault::Unfit(Unfit::Issuer),
            })
        })
    }

    /// SECURITY: webpki looks at none of this: an authority's key usage, serial number and key, and an anchor's validity.
    fn check_authorities(&self, path: &VerifiedPath<'_>, now: SystemTime) -> Result<(), DeviceFault> {
        for authority in path.intermediate_certificates() {
            let der = authority.der();
            let fit = soundness::read(&der).and_then(|x509| match soundness::check(&x509) {
                Ok(()) if may_issue(&x509) && allows_clients(&x509) => Ok(()),
                _ => Err(Unfit::Issuer),
            });
            fit.map_err(|_| Unfit::Issuer)?;
        }
        let position = self.anchors.position(path.anchor());
        let anchor = position.and_then(|at| self.anchors.all().get(at)).ok_or(DeviceFault::Foreign)?;
        if now > anchor.not_after {
            return Err(DeviceFault::Expired);
        }
        if now < anchor.not_before {
            return Err(DeviceFault::NotYetValid);
        }
        match position.and_then(|at| self.revoked.get(at)) {
            Some(false) => Ok(()),
            _ => Err(DeviceFault::Revoked),
        }
    }

    /// Every certificate below the anchor, from the leaf upwards.
    fn check_revocation(&self, path: &VerifiedPath<'_>, now: SystemTime) -> Result<(), DeviceFault> {
        let leaf: &Cert<'_> = path.end_entity();
        let mut unknown = false;
        let mut issuers = path.intermediate_certificates();
        for certificate in std::iter::once(leaf).chain(path.intermediate_certificates()) {
            let key =
                issuers.next().map_or_else(|| spki_for_anchor(path.anchor()), Cert::subject_public_key_info);
            match self.revocations.standing(
                certificate.issuer(),
                &key,
                certificate.serial(),
                now,
                self.rule.grace,
            ) {
                Standing::Revoked => return Err(DeviceFault::Revoked),
                Standing::Stale => unknown = true,
                Standing::Unknown => unknown |= self.rule.required,
                Standing::Good => {}
            }
        }
        if unknown { Err(DeviceFault::RevocationUnknown) } else { Ok(()) }
    }

    /// Why there is no path now. `fault` is what the search for one came to.
    fn explain(
        &self,
        leaf: Leaf,
        chain: &[CertificateDer<'_>],
        fault: DeviceFault,
        now: SystemTime,
    ) -> Rejected {
        if self.admits(chain).is_err() {
            return Rejected::unproven(leaf.obstacle().map_or(DeviceFault::Foreign, DeviceFault::Unfit));
        }
        let fault = match &leaf.certificate {
            Some(certificate) if now > certificate.not_after => DeviceFault::Expired,
            Some(certificate) if now < certificate.not_before => DeviceFault::NotYetValid,
            _ => fault,
        };
        Rejected { certificate: leaf.certificate, fault }
    }
}

/// RFC 5280, 4.2.1.12, as everybody reads it: the extended key usage of an authority limits what it issues.
fn allows_clients(authority: &X509Certificate<'_>) -> bool {
    match authority.extended_key_usage() {
        Ok(None) => true,
        Ok(Some(purposes)) => purposes.value.client_auth || purposes.value.any,
        Err(_) => false,
    }
}

/// A time before 1970 becomes 1970: nothing is valid yet.
fn unix_time(time: SystemTime) -> UnixTime {
    UnixTime::since_unix_epoch(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO))
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

impl Rejected {
    fn unproven(fault: DeviceFault) -> Self {
        Self { certificate: None, fault }
    }
}

/// Why a device's certificate is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
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

#[cfg(test)]
mod tests;
