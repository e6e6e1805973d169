use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rcgen::{Certificate, KeyPair, SerialNumber};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::DemoError;

/// A certificate with its key.
#[derive(Clone)]
pub struct Signed {
    /// The certificate as PEM.
    pub pem: String,
    /// The key as PKCS#8 PEM.
    pub key_pem: String,
    /// The serial number, big-endian.
    pub serial: Vec<u8>,
    der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

impl Signed {
    pub(super) fn new(certificate: &Certificate, key: &KeyPair, serial: Option<&SerialNumber>) -> Self {
        Self {
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            serial: serial.map(SerialNumber::to_bytes).unwrap_or_default(),
            der: certificate.der().clone(),
            key_der: key.serialize_der(),
        }
    }

    /// The certificate as DER.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// The key as PKCS#8 DER.
    pub fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key_der.clone()))
    }

    /// Writes `NAME.crt` and `NAME.key` (mode 0600) into `directory`, which is created.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, directory: &Path, name: &str) -> Result<(), DemoError> {
        write_public(&directory.join(format!("{name}.crt")), self.pem.as_bytes())?;
        write_private(&directory.join(format!("{name}.key")), self.key_pem.as_bytes())
    }
}

/// Writes a file that anyone may read, and its directory.
pub(super) fn write_public(path: &Path, bytes: &[u8]) -> Result<(), DemoError> {
    write(path, bytes, 0o644)
}

/// Writes a file that only its owner may read, from its first byte on.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), DemoError> {
    write(path, bytes, 0o600)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DemoError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(DemoError::file("create", parent))?;
    }
    // A new file beside the old one, then a rename: whoever reloads meanwhile sees one or the other, whole.
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&beside)
        .map_err(DemoError::file("write", &beside))?;
    file.write_all(bytes).map_err(DemoError::file("write", &beside))?;
    fs::rename(&beside, path).map_err(DemoError::file("write", path))
}
