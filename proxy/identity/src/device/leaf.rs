//! What a device's or workload's own certificate must be.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::KeyUsage;

use super::distinguished::rfc4514;
use super::name::name_of;
use super::soundness::{self, system_time};
use super::{Certificate, Unfit};

/// A leaf certificate, read and inspected; nothing about it is proven.
pub(super) struct Leaf {
    /// What keeps it from standing for a device, if anything does.
    pub(super) fitness: Result<(), Unfit>,
    /// What it says, if it has a usable name.
    pub(super) certificate: Option<Box<Certificate>>,
}

impl Leaf {
    pub(super) fn read(der: &[u8]) -> Result<Self, Unfit> {
        let x509 = soundness::read(der)?;
        let name = name_of(&x509);
        let fitness = check(&x509).and(name.as_ref().map(|_| ()).map_err(|&unfit| unfit));
        let certificate = name.ok().flatten().map(|(name, kind)| {
            Box::new(Certificate {
                name,
                kind,
                serial: hex(x509.raw_serial()),
                sha256: sha256(der),
                issuer: rfc4514(x509.issuer()),
                not_before: system_time(x509.validity().not_before),
                not_after: system_time(x509.validity().not_after),
            })
        });
        Ok(Self { fitness, certificate })
    }

    /// What is so wrong that webpki looks for no path, ours or not.
    pub(super) fn obstacle(&self) -> Option<Unfit> {
        self.fitness.err().filter(|unfit| {
            matches!(
                unfit,
                Unfit::Malformed | Unfit::DuplicateExtension | Unfit::CriticalExtension | Unfit::Authority
            )
        })
    }
}

fn check(leaf: &X509Certificate<'_>) -> Result<(), Unfit> {
    soundness::check(leaf)?;
    let usage = leaf.key_usage().map_err(|_| Unfit::DuplicateExtension)?.map(|usage| usage.value);
    // RFC 5280, 4.2.1.10: only an authority can have name constraints.
    let constrains = leaf.name_constraints().map_err(|_| Unfit::DuplicateExtension)?.is_some();
    if leaf.is_ca() || constrains || usage.is_some_and(KeyUsage::key_cert_sign) {
        return Err(Unfit::Authority);
    }
    if usage.is_some_and(|usage| !usage.digital_signature()) {
        return Err(Unfit::KeyUsage);
    }
    // SECURITY: webpki takes a missing extension for consent, and RFC 5280 lets `anyExtendedKeyUsage` stand for all. Server and
    // code-signing certificates of the same authority would then be devices.
    match leaf.extended_key_usage().map_err(|_| Unfit::DuplicateExtension)? {
        None => Err(Unfit::NoPurpose),
        Some(purposes) if !purposes.value.client_auth => Err(Unfit::Purpose),
        Some(_) => Ok(()),
    }
}

fn sha256(der: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    let digest = digest(&SHA256, der);
    out.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

/// Lower-case hexadecimal; the octet that only keeps the number positive is left out.
fn hex(serial: &[u8]) -> String {
    let number = match serial {
        [0, rest @ ..] if !rest.is_empty() => rest,
        _ => serial,
    };
    number.iter().fold(String::with_capacity(number.len() * 2), |mut out, byte| {
        // Writing into a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
