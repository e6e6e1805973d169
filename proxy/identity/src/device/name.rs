//! The identity in a certificate: its subject alternative names (RFC 5280, 4.2.1.6).

use pki_types::DnsName;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};

use super::{NameKind, Unfit};

/// Longest URI name, in bytes: the limit of a SPIFFE id (SPIFFE-ID, 2.3).
const URI_LIMIT_BYTES: usize = 2048;
/// Longest trust domain of a SPIFFE id, in bytes (SPIFFE-ID, 2.3).
const TRUST_DOMAIN_LIMIT_BYTES: usize = 255;

/// The identity of a certificate: its SPIFFE id, else its first URI, else its first DNS name; `None` without either. The
/// subject's common name is never one (RFC 9525, 2).
///
/// # Errors
/// [`Unfit::Name`] if the name that would be the identity cannot be one.
pub(super) fn name_of(certificate: &X509Certificate<'_>) -> Result<Option<(String, NameKind)>, Unfit> {
    let mut uris = Vec::new();
    let mut dns = None;
    for name in alternative_names(certificate) {
        match name {
            GeneralName::URI(uri) => uris.push(*uri),
            GeneralName::DNSName(name) => dns = dns.or(Some(*name)),
            GeneralName::Invalid(..) => return Err(Unfit::Name),
            _ => {}
        }
    }
    // X509-SVID, 2: a certificate with a SPIFFE id has exactly one URI name. With two, caller and gate could pick different ones.
    if uris.iter().any(|uri| has_spiffe_scheme(uri)) && uris.len() != 1 {
        return Err(Unfit::Name);
    }
    match (uris.first(), dns) {
        (Some(uri), _) if has_spiffe_scheme(uri) => spiffe(uri).map(|name| Some((name, NameKind::Spiffe))),
        (Some(uri), _) => plain_uri(uri).map(|name| Some((name, NameKind::Uri))),
        (None, Some(name)) => dns_name(name).map(|name| Some((name, NameKind::Dns))),
        (None, None) => Ok(None),
    }
}

fn alternative_names<'a>(certificate: &'a X509Certificate<'_>) -> impl Iterator<Item = &'a GeneralName<'a>> {
    certificate.extensions().iter().flat_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => names.general_names.as_slice(),
        _ => &[],
    })
}

fn has_spiffe_scheme(uri: &str) -> bool {
    uri.as_bytes().get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"spiffe:"))
}

/// SPIFFE-ID, 2: `spiffe://trust-domain/path`, in one spelling only.
fn spiffe(uri: &str) -> Result<String, Unfit> {
    let rest = uri.strip_prefix("spiffe://").ok_or(Unfit::Name)?;
    let (domain, path) = rest.split_once('/').ok_or(Unfit::Name)?;
    let domain_fits = !domain.is_empty()
        && domain.len() <= TRUST_DOMAIN_LIMIT_BYTES
        && domain.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_'));
    let path_fits = path.split('/').all(|segment| {
        !matches!(segment, "" | "." | "..")
            && segment
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_'))
    });
    if domain_fits && path_fits && uri.len() <= URI_LIMIT_BYTES {
        Ok(uri.to_owned())
    } else {
        Err(Unfit::Name)
    }
}

/// An absolute URI in the characters of RFC 3986: it becomes a key of the inventory and part of records, as it is.
fn plain_uri(uri: &str) -> Result<String, Unfit> {
    let (scheme, rest) = uri.split_once(':').ok_or(Unfit::Name)?;
    let scheme_fits = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let rest_fits = !rest.is_empty()
        && rest.bytes().all(|byte| {
            byte.is_ascii_graphic()
                && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
        });
    if scheme_fits && rest_fits && uri.len() <= URI_LIMIT_BYTES {
        Ok(uri.to_owned())
    } else {
        Err(Unfit::Name)
    }
}

