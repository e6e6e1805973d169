//! A certificate that says all that another says (RFC 5280, 4.1): names, serial number, usages; only its key and its signature are of
//! nobody. A server that looks at the subject and not at the chain takes it for the other.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::{
    asn1_rs::{Any, FromDer},
    certificate::X509Certificate,
};

/// A certificate with its key.
pub(in crate::cli::doctor) struct Certificate {
    pub(in crate::cli::doctor) certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
/// `ecdsa-with-SHA256` (RFC 5758, 3.2), as an `AlgorithmIdentifier`.
const ECDSA_WITH_SHA256: [u8; 12] = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// `id-ecPublicKey` on P-256 (RFC 5480, 2.1.1), as an `AlgorithmIdentifier`.
const P256: [u8; 21] = [
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07,
];

/// The name of an authority that nobody has heard of, `CN=nobody` (RFC 5280, 4.1.2.4).
pub(in crate::cli::doctor) const NOBODY: [u8; 19] = [
    0x30, 0x11, 0x31, 0x0f, 0x30, 0x0d, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x06, b'n', b'o', b'b', b'o',
    b'd', b'y',
];

impl Certificate {
    /// One like `model`, of `issuer`; none: of the same, as far as words go.
    ///
    /// # Errors
    /// If `model` is no certificate or no key can be made, in words.
    pub(in crate::cli::doctor) fn like(model: &[u8], issuer: Option<&[u8]>) -> Result<Self, String> {
        let broken = |_| "no key could be made".to_owned();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        let key = pkcs8.map_err(broken)?.as_ref().to_vec();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key);
        let pair = pair.map_err(|fault| fault.to_string())?;
        let point = bit_string(pair.public_key().as_ref());
        let said = said(model, issuer, &der(SEQUENCE, &[&P256, &point]))?;
        // Another key than the one that is certified: an authority that nobody has heard of, not a certificate that signs itself.
        let authority = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(broken)?;
        let signature = authority.sign(&SystemRandom::new(), &said).map_err(broken)?;
        let certificate = der(SEQUENCE, &[&said, &ECDSA_WITH_SHA256, &bit_string(signature.as_ref())]);
        Ok(Self { certificate: certificate.into(), key })
    }

    pub(in crate::cli::doctor) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }
}

/// What `model` says (its `tbsCertificate`), of another key and perhaps another issuer, to be signed by another algorithm.
fn said(model: &[u8], another: Option<&[u8]>, key: &[u8]) -> Result<Vec<u8>, String> {
    let unread = |fault: String| format!("the gate's certificate cannot be read: {fault}");
    let (_, parsed) = X509Certificate::from_der(model).map_err(|fault| unread(fault.to_string()))?;
    let issuer = parsed.issuer().as_raw();
    let subject = parsed.subject().as_raw();
    let (_, whole) =
        Any::from_der(parsed.tbs_certificate.as_ref()).map_err(|fault| unread(fault.to_string()))?;
    let mut rest = whole.data;
    let mut said = Vec::new();
    let mut number = 0;
    while !rest.is_empty() {
        let (after, _) = Any::from_der(rest).map_err(|fault| unread(fault.to_string()))?;
        let part = rest.get(..rest.len() - after.len()).unwrap_or_default();
        // version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, extensions
        said.push(match number {
            2 => &ECDSA_WITH_SHA256[..],
            3 if part == issuer => another.unwrap_or(part),
            6 => key,
            _ => part,
        });
        number += 1;
        rest = after;
    }
    let in_order = said.get(3) == Some(&another.unwrap_or(issuer)) && said.get(5) == Some(&subject);
    if !in_order {
        return Err(unread("it is not of version 3".to_owned()));
    }
    Ok(der(SEQUENCE, &said))
}

fn bit_string(bytes: &[u8]) -> Vec<u8> {
    der(BIT_STRING, &[&[0], bytes])
}

/// A value in DER (X.690, 8.1): its kind, its length, its parts.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let mut value = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => value.push(short),
        _ => {
            let bytes: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
            value.push(0x80 | u8::try_from(bytes.len()).unwrap_or(0));
            value.extend(bytes);
        }
    }
    value.extend(content);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_all_that_the_model_says_under_another_key() {
        let authority = rcgen::KeyPair::generate().unwrap();
        let mut root = rcgen::CertificateParams::new(vec![]).unwrap();
        root.distinguished_name.push(rcgen::DnType::CommonName, "Internal CA");
        let issuer = rcgen::Issuer::from_params(&root, &authority);
        let mut params = rcgen::CertificateParams::new(vec!["gate.example".to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "poort gate");
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let model = params.signed_by(&rcgen::KeyPair::generate().unwrap(), &issuer).unwrap();
        let forged = Certificate::like(model.der(), None).unwrap();
        let strange = Certificate::like(model.der(), Some(&NOBODY)).unwrap();
        let (_, strange) = X509Certificate::from_der(&strange.certificate).unwrap();
        assert_eq!(strange.issuer().to_string(), "CN=nobody");
        let (rest, like) = X509Certificate::from_der(&forged.certificate).unwrap();
        let (_, model) = X509Certificate::from_der(model.der()).unwrap();
        assert!(rest.is_empty());
        assert_eq!(like.subject(), model.subject());
        assert_eq!(strange.subject(), model.subject());
        assert_eq!(like.issuer(), model.issuer());
        assert_eq!(like.raw_serial(), model.raw_serial());
        assert_eq!(like.validity(), model.validity());
        assert_eq!(like.extensions(), model.extensions());
        assert_ne!(like.public_key().raw, model.public_key().raw);
        // The TLS library takes the pair, as it takes any other.
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = provider.key_provider.load_private_key(forged.key()).unwrap();
        let pair = rustls::sign::CertifiedKey::new(vec![forged.certificate.clone()], key);
        pair.keys_match().unwrap();
    }

    #[test]
    fn lengths_are_written_as_they_are_read() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x1_0000] {
            let value = der(SEQUENCE, &[&vec![0; length]]);
            let (rest, read) = Any::from_der(&value).unwrap();
            assert_eq!((rest.len(), read.data.len()), (0, length));
        }
    }

    #[test]
    fn what_is_no_certificate_is_no_model() {
        assert!(Certificate::like(b"nothing", None).is_err());
    }
}
