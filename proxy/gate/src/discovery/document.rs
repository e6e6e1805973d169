//! An issuer's document, as it is believed.

use std::fmt;

use poort_identity::sign_in::{ClientProof, Endpoints, SignInFault};
use reqwest::Url;
use serde::Deserialize;

use super::{DiscoveryFault, Reach};

/// An address that a document names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// As what.
    pub(super) member: &'static str,
    /// As it stands there.
    pub(super) text: String,
    pub(super) url: Url,
}

/// What an issuer says of itself, as far as the gate goes by it (OpenID Connect Discovery 1.0, 3; RFC 8414, 2; RFC 9207, 3; OpenID Connect
/// RP-Initiated Logout 1.0, 2.1; Back-Channel Logout 1.0, 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    keys: Address,
    authorization: Option<Address>,
    token: Option<Address>,
    end_session: Option<Address>,
    says_iss: bool,
    tells_of_sign_outs: bool,
    /// How clients prove who they are; none: it does not say, and a secret in a header will do (RFC 8414, 2).
    proofs: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Raw {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    backchannel_logout_supported: bool,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    response_types_supported: Option<Vec<String>>,
}

impl Metadata {
    /// Reads a document of `issuer`, which may lead no further than `reach`.
    ///
    /// # Errors
    /// [`DiscoveryFault`], the first: nothing of such a document is believed.
    pub fn read(document: &[u8], issuer: &str, reach: &Reach) -> Result<Self, DiscoveryFault> {
        let raw: Raw =
            serde_json::from_slice(document).map_err(|fault| DiscoveryFault::Garbage(fault.to_string()))?;
        if raw.issuer != issuer {
            let said = raw.issuer.chars().filter(|c| !c.is_control()).take(256).collect();
            return Err(DiscoveryFault::AnotherIssuer { said, wanted: issuer.to_owned() });
        }
        let has = |member, said: &Option<Vec<String>>, wanted: &'static str| {
            let lacks = said.as_ref().is_some_and(|said| said.iter().all(|one| one != wanted));
            if lacks { Err(DiscoveryFault::Lacks { member, wanted }) } else { Ok(()) }
        };
        // Those that leave it out may well do it: they are asked with PKCE all the same.
        has("code_challenge_methods_supported", &raw.code_challenge_methods_supported, "S256")?;
        has("response_types_supported", &raw.response_types_supported, "code")?;
        let browser = |member, text: &Option<String>| {
            text.as_deref().map(|text| reach.for_browsers(member, text)).transpose()
        };
        let token = raw.token_endpoint.as_deref().map(|text| reach.for_the_gate("token_endpoint", text));
        Ok(Self {
            keys: reach.for_the_gate("jwks_uri", &raw.jwks_uri)?,
            authorization: browser("authorization_endpoint", &raw.authorization_endpoint)?,
            token: token.transpose()?,
            end_session: browser("end_session_endpoint", &raw.end_session_endpoint)?,
            says_iss: raw.authorization_response_iss_parameter_supported,
            tells_of_sign_outs: raw.backchannel_logout_supported,
            proofs: raw.token_endpoint_auth_methods_supported,
        })
    }

    /// The address of its key set.
    #[must_use]
    pub fn keys(&self) -> &str {
        &self.keys.text
    }

    /// Where people sign in, and how the gate proves who it is there. What the configuration says goes before what the issuer does.
    ///
    /// # Errors
    /// [`SignInFault::Undiscovered`] if neither says where that is; [`SignInFault::ClientProof`] if it does not take this proof.
    pub fn endpoints(&self, written: &Written, proof: &ClientProof) -> Result<Endpoints, SignInFault> {
        let text = |said: &Option<Address>| said.as_ref().map(|address| address.text.clone());
        let or_said =
            |written: &Option<String>, said: &Option<Address>| written.clone().or_else(|| text(said));
        Ok(Endpoints {
            authorization: or_said(&written.authorization, &self.authorization)
                .ok_or(SignInFault::Undiscovered)?,
            token: or_said(&written.token, &self.token).ok_or(SignInFault::Undiscovered)?,
            end_session: or_said(&written.end_session, &self.end_session),
            says_iss: written.says_iss.unwrap_or(self.says_iss),
            secret_in_form: self.method(proof)? == "client_secret_post",
        })
    }

    /// The first way of proving this that the issuer takes.
    fn method(&self, proof: &ClientProof) -> Result<&'static str, SignInFault> {
        let (ours, first) = (proof.methods(), proof.methods().first().copied().unwrap_or_default());
        let Some(takes) = &self.proofs else { return Ok(first) };
        let taken = ours.iter().copied().find(|ours| takes.iter().any(|taken| taken == ours));
        // PKCE alone protects a public client, and issuers rarely name that.
        taken.or_else(|| matches!(proof, ClientProof::None).then_some(first)).ok_or(SignInFault::ClientProof)
    }

    /// The addresses that the gate itself speaks to.
    pub(super) fn spoken_to(&self) -> impl Iterator<Item = &Address> {
        [&self.keys].into_iter().chain(&self.token)
    }

    /// What is no longer as it was: its name in the document, and both.
    pub(super) fn differences(&self, before: &Self) -> Vec<(&'static str, String, String)> {
        let (old, new) = (before.told(), self.told());
        let both = old.into_iter().zip(new);
        both.filter(|((_, old), (_, new))| old != new)
            .map(|((what, old), (_, new))| (what, old, new))
            .collect()
    }

    fn told(&self) -> [(&'static str, String); 7] {
        let address = |said: &Option<Address>| said.as_ref().map_or_else(String::new, |one| one.text.clone());
        [
            ("jwks_uri", self.keys.text.clone()),
            ("authorization_endpoint", address(&self.authorization)),
            ("token_endpoint", address(&self.token)),
            ("end_session_endpoint", address(&self.end_session)),
            ("authorization_response_iss_parameter_supported", self.says_iss.to_string()),
            ("backchannel_logout_supported", self.tells_of_sign_outs.to_string()),
            ("token_endpoint_auth_methods_supported", self.proofs.as_deref().unwrap_or_default().join(" ")),
        ]
    }
}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.told().map(|(what, said)| format!("{what}={said}"));
        f.write_str(&told.join(", "))
    }
}

