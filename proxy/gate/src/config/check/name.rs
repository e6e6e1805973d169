//! Names of places: hosts, paths and web addresses.

use poort_enforce::normal::{TargetFault, UrlForms, normalise};

use crate::config::raw::Scalar;

use super::cursor::Here;

/// A lower-case DNS name (RFC 1123, 2.1).
pub(super) fn host_name(here: Here<'_, Scalar>) -> Option<String> {
    here.parse(|text| dns_name(text).map(str::to_owned))
}

/// See [`host_name`].
pub(super) fn dns_name(text: &str) -> Result<&str, String> {
    let objection = if text.contains('*') {
        "has a wildcard: each source is reached under names that somebody wrote down; list them"
    } else if text.parse::<std::net::IpAddr>().is_ok() || text.starts_with('[') {
        "is an address: TLS chooses certificates by name; give the source a name"
    } else if text.contains(':') {
        "has a port; write the name alone"
    } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) && is_dns_name(text) {
        return Err(format!("`{text}` has capitals; write `{}`", text.to_ascii_lowercase()));
    } else if !text.is_ascii() {
        "is not ASCII; write its `xn--` form"
    } else if text.ends_with('.') {
        "ends with a dot; leave it out"
    } else if !is_dns_name(text) {
        "is no host name; use letters, digits and hyphens, labels of at most 63 and 253 in all"
    } else {
        return Ok(text);
    };
    Err(format!("`{text}` {objection}"))
}

fn is_dns_name(text: &str) -> bool {
    let sound = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_is_number =
        text.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    text.len() <= 253 && text.split('.').all(sound) && !last_is_number
}

/// A path prefix: a normal path, without a slash at its end unless it is `/`.
pub(super) fn prefix(here: Here<'_, Scalar>) -> Option<String> {
    here.parse(|text| {
        normal_path(text)?;
        match text.strip_suffix('/') {
            Some(bare) if !bare.is_empty() => Err(format!("`{text}` ends with a slash; write `{bare}`")),
            _ => Ok(text.to_owned()),
        }
    })
}

/// Whether a path is in the form in which requests are compared with it.
pub(super) fn normal_path(text: &str) -> Result<(), String> {
    if !text.starts_with('/') {
        return Err(format!("`{text}` does not begin with `/`; write `/{text}`"));
    }
    if text.contains(['?', '#']) {
        return Err(format!("`{text}` has a query or fragment; write the path alone"));
    }
    match normalise(text.as_bytes(), 4096) {
        Ok(target) if target.forms != UrlForms::default() => Err(format!(
            "`{text}` has an ambiguous form (`//`, `%2F`, `;` or bytes that are no UTF-8); leave it out"
        )),
        Ok(target) if target.path == text => Ok(()),
        Ok(target) => Err(format!("`{text}` is not in its normal form; write `{}`", target.path)),
        Err(fault) => {
            Err(format!("`{text}` has {}, and such requests are refused; write a plain path", wording(fault)))
        }
    }
}

fn wording(fault: TargetFault) -> &'static str {
    match fault {
        TargetFault::NotOriginForm => "no slash in front",
        TargetFault::TooLong => "too many characters",
        TargetFault::Control => "a control character",
        TargetFault::Backslash => "a backslash",
        TargetFault::DotSegment => "a `.` or `..` segment",
        TargetFault::Escape => "a `%` without two hexadecimal digits",
        TargetFault::Byte => "a character that URLs cannot hold unescaped",
        TargetFault::Overlong => "overlong UTF-8",
    }
}

