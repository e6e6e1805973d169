//! The server's certificates, chosen by the name a client asks for.

use std::{collections::HashMap, fmt, sync::Arc};

use rustls::{
    SignatureScheme,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// A certificate chain, leaf first, and its private key.
pub struct KeyPair {
    /// The chain in DER, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's private key.
    pub key: PrivateKeyDer<'static>,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("chain", &self.chain.len()).finish_non_exhaustive()
    }
}

/// What is wrong with one of a listener's certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFault {
    /// Which one, in the order given; none if there are none at all.
    pub place: Option<usize>,
    /// What.
    pub kind: CertificateFaultKind,
}

/// What is wrong with a server certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFaultKind {
    /// A listener needs one.
    #[error("no certificate; name at least one under `certificates`")]
    NoCertificate,
    /// The file has no certificate in it.
    #[error("the chain is empty; put the leaf first, then its intermediates, in PEM")]
    EmptyChain,
    /// A certificate of the chain cannot be parsed.
    #[error("certificate {0} of the chain is no X.509 certificate; check that the file is not cut short")]
    Unreadable(usize),
    /// The key is of a kind that cannot sign in TLS.
    #[error(
        "the private key cannot be used: {0}; use an ECDSA P-256, Ed25519 or RSA key in PEM, not encrypted"
    )]
    Key(String),
    /// The key belongs to another certificate.
    #[error(
        "the private key does not belong to the first certificate of the chain; check which files are paired"
    )]
    KeyMismatch,
    /// No name to choose it by.
    #[error("the certificate has no DNS name in subjectAltName; clients would refuse it")]
    Nameless,
}

/// One certificate as it is served.
#[derive(Debug)]
pub struct Served {
    key: Arc<CertifiedKey>,
    /// Its DNS names, lower-case; `*.` in front stands for exactly one label.
    pub names: Vec<String>,
    /// When it expires, in seconds since 1970.
    pub not_after: i64,
}

/// A listener's certificates. Immutable: a reload builds a new table.
#[derive(Debug)]
pub struct Certificates {
    served: Vec<Served>,
    exact: HashMap<Box<str>, Vec<usize>>,
    /// By what follows `*.`.
    wildcard: HashMap<Box<str>, Vec<usize>>,
}

impl Certificates {
    /// Loads certificates. The first one is for clients that name no host or an unknown one. Several may carry the same name: the
    /// first whose key the client can verify is taken.
    ///
    /// # Errors
    /// Every fault of every certificate.
    pub fn new(pairs: Vec<KeyPair>, provider: &CryptoProvider) -> Result<Self, Vec<CertificateFault>> {
        let mut faults = Vec::new();
        let mut table = Self { served: Vec::new(), exact: HashMap::new(), wildcard: HashMap::new() };
        if pairs.is_empty() {
            faults.push(CertificateFault { place: None, kind: CertificateFaultKind::NoCertificate });
        }
        for (place, pair) in pairs.into_iter().enumerate() {
            match load(pair, provider) {
                Ok(served) => table.add(served),
                Err(kind) => faults.push(CertificateFault { place: Some(place), kind }),
            }
        }
        if faults.is_empty() { Ok(table) } else { Err(faults) }
    }

    /// What is served, in order.
    #[must_use]
    pub fn served(&self) -> &[Served] {
        &self.served
    }

    fn add(&mut self, served: Served) {
        let place = self.served.len();
        for name in &served.names {
            let (table, key) = match name.strip_prefix("*.") {
                Some(parent) => (&mut self.wildcard, parent),
                None => (&mut self.exact, name.as_str()),
            };
            table.entry(key.into()).or_default().push(place);
        }
        self.served.push(served);
    }

    /// The first candidate whose key signs by a scheme that the client verifies.
    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<&Arc<CertifiedKey>> {
        self.candidates(name).find(|certified| certified.key.choose_scheme(schemes).is_some())
    }

    /// Certificates for a name, best first: exact names before wildcards (RFC 6125 §6.4.3: one label), then the first one.
    fn candidates(&self, name: Option<&str>) -> impl Iterator<Item = &Arc<CertifiedKey>> {
        let lower = name.map(str::to_ascii_lowercase);
        let exact = lower.as_deref().and_then(|name| self.exact.get(name));
        let parent = lower.as_deref().and_then(|name| name.split_once('.'));
        let wildcard = parent.and_then(|(_, parent)| self.wildcard.get(parent));
        let known = exact.into_iter().chain(wildcard).flatten();
        known.filter_map(|place| self.served.get(*place)).chain(self.served.first()).map(|served| &served.key)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes()).cloned()
    }
}

