//! What concerns one connection only and is not passed on (RFC 9110 §7.6.1), where the gate drives an exchange by itself. The server
//! library does the same for the exchanges that it drives.

use http::{HeaderMap, HeaderName, header};
use pingora::{Error, ErrorType, Result};

/// More options in `Connection` than any client has.
const OPTIONS: usize = 64;

const OF_A_CONNECTION: [&str; 11] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "proxy-authentication-info",
];

/// Headers whose loss on the way would change what a request is, or whose it is.
const PROTECTED: [&str; 5] =
    ["host", "content-length", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// The headers of a message that are not passed on.
///
/// # Errors
/// When `Connection` names what it may not, or what is no name.
pub(super) fn names(headers: &HeaderMap) -> Result<Vec<HeaderName>> {
    let values = headers.get_all(header::CONNECTION).iter();
    let options = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let options = options.map(<[u8]>::trim_ascii).filter(|option| !option.is_empty());
    let mut names: Vec<_> = OF_A_CONNECTION.iter().map(|name| HeaderName::from_static(name)).collect();
    for (count, option) in options.enumerate() {
        let name = HeaderName::from_bytes(option).ok().filter(|name| !PROTECTED.contains(&name.as_str()));
        match name {
            Some(name) if count < OPTIONS => names.push(name),
            _ => return Error::e_explain(ErrorType::InvalidHTTPHeader, "Connection names what it may not"),
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connection_names_goes_no_further() {
        for (value, named) in [
            ("close", Some("close")),
            ("X-Evil, keep-alive", Some("x-evil")),
            ("Host", None),
            ("X-Forwarded-For", None),
            ("content-length", None),
            (":authority", None),
            ("\"X-Evil\"", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONNECTION, value.parse().unwrap());
            match (names(&headers), named) {
                (Ok(names), Some(named)) => assert!(names.iter().any(|name| name == named), "{value}"),
                (names, named) => assert!(names.is_err() && named.is_none(), "{value}"),
            }
        }
        let many = vec!["x"; OPTIONS + 1].join(",");
        let headers = HeaderMap::from_iter([(header::CONNECTION, many.parse().unwrap())]);
        assert!(names(&headers).is_err());
    }
}
