use std::time::{Duration, SystemTime};

use aws_lc_rs::rand;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SanType, SerialNumber, SignatureAlgorithm,
};
use time::OffsetDateTime;

use super::store::Signed;
use super::{KeyKind, Leaf, Name, Usage};
use crate::DemoError;

/// A certificate authority to be made.
#[derive(Debug, Clone)]
pub struct AuthorityOptions {
    /// The common name.
    pub common_name: String,
    /// Start of validity.
    pub not_before: SystemTime,
    /// End of validity.
    pub not_after: SystemTime,
    /// The key's kind.
    pub key: KeyKind,
    /// Whether the key usage allows revocation lists to be signed.
    pub signs_revocations: bool,
}

impl AuthorityOptions {
    /// P-256, certificates and revocation lists, valid from yesterday for a year.
    pub fn named(common_name: &str) -> Self {
        let now = SystemTime::now();
        let day = Duration::from_secs(24 * 60 * 60);
        Self {
            common_name: common_name.to_owned(),
            not_before: now - day,
            not_after: now + 365 * day,
            key: KeyKind::P256,
            signs_revocations: true,
        }
    }
}

/// A revocation list to be signed.
#[derive(Debug, Clone)]
pub struct RevocationList {
    /// Big-endian serial numbers of revoked certificates.
    pub serials: Vec<Vec<u8>>,
    /// When the list was made.
    pub this_update: SystemTime,
    /// When the next one is due.
    pub next_update: SystemTime,
}

/// A certificate authority with its key.
pub struct Authority {
    params: CertificateParams,
    key: KeyPair,
    certificate: Signed,
}

impl Authority {
    /// Makes a self-signed authority.
    ///
    /// # Errors
    /// When the certificate cannot be signed.
    pub fn new(options: &AuthorityOptions) -> Result<Self, DemoError> {
        let mut params = base(&options.common_name, options.not_before, options.not_after)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        if options.signs_revocations {
            params.key_usages.push(KeyUsagePurpose::CrlSign);
        }
        let key = KeyPair::generate_for(algorithm(options.key))?;
        let certificate = Signed::new(&params.self_signed(&key)?, &key, params.serial_number.as_ref());
        Ok(Self { params, key, certificate })
    }

    /// The authority's own certificate and key.
    pub fn certificate(&self) -> &Signed {
        &self.certificate
    }

    /// Signs a leaf.
    ///
    /// # Errors
    /// When a name is not one that fits a certificate, or the certificate cannot be signed.
    pub fn issue(&self, leaf: &Leaf) -> Result<Signed, DemoError> {
        let mut params = base(&leaf.common_name, leaf.not_before, leaf.not_after)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if leaf.authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        if let Some(serial) = &leaf.serial {
            params.serial_number = Some(SerialNumber::from_slice(serial));
        }
        params.subject_alt_names = leaf.names.iter().map(san).collect::<Result<_, _>>()?;
        params.extended_key_usages = leaf.usages.iter().map(extended_usage).collect();
        let key = KeyPair::generate_for(algorithm(leaf.key))?;
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer)?;
        Ok(Signed::new(&certificate, &key, params.serial_number.as_ref()))
    }

    /// Signs a revocation list and gives it as PEM.
    ///
    /// # Errors
    /// When `next_update` is not after `this_update`, or this authority may not sign lists.
    pub fn revocation_list(&self, list: &RevocationList) -> Result<String, DemoError> {
        let this_update = OffsetDateTime::from(list.this_update);
        let revoked_certs = list.serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: this_update,
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update,
            next_update: OffsetDateTime::from(list.next_update),
            crl_number: SerialNumber::from(this_update.unix_timestamp().unsigned_abs()),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&Issuer::from_params(&self.params, &self.key))?.pem()?)
    }
}

fn base(
    common_name: &str,
    not_before: SystemTime,
    not_after: SystemTime,
) -> Result<CertificateParams, DemoError> {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Zone Example (demo)");
    name.push(DnType::CommonName, common_name);
    params.distinguished_name = name;
    params.not_before = not_before.into();
    params.not_after = not_after.into();
    params.serial_number = Some(random_serial()?);
    Ok(params)
}

/// Sixteen random bytes, positive (RFC 5280, 4.1.2.2).
fn random_serial() -> Result<SerialNumber, DemoError> {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).map_err(|_| DemoError::Signing("serial number"))?;
    let [first, ..] = &mut bytes;
    *first = (*first & 0x3f) | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn algorithm(kind: KeyKind) -> &'static SignatureAlgorithm {
    match kind {
        KeyKind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        KeyKind::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
        KeyKind::Rsa2048 => &rcgen::PKCS_RSA_SHA256,
    }
}

fn san(name: &Name) -> Result<SanType, DemoError> {
    Ok(match name {
        Name::Uri(uri) => SanType::URI(uri.as_str().try_into()?),
        Name::Dns(host) => SanType::DnsName(host.as_str().try_into()?),
        Name::Address(address) => SanType::IpAddress(*address),
    })
}

fn extended_usage(usage: &Usage) -> ExtendedKeyUsagePurpose {
    match usage {
        Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
        Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
        Usage::CodeSigning => ExtendedKeyUsagePurpose::CodeSigning,
    }
}
