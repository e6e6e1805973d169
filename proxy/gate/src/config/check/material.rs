//! Certificates, keys and revocation lists.

use std::time::{Duration, SystemTime};

use rustls::{
    RootCertStore,
    crypto::aws_lc_rs::sign::any_supported_type,
    pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, pem, pem::PemObject},
    sign::CertifiedKey,
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer, time::ASN1Time};
use zeroize::Zeroizing;

use crate::config::{
    checked::{Identity, PrivateKey},
    raw::Scalar,
};

use super::{
    cursor::{Field, Here},
    desk::{Desk, path},
    report::{File, Spot},
};

/// From when on an expiry is announced.
const NOTICE: Duration = Duration::from_secs(14 * 86_400);

impl Desk<'_> {
    /// Certificates in PEM, at least one.
    pub(super) fn certificates(&self, here: Here<'_, Scalar>) -> Option<Vec<CertificateDer<'static>>> {
        self.pem(here, "certificate", "CERTIFICATE")
    }

    /// Authorities that vouch for a server, at least one.
    pub(super) fn authorities(&self, here: Here<'_, Scalar>) -> Option<Vec<CertificateDer<'static>>> {
        let certificates = self.certificates(here)?;
        for (index, certificate) in certificates.iter().enumerate() {
            let parsed = parse(here.spot, index, certificate)?;
            if let Err(error) = RootCertStore::empty().add(certificate.clone()) {
                here.spot.fault(format!(
                    "certificate {} in this file is no authority: {error}; name the authority's own",
                    index + 1
                ));
                return None;
            }
            if self.since(moment(parsed.validity().not_after)).is_some() {
                let expiry = parsed.validity().not_after;
                here.spot.warn(format!(
                    "certificate {} in this file expired on {expiry}; name its successor",
                    index + 1
                ));
            }
        }
        Some(certificates)
    }

    /// Revocation lists, in PEM or one in DER.
    pub(super) fn revocation_lists(&self, here: Here<'_, Scalar>) -> Option<Vec<Vec<u8>>> {
        let (_, read) = self.material(here)?;
        // A DER list is a SEQUENCE; PEM begins with text.
        if read.bytes.first() == Some(&0x30) {
            return Some(vec![read.bytes.to_vec()]);
        }
        let lists: Vec<CertificateRevocationListDer<'_>> = self.pem(here, "revocation list", "X509 CRL")?;
        Some(lists.iter().map(|list| list.as_ref().to_vec()).collect())
    }

    fn pem<T: PemObject>(&self, here: Here<'_, Scalar>, what: &str, label: &str) -> Option<Vec<T>> {
        let (file, read) = self.material(here)?;
        let shown = &file.shown;
        match T::pem_slice_iter(&read.bytes).collect::<Result<Vec<_>, _>>() {
            Ok(items) if items.is_empty() => {
                here.spot.fault(format!(
                    "`{shown}` holds no {what} in PEM (`BEGIN {label}`); convert it or name the right file"
                ));
                None
            }
            Ok(items) => Some(items),
            Err(error) => {
                here.spot.fault(format!("`{shown}` is damaged ({}); restore it", wording(&error)));
                None
            }
        }
    }

    /// A private key in PEM.
    pub(super) fn private_key(&self, here: Here<'_, Scalar>) -> Option<PrivateKey> {
        let (file, read) = self.material(here)?;
        let key = match PrivateKeyDer::from_pem_slice(&read.bytes) {
            Ok(key) => key,
            Err(error) => {
                here.spot.fault(no_key(&file, &read.bytes, &error));
                return None;
            }
        };
        self.guard(here, &file);
        let key = Zeroizing::new(key);
        Some(PrivateKey::from(&*key))
    }

    /// A secret in a file of its own, without the line break at its end.
    pub(super) fn secret(&self, here: Here<'_, Scalar>) -> Option<Zeroizing<String>> {
        let (file, read) = self.material(here)?;
        self.guard(here, &file);
        match std::str::from_utf8(&read.bytes) {
            Ok(text) if !text.trim().is_empty() => Some(Zeroizing::new(text.trim().to_owned())),
            _ => {
                here.spot.fault(format!("`{}` holds no text; put the secret alone into it", file.shown));
                None
            }
        }
    }

    /// Warns of a secret that others than its owner may read.
    fn guard(&self, here: Here<'_, Scalar>, file: &File) {
        if self.tree.open_to_others(&file.path) {
            here.spot
                .warn(format!("`{0}` may be read by others than its owner; run `chmod 600 {0}`", file.shown));
        }
    }

    /// A certificate chain and its key.
    pub(super) fn identity(
        &self,
        (chain, chain_example): (Field<'_, Scalar>, &str),
        (key, key_example): (Field<'_, Scalar>, &str),
        owner: Owner,
    ) -> Option<Identity> {
        let certificates =
            chain.required(chain_example, |here| Some((path(here)?.path, self.certificates(here)?)));
        let private = match key.is_absent() && !chain.is_absent() {
            true => {
                chain
                    .key_spot()
                    .fault(format!("a certificate without its key is of no use; add `{key_example}`"));
                None
            }
            false => key.required(key_example, |here| self.private_key(here)),
        };
        let (path, certificates) = certificates?;
        let (names, not_after) = self.leaf(chain.spot(), &certificates, owner)?;
        let private = private?;
        fits(key.spot(), &certificates, &private)?;
        let place = chain.spot().place();
        Some(Identity { place, path, chain: certificates, key: private, names, not_after })
    }

    fn leaf(
        &self,
        spot: Spot<'_>,
        chain: &[CertificateDer<'_>],
        owner: Owner,
    ) -> Option<(Vec<String>, SystemTime)> {
        let parsed: Vec<_> =
            chain.iter().enumerate().map(|(index, certificate)| parse(spot, index, certificate)).collect();
        let parsed = parsed.into_iter().collect::<Option<Vec<_>>>()?;
        let leaf = parsed.first()?;
        let names = dns_names(leaf);
        if owner == Owner::Server && names.is_empty() {
            spot.fault("this certificate has no DNS name in subjectAltName; clients would refuse it: issue it with one");
            return None;
        }
        let in_order =
            parsed.iter().zip(parsed.iter().skip(1)).all(|(one, next)| one.issuer() == next.subject());
        if !in_order {
            spot.warn("this chain is out of order; put the leaf first, then each certificate's issuer");
        }
        self.in_time(spot, leaf)?;
        Some((names, moment(leaf.validity().not_after)))
    }

    fn in_time(&self, spot: Spot<'_>, leaf: &X509Certificate<'_>) -> Option<()> {
        let validity = leaf.validity();
        let (from, to) = (validity.not_before, validity.not_after);
        if self.since(moment(from)).is_none() {
            spot.fault(format!("this certificate is not valid before {from}; wait, or check the clock"));
            return None;
        }
        if self.since(moment(to)).is_some_and(|ago| !ago.is_zero()) {
            spot.fault(format!("this certificate expired on {to}; renew it"));
            return None;
        }
        if self.since(moment(to) - NOTICE).is_some() {
            spot.warn(format!("this certificate expires on {to}; renew it"));
        }
        Some(())
    }
}

/// Who shows a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The gate, to clients: its names matter.
    Server,
    /// The gate, to a source.
    Client,
}

fn parse<'c>(
    spot: Spot<'_>,
    index: usize,
    certificate: &'c CertificateDer<'_>,
) -> Option<X509Certificate<'c>> {
    match X509Certificate::from_der(certificate) {
        Ok((_, parsed)) => Some(parsed),
        Err(_) => {
            spot.fault(format!("certificate {} in this file is no X.509 certificate; restore it", index + 1));
            None
        }
    }
}

fn dns_names(leaf: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = leaf.subject_alternative_name() else {
        return Vec::new();
    };
    let dns = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    dns.collect()
}

fn fits(spot: Spot<'_>, chain: &[CertificateDer<'static>], key: &PrivateKey) -> Option<()> {
    let signer = match any_supported_type(&key.der()) {
        Ok(signer) => signer,
        Err(_) => {
            spot.fault("this key is of a kind that TLS cannot use; make an ECDSA P-256, Ed25519 or RSA key of at least 2048 bits");
            return None;
        }
    };
    if CertifiedKey::new(chain.to_vec(), signer).keys_match().is_err() {
        spot.fault("this key does not belong to the certificate beside it; check which files are paired");
        return None;
    }
    Some(())
}

