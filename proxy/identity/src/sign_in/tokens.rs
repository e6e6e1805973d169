//! What a token endpoint answers.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::SignInFault;

/// A successful token response (RFC 6749, 5.1; OpenID Connect Core, 3.1.3.3). Nothing in it is proven yet.
pub struct Tokens {
    /// Says who signed in. Always there after a sign-in; after a refresh it may not be (Core, 12.2).
    pub id_token: Option<String>,
    /// What this gate may ask the issuer for, in this person's name.
    pub access_token: Zeroizing<String>,
    /// Asks for the next ones; none: the issuer gives none.
    pub refresh_token: Option<Zeroizing<String>>,
    /// For how long they are good, at most [`Tokens::LONGEST`]; none: the issuer does not say.
    pub expires_in: Option<Duration>,
}

#[derive(Deserialize)]
struct Raw {
    id_token: Option<String>,
    access_token: String,
    token_type: String,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Error {
    error: String,
}

impl Tokens {
    /// Largest response that is read, in bytes.
    pub const LIMIT_BYTES: usize = 128 * 1024;
    /// The longest that tokens are taken to be good: no session lasts as long, and no clock ends before.
    pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

    /// Reads a token endpoint's answer.
    ///
    /// # Errors
    /// [`SignInFault::Refused`] with the error that the issuer names, [`SignInFault::Response`] for anything else but tokens.
    pub fn read(ok: bool, body: &[u8]) -> Result<Self, SignInFault> {
        if body.len() > Self::LIMIT_BYTES {
            return Err(SignInFault::Response);
        }
        if !ok {
            let error: Error = serde_json::from_slice(body).map_err(|_| SignInFault::Response)?;
            let code = error.error.chars().filter(char::is_ascii_graphic).take(64).collect();
            return Err(SignInFault::Refused(code));
        }
        let raw: Raw = serde_json::from_slice(body).map_err(|_| SignInFault::Response)?;
        // RFC 6749, 7.1: a type that is not understood must not be used.
        if !raw.token_type.eq_ignore_ascii_case("Bearer") {
            return Err(SignInFault::Response);
        }
        Ok(Self {
            id_token: raw.id_token,
            access_token: raw.access_token.into(),
            refresh_token: raw.refresh_token.filter(|token| !token.is_empty()).map(Zeroizing::new),
            expires_in: raw.expires_in.map(|seconds| Duration::from_secs(seconds).min(Self::LONGEST)),
        })
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_responses_are_read_strictly() {
        let whole = r#"{"id_token":"i","access_token":"a","token_type":"bearer","refresh_token":"r","expires_in":300,"scope":"openid"}"#;
        let tokens = Tokens::read(true, whole.as_bytes()).unwrap();
        assert_eq!(tokens.id_token.as_deref(), Some("i"));
        assert_eq!(tokens.refresh_token.as_deref().map(String::as_str), Some("r"));
        assert_eq!(tokens.expires_in, Some(Duration::from_secs(300)));
        assert!(!format!("{tokens:?}").contains('"'));
        let refused = |error: &str| Err(SignInFault::Refused(error.to_owned()));
        for (what, ok, body, expected) in [
            ("an error", false, r#"{"error":"invalid_grant"}"#, refused("invalid_grant")),
            ("an odd error", false, "{\"error\":\"a\\nb\"}", refused("ab")),
            ("a page", false, "<html>", Err(SignInFault::Response)),
            ("no token", true, r#"{"token_type":"Bearer"}"#, Err(SignInFault::Response)),
            ("another type", true, r#"{"access_token":"a","token_type":"DPoP"}"#, Err(SignInFault::Response)),
            (
                "negative",
                true,
                r#"{"access_token":"a","token_type":"Bearer","expires_in":-1}"#,
                Err(SignInFault::Response),
            ),
        ] {
            assert_eq!(Tokens::read(ok, body.as_bytes()).map(|_| ()), expected, "{what}");
        }
        let endless = format!(r#"{{"access_token":"a","token_type":"Bearer","expires_in":{}}}"#, u64::MAX);
        let endless = Tokens::read(true, endless.as_bytes()).unwrap();
        assert_eq!(endless.expires_in, Some(Tokens::LONGEST), "what is added to a time overflows no clock");
        let large = vec![b' '; Tokens::LIMIT_BYTES + 1];
        assert_eq!(Tokens::read(true, &large).map(|_| ()), Err(SignInFault::Response));
    }
}
