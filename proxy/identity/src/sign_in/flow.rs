//! One sign-in, from the moment the browser is sent away until it comes back.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::{constant_time, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Provider, SignInFault};

/// What must be kept while a person is at the issuer. It is good for one answer: whoever keeps it gives it away once.
#[derive(Clone, Serialize, Deserialize)]
pub struct Flow {
    pub(super) alias: Arc<str>,
    pub(super) nonce: String,
    pub(super) verifier: Zeroizing<String>,
    pub(super) browser: [u8; 32],
    pub(super) device: String,
    /// An earlier version did not say.
    #[serde(default)]
    pub(super) afresh: bool,
}

/// What a browser brings back from an issuer (RFC 6749, 4.1.2; RFC 9207).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Callback {
    /// The code.
    pub code: Option<String>,
    /// Who answers.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

/// What an accepted answer is worth: an exchange for tokens.
pub struct Grant {
    /// The body to post to the token endpoint, `application/x-www-form-urlencoded`.
    pub form: Zeroizing<String>,
    /// What the ID token's `nonce` must be.
    pub nonce: String,
}

impl Flow {
    /// The issuer that was asked.
    #[must_use]
    pub fn alias(&self) -> &Arc<str> {
        &self.alias
    }

    /// The device that it was begun on, by the name in its certificate.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.device
    }

    /// Whether the issuer was asked for a new sign-in, and not to go by one that it remembers.
    #[must_use]
    pub fn is_afresh(&self) -> bool {
        self.afresh
    }

    /// Holds an answer against this sign-in. `browser` is the digest of the secret that came with the answer, if one did.
    ///
    /// # Errors
    /// [`SignInFault`]: another browser's or device's answer, another issuer's, or one without a code.
    pub fn accept(
        &self,
        provider: &Provider,
        callback: &Callback,
        browser: Option<[u8; 32]>,
        device: &str,
    ) -> Result<Grant, SignInFault> {
        let same =
            |browser: [u8; 32]| constant_time::verify_slices_are_equal(&browser, &self.browser).is_ok();
        if !browser.is_some_and(same) {
            return Err(SignInFault::Browser);
        }
        if self.device != device {
            return Err(SignInFault::Device);
        }
        if provider.client.alias != self.alias {
            return Err(SignInFault::Issuer);
        }
        match &callback.iss {
            Some(iss) if *iss != provider.client.issuer => return Err(SignInFault::Issuer),
            None if provider.endpoints.says_iss => return Err(SignInFault::IssuerMissing),
            _ => {}
        }
        if let Some(error) = &callback.error {
            return Err(SignInFault::Refused(printable(error)));
        }
        let code = callback.code.as_deref().filter(|code| !code.is_empty()).ok_or(SignInFault::NoCode)?;
        let form = provider.form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &provider.client.redirect),
            ("code_verifier", &self.verifier),
        ]);
        Ok(Grant { form, nonce: self.nonce.clone() })
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow")
            .field("alias", &self.alias)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Grant")
    }
}

