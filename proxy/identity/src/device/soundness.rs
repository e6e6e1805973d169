//! What every certificate on a path must be, whoever's it is.

use std::time::{Duration, SystemTime};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519, Oid,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Version};

use super::Unfit;
use crate::rsa;

/// RFC 5280, 4.1.2.2: at most 20 octets.
const SERIAL_OCTETS: usize = 20;

/// Reads one DER certificate, and nothing after it.
pub(super) fn read(der: &[u8]) -> Result<X509Certificate<'_>, Unfit> {
    match X509Certificate::from_der(der) {
        Ok((rest, certificate)) if rest.is_empty() && certificate.version() == X509Version::V3 => {
            Ok(certificate)
        }
        _ => Err(Unfit::Malformed),
    }
}

/// Extensions, serial number and key.
pub(super) fn check(certificate: &X509Certificate<'_>) -> Result<(), Unfit> {
    check_extensions(certificate)?;
    check_serial(certificate.raw_serial())?;
    check_key(certificate.public_key())
}

fn check_extensions(certificate: &X509Certificate<'_>) -> Result<(), Unfit> {
    let extensions = certificate.extensions();
    for (index, extension) in extensions.iter().enumerate() {
        if extensions.iter().take(index).any(|earlier| earlier.oid == extension.oid) {
            return Err(Unfit::DuplicateExtension);
        }
        let parsed = extension.parsed_extension();
        if parsed.error().is_some() {
            return Err(Unfit::Malformed);
        }
        if extension.critical && !is_understood(parsed) {
            return Err(Unfit::CriticalExtension);
        }
    }
    Ok(())
}

/// The extensions that webpki or this module acts on; a critical one beyond them must be refused (RFC 5280, 4.2).
fn is_understood(extension: &ParsedExtension<'_>) -> bool {
    matches!(
        extension,
        ParsedExtension::BasicConstraints(_)
            | ParsedExtension::KeyUsage(_)
            | ParsedExtension::ExtendedKeyUsage(_)
            | ParsedExtension::SubjectAlternativeName(_)
            | ParsedExtension::NameConstraints(_)
    )
}

fn check_serial(serial: &[u8]) -> Result<(), Unfit> {
    let sound = match serial {
        [] | [0] => false,
        // SECURITY: revocation lists are searched for the exact octets, so only the shortest encoding may pass.
        [0, second, ..] if second & 0x80 == 0 => false,
        [first, ..] if first & 0x80 != 0 => false,
        _ => serial.len() <= SERIAL_OCTETS,
    };
    if sound { Ok(()) } else { Err(Unfit::Serial) }
}

fn check_key(key: &SubjectPublicKeyInfo<'_>) -> Result<(), Unfit> {
    let algorithm = &key.algorithm.algorithm;
    let sound = if *algorithm == OID_PKCS1_RSAENCRYPTION {
        matches!(key.parsed(), Ok(PublicKey::RSA(key)) if rsa::is_strong(key.modulus, key.exponent))
    } else if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = key.algorithm.parameters().and_then(|any| Oid::try_from(any.clone()).ok());
        curve.is_some_and(|curve| curve == OID_EC_P256 || curve == OID_NIST_EC_P384)
    } else {
        *algorithm == OID_SIG_ED25519
    };
    if sound { Ok(()) } else { Err(Unfit::Key) }
}

/// A certificate's time as the system counts it.
pub(super) fn system_time(time: ASN1Time) -> SystemTime {
    let seconds = time.timestamp();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let moved = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    // X.509 ends with the year 9999, far inside what the system can count.
    moved.unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials() {
        let twenty = [1; 20];
        let cases: [(&str, &[u8], bool); 9] = [
            ("one", &[1], true),
            ("high bit behind a sign octet", &[0, 0x80], true),
            ("twenty octets", &twenty, true),
            ("none", &[], false),
            ("zero", &[0], false),
            ("negative", &[0x80], false),
            ("padded", &[0, 1], false),
            ("padded zero", &[0, 0], false),
            ("twenty-one octets", &[1; 21], false),
        ];
        for (case, serial, sound) in cases {
            assert_eq!(check_serial(serial).is_ok(), sound, "{case}");
        }
    }
}
