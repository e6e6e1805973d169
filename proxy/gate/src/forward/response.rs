//! The answer as the client gets it: the source's names replaced by the gate's, nothing that speaks in the gate's name.

use http::{HeaderName, HeaderValue, header};
use pingora::{Result, http::ResponseHeader};
use poort_enforce::{
    exchange::RequestId,
    reply::{REQUEST_ID, cors_headers},
    source::Cors,
};

/// What is known of the request whose answer is rewritten.
#[derive(Clone, Copy, Debug)]
pub struct Inbound<'a> {
    /// The request's name.
    pub id: RequestId,
    /// The host the client asked.
    pub host: &'a str,
    /// The prefix that matched.
    pub prefix: &'a str,
    /// Names the source may call itself by: its Host, and its addresses.
    pub source_names: &'a [String],
    /// The source's own prefix, where it is mapped.
    pub source_prefix: Option<&'a str>,
    /// The source's cross-origin rules, and the request's Origin.
    pub cors: Option<(&'a Cors, &'a HeaderValue)>,
}

/// Headers of an answer that would lead clients around the gate or speak for it.
const REMOVED: [&str; 8] = [
    "alt-svc",
    "proxy-authenticate",
    "proxy-authentication-info",
    "x-powered-by",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
];

/// Makes the answer a client gets.
///
/// # Errors
/// When a header cannot be written; then nothing is sent.
pub fn prepare_response(response: &mut ResponseHeader, inbound: &Inbound<'_>) -> Result<()> {
    let names: Vec<HeaderName> = response
        .headers
        .keys()
        .filter(|name| REMOVED.contains(&name.as_str()) || name.as_str().starts_with("poort-"))
        .cloned()
        .collect();
    for name in names {
        response.remove_header(&name);
    }
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        if let Some(location) =
            response.headers.get(&name).and_then(|value| rewritten_location(value, inbound))
        {
            response.insert_header(name, location)?;
        }
    }
    rewrite_cookies(response, inbound)?;
    if let Some((cors, origin)) = inbound.cors
        && cors.origins.iter().any(|known| known.as_bytes() == origin.as_bytes())
    {
        for (name, value) in cors_headers(origin) {
            response.append_header(name, value)?;
        }
    }
    response.insert_header(REQUEST_ID, inbound.id.to_string())
}

/// A `Location` that names the source becomes one that names the gate; a path is mapped back to the client's prefix.
fn rewritten_location(value: &HeaderValue, inbound: &Inbound<'_>) -> Option<HeaderValue> {
    let text = value.to_str().ok()?;
    let path = match text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")) {
        Some(rest) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at_checked(end)?;
            if !names_source(authority, inbound) {
                return None;
            }
            path
        }
        None if text.starts_with('/') && !text.starts_with("//") => text,
        None => return None,
    };
    let mapped = client_path(path, inbound)?;
    let location = if text.starts_with('/') { mapped } else { format!("https://{}{mapped}", inbound.host) };
    HeaderValue::try_from(location).ok()
}

fn names_source(authority: &str, inbound: &Inbound<'_>) -> bool {
    let bare = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    authority.eq_ignore_ascii_case(inbound.host)
        || bare.eq_ignore_ascii_case(inbound.host)
        || inbound
            .source_names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(authority) || name.eq_ignore_ascii_case(bare))
}

fn client_path(path: &str, inbound: &Inbound<'_>) -> Option<String> {
    let path = if path.is_empty() { "/" } else { path };
    let Some(theirs) = inbound.source_prefix else { return Some(path.to_owned()) };
    let rest = path.strip_prefix(theirs.trim_end_matches('/'))?;
    if !(rest.is_empty() || rest.starts_with(['/', '?', '#'])) {
        return None;
    }
    let joined = format!("{}{rest}", inbound.prefix.trim_end_matches('/'));
    Some(if joined.starts_with('/') { joined } else { format!("/{joined}") })
}

fn rewrite_cookies(response: &mut ResponseHeader, inbound: &Inbound<'_>) -> Result<()> {
    let cookies: Vec<HeaderValue> = response.headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    if cookies.is_empty() {
        return Ok(());
    }
    response.remove_header(&header::SET_COOKIE);
    for cookie in cookies.iter().filter_map(|cookie| rewritten_cookie(cookie, inbound)) {
        response.append_header(header::SET_COOKIE, cookie)?;
    }
    Ok(())
}

