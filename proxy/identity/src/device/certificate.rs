//! What a leaf certificate says, and whether it may stand for a device.

use std::time::SystemTime;

/// A device or workload certificate that was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The identity: its SPIFFE id, else its first URI name, else its first DNS name (in lower case).
    pub name: String,
    /// Which kind of name [`Certificate::name`] is.
    pub kind: NameKind,
    /// Serial number in lower-case hexadecimal, without leading zeros.
    pub serial: String,
    /// SHA-256 of the DER certificate; what `cnf.x5t#S256` of a token names (RFC 8705, 3.1).
    pub sha256: [u8; 32],
    /// Issuer, as RFC 4514 writes it.
    pub issuer: String,
    /// First second of validity.
    pub not_before: SystemTime,
    /// Last second of validity.
    pub not_after: SystemTime,
}

/// Where the name of a [`Certificate`] comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// A SPIFFE id: the certificate's one URI name.
    Spiffe,
    /// Another URI.
    Uri,
    /// A DNS name.
    Dns,
}

/// What keeps a certificate of ours from standing for a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// Not an X.509 version 3 certificate in DER.
    #[error("is not an X.509 v3 certificate")]
    Malformed,
}