fn no_key(file: &File, bytes: &[u8], error: &pem::Error) -> String {
    let shown = &file.shown;
    let text = String::from_utf8_lossy(bytes);
    if text.contains("ENCRYPTED") {
        return format!(
            "`{shown}` is encrypted, and nobody is there to type its passphrase; decrypt it into a file that its owner alone may read"
        );
    }
    match error {
        pem::Error::NoItemsFound => {
            format!(
                "`{shown}` holds no private key in PEM (`BEGIN PRIVATE KEY`); convert it or name the right file"
            )
        }
        error => format!("`{shown}` is damaged ({}); restore it", wording(error)),
    }
}

/// What is wrong with a PEM file. The library's own words may quote a line of it, which may be of a key.
fn wording(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end: it was cut short",
        pem::Error::IllegalSectionStart { .. } => "a section's first line is malformed",
        pem::Error::Base64Decode(_) => "a section is no base64",
        _ => "it is malformed",
    }
}

fn moment(time: ASN1Time) -> SystemTime {
    let seconds = time.timestamp();
    let span = Duration::from_secs(seconds.unsigned_abs());
    let moment = match seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(span),
        _ => SystemTime::UNIX_EPOCH.checked_sub(span),
    };
    moment.unwrap_or(SystemTime::UNIX_EPOCH)
}
