use std::time::{Duration, SystemTime};

use super::TRUST_DOMAIN;

/// A name in a certificate's subject alternative names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A URI, such as a SPIFFE id.
    Uri(String),
    /// A DNS name.
    Dns(String),
    /// An address.
    Address(std::net::IpAddr),
}

/// What a certificate says its key may be used for (RFC 5280, 4.2.1.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// TLS client.
    Client,
    /// TLS server.
    Server,
    /// Something that has no business here.
    CodeSigning,
}

/// The key a certificate is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// Ed25519.
    Ed25519,
    /// RSA with 2048 bits.
    Rsa2048,
}

/// A certificate to be signed. Start from [`Leaf::device`], [`Leaf::workload`], [`Leaf::server`] or [`Leaf::client`] and
/// change what a test is about.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// The common name.
    pub common_name: String,
    /// Subject alternative names, in order.
    pub names: Vec<Name>,
    /// Extended key usages; empty leaves the extension out.
    pub usages: Vec<Usage>,
    /// Start of validity.
    pub not_before: SystemTime,
    /// End of validity.
    pub not_after: SystemTime,
    /// Big-endian serial number; `None` draws one.
    pub serial: Option<Vec<u8>>,
    /// The key's kind.
    pub key: KeyKind,
    /// Claims to be an authority itself, which a device never is.
    pub authority: bool,
}

impl Leaf {
    /// `spiffe://zone.example/device/NAME` with client usage, valid from an hour ago for ninety days.
    pub fn device(name: &str) -> Self {
        Self::spiffe(&format!("device/{name}"), name)
    }

    /// `spiffe://zone.example/workload/NAME`, as [`Leaf::device`].
    pub fn workload(name: &str) -> Self {
        Self::spiffe(&format!("workload/{name}"), name)
    }

    /// `spiffe://zone.example/staff/TEAM/PERSON`, as [`Leaf::device`].
    pub fn staff(team: &str, person: &str) -> Self {
        Self::spiffe(&format!("staff/{team}/{person}"), person)
    }

    /// A server certificate for `hosts`, which are DNS names or addresses; the first is the common name.
    pub fn server(hosts: &[&str]) -> Self {
        let names = hosts.iter().map(|host| match host.parse() {
            Ok(address) => Name::Address(address),
            Err(_) => Name::Dns((*host).to_owned()),
        });
        let common_name = hosts.first().copied().unwrap_or_default();
        Self { names: names.collect(), usages: vec![Usage::Server], ..Self::client(common_name) }
    }

    /// A client certificate that carries a common name only.
    pub fn client(common_name: &str) -> Self {
        let now = SystemTime::now();
        Self {
            common_name: common_name.to_owned(),
            names: Vec::new(),
            usages: vec![Usage::Client],
            not_before: now - Duration::from_secs(60 * 60),
            not_after: now + Duration::from_secs(90 * 24 * 60 * 60),
            serial: None,
            key: KeyKind::P256,
            authority: false,
        }
    }

    fn spiffe(path: &str, common_name: &str) -> Self {
        let names = vec![Name::Uri(format!("spiffe://{TRUST_DOMAIN}/{path}"))];
        Self { names, ..Self::client(common_name) }
    }
}