fn load(pair: KeyPair, provider: &CryptoProvider) -> Result<Served, CertificateFaultKind> {
    for (place, certificate) in pair.chain.iter().enumerate() {
        X509Certificate::from_der(certificate).map_err(|_| CertificateFaultKind::Unreadable(place + 1))?;
    }
    let leaf = pair.chain.first().ok_or(CertificateFaultKind::EmptyChain)?;
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|_| CertificateFaultKind::Unreadable(1))?;
    let names = dns_names(&leaf);
    let not_after = leaf.validity().not_after.timestamp();
    if names.is_empty() {
        return Err(CertificateFaultKind::Nameless);
    }
    let key = CertifiedKey::from_der(pair.chain, pair.key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => CertificateFaultKind::KeyMismatch,
        other => CertificateFaultKind::Key(other.to_string()),
    })?;
    Ok(Served { key: Arc::new(key), names, not_after })
}

fn dns_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    alternatives
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rustls::{crypto::aws_lc_rs::default_provider, pki_types::PrivatePkcs8KeyDer};

    use super::*;

    fn pair_of(names: &[&str], algorithm: &'static rcgen::SignatureAlgorithm) -> KeyPair {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        KeyPair { chain: vec![certificate.der().clone()], key }
    }

    fn pair(names: &[&str]) -> KeyPair {
        pair_of(names, &rcgen::PKCS_ECDSA_P256_SHA256)
    }

    #[test]
    fn every_fault_of_every_certificate_is_told() {
        use CertificateFaultKind::{EmptyChain, KeyMismatch, Nameless, NoCertificate, Unreadable};
        let load = |pairs: Vec<KeyPair>| Certificates::new(pairs, &default_provider()).unwrap_err();
        assert_eq!(load(vec![]), [CertificateFault { place: None, kind: NoCertificate }]);
        let cut = |mut pair: KeyPair| {
            pair.chain.push(pair.chain[0].as_ref()[..100].to_vec().into());
            pair
        };
        let pairs = vec![
            pair(&["a.example"]),
            KeyPair { chain: vec![], ..pair(&["b.example"]) },
            KeyPair { chain: pair(&["c.example"]).chain, ..pair(&["c.example"]) },
            pair(&["192.0.2.1"]),
            cut(pair(&["d.example"])),
        ];
        let told: Vec<_> = load(pairs).into_iter().map(|fault| (fault.place.unwrap(), fault.kind)).collect();
        assert_eq!(told, [(1, EmptyChain), (2, KeyMismatch), (3, Nameless), (4, Unreadable(2))]);
        let broken = KeyPair {
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(vec![0x30, 0])),
            ..pair(&["e.example"])
        };
        assert!(matches!(load(vec![broken])[0].kind, CertificateFaultKind::Key(_)));
    }

    #[test]
    fn candidates_come_best_first() {
        let pairs = vec![
            pair(&["gate.example"]),
            pair(&["*.Zone.example"]),
            pair(&["persons.zone.example", "zone.example"]),
        ];
        let table = Certificates::new(pairs, &default_provider()).unwrap();
        let of = |name: Option<&str>| -> Vec<usize> {
            let place = |key| table.served.iter().position(|served| Arc::ptr_eq(&served.key, key)).unwrap();
            table.candidates(name).map(place).collect()
        };
        for (name, places) in [
            (None, vec![0]),
            (Some("gate.example"), vec![0, 0]),
            (Some("PERSONS.zone.example"), vec![2, 1, 0]),
            (Some("vehicles.zone.example"), vec![1, 0]),
            (Some("zone.example"), vec![2, 0]),
            (Some("a.b.zone.example"), vec![0]),
            (Some(""), vec![0]),
        ] {
            assert_eq!(of(name), places, "{name:?}");
        }
        assert_eq!(table.served()[1].names, ["*.zone.example"]);
        assert!(table.served().iter().all(|served| served.not_after > 0));
    }

    #[test]
    fn a_key_that_the_client_cannot_verify_gives_way_to_the_next() {
        let pairs = vec![pair_of(&["gate.example"], &rcgen::PKCS_ED25519), pair(&["gate.example"])];
        let table = Certificates::new(pairs, &default_provider()).unwrap();
        let chosen = |scheme| table.choose(Some("gate.example"), &[scheme]).map(|key| key.cert[0].clone());
        let leaf = |place: usize| Some(table.served[place].key.cert[0].clone());
        assert_eq!(chosen(SignatureScheme::ED25519), leaf(0));
        assert_eq!(chosen(SignatureScheme::ECDSA_NISTP256_SHA256), leaf(1));
        assert_eq!(chosen(SignatureScheme::RSA_PSS_SHA256), None);
    }
}
