//! The answer as the client gets it: the source's names replaced by the gate's, nothing that speaks in the gate's name.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use pingora::{Error, ErrorType, Result, http::ResponseHeader};
use poort_enforce::{
    exchange::RequestId,
    reply::{REQUEST_ID, cors_headers},
    sign_in::is_own_cookie,
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

/// What concerns the connection to the source alone (RFC 9110 §7.6.1), beside what `Connection` names.
///
/// An Apache with HTTP/2 offers it in every answer (`Upgrade: h2,h2c`), and in HTTP/2 none of these may be said: the answer would be lost.
const HOP_BY_HOP: [&str; 6] = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"];

/// Makes the answer a client gets.
///
/// # Errors
/// When a header cannot be written, or the body is in a transfer coding that nobody undoes; then nothing is sent.
pub fn prepare_response(response: &mut ResponseHeader, inbound: &Inbound<'_>) -> Result<()> {
    frame_anew(response)?;
    keep_site_data_of_siblings(response)?;
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

/// Leaves the framing of the answer to the connection that it goes out on.
fn frame_anew(response: &mut ResponseHeader) -> Result<()> {
    // Bytes of another protocol are framed by that one.
    if response.status == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(());
    }
    for name in hop_by_hop(&response.headers) {
        response.remove_header(&name);
    }
    let mut codings = response.headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next().map(HeaderValue::as_bytes), codings.next()) {
        (None, _) => {}
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => {}
        // RFC 2616 §3.6 still had it, and old servers still say it: the body ends with its connection, which the client's does not.
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"identity") => {
            response.insert_header(header::TRANSFER_ENCODING, "chunked")?;
        }
        _ => {
            return Error::e_explain(ErrorType::InvalidHTTPHeader, "a transfer coding")
                .map_err(Error::into_up);
        }
    }
    // RFC 9110 §8.6: equal ones are one; in HTTP/2 browsers give an answer with two of them up.
    let lengths = response.headers.get_all(header::CONTENT_LENGTH);
    if lengths.iter().nth(1).is_some()
        && let Some(length) = lengths.iter().next().cloned()
    {
        response.insert_header(header::CONTENT_LENGTH, length)?;
    }
    Ok(())
}

/// The headers that are not passed on. Framing and cookies are nobody's to take away by naming them.
fn hop_by_hop(headers: &HeaderMap) -> Vec<HeaderName> {
    const NEVER: [HeaderName; 3] = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::SET_COOKIE];
    let named =
        headers.get_all(header::CONNECTION).iter().flat_map(|value| value.as_bytes().split(|&b| b == b','));
    let named = named.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok());
    let named = named.filter(|name| !NEVER.contains(name) && headers.contains_key(name));
    named.chain(HOP_BY_HOP.map(HeaderName::from_static)).collect()
}

/// `Clear-Site-Data` takes the cookies of a whole registered domain (W3C Clear Site Data), and with them the sessions at all other sources: of what a
/// source says, that is left out.
fn keep_site_data_of_siblings(response: &mut ResponseHeader) -> Result<()> {
    const NAME: HeaderName = HeaderName::from_static("clear-site-data");
    if !response.headers.contains_key(&NAME) {
        return Ok(());
    }
    let of = |kind: &[u8]| -> &'static [&'static str] {
        match kind {
            b"\"cache\"" => &["\"cache\""],
            b"\"storage\"" => &["\"storage\""],
            b"\"executionContexts\"" => &["\"executionContexts\""],
            b"\"*\"" => &["\"cache\"", "\"storage\"", "\"executionContexts\""],
            _ => &[],
        }
    };
    let values =
        response.headers.get_all(&NAME).iter().flat_map(|value| value.as_bytes().split(|&b| b == b','));
    let kept: Vec<_> = values.flat_map(|kind| of(kind.trim_ascii())).copied().collect();
    response.remove_header(&NAME);
    if kept.is_empty() { Ok(()) } else { response.insert_header(NAME, kept.join(", ")) }
}

/// Each byte as a character: old applications write theirs in whatever coding, and all that is looked for is ASCII.
fn text_of(value: &HeaderValue) -> String {
    value.as_bytes().iter().copied().map(char::from).collect()
}

/// The same bytes again.
fn value_of(text: &str) -> Option<HeaderValue> {
    let bytes: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(char).ok()).collect();
    HeaderValue::from_bytes(&bytes?).ok()
}

