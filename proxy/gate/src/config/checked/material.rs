//! Certificates and keys, read and proven.

use std::{fmt, path::PathBuf, time::SystemTime};

use poort_policy::Place;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// A certificate chain and the key that fits it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Where the chain is named.
    pub place: Place,
    /// The chain's file.
    pub path: PathBuf,
    /// Leaf first; never empty.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's key.
    pub key: PrivateKey,
    /// The leaf's DNS names, lower-case; a wildcard as it stands.
    pub names: Vec<String>,
    /// When the leaf expires.
    pub not_after: SystemTime,
}

impl Identity {
    /// Whether the leaf is valid for a host name (RFC 6125, 6.4.3: a wildcard stands for exactly one leftmost label).
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(parent) => {
                host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent)
            }
            None => name == host,
        })
    }
}

/// A private key. Zeroised when dropped, never printed.
#[derive(Clone)]
pub struct PrivateKey {
    kind: KeyKind,
    der: Zeroizing<Vec<u8>>,
}

#[derive(Clone, Copy)]
enum KeyKind {
    Pkcs1,
    Sec1,
    Pkcs8,
}

impl PrivateKey {
    /// The key in DER.
    #[must_use]
    pub fn der(&self) -> PrivateKeyDer<'_> {
        match self.kind {
            KeyKind::Pkcs1 => PrivateKeyDer::Pkcs1(self.der.as_slice().into()),
            KeyKind::Sec1 => PrivateKeyDer::Sec1(self.der.as_slice().into()),
            KeyKind::Pkcs8 => PrivateKeyDer::Pkcs8(self.der.as_slice().into()),
        }
    }
}

impl From<&PrivateKeyDer<'_>> for PrivateKey {
    fn from(key: &PrivateKeyDer<'_>) -> Self {
        let kind = match key {
            PrivateKeyDer::Pkcs1(_) => KeyKind::Pkcs1,
            PrivateKeyDer::Sec1(_) => KeyKind::Sec1,
            _ => KeyKind::Pkcs8,
        };
        Self { kind, der: Zeroizing::new(key.secret_der().to_vec()) }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}