/// RFC 6265 §4.1: Domain goes (the cookie then belongs to the host the client asked, and to no sibling), Path is mapped, Secure is
/// set. A cookie with one of the gate's own names is dropped: an application must not plant one.
fn rewritten_cookie(cookie: &HeaderValue, inbound: &Inbound<'_>) -> Option<HeaderValue> {
    let text = std::str::from_utf8(cookie.as_bytes()).ok()?;
    let mut parts = text.split(';').map(str::trim);
    let pair = parts.next()?;
    let name = pair.split('=').next().unwrap_or(pair).trim().to_ascii_lowercase();
    let bare = name.strip_prefix("__host-").or_else(|| name.strip_prefix("__secure-")).unwrap_or(&name);
    if bare.starts_with("poort") {
        return None;
    }
    let mut rewritten = pair.to_owned();
    for attribute in parts.filter(|attribute| !attribute.is_empty()) {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        match key.trim().to_ascii_lowercase().as_str() {
            "domain" | "secure" => {}
            "path" => {
                let path = client_path(value.trim(), inbound).unwrap_or_else(|| inbound.prefix.to_owned());
                rewritten.push_str("; Path=");
                rewritten.push_str(&path);
            }
            _ => {
                rewritten.push_str("; ");
                rewritten.push_str(attribute);
            }
        }
    }
    rewritten.push_str("; Secure");
    HeaderValue::from_bytes(rewritten.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(name: &str, value: &str, prefix: &str, source_prefix: Option<&str>) -> Option<String> {
        let names = ["persons.internal".to_owned(), "10.0.0.7:8080".to_owned()];
        let inbound = Inbound {
            id: RequestId([0; 16]),
            host: "persons.example",
            prefix,
            source_names: &names,
            source_prefix,
            cors: None,
        };
        let mut response = ResponseHeader::build(200, None).unwrap();
        response.append_header(name.to_owned(), value).unwrap();
        prepare_response(&mut response, &inbound).unwrap();
        response.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn locations_name_the_gate() {
        for (location, prefix, theirs, expected) in [
            ("http://persons.internal/a?b", "/", None, "https://persons.example/a?b"),
            ("http://persons.internal:8080/a", "/", None, "https://persons.example/a"),
            ("https://10.0.0.7:8080", "/", None, "https://persons.example/"),
            ("http://persons.internal/app/a", "/", Some("/app"), "https://persons.example/a"),
            ("/app/a", "/p", Some("/app"), "/p/a"),
            ("/app", "/", Some("/app"), "/"),
            ("/other", "/", Some("/app"), "/other"),
            ("/a", "/", None, "/a"),
            ("https://elsewhere.example/a", "/", None, "https://elsewhere.example/a"),
            ("//elsewhere.example/a", "/", None, "//elsewhere.example/a"),
            ("relative", "/", None, "relative"),
        ] {
            assert_eq!(
                rewritten("location", location, prefix, theirs).as_deref(),
                Some(expected),
                "{location}"
            );
        }
    }

    #[test]
    fn cookies_belong_to_the_host_asked() {
        for (cookie, prefix, theirs, expected) in [
            ("SID=1; Domain=.internal; Path=/; HttpOnly", "/", None, Some("SID=1; Path=/; HttpOnly; Secure")),
            ("SID=1; path=/app/x", "/p", Some("/app"), Some("SID=1; Path=/p/x; Secure")),
            ("SID=1; Path=/other", "/p", Some("/app"), Some("SID=1; Path=/p; Secure")),
            ("SID=1; SameSite=Lax; secure", "/", None, Some("SID=1; SameSite=Lax; Secure")),
            ("__Host-poort=1; Path=/", "/", None, None),
            ("Poort-Session=1", "/", None, None),
        ] {
            assert_eq!(rewritten("set-cookie", cookie, prefix, theirs).as_deref(), expected, "{cookie}");
        }
    }

    #[test]
    fn a_source_does_not_speak_for_the_gate() {
        for name in ["poort-assertion", "alt-svc", "access-control-allow-origin"] {
            assert_eq!(rewritten(name, "x", "/", None), None, "{name}");
        }
        assert_eq!(
            rewritten("poort-request-id", "forged", "/", None).as_deref(),
            Some("00000000000000000000000000000000")
        );
        assert_eq!(rewritten("server", "IIS", "/", None).as_deref(), Some("IIS"));
    }
}