fn without_scheme(text: &str) -> Option<&str> {
    let after = |scheme: &str| {
        let (head, rest) = text.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    after("http://").or_else(|| after("https://")).or_else(|| after("//"))
}

/// A `Location` that names the source becomes one that names the gate; a path is mapped back to the client's prefix.
fn rewritten_location(value: &HeaderValue, inbound: &Inbound<'_>) -> Option<HeaderValue> {
    let text = text_of(value);
    let path = match without_scheme(&text) {
        Some(rest) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at_checked(end)?;
            if !names_source(authority, inbound) {
                return None;
            }
            path
        }
        None if text.starts_with('/') => &text,
        None => return None,
    };
    let mapped = client_path(path, inbound)?;
    let is_path = text.starts_with('/') && !text.starts_with("//");
    let location = if is_path { mapped } else { format!("https://{}{mapped}", inbound.host) };
    value_of(&location)
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
    let text = text_of(cookie);
    let mut parts = text.split(';').map(str::trim);
    let pair = parts.next()?;
    // A cookie without a name comes back as its value alone, which then looks like one with a name (RFC 6265bis, 5.6).
    let sent_back = pair.trim_start_matches(['=', ' ', '\t']);
    if is_own_cookie(sent_back.split('=').next().unwrap_or(sent_back).as_bytes()) {
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
    value_of(&rewritten)
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
            ("//persons.internal/app/a", "/p", Some("/app"), "https://persons.example/p/a"),
            ("HTTP://Persons.Internal/a", "/", None, "https://persons.example/a"),
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
            ("=__Host-poort-session=1; Path=/", "/", None, None),
            ("==poort=1", "/", None, None),
        ] {
            assert_eq!(rewritten("set-cookie", cookie, prefix, theirs).as_deref(), expected, "{cookie}");
        }
    }

    #[test]
    fn old_applications_write_in_any_coding() {
        let inbound = Inbound {
            id: RequestId([0; 16]),
            host: "persons.example",
            prefix: "/",
            source_names: &["persons.internal".to_owned()],
            source_prefix: None,
            cors: None,
        };
        let mut response = ResponseHeader::build(302, None).unwrap();
        for (name, value) in
            [("location", &b"http://persons.internal/caf\xe9"[..]), ("set-cookie", b"name=Zo\xeb; Domain=x")]
        {
            response.append_header(name, HeaderValue::from_bytes(value).unwrap()).unwrap();
        }
        prepare_response(&mut response, &inbound).unwrap();
        assert_eq!(response.headers["location"].as_bytes(), b"https://persons.example/caf\xe9");
        assert_eq!(response.headers["set-cookie"].as_bytes(), b"name=Zo\xeb; Secure");
    }

    #[test]
    fn what_concerns_the_connection_to_a_source_stays_there() {
        for (name, value, expected) in [
            ("upgrade", "h2,h2c", None),
            ("keep-alive", "timeout=5", None),
            ("proxy-connection", "keep-alive", None),
            ("trailer", "X", None),
            ("connection", "Upgrade, close", None),
            ("connection", "Set-Cookie", None),
            ("transfer-encoding", "chunked", Some("chunked")),
            ("transfer-encoding", "Identity", Some("chunked")),
        ] {
            assert_eq!(rewritten(name, value, "/", None).as_deref(), expected, "{name}: {value}");
        }
        let mut response = ResponseHeader::build(200, None).unwrap();
        for (name, value) in [
            ("Connection", "X-Hop, Content-Length"),
            ("X-Hop", "1"),
            ("Content-Length", "2"),
            ("Content-Length", "2"),
        ] {
            response.append_header(name, value).unwrap();
        }
        frame_anew(&mut response).unwrap();
        assert_eq!(response.headers.len(), 1, "{:?}", response.headers);
        assert_eq!(response.headers["content-length"], "2");
        response.append_header("transfer-encoding", "gzip, chunked").unwrap();
        assert!(frame_anew(&mut response).is_err(), "a coding that nobody undoes");
        let mut switched = ResponseHeader::build(101, None).unwrap();
        switched.append_header("upgrade", "websocket").unwrap();
        frame_anew(&mut switched).unwrap();
        assert_eq!(switched.headers["upgrade"], "websocket");
    }

    #[test]
    fn no_source_ends_the_sessions_of_another() {
        for (said, kept) in [
            ("\"cookies\"", None),
            ("\"cache\", \"cookies\"", Some("\"cache\"")),
            ("\"*\"", Some("\"cache\", \"storage\", \"executionContexts\"")),
        ] {
            assert_eq!(rewritten("clear-site-data", said, "/", None).as_deref(), kept, "{said}");
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
