//! Cross-origin requests that the gate answers for a source.

use poort_enforce::source::Cors;

use crate::config::raw::{Scalar, source as raw};

use super::{
    cursor::{Here, Opened},
    distinct::distinct,
    name, value,
};

/// Browsers keep an answer for a day at most, whatever is said.
const USUAL_MAX_AGE: std::time::Duration = std::time::Duration::from_secs(600);

pub(super) fn cors(cors: Opened<'_, raw::Cors>) -> Option<Cors> {
    let origins = cors.field("origins", |raw| &raw.origins);
    let origins =
        distinct(origins.some_items("origins: [\"https://portal.zone.example\"]", |here| {
            Some((origin(here)?, here.spot))
        }));
    let methods = cors.field("methods", |raw| &raw.methods);
    let methods = distinct(
        methods.some_items("methods: [GET]", |here| Some((value::method(here)?.to_string(), here.spot))),
    );
    let headers = cors.field("headers", |raw| &raw.headers);
    let headers = distinct(headers.items(|here| Some((header(here)?, here.spot))));
    let max_age = cors.field("max_age", |raw| &raw.max_age).or(USUAL_MAX_AGE, value::some_time);
    Some(Cors { origins: origins?, methods: methods?, headers: headers?, max_age: max_age? })
}

/// An origin as browsers send it (RFC 6454, 6.2).
fn origin(here: Here<'_, Scalar>) -> Option<String> {
    here.parse(|text| {
        if text == "*" || text == "null" {
            return Err(format!(
                "`{text}` lets any page read the source with the officer's rights; list the origins"
            ));
        }
        let exact = name::secure_url(text)?.origin().ascii_serialization();
        if exact != text {
            return Err(format!("`{text}` is not as browsers send it; write `{exact}`"));
        }
        Ok(exact)
    })
}

fn header(here: Here<'_, Scalar>) -> Option<String> {
    here.parse_text(|text| match http::HeaderName::from_bytes(text.as_bytes()) {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(_) => Err(format!("`{text}` is no header name; use letters, digits and hyphens")),
    })
}
