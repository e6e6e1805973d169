//! Signing in with a browser: the gate's own pages, its cookies, and which requests are a person's navigation.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, header};
use poort_identity::session::Seal;

use crate::{arrival::Arrival, facts::RequestFacts, source::Source};

/// The session's cookie, on the sign-in host and on each source's. `__Host-` keeps siblings from planting one (RFC 6265bis, 4.1.3.2).
pub const SESSION_COOKIE: &str = "__Host-poort-session";

/// How browsers sign in; built from the files.
#[derive(Debug)]
pub struct SignIn {
    /// The sign-in host, lower-case; no source has it.
    pub host: String,
    /// What seals cookies.
    pub seal: Arc<Seal>,
}

/// A page of the gate's own. All of them demand an accepted device, and no session's cookie of another one, and are otherwise judged by
/// `protocol`, `flood` and `route` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The sign-in host's front page: who is signed in.
    Home,
    /// Begins a sign-in, or goes on to where the person was going.
    Start,
    /// Where issuers send browsers back to.
    Callback,
    /// Asks whether to sign out, and does.
    SignOut,
    /// Says that one is signed out.
    SignedOut,
    /// On which mission one is: asks, and opens or ends one.
    Mission,
    /// Asks for a reason to look despite a refusal, and takes it.
    BreakGlass,
    /// On a source's host: takes over the session from the sign-in host; or asks whether a form that was kept is sent, and sends it.
    HandOver,
    /// On a source's host: leads to the sign-in host's [`Endpoint::SignOut`].
    Logout,
}

impl Endpoint {
    /// The stable name in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Start => "start",
            Self::Callback => "callback",
            Self::SignOut => "sign_out",
            Self::SignedOut => "signed_out",
            Self::Mission => "mission",
            Self::BreakGlass => "break_glass",
            Self::HandOver => "hand_over",
            Self::Logout => "logout",
        }
    }

    /// Which page of the sign-in host this is.
    #[must_use]
    pub(crate) fn of_sign_in_host(facts: &RequestFacts) -> Option<Self> {
        let path = facts.target.path.as_str();
        match (&facts.method, path) {
            (&Method::GET, "/") => Some(Self::Home),
            (&Method::GET, "/start") => Some(Self::Start),
            (&Method::GET, "/signed-out") => Some(Self::SignedOut),
            (&(Method::GET | Method::POST), "/sign-out") => Some(Self::SignOut),
            (&(Method::GET | Method::POST), "/mission") => Some(Self::Mission),
            (&(Method::GET | Method::POST), "/break-glass") => Some(Self::BreakGlass),
            (&Method::GET, _) if path.starts_with("/callback/") => Some(Self::Callback),
            _ => None,
        }
    }

    /// Which page of the gate's own on a source's host this is.
    #[must_use]
    pub(crate) fn of_source_host(facts: &RequestFacts) -> Option<Self> {
        match (&facts.method, facts.target.path.as_str()) {
            (&(Method::GET | Method::POST), "/.poort/callback") => Some(Self::HandOver),
            (&Method::GET, "/.poort/logout") => Some(Self::Logout),
            _ => None,
        }
    }
}

/// Where a person was going when there was no session: a page may send them to sign in first, and a program may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detour {
    /// Whether a session exists and is too weak.
    pub stronger: bool,
}

/// A cookie that occurs more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated;

/// The value of a cookie.
///
/// # Errors
/// [`Repeated`] if there are several of that name: which one is meant is anybody's guess.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h [u8]>, Repeated> {
    let mut values = cookies(headers).filter(|(own, _)| *own == name.as_bytes()).map(|(_, value)| value);
    let value = values.next();
    if values.next().is_some() { Err(Repeated) } else { Ok(value) }
}

/// Every cookie, name and value (RFC 6265, 4.2.1; RFC 9113, 8.2.3 lets there be several lines).
pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines =
        headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b';'));
    lines.filter_map(|pair| {
        let place = pair.iter().position(|&byte| byte == b'=')?;
        let (name, value) = pair.split_at_checked(place)?;
        Some((name.trim_ascii(), value.get(1..)?.trim_ascii()))
    })
}

/// Whether a cookie is the gate's own: `__Host-poort-session` and whatever looks like one of its kind. None of them reaches a source.
#[must_use]
pub fn is_own_cookie(name: &[u8]) -> bool {
    let name = name.trim_ascii().to_ascii_lowercase();
    let bare = name.strip_prefix(b"__host-").or_else(|| name.strip_prefix(b"__secure-")).unwrap_or(&name);
    bare.starts_with(b"poort")
}