/// A fully qualified host name. A wildcard stands for many devices and is therefore none; a final dot would be a second spelling.
fn dns_name(name: &str) -> Result<String, Unfit> {
    if name.ends_with('.') || DnsName::try_from(name).is_err() {
        return Err(Unfit::Name);
    }
    Ok(name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::super::soundness::read;
    use super::*;
    use rcgen::SanType;

    fn uri(text: &str) -> SanType {
        SanType::URI(text.to_owned().try_into().unwrap())
    }

    fn dns(text: &str) -> SanType {
        SanType::DnsName(text.to_owned().try_into().unwrap())
    }

    fn named(names: Vec<SanType>) -> Result<Option<(String, NameKind)>, Unfit> {
        let mut params = rcgen::CertificateParams::default();
        params.subject_alt_names = names;
        let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        name_of(&read(certificate.der()).unwrap())
    }

    #[test]
    fn the_identity_is_spiffe_before_uri_before_dns() {
        let car = "spiffe://zone.example/device/car-12";
        let cases = [
            ("spiffe", vec![dns("car-12.zone.example"), uri(car)], (car, NameKind::Spiffe)),
            ("uri", vec![dns("car-12.zone.example"), uri("urn:uuid:1")], ("urn:uuid:1", NameKind::Uri)),
            ("first uri", vec![uri("urn:uuid:1"), uri("urn:uuid:2")], ("urn:uuid:1", NameKind::Uri)),
            (
                "dns",
                vec![dns("Car-12.Zone.example"), dns("b.example")],
                ("car-12.zone.example", NameKind::Dns),
            ),
        ];
        for (case, names, (name, kind)) in cases {
            assert_eq!(named(names), Ok(Some((name.to_owned(), kind))), "{case}");
        }
    }

    #[test]
    fn without_uri_or_dns_name_there_is_no_identity() {
        let mail = SanType::Rfc822Name("officer@zone.example".to_owned().try_into().unwrap());
        for (case, names) in [
            ("none", vec![]),
            ("mail only", vec![mail]),
            ("address only", vec![SanType::IpAddress([192, 0, 2, 1].into())]),
        ] {
            assert_eq!(named(names), Ok(None), "{case}");
        }
    }

    #[test]
    fn a_name_in_two_spellings_or_two_names_are_no_identity() {
        let long = format!("spiffe://zone.example/{}", "a".repeat(URI_LIMIT_BYTES));
        let domain = format!("spiffe://{}/a", "a".repeat(256));
        let cases: Vec<(&str, Vec<SanType>)> = vec![
            ("two spiffe ids", vec![uri("spiffe://z.example/a"), uri("spiffe://z.example/b")]),
            ("spiffe id behind another uri", vec![uri("urn:a:b"), uri("spiffe://z.example/a")]),
            ("upper-case scheme", vec![uri("SPIFFE://z.example/a")]),
            ("upper-case trust domain", vec![uri("spiffe://Z.example/a")]),
            ("no path", vec![uri("spiffe://z.example")]),
            ("empty path", vec![uri("spiffe://z.example/")]),
            ("empty segment", vec![uri("spiffe://z.example/a//b")]),
            ("dot segment", vec![uri("spiffe://z.example/a/../b")]),
            ("trailing slash", vec![uri("spiffe://z.example/a/")]),
            ("query", vec![uri("spiffe://z.example/a?b")]),
            ("fragment", vec![uri("spiffe://z.example/a#b")]),
            ("user and port", vec![uri("spiffe://u@z.example:1/a")]),
            ("percent encoding", vec![uri("spiffe://z.example/%61")]),
            ("one slash", vec![uri("spiffe:/z.example/a")]),
            ("too long", vec![uri(&long)]),
            ("trust domain too long", vec![uri(&domain)]),
            ("relative uri", vec![uri("car-12")]),
            ("scheme that starts with a digit", vec![uri("1a:b")]),
            ("nothing behind the scheme", vec![uri("urn:")]),
            ("space in a uri", vec![uri("urn:a b")]),
            ("line break in a uri", vec![uri("urn:a\nb")]),
            ("wildcard", vec![dns("*.zone.example")]),
            ("final dot", vec![dns("car-12.zone.example.")]),
            ("address as a dns name", vec![dns("192.0.2.1")]),
            ("empty dns name", vec![dns("")]),
            ("space in a dns name", vec![dns("car 12.example")]),
        ];
        for (case, names) in cases {
            assert_eq!(named(names), Err(Unfit::Name), "{case}");
        }
    }
}