/// Whether a URL's host is this machine.
pub(super) fn is_loopback(url: &reqwest::Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// An absolute URL without credentials or fragment: `https`, or `http` to this machine.
pub(super) fn secure_url(text: &str) -> Result<reqwest::Url, String> {
    let url = plain_url(text)?;
    if url.scheme() == "https" || is_loopback(&url) {
        return Ok(url);
    }
    Err(format!("`{text}` is not `https`; in the clear, whoever is on the way can replace it"))
}

/// An absolute `http` or `https` URL without credentials or fragment.
pub(super) fn plain_url(text: &str) -> Result<reqwest::Url, String> {
    let url = reqwest::Url::parse(text)
        .ok()
        .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| {
        format!("`{text}` is no web address; write one such as `https://sso.zone.example/keys`")
    })?;
    // Not shown: it may hold a password.
    if !url.username().is_empty() || url.password().is_some() {
        return Err("this address has a user or password in it; secrets never stand in a configuration file"
            .to_owned());
    }
    if url.fragment().is_some() {
        return Err(format!("`{text}` has a fragment; leave out `#` and what follows"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names() {
        for (text, objection) in [
            ("persons.zone.example", None),
            ("localhost", None),
            ("xn--caf-dma.example", None),
            ("a-b.c1", None),
            ("*.zone.example", Some("wildcard")),
            ("10.0.0.1", Some("address")),
            ("[::1]", Some("address")),
            ("::1", Some("address")),
            ("persons:443", Some("port")),
            ("Persons.zone.example", Some("write `persons.zone.example`")),
            ("café.example", Some("xn--")),
            ("persons.", Some("dot")),
            ("-a.example", Some("no host name")),
            ("a-.example", Some("no host name")),
            ("a..b", Some("no host name")),
            ("a_b.example", Some("no host name")),
            ("1.2.3", Some("no host name")),
            ("", Some("no host name")),
            (&"a".repeat(64), Some("no host name")),
            (&"a.".repeat(127).trim_end_matches('.').repeat(2), Some("no host name")),
        ] {
            match (dns_name(text), objection) {
                (Ok(_), None) => {}
                (Err(message), Some(part)) => assert!(message.contains(part), "{text}: {message}"),
                (seen, _) => panic!("{text}: {seen:?}"),
            }
        }
    }

    #[test]
    fn paths_are_as_requests_are() {
        for (text, objection) in [
            ("/", None),
            ("/app/x-1", None),
            ("/a%20b", None),
            ("app", Some("write `/app`")),
            ("/a//b", Some("ambiguous")),
            ("/a%2fb", Some("ambiguous")),
            ("/a;b", Some("ambiguous")),
            ("/a/../b", Some("`..` segment")),
            ("/a%41", Some("write `/aA`")),
            ("/a%c3%a9", Some("write `/a%C3%A9`")),
            ("/a b", Some("a character")),
            ("/a?b", Some("query")),
        ] {
            match (normal_path(text), objection) {
                (Ok(()), None) => {}
                (Err(message), Some(part)) => assert!(message.contains(part), "{text}: {message}"),
                (seen, _) => panic!("{text}: {seen:?}"),
            }
        }
    }

    #[test]
    fn urls_are_secure() {
        for (text, objection) in [
            ("https://sso.zone.example/keys", None),
            ("http://127.0.0.1:8080/keys", None),
            ("http://[::1]/keys", None),
            ("http://localhost/keys", None),
            ("http://sso.zone.example/keys", Some("not `https`")),
            ("http://localhost.evil.example/", Some("not `https`")),
            ("http://127.0.0.1.evil.example/", Some("not `https`")),
            ("https://user:hunter2@sso.example/", Some("password")),
            ("https://sso.example/#x", Some("fragment")),
            ("ftp://sso.example/", Some("no web address")),
            ("sso.example", Some("no web address")),
            ("https://", Some("no web address")),
        ] {
            match (secure_url(text), objection) {
                (Ok(_), None) => {}
                (Err(message), Some(part)) => {
                    assert!(message.contains(part), "{text}: {message}");
                    assert!(!message.contains("hunter2"), "{text}");
                }
                (seen, _) => panic!("{text}: {seen:?}"),
            }
        }
    }
}