/// Whether a request is a person's own going to a page, which may be led elsewhere first. `fetch`, XHR, WebSockets, frames and programs are
/// not: they get an answer that they can understand.
#[must_use]
pub fn is_navigation(facts: &RequestFacts, headers: &HeaderMap) -> bool {
    let is = |name: &str, wanted: &[u8]| headers.get(name).is_none_or(|value| value.as_bytes() == wanted);
    facts.method == Method::GET
        && !facts.websocket
        && is("sec-fetch-mode", b"navigate")
        && is("sec-fetch-dest", b"document")
        && !headers.contains_key("x-requested-with")
        && headers.get(header::ACCEPT).is_some_and(|accept| {
            accept.as_bytes().windows(9).any(|part| part.eq_ignore_ascii_case(b"text/html"))
        })
}

/// Whether a request is a form that a person sends from a page of the host's own, in an encoding that browsers can send again. Old
/// browsers, which do not say where a request comes from, send none.
#[must_use]
pub fn is_form(arrival: &Arrival<'_>, facts: &RequestFacts) -> bool {
    let headers = &arrival.head.headers;
    let says = |name: &str, wanted: &str| headers.get(name).is_some_and(|value| value == wanted);
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let own_origin = origins.next().is_some_and(|origin| is_own_origin(arrival, origin));
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    facts.method == Method::POST
        && says("sec-fetch-mode", "navigate")
        && says("sec-fetch-dest", "document")
        && says("sec-fetch-site", "same-origin")
        && own_origin
        && origins.next().is_none()
        && !headers.contains_key(header::AUTHORIZATION)
        && ["application/x-www-form-urlencoded", "multipart/form-data"]
            .iter()
            .any(|form| kind.eq_ignore_ascii_case(form))
}

/// Whether a request that a cookie speaks for may come from where it comes from.
///
/// SECURITY: browsers send cookies with whatever any page asks for. `SameSite=Lax` keeps other sites out, but the sources of a zone are
/// siblings: one that is taken over must not act at the others with its visitors' sessions. A method that only looks is safe as long as
/// its answer cannot be read; a WebSocket can be read by whoever opened it (RFC 6455, 10.2).
pub(crate) fn comes_from_here(arrival: &Arrival<'_>, facts: &RequestFacts, source: &Source) -> bool {
    if facts.method.is_safe() && !facts.websocket {
        return true;
    }
    let headers = &arrival.head.headers;
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (origin, another) = (origins.next(), origins.next());
    if another.is_some() {
        return false;
    }
    let allowed = |origin: &HeaderValue| {
        source
            .cors
            .as_ref()
            .is_some_and(|cors| cors.origins.iter().any(|known| known.as_bytes() == origin.as_bytes()))
    };
    match origin {
        Some(origin) => is_own_origin(arrival, origin) || allowed(origin),
        // Old browsers leave Origin out of same-origin requests; none that says Sec-Fetch-Site lies about it.
        None => headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin" || site == "none"),
    }
}

