//! An issuer as a place to sign in.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::SignInFault;
use super::client::ClientProof;
use super::flow::{Flow, random};

/// What this gate is at an issuer.
#[derive(Clone)]
pub struct Client {
    /// The issuer's alias.
    pub alias: Arc<str>,
    /// Its exact name, which `iss` must equal.
    pub issuer: String,
    /// This gate's client id.
    pub id: String,
    /// What proves that it is.
    pub proof: ClientProof,
    /// Where the browser comes back to. Each issuer has its own (RFC 9700, 4.4.2.2).
    pub redirect: String,
    /// What is asked for; `openid` always is.
    pub scopes: Vec<String>,
}

/// Where an issuer is, and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Where browsers are sent.
    pub authorization: String,
    /// Where codes and refresh tokens are exchanged.
    pub token: String,
    /// Where browsers are sent to sign out there too (OpenID Connect RP-Initiated Logout 1.0); none: they stay signed in.
    pub end_session: Option<String>,
    /// Whether an answer without `iss` (RFC 9207) is refused.
    pub says_iss: bool,
    /// Whether a secret goes in the form (`client_secret_post`) and not in a header, for issuers that know no header.
    pub secret_in_form: bool,
}

/// An issuer at which people sign in.
#[derive(Clone)]
pub struct Provider {
    /// What this gate is there.
    pub client: Arc<Client>,
    /// Where it is.
    pub endpoints: Arc<Endpoints>,
}

/// What is asked of a sign-in beyond signing in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ask<'a> {
    /// How strong it is to be (`acr_values`, separated by spaces).
    pub acr_values: Option<&'a str>,
    /// How long ago it may have been, in seconds; 0 asks for a new one.
    pub max_age: Option<u64>,
    /// Whether the issuer is to ask who it is, even of who is signed in there: somebody else takes over the device.
    pub other_person: bool,
}

impl Provider {
    /// Begins a sign-in: its `state`, what must be kept until the browser comes back, and the address to send it to.
    ///
    /// `browser` is the SHA-256 of a secret that only this browser has; `device` the name in its certificate.
    ///
    /// # Errors
    /// [`SignInFault::Internal`] if there is no randomness.
    pub fn begin(
        &self,
        ask: Ask<'_>,
        browser: [u8; 32],
        device: &str,
    ) -> Result<(String, Flow, String), SignInFault> {
        let (state, nonce, verifier) = (random()?, random()?, random()?);
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        let scopes = self.client.scopes.iter().filter(|scope| *scope != "openid").map(String::as_str);
        let scope = std::iter::once("openid").chain(scopes).collect::<Vec<_>>().join(" ");
        let max_age = ask.max_age.map(|age| age.to_string());
        let pairs = [
            ("response_type", Some("code")),
            ("client_id", Some(&*self.client.id)),
            ("redirect_uri", Some(&*self.client.redirect)),
            ("scope", Some(&*scope)),
            ("state", Some(&*state)),
            ("nonce", Some(&*nonce)),
            ("code_challenge", Some(&*challenge)),
            ("code_challenge_method", Some("S256")),
            ("acr_values", ask.acr_values),
            ("max_age", max_age.as_deref()),
            ("prompt", ask.other_person.then_some("login")),
        ];
        let address = with_query(
            &self.endpoints.authorization,
            pairs.into_iter().filter_map(|(name, value)| Some((name, value?))),
        );
        let flow = Flow {
            alias: Arc::clone(&self.client.alias),
            nonce,
            verifier: verifier.into(),
            browser,
            device: device.to_owned(),
            afresh: ask.other_person || ask.max_age == Some(0),
        };
        Ok((state, flow, address))
    }

    /// The form that exchanges a refresh token (RFC 6749, 6).
    #[must_use]
    pub fn refresh(&self, refresh_token: &str) -> Zeroizing<String> {
        self.form(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])
    }

    /// A form for the token endpoint. A client that no header names does so in it (RFC 6749, 3.2.1).
    pub(super) fn form(&self, pairs: &[(&str, &str)]) -> Zeroizing<String> {
        let named = matches!(self.client.proof, ClientProof::Secret(_)) && !self.endpoints.secret_in_form;
        let client = (!named).then_some(("client_id", &*self.client.id));
        Zeroizing::new(encoded(pairs.iter().copied().chain(client)))
    }

    /// Where to send a browser to sign out there too; `hint` is the last ID token, `back` where it comes back to.
    #[must_use]
    pub fn sign_out(&self, hint: Option<&str>, back: &str) -> Option<String> {
        let pairs = [
            ("id_token_hint", hint),
            ("client_id", Some(&*self.client.id)),
            ("post_logout_redirect_uri", Some(back)),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Some(with_query(self.endpoints.end_session.as_ref()?, pairs))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("alias", &self.alias).field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("alias", &self.client.alias)
            .field("client", &self.client.id)
            .finish_non_exhaustive()
    }
}

fn with_query<'a>(address: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let separator = if address.contains('?') { '&' } else { '?' };
    format!("{address}{separator}{}", encoded(pairs))
}

pub(super) fn encoded<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    pairs.map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

/// Percent-encoding of everything but RFC 3986's unreserved characters, which every decoder reads alike.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.extend(char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    out
}
