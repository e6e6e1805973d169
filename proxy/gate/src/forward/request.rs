//! The request as the source gets it: nothing in it that a client could have forged.

use http::{HeaderName, HeaderValue, Uri, header, uri::PathAndQuery};
use pingora::{Error, ErrorType, OrErr, Result, http::RequestHeader};
use poort_enforce::{
    exchange::Exchange, pipeline::Permit, reply::REQUEST_ID, sign_in::is_own_cookie, signs_in_connection,
    stated::StatedBy,
};
use poort_identity::Assertions;

use super::{
    identity::{ASSERTION, plain, statement},
    trace::{self, TRACEPARENT, TRACESTATE},
};
use crate::config::checked::source::IdentityHeaders;

/// How requests to one source are written.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// The Host it expects; none: the client's.
    pub host: Option<String>,
    /// What takes the place of the matched prefix; none: nothing does.
    pub prefix: Option<String>,
    /// Who asks.
    pub identity: IdentityHeaders,
}

/// Headers that a source could take for the gate's word, or for another request than the one that was judged.
///
/// `X-Original-URL` and `X-Rewrite-URL` change the path in IIS and some frameworks, `X-HTTP-Method-Override` the method, and `Proxy`
/// becomes `HTTP_PROXY` in CGI.
const FORGEABLE: [&str; 25] = [
    "authorization",
    "forwarded",
    "via",
    "proxy",
    "proxy-authorization",
    "max-forwards",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-original-url",
    "x-rewrite-url",
    "x-original-host",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-authenticated-user",
    "x-user",
    "x-auth-user",
    "remote-user",
    "x-requested-path",
    "x-wap-profile",
];

/// Families of such headers.
const FORGEABLE_PREFIXES: [&str; 8] = [
    "poort-",
    "x-poort-",
    "x-forwarded-",
    "x-remote-",
    "client-cert",
    "x-client-cert",
    "x-ssl-",
    "ssl-client-",
];

/// Makes the request a source gets, from the one that was admitted.
///
/// # Errors
/// When an assertion is due and cannot be signed: then nothing is forwarded.
pub fn prepare_request(
    upstream: &mut RequestHeader,
    outbound: &Outbound,
    permit: &Permit,
    exchange: &Exchange,
    assertions: Option<&Assertions>,
) -> Result<()> {
    let own = own_sign_in(upstream, permit);
    let trace = trace::restarted(&upstream.headers, exchange.id).ok_or_else(undecided)?;
    remove_forgeable(upstream, &outbound.identity, permit.source().stated_by.as_ref());
    remove_own_cookies(upstream)?;
    if let Some(own) = own {
        upstream.insert_header(header::AUTHORIZATION, own)?;
    }
    write_target(upstream, outbound, permit, exchange)?;
    let facts = exchange.facts.as_ref().ok_or_else(undecided)?;
    let host = outbound.host.as_deref().unwrap_or(&facts.host);
    upstream.insert_header(header::HOST, host)?;
    upstream.insert_header("X-Forwarded-For", exchange.connection.address.to_string())?;
    upstream.insert_header("X-Forwarded-Proto", "https")?;
    upstream.insert_header("X-Forwarded-Host", facts.host.as_str())?;
    upstream.insert_header(REQUEST_ID, exchange.id.to_string())?;
    upstream.remove_header(&TRACESTATE);
    upstream.insert_header(TRACEPARENT, trace)?;
    for (name, value) in &outbound.identity.headers {
        if let Some(value) = plain(*value, exchange) {
            upstream.insert_header(name.clone(), value)?;
        }
    }
    if outbound.identity.assertion {
        let statement = statement(&permit.source().id, permit.holder(), exchange);
        let assertions = assertions.ok_or_else(undecided)?;
        let assertion = assertions
            .mint(&statement, exchange.received)
            .or_err(ErrorType::InternalError, "no assertion")?;
        upstream.insert_header(ASSERTION, &*assertion)?;
    }
    Ok(())
}

/// Never met: a permit is made only after its request's facts, and an assertion is due only where a key is configured.
fn undecided() -> Box<Error> {
    Error::explain(ErrorType::InternalError, "a permit without facts or key")
}

/// What an application with a sign-in of its own by connection (NTLM, Negotiate) gets to see of Authorization; a token never.
fn own_sign_in(upstream: &RequestHeader, permit: &Permit) -> Option<HeaderValue> {
    let value = upstream.headers.get(header::AUTHORIZATION)?;
    (permit.source().signs_in_by_connection && signs_in_connection(value.as_bytes())).then(|| value.clone())
}

fn remove_forgeable(upstream: &mut RequestHeader, identity: &IdentityHeaders, stated: Option<&StatedBy>) {
    let forged = |name: &HeaderName| {
        let text = name.as_str();
        FORGEABLE.contains(&text)
            || FORGEABLE_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
            || text.contains('_')
            || identity.headers.iter().any(|(own, _)| own == name)
            || stated.is_some_and(|stated| stated.has(name))
    };
    let names: Vec<HeaderName> = upstream.headers.keys().filter(|name| forged(name)).cloned().collect();
    for name in names {
        upstream.remove_header(&name);
    }
}