/// Whether an origin is that of the host asked: `https`, the same name, the same port.
#[must_use]
pub fn is_own_origin(arrival: &Arrival<'_>, origin: &HeaderValue) -> bool {
    let host = arrival.head.uri.authority().map(|authority| authority.as_str().as_bytes());
    let host = host.or_else(|| arrival.head.headers.get(header::HOST).map(HeaderValue::as_bytes));
    let named = origin.as_bytes().strip_prefix(b"https://");
    let without_port = |host: &'_ [u8]| host.strip_suffix(b":443").map_or(host.to_vec(), <[u8]>::to_vec);
    host.zip(named).is_some_and(|(host, named)| without_port(host).eq_ignore_ascii_case(&without_port(named)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    type Build = fn(http::request::Builder) -> http::request::Builder;

    fn head(build: Build) -> http::request::Parts {
        build(Request::builder().uri("/").header("host", "a.example:8443")).body(()).unwrap().into_parts().0
    }

    fn facts(head: &http::request::Parts) -> RequestFacts {
        RequestFacts::read(&Arrival { head, target: b"/", fault: None }).unwrap()
    }

    #[test]
    fn cookies_are_read_one_by_one() {
        let head = head(|b| {
            b.header("cookie", "a=1; __Host-poort-session=x=y ;b=2").header("cookie", "c=3; c=4; odd")
        });
        assert_eq!(cookie(&head.headers, SESSION_COOKIE), Ok(Some(&b"x=y"[..])));
        assert_eq!(cookie(&head.headers, "b"), Ok(Some(&b"2"[..])));
        assert_eq!(cookie(&head.headers, "c"), Err(Repeated));
        assert_eq!(cookie(&head.headers, "odd"), Ok(None));
        for (name, own) in [
            ("__Host-poort-session", true),
            ("__host-Poort-hop-1", true),
            ("poort", true),
            ("__Secure-poort-x", true),
            ("JSESSIONID", false),
            ("support", false),
        ] {
            assert_eq!(is_own_cookie(name.as_bytes()), own, "{name}");
        }
    }

    #[test]
    fn only_a_person_going_somewhere_is_led_elsewhere() {
        let cases: [(&str, Build, bool); 8] = [
            (
                "a browser",
                |b| {
                    b.header("accept", "text/html,*/*")
                        .header("sec-fetch-mode", "navigate")
                        .header("sec-fetch-dest", "document")
                },
                true,
            ),
            ("an old browser", |b| b.header("accept", "text/html,*/*"), true),
            ("fetch", |b| b.header("accept", "*/*").header("sec-fetch-mode", "cors"), false),
            ("fetch of a page", |b| b.header("accept", "text/html").header("sec-fetch-mode", "cors"), false),
            (
                "a frame",
                |b| {
                    b.header("accept", "text/html")
                        .header("sec-fetch-mode", "navigate")
                        .header("sec-fetch-dest", "iframe")
                },
                false,
            ),
            (
                "XHR of an old library",
                |b| b.header("accept", "text/html").header("x-requested-with", "XMLHttpRequest"),
                false,
            ),
            ("a program", |b| b, false),
            (
                "a form",
                |b| b.method("POST").header("accept", "text/html").header("sec-fetch-mode", "navigate"),
                false,
            ),
        ];
        for (what, build, navigates) in cases {
            let head = head(build);
            assert_eq!(is_navigation(&facts(&head), &head.headers), navigates, "{what}");
        }
    }

    #[test]
    fn a_form_is_a_persons_from_a_page_of_the_hosts_own() {
        let form = [
            ("origin", "https://a.example:8443"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ];
        let judged = |method: &str, form: &[(&str, &str)]| {
            let build = Request::builder().method(method).uri("/").header("host", "a.example:8443");
            let build = form.iter().fold(build, |build, (name, value)| build.header(*name, *value));
            let head = build.body(()).unwrap().into_parts().0;
            is_form(&Arrival { head: &head, target: b"/", fault: None }, &facts(&head))
        };
        assert!(judged("POST", &form));
        let mut with_files = form;
        with_files[4] = ("content-type", "multipart/form-data; boundary=x");
        assert!(judged("POST", &with_files));
        assert!(!judged("GET", &form) && !judged("PUT", &form));
        for (place, (name, other)) in [
            (0, ("origin", "https://b.example:8443")),
            (0, ("origin", "null")),
            (1, ("sec-fetch-mode", "cors")),
            (2, ("sec-fetch-dest", "iframe")),
            (3, ("sec-fetch-site", "same-site")),
            (4, ("content-type", "text/plain")),
            (4, ("content-type", "multipart/mixed; boundary=x")),
        ] {
            let mut changed = form;
            changed[place] = (name, other);
            assert!(!judged("POST", &changed), "{name}: {other}");
            changed[place] = ("x-nothing", "");
            assert!(!judged("POST", &changed), "no {name}");
            let twice = [&form[..], &[("origin", other)]].concat();
            assert!(name != "origin" || !judged("POST", &twice), "two origins");
        }
        assert!(!judged("POST", &[&form[..], &[("authorization", "Bearer x")]].concat()), "a program");
    }

    #[test]
    fn an_origin_is_ours_with_its_port() {
        for (origin, ours) in [
            ("https://a.example:8443", true),
            ("https://A.EXAMPLE:8443", true),
            ("https://a.example", false),
            ("https://a.example:443", false),
            ("http://a.example:8443", false),
            ("https://b.example:8443", false),
            ("null", false),
        ] {
            let head = head(|b| b);
            let arrival = Arrival { head: &head, target: b"/", fault: None };
            assert_eq!(is_own_origin(&arrival, &HeaderValue::from_static(origin)), ours, "{origin}");
        }
    }
}
