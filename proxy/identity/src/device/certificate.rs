//! What a leaf certificate says, and what may be wrong with a certificate.

use std::time::SystemTime;

/// A device or workload certificate that was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The identity: its SPIFFE id, else its first URI name, else its first DNS name (in lower case).
    pub name: String,
    /// Which kind of name [`Certificate::name`] is.
    pub kind: NameKind,
    /// Serial number in lower-case hexadecimal, without a sign octet.
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

impl NameKind {
    /// `spiffe`, `uri` or `dns`, for records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spiffe => "spiffe",
            Self::Uri => "uri",
            Self::Dns => "dns",
        }
    }
}

/// What keeps a certificate from standing for a device, or from being on a device's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unfit {
    /// Not an X.509 version 3 certificate in DER, or with an extension that does not parse.
    #[error("is not a well-formed X.509 v3 certificate")]
    Malformed,
    /// RFC 5280, 4.2: an extension occurs twice.
    #[error("has the same extension twice")]
    DuplicateExtension,
    /// RFC 5280, 4.2: a critical extension nobody here understands.
    #[error("has a critical extension this gate does not understand")]
    CriticalExtension,
    /// RFC 5280, 4.1.2.2: not positive, over 20 octets, or not in the shortest encoding (it would slip past a revocation list).
    #[error("has a serial number that is zero, negative, longer than 20 octets or oddly encoded")]
    Serial,
    /// RSA below 2048 or above 8192 bits, with an unusual exponent or made by the library of CVE-2017-15361; or anything but RSA, P-256, P-384
    /// and Ed25519.
    #[error(
        "has a key this gate does not accept: use P-256, P-384, Ed25519, or sound RSA of 2048 to 8192 bits"
    )]
    Key,
    /// It is an authority's certificate, may sign certificates, or constrains names.
    #[error("is an authority's, not a device's")]
    Authority,
    /// A key usage that leaves out `digitalSignature`: the key may not sign a TLS handshake (RFC 8446, 4.4.2.3).
    #[error("may not sign: its key usage lacks digitalSignature")]
    KeyUsage,
    /// No extended key usage: whatever the authority issued it for, nobody said `clientAuth`.
    #[error("has no extended key usage; issue it with clientAuth")]
    NoPurpose,
    /// An extended key usage without `clientAuth`; `anyExtendedKeyUsage` alone does not count.
    #[error("is not meant for clients: its extended key usage lacks clientAuth")]
    Purpose,
    /// The name that would be its identity is malformed, a wildcard, or one of several SPIFFE ids.
    #[error("has an unusable name: want one well-formed SPIFFE id, URI or DNS name without wildcard")]
    Name,
    /// An authority between it and the anchor is unfit.
    #[error("was issued by an authority whose own certificate is unfit")]
    Issuer,
}