/// 256 random bits in base64url: a `state`, a `nonce`, or a PKCE verifier (RFC 7636, 4.1: 43 characters).
pub(super) fn random() -> Result<String, SignInFault> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| SignInFault::Internal)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// An error code (RFC 6749, 4.1.2.1) as it may stand in a record.
fn printable(error: &str) -> String {
    error.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' }).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Ask, Client, ClientProof, Endpoints};
    use super::*;
    use aws_lc_rs::digest::{SHA256, digest};

    const DEVICE: &str = "spiffe://zone.example/device/car-1";
    const BROWSER: [u8; 32] = [7; 32];

    fn provider() -> Provider {
        Provider { client: Arc::new(client()), endpoints: Arc::new(endpoints()) }
    }

    fn client() -> Client {
        Client {
            alias: "zone".into(),
            issuer: "https://sso.zone.example".to_owned(),
            id: "poort gate".to_owned(),
            proof: ClientProof::Secret(Zeroizing::new("s:e&cret".to_owned())),
            redirect: "https://signin.zone.example/callback/zone".to_owned(),
            scopes: vec!["openid".to_owned(), "profile".to_owned()],
        }
    }

    fn endpoints() -> Endpoints {
        Endpoints {
            authorization: "https://sso.zone.example/auth?kc=1".to_owned(),
            token: "https://sso.zone.example/token".to_owned(),
            end_session: Some("https://sso.zone.example/logout".to_owned()),
            says_iss: true,
            secret_in_form: false,
        }
    }

    fn value<'a>(address: &'a str, name: &str) -> &'a str {
        let query = address.split_once('?').map_or(address, |(_, query)| query);
        let mut values =
            query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(own, _)| *own == name);
        let value = values.next().map_or("", |(_, value)| value);
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }

    fn answer() -> Callback {
        Callback { code: Some("c+1".to_owned()), iss: Some(client().issuer), error: None }
    }

    #[test]
    fn a_sign_in_is_asked_for_with_pkce_and_answered_once_for_this_browser() {
        let (state, flow, address) = provider().begin(Ask::default(), BROWSER, DEVICE).unwrap();
        assert!(
            address
                .starts_with("https://sso.zone.example/auth?kc=1&response_type=code&client_id=poort%20gate&")
        );
        assert_eq!(value(&address, "state"), state);
        assert_eq!(value(&address, "scope"), "openid%20profile");
        assert_eq!(value(&address, "code_challenge_method"), "S256");
        assert!(
            !address.contains("prompt") && !address.contains("max_age") && !address.contains("acr_values")
        );
        let grant = flow.accept(&provider(), &answer(), Some(BROWSER), DEVICE).unwrap();
        assert_eq!(value(&grant.form, "code"), "c%2B1");
        assert_eq!(value(&grant.form, "grant_type"), "authorization_code");
        assert_eq!(value(&grant.form, "redirect_uri"), "https%3A%2F%2Fsignin.zone.example%2Fcallback%2Fzone");
        let challenge =
            URL_SAFE_NO_PAD.encode(digest(&SHA256, value(&grant.form, "code_verifier").as_bytes()));
        assert_eq!(value(&address, "code_challenge"), challenge, "RFC 7636, 4.6");
        assert_eq!(value(&address, "nonce"), grant.nonce);
        assert!(!grant.form.contains("client_id"), "the header names the client");
        let (other, ..) = provider().begin(Ask::default(), BROWSER, DEVICE).unwrap();
        assert_ne!(state, other);
    }

    #[test]
    fn what_is_asked_for_is_in_the_address() {
        let ask = Ask { acr_values: Some("phrh phr"), max_age: Some(0), other_person: true };
        let (_, _, address) = provider().begin(ask, BROWSER, DEVICE).unwrap();
        assert_eq!(value(&address, "acr_values"), "phrh%20phr");
        assert_eq!((value(&address, "max_age"), value(&address, "prompt")), ("0", "login"));
    }

    #[test]
    fn answers_that_are_not_this_sign_ins_are_refused() {
        let (_, flow, _) = provider().begin(Ask::default(), BROWSER, DEVICE).unwrap();
        let refuse = |what: &str, callback: Callback, browser, device, fault: SignInFault| {
            assert_eq!(flow.accept(&provider(), &callback, browser, device).unwrap_err(), fault, "{what}");
        };
        let here = Some(BROWSER);
        refuse("another browser", answer(), Some([8; 32]), DEVICE, SignInFault::Browser);
        refuse("no browser", answer(), None, DEVICE, SignInFault::Browser);
        refuse("another device", answer(), here, "car-2", SignInFault::Device);
        let elsewhere = Some("https://sso.zone.example/".to_owned());
        refuse("mix-up", Callback { iss: elsewhere, ..answer() }, here, DEVICE, SignInFault::Issuer);
        refuse("no iss", Callback { iss: None, ..answer() }, here, DEVICE, SignInFault::IssuerMissing);
        refuse("no code", Callback { code: None, ..answer() }, here, DEVICE, SignInFault::NoCode);
        refuse(
            "empty code",
            Callback { code: Some(String::new()), ..answer() },
            here,
            DEVICE,
            SignInFault::NoCode,
        );
        let said = SignInFault::Refused("access_denied?".to_owned());
        refuse(
            "refused",
            Callback { error: Some("access_denied\n".to_owned()), ..answer() },
            here,
            DEVICE,
            said,
        );
        let federal = Client { alias: "federal".into(), ..client() };
        let federal = Provider { client: Arc::new(federal), ..provider() };
        assert_eq!(flow.accept(&federal, &answer(), here, DEVICE).unwrap_err(), SignInFault::Issuer);
        let silent = Endpoints { says_iss: false, ..endpoints() };
        let silent = Provider { endpoints: Arc::new(silent), ..provider() };
        assert!(flow.accept(&silent, &Callback { iss: None, ..answer() }, here, DEVICE).is_ok());
    }

    #[test]
    fn a_client_names_itself_as_its_secret_allows() {
        let now = std::time::SystemTime::UNIX_EPOCH;
        let header = provider().proof(now).unwrap().authorization.unwrap();
        assert_eq!(
            *header,
            format!(
                "Basic {}",
                base64::engine::general_purpose::STANDARD.encode("poort%20gate:s%3Ae%26cret")
            )
        );
        let public = Client { proof: ClientProof::None, ..client() };
        let public = Provider { client: Arc::new(public), ..provider() };
        assert!(public.proof(now).is_ok_and(|proof| proof.authorization.is_none() && proof.form.is_none()));
        assert_eq!(
            *public.refresh("r/1"),
            "grant_type=refresh_token&refresh_token=r%2F1&client_id=poort%20gate"
        );
        let form = Endpoints { secret_in_form: true, ..endpoints() };
        let form = Provider { endpoints: Arc::new(form), ..provider() };
        let proof = form.proof(now).unwrap();
        assert_eq!((proof.authorization, proof.form.unwrap().as_str()), (None, "client_secret=s%3Ae%26cret"));
        assert_eq!(
            *form.refresh("r"),
            "grant_type=refresh_token&refresh_token=r&client_id=poort%20gate",
            "nothing else names it"
        );
        let out = provider().sign_out(Some("e.y.J"), "https://signin.zone.example/signed-out").unwrap();
        assert_eq!((value(&out, "id_token_hint"), value(&out, "client_id")), ("e.y.J", "poort%20gate"));
        assert!(!format!("{:?}", provider()).contains("cret"));
    }
}