/// What a configuration says itself of where people sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Where browsers are sent.
    pub authorization: Option<String>,
    /// Where codes are exchanged.
    pub token: Option<String>,
    /// Where browsers are sent to sign out there too.
    pub end_session: Option<String>,
    /// Whether an answer without `iss` is refused.
    pub says_iss: Option<bool>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use zeroize::Zeroizing;

    use super::*;

    const ISSUER: &str = "https://sso.zone.example/realms/zone";

    fn document() -> Value {
        json!({
            "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/certs"), "authorization_endpoint": format!("{ISSUER}/auth"),
            "token_endpoint": format!("{ISSUER}/token"), "end_session_endpoint": format!("{ISSUER}/logout"),
            "authorization_response_iss_parameter_supported": true, "backchannel_logout_supported": true,
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"],
            "code_challenge_methods_supported": ["plain", "S256"], "response_types_supported": ["code"],
            "claims_supported": ["sub"],
        })
    }

    fn read(document: &Value) -> Result<Metadata, DiscoveryFault> {
        let reach = Reach::new(ISSUER, &[]).unwrap();
        Metadata::read(document.to_string().as_bytes(), ISSUER, &reach)
    }

    #[test]
    fn what_an_issuer_says_is_where_people_sign_in() {
        let (said, secret) =
            (read(&document()).unwrap(), ClientProof::Secret(Zeroizing::new("s".to_owned())));
        let endpoints = said.endpoints(&Written::default(), &secret).unwrap();
        assert_eq!(
            (said.keys(), &*endpoints.token),
            (&*format!("{ISSUER}/certs"), &*format!("{ISSUER}/token"))
        );
        assert!(endpoints.says_iss && endpoints.secret_in_form, "{endpoints:?}");
        let written = Written {
            token: Some("https://gate.zone.example/token".to_owned()),
            says_iss: Some(false),
            ..Written::default()
        };
        let endpoints = said.endpoints(&written, &secret).unwrap();
        assert_eq!(
            (&*endpoints.token, endpoints.says_iss),
            ("https://gate.zone.example/token", false),
            "written goes before"
        );
        assert_eq!(endpoints.end_session, Some(format!("{ISSUER}/logout")));
    }

    #[test]
    fn the_gate_proves_who_it_is_as_the_issuer_takes_it() {
        let secret = || ClientProof::Secret(Zeroizing::new("s".to_owned()));
        for (takes, proof, in_form) in [
            (json!(null), secret(), Ok(false)),
            (json!(["client_secret_post", "client_secret_basic"]), secret(), Ok(false)),
            (json!(["client_secret_post"]), secret(), Ok(true)),
            (json!(["private_key_jwt"]), secret(), Err(SignInFault::ClientProof)),
            (json!(["private_key_jwt"]), ClientProof::None, Ok(false)),
        ] {
            let mut document = document();
            document["token_endpoint_auth_methods_supported"] = takes.clone();
            let endpoints = read(&document).unwrap().endpoints(&Written::default(), &proof);
            assert_eq!(endpoints.map(|endpoints| endpoints.secret_in_form), in_form, "{takes}");
        }
    }

    #[test]
    fn documents_that_do_not_fit_are_refused_each_with_its_reason() {
        for (member, value, code) in [
            ("issuer", json!("https://sso.zone.example/realms/zone/"), "another_issuer"),
            ("issuer", json!("https://evil.example"), "another_issuer"),
            ("issuer", json!(7), "garbage"),
            ("jwks_uri", json!(null), "garbage"),
            ("jwks_uri", json!("https://10.0.0.7/certs"), "private_address"),
            ("jwks_uri", json!("http://sso.zone.example/certs"), "address"),
            ("token_endpoint", json!("https://127.0.0.1/token"), "private_address"),
            ("token_endpoint", json!("http://sso.zone.example/token"), "address"),
            ("authorization_endpoint", json!("http://sso.zone.example/auth"), "address"),
            ("authorization_endpoint", json!("javascript:alert(1)"), "address"),
            ("end_session_endpoint", json!("//evil.example"), "address"),
            ("code_challenge_methods_supported", json!(["plain"]), "lacks"),
            ("response_types_supported", json!(["id_token"]), "lacks"),
            ("authorization_response_iss_parameter_supported", json!("yes"), "garbage"),
        ] {
            let mut document = document();
            document[member] = value.clone();
            let fault = read(&document).unwrap_err();
            assert_eq!(fault.code(), code, "{member}: {value}: {fault}");
            assert!(code == "garbage" || fault.to_string().contains(member), "it says where: {fault}");
        }
        let reach = Reach::new(ISSUER, &[]).unwrap();
        for garbage in
            [&b""[..], b"<html>", b"[]", b"\xff\xfe", br#"{"issuer":"a","issuer":"b","jwks_uri":"c"}"#]
        {
            assert_eq!(Metadata::read(garbage, ISSUER, &reach).unwrap_err().code(), "garbage");
        }
    }

    #[test]
    fn what_changed_is_told() {
        let before = read(&document()).unwrap();
        let mut document = document();
        document["token_endpoint"] = json!(format!("{ISSUER}/token2"));
        let after = read(&document).unwrap();
        assert_eq!(
            after.differences(&before),
            [("token_endpoint", format!("{ISSUER}/token"), format!("{ISSUER}/token2"))]
        );
        assert!(before.differences(&before).is_empty());
    }
}
