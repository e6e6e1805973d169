//! To which places an issuer's document may send the gate.

use std::{
    collections::HashSet,
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

use super::{DiscoveryFault, document::Address};

/// To which places one issuer's document may send the gate: its own origin, those that the configuration names beside it, and what is
/// public. Always by `https`; in the clear only on this machine, where the issuer itself is.
#[derive(Debug)]
pub struct Reach {
    issuer: Url,
    origins: HashSet<String>,
    hosts: HashSet<String>,
}

impl Reach {
    /// Of an issuer, with the origins that the configuration names; none if its name is no address.
    #[must_use]
    pub fn new(issuer: &str, named: &[Url]) -> Option<Self> {
        let issuer = Url::parse(issuer).ok().filter(Url::has_host)?;
        let all = || named.iter().chain([&issuer]);
        let origins = all().map(|url| url.origin().ascii_serialization()).collect();
        let hosts = all().filter_map(Url::host_str).map(str::to_owned).collect();
        Some(Self { issuer, origins, hosts })
    }

    /// Where the document may be: as OpenID Connect Discovery 1.0, 4.1 has it, and as RFC 8414, 3.1 does.
    #[must_use]
    pub fn documents(&self) -> [String; 2] {
        let (origin, path) =
            (self.issuer.origin().ascii_serialization(), self.issuer.path().trim_end_matches('/'));
        [
            format!("{origin}{path}/.well-known/openid-configuration"),
            format!("{origin}/.well-known/oauth-authorization-server{path}"),
        ]
    }

    /// An address that a browser is sent to.
    ///
    /// # Errors
    /// [`DiscoveryFault::Address`] if that would be in the clear, or it is none.
    pub(super) fn for_browsers(&self, member: &'static str, text: &str) -> Result<Address, DiscoveryFault> {
        let fault = |cause: String| DiscoveryFault::Address { member, cause };
        let url = Url::parse(text).ok().filter(Url::has_host);
        let url = url.ok_or_else(|| fault("this is no web address".to_owned()))?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(fault("there is a user, a password or a fragment in this address".to_owned()));
        }
        let in_clear = url.scheme() == "http" && self.issuer.scheme() == "http" && is_loopback(&url);
        if url.scheme() != "https" && !in_clear {
            return Err(fault(format!(
                "`{text}` is not `https`; in the clear, whoever is on the way can replace it"
            )));
        }
        Ok(Address { member, text: text.to_owned(), url })
    }

    /// An address that the gate itself speaks to.
    ///
    /// # Errors
    /// The same, or [`DiscoveryFault::Private`] if it is a place inside that nobody named.
    pub(super) fn for_the_gate(&self, member: &'static str, text: &str) -> Result<Address, DiscoveryFault> {
        let address = self.for_browsers(member, text)?;
        let host = address.url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        // Another port of a host that is named may be anything there.
        let strange = self.hosts.contains(host) || literal.is_some_and(|literal| !is_public(literal));
        if strange && !self.is_named(&address.url) {
            return Err(Self::private(&address));
        }
        Ok(address)
    }

    /// Looks up where an address is that the gate speaks to. What cannot be looked up now is found out when it is spoken to.
    ///
    /// # Errors
    /// [`DiscoveryFault::Private`] if it is inside, and nobody named it.
    pub(super) async fn resolve(&self, address: &Address) -> Result<(), DiscoveryFault> {
        let host = address.url.host_str().unwrap_or_default();
        if self.is_named(&address.url) {
            return Ok(());
        }
        let found = tokio::net::lookup_host((host, 0)).await;
        let inside = found.is_ok_and(|mut found| found.any(|one| !is_public(one.ip())));
        if inside { Err(Self::private(address)) } else { Ok(()) }
    }

    fn is_named(&self, url: &Url) -> bool {
        self.origins.contains(&url.origin().ascii_serialization())
    }

    fn private(address: &Address) -> DiscoveryFault {
        let origin = address.url.origin().ascii_serialization();
        DiscoveryFault::Private { member: address.member, origin }
    }
}

/// What looks names up for whatever speaks to the places of a document: where a name leads may change after it was looked at.
pub struct Within(pub std::sync::Arc<Reach>);

impl Resolve for Within {
    fn resolve(&self, name: Name) -> Resolving {
        let named = self.0.hosts.contains(name.as_str());
        Box::pin(look_up(name, named))
    }
}