/// A session is between a browser and the gate: a source that learned it could act in its visitors' names. What is left stands in one line.
fn remove_own_cookies(upstream: &mut RequestHeader) -> Result<()> {
    let own = |pair: &[u8]| pair.split(|&byte| byte == b'=').next().is_some_and(is_own_cookie);
    let lines = || upstream.headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    let pairs = || lines().flat_map(|line| line.split(|&byte| byte == b';'));
    // RFC 9113 §8.2.3: browsers send a line for each in HTTP/2, and applications read one.
    if lines().nth(1).is_none() && !pairs().any(own) {
        return Ok(());
    }
    let kept: Vec<&[u8]> =
        pairs().map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty() && !own(pair)).collect();
    let kept = kept.join(&b"; "[..]);
    upstream.remove_header(&header::COOKIE);
    if !kept.is_empty() {
        let value = HeaderValue::from_bytes(&kept).or_err(ErrorType::InternalError, "cookie")?;
        upstream.insert_header(header::COOKIE, value)?;
    }
    Ok(())
}

/// The source gets the same normal form that was judged, with its own prefix in place of ours.
fn write_target(
    upstream: &mut RequestHeader,
    outbound: &Outbound,
    permit: &Permit,
    exchange: &Exchange,
) -> Result<()> {
    let facts = exchange.facts.as_ref().ok_or_else(undecided)?;
    let path = source_path(&facts.target.path, permit.prefix(), outbound.prefix.as_deref());
    let target = match &facts.target.query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let target = PathAndQuery::try_from(target).or_err(ErrorType::InternalError, "target")?;
    upstream.set_uri(Uri::from(target));
    if upstream.uri.path().is_empty() {
        return Error::e_explain(ErrorType::InternalError, "empty path");
    }
    Ok(())
}

/// A path with `ours` replaced by `theirs`.
pub(crate) fn source_path(path: &str, ours: &str, theirs: Option<&str>) -> String {
    let Some(theirs) = theirs else { return path.to_owned() };
    let rest = path.strip_prefix(ours.trim_end_matches('/')).unwrap_or(path);
    let joined = format!("{}{rest}", theirs.trim_end_matches('/'));
    if joined.is_empty() { "/".to_owned() } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::checked::source::IdentityValue;

    #[test]
    fn nothing_forgeable_reaches_a_source() {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for name in [
            "Authorization",
            "Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Anything",
            "X-Real-IP",
            "X-Remote-User",
            "X-Remote-Groups",
            "Client-Cert",
            "Client-Cert-Chain",
            "X-Client-Cert-Dn",
            "Poort-Assertion",
            "Poort-Request-Id",
            "X_Forwarded_For",
            "X-Original-URL",
            "X-Rewrite-URL",
            "X-HTTP-Method-Override",
            "Proxy",
            "X-Employee",
            "X-Purpose",
            "SSL-Client-S-DN",
        ] {
            request.append_header(name, "forged").unwrap();
        }
        request.append_header("Accept", "text/html").unwrap();
        request.append_header("Cookie", "JSESSIONID=1").unwrap();
        let headers = vec![(HeaderName::from_static("x-employee"), IdentityValue::Subject)];
        let stated = StatedBy::new(vec![], HeaderName::from_static("x-purpose"), None);
        remove_forgeable(&mut request, &IdentityHeaders { assertion: true, headers }, Some(&stated));
        let mut left: Vec<_> = request.headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "cookie"]);
    }

    #[test]
    fn no_cookie_of_the_gate_reaches_a_source() {
        for (lines, left) in [
            (&["__Host-poort-session=s; SID=1; theme=dark"][..], Some("SID=1; theme=dark")),
            (&["SID=1", "__Host-poort-session=s", "__host-Poort-hop-ab=h; a=b=c"], Some("SID=1; a=b=c")),
            (&["__Host-poort-session=s;"], None),
            (&["SID=1;theme=dark"], Some("SID=1;theme=dark")),
            (&["poort=1;=x; odd"], Some("=x; odd")),
        ] {
            let mut request = RequestHeader::build("GET", b"/", None).unwrap();
            for line in lines {
                request.append_header("Cookie", *line).unwrap();
            }
            remove_own_cookies(&mut request).unwrap();
            let seen: Vec<_> =
                request.headers.get_all("cookie").iter().map(|line| line.to_str().unwrap()).collect();
            assert_eq!(seen, left.into_iter().collect::<Vec<_>>(), "{lines:?}");
        }
    }

    #[test]
    fn prefixes_are_mapped() {
        for (path, ours, theirs, mapped) in [
            ("/a/b", "/", None, "/a/b"),
            ("/a/b", "/", Some("/app"), "/app/a/b"),
            ("/a/b", "/a", Some("/"), "/b"),
            ("/a", "/a", Some("/"), "/"),
            ("/a/", "/a", Some("/x/"), "/x/"),
            ("/a/b", "/a/", Some("/x"), "/x/b"),
        ] {
            assert_eq!(source_path(path, ours, theirs), mapped, "{path} {ours} {theirs:?}");
        }
    }
}
