//! What a source is told about who is asking.

use http::HeaderName;

use crate::config::{
    checked::source::{IdentityHeaders, IdentityValue},
    raw::{Part, source as raw},
};

use super::{cursor::Field, report::Spot, value};

const VALUES: [(&str, IdentityValue); 8] = [
    ("subject", IdentityValue::Subject),
    ("user", IdentityValue::User),
    ("roles", IdentityValue::Roles),
    ("units", IdentityValue::Units),
    ("device", IdentityValue::Device),
    ("actor", IdentityValue::Actor),
    ("purpose", IdentityValue::Purpose),
    ("case", IdentityValue::Case),
];

/// Headers with a meaning in HTTP or to the gate: setting one of them would change the request, not describe who sends it.
const TAKEN: [&str; 17] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn check(field: Field<'_, Part<raw::Identity>>, asserts: Option<bool>) -> Option<IdentityHeaders> {
    // Assertions are minted wherever they can be.
    let usual = IdentityHeaders { assertion: asserts.unwrap_or(false), headers: Vec::new() };
    field.or(usual.clone(), |here| {
        let identity = here.open();
        let field = identity.field("assertion", |raw| &raw.assertion);
        let assertion = field.or(usual.assertion, value::switch);
        let headers = identity.field("headers", |raw| &raw.headers).or(Vec::new(), |table| {
            table.each(|name, spot, here| Some(((header(name, spot)?, value::word(here, &VALUES)?), spot)))
        });
        let (assertion, headers) = (assertion?, headers?);
        let headers = super::distinct::distinct_by(
            Some(headers.into_iter().map(Some).collect()),
            |(name, _): &(HeaderName, IdentityValue)| Some(name.to_string()),
        );
        if assertion && asserts == Some(false) {
            field
                .spot()
                .fault("no assertion can be made; name a key under `assertion` in the operators' file");
            return None;
        }
        Some(IdentityHeaders { assertion, headers: headers? })
    })
}

/// A header that only the gate, or an application it believes, sets.
pub(super) fn header(name: &str, spot: Spot<'_>) -> Option<HeaderName> {
    let lower = name.to_ascii_lowercase();
    let objection = if name.contains('_') {
        "has an underscore, which servers take for a hyphen: a client could send its twin; use hyphens"
    } else if lower.starts_with("poort-") || lower.starts_with("x-forwarded-") {
        "is set by the gate itself; choose another"
    } else if TAKEN.contains(&lower.as_str()) {
        "has a meaning in HTTP; choose another, such as `X-Remote-User`"
    } else {
        match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => return Some(name),
            Err(_) => "is no header name; use letters, digits and hyphens",
        }
    };
    spot.fault(format!("`{name}` {objection}"));
    None
}
