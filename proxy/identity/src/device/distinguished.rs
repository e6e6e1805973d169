//! Distinguished names as text.

use std::fmt::Write;

use x509_parser::asn1_rs::ToDer;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// `name` as RFC 4514 writes it: last component first, special characters escaped.
pub(super) fn rfc4514(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    let components: Vec<_> = name.iter_rdn().collect();
    for (index, component) in components.iter().rev().enumerate() {
        if index > 0 {
            out.push(',');
        }
        for (index, attribute) in component.iter().enumerate() {
            if index > 0 {
                out.push('+');
            }
            write_attribute(&mut out, attribute);
        }
    }
    out
}

fn write_attribute(out: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    let oid = attribute.attr_type().to_id_string();
    match (short_name(&oid), attribute.as_str()) {
        (Some(name), Ok(text)) => {
            out.push_str(name);
            out.push('=');
            write_escaped(out, text);
        }
        // RFC 4514, 2.4: otherwise the DER value in hexadecimal.
        (name, _) => {
            out.push_str(name.unwrap_or(&oid));
            out.push_str("=#");
            for byte in attribute.attr_value().to_der_vec().unwrap_or_default() {
                // Writing into a String cannot fail.
                let _ = write!(out, "{byte:02x}");
            }
        }
    }
}

/// RFC 4514, 3.
fn short_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.6" => "C",
        "2.5.4.9" => "STREET",
        "0.9.2342.19200300.100.1.25" => "DC",
        "0.9.2342.19200300.100.1.1" => "UID",
        _ => return None,
    })
}

/// RFC 4514, 2.4; control characters too, so that a name cannot break a line of a record.
fn write_escaped(out: &mut String, text: &str) {
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '#' if index == 0 => out.push_str("\\#"),
            ' ' if index == 0 || index == last => out.push_str("\\ "),
            control if control.is_control() => {
                let mut buffer = [0; 4];
                for byte in control.encode_utf8(&mut buffer).bytes() {
                    let _ = write!(out, "\\{byte:02x}");
                }
            }
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::FromDer;

    fn written(attributes: &[(rcgen::DnType, &str)]) -> String {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let (_, certificate) =
            x509_parser::certificate::X509Certificate::from_der(certificate.der()).unwrap();
        rfc4514(certificate.subject())
    }

    #[test]
    fn names_are_written_backwards_and_escaped() {
        use rcgen::DnType::{CommonName, CountryName, CustomDnType, OrganizationName};
        let cases = [
            (
                "plain",
                vec![(CountryName, "BE"), (OrganizationName, "Zone"), (CommonName, "Device CA")],
                "CN=Device CA,O=Zone,C=BE",
            ),
            ("special characters", vec![(CommonName, "a,b+c\"d\\e<f>g;h")], r#"CN=a\,b\+c\"d\\e\<f\>g\;h"#),
            ("edges", vec![(CommonName, "# a ")], "CN=\\# a\\ "),
            ("leading space", vec![(CommonName, " a#")], "CN=\\ a#"),
            ("a line break cannot forge a record", vec![(CommonName, "a\nO=b")], "CN=a\\0aO=b"),
            (
                "an attribute without a short name",
                vec![(CustomDnType(vec![1, 2, 3]), "é")],
                "1.2.3=#0c02c3a9",
            ),
            ("nothing", vec![], ""),
        ];
        for (case, attributes, expected) in cases {
            assert_eq!(written(&attributes), expected, "{case}");
        }
    }
}