async fn look_up(name: Name, named: bool) -> Result<Addrs, Box<dyn Error + Send + Sync>> {
    let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
    let found: Vec<SocketAddr> = found.filter(|one| named || is_public(one.ip())).collect();
    if found.is_empty() {
        return Err(format!("`{}` leads to no public address", name.as_str()).into());
    }
    Ok(Box::new(found.into_iter()))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether an address is one of the public internet (IANA's special-purpose registries, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    let inner = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b) {
        // NAT64 (RFC 6052) and 6to4 (RFC 3056) carry an IPv4 address.
        (0x64, 0xff9b) => [c, d, e, f] == [0; 4] && inner(g, h),
        (0x2002, high) => inner(high, c),
        // Documentation, Teredo and the rest of the special block.
        (0x2001, 0xdb8 | 0..=0x1ff) => false,
        // Only this part of the space is given out (RFC 4291, 2.4).
        _ => (0x2000..=0x3fff).contains(&a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach() -> Reach {
        let named = Url::parse("https://keys.zone.example").unwrap();
        Reach::new("https://sso.zone.example:8443/realms/zone/", &[named]).unwrap()
    }

    #[test]
    fn the_document_is_looked_for_where_the_standards_have_it() {
        let [connect, oauth] = reach().documents();
        assert_eq!(connect, "https://sso.zone.example:8443/realms/zone/.well-known/openid-configuration");
        assert_eq!(oauth, "https://sso.zone.example:8443/.well-known/oauth-authorization-server/realms/zone");
        let [connect, oauth] = Reach::new("https://sso.zone.example", &[]).unwrap().documents();
        assert_eq!(connect, "https://sso.zone.example/.well-known/openid-configuration");
        assert_eq!(oauth, "https://sso.zone.example/.well-known/oauth-authorization-server");
    }

    #[test]
    fn the_gate_is_sent_to_named_and_public_places_alone() {
        for (text, code) in [
            ("https://sso.zone.example:8443/token", None),
            ("https://keys.zone.example/certs", None),
            ("https://token.other.example/token", None),
            ("https://8.8.8.8/token", None),
            ("https://sso.zone.example/token", Some("private_address")),
            ("https://keys.zone.example:9443/certs", Some("private_address")),
            ("https://10.0.0.1/token", Some("private_address")),
            ("https://[::1]/token", Some("private_address")),
            ("https://[::ffff:10.0.0.1]/token", Some("private_address")),
            ("https://0x7f.1/token", Some("private_address")),
            ("https://169.254.169.254/latest/meta-data", Some("private_address")),
            ("http://sso.zone.example:8443/token", Some("address")),
            ("http://127.0.0.1/token", Some("address")),
            ("https://a:b@sso.zone.example:8443/token", Some("address")),
            ("https://sso.zone.example:8443/token#a", Some("address")),
            ("ftp://sso.zone.example/token", Some("address")),
            ("//sso.zone.example/token", Some("address")),
            ("file:///etc/passwd", Some("address")),
        ] {
            let read = reach().for_the_gate("token_endpoint", text);
            assert_eq!(read.err().map(|fault| fault.code()), code, "{text}");
        }
        let here = Reach::new("http://localhost:9000", &[]).unwrap();
        assert!(
            here.for_the_gate("token_endpoint", "http://localhost:9000/token").is_ok(),
            "as the issuer itself"
        );
        assert!(here.for_browsers("authorization_endpoint", "http://sso.zone.example/").is_err());
    }

    #[test]
    fn addresses_that_are_not_public_are_known() {
        for (text, public) in [
            ("9.9.9.9", true),
            ("172.15.0.1", true),
            ("172.31.255.255", false),
            ("100.64.0.1", false),
            ("192.0.2.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("2a00:1450::1", true),
            ("::", false),
            ("::1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:9.9.9.9", true),
            ("64:ff9b::a00:1", false),
            ("64:ff9b::909:909", true),
            ("2002:a00:1::", false),
        ] {
            assert_eq!(is_public(text.parse().unwrap()), public, "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_found_out() {
        let address = reach().for_the_gate("jwks_uri", "https://localhost/certs").unwrap();
        let fault = reach().resolve(&address).await.unwrap_err();
        assert_eq!(fault.code(), "private_address");
        assert!(fault.to_string().contains("origins: [\"https://localhost\"]"), "{fault}");
        let within = Within(std::sync::Arc::new(reach()));
        assert!(
            within.resolve("localhost".parse().unwrap()).await.is_err(),
            "and again when it is spoken to"
        );
    }
}
