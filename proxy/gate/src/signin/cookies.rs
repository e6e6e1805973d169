//! Cookies of the gate's own. All have the prefix `__Host-` (RFC 6265bis, 4.1.3.2): they belong to one host, and no sibling can plant one.

use http::HeaderValue;
use poort_enforce::sign_in::SESSION_COOKIE;

/// Proves, on the sign-in host, that an issuer's answer comes to the browser that asked. One for each sign-in: tabs do not take it from each
/// other.
pub(super) fn login(tag: &str) -> String {
    format!("__Host-poort-login-{tag}")
}

/// Proves, on a source's host, that a session is handed to the browser that was sent to sign in.
pub(super) fn hop(tag: &str) -> String {
    format!("__Host-poort-hop-{tag}")
}

/// A cookie that is kept for so many seconds.
pub(super) fn kept(name: &str, value: &str, seconds: u64) -> Option<HeaderValue> {
    HeaderValue::try_from(format!(
        "{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"
    ))
    .ok()
}

/// A cookie that goes when the browser does.
pub(super) fn session(value: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{SESSION_COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax")).ok()
}

/// A cookie that is taken away.
pub(super) fn removed(name: &str) -> Option<HeaderValue> {
    kept(name, "", 0)
}

/// Takes the session's cookie away.
pub(crate) fn no_session() -> Option<HeaderValue> {
    removed(SESSION_COOKIE)
}
