//! Signing in with a browser: an authorization endpoint with a page of buttons, codes, refresh tokens, and signing out.
//!
//! OpenID Connect's authorization code flow with PKCE, as far as a gate uses it. Nobody types a password: whoever is at the page chooses who
//! they are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{Token, unique};
use crate::DemoError;
use crate::wire::{Head, Reply, decode_component, pairs};

/// The gate's client id.
pub const CLIENT: &str = "poort-gate";
/// The gate's client secret; it opens nothing but the demo.
pub const SECRET: &str = "demo-secret-of-the-gate";

/// Who can be chosen at the page: name, role, unit, and what people call them.
const PEOPLE: [(&str, &str, Option<&str>, &str); 4] = [
    ("an.janssens", "officer", Some("team-a"), "An Janssens, officer of team A"),
    ("cas.willems", "officer", Some("team-a"), "Cas Willems, officer of team A"),
    ("bo.maes", "supervisor", Some("team-a"), "Bo Maes, supervisor"),
    ("eva.lambert", "officer", None, "Eva Lambert, officer of another zone"),
];

const STRONG: &str = "https://refeds.org/profile/mfa";

/// What the authorization endpoint remembers.
#[derive(Default)]
pub(super) struct Desk {
    codes: Mutex<HashMap<String, Code>>,
    refreshes: Mutex<HashMap<String, SignedIn>>,
    refreshed: AtomicU64,
    short: AtomicBool,
    untimed: AtomicBool,
    dismissed: Mutex<Vec<String>>,
}

struct Code {
    redirect: String,
    challenge: String,
    nonce: String,
    who: SignedIn,
}

#[derive(Clone)]
struct SignedIn {
    user: String,
    role: String,
    unit: Option<String>,
    strong: bool,
    sid: String,
}

impl SignedIn {
    fn token(&self) -> Token {
        let token = Token::of(&self.user).role(&self.role);
        let token = self.unit.iter().fold(token, |token, unit| token.unit(unit));
        let token = if self.strong { token.strong() } else { token.acr("password").amr("pwd") };
        token.claim("sid", self.sid.as_str())
    }
}

impl Desk {
    /// How often a session was refreshed.
    pub(super) fn refreshed(&self) -> u64 {
        self.refreshed.load(Ordering::SeqCst)
    }

    /// Whether tokens are good for a second only, so that a gate asks again soon.
    pub(super) fn shorten(&self, short: bool) {
        self.short.store(short, Ordering::SeqCst);
    }

    /// Whether ID tokens leave out when people signed in.
    pub(super) fn leave_sign_in_times_out(&self, out: bool) {
        self.untimed.store(out, Ordering::SeqCst);
    }

    /// Refuses to refresh what this person has.
    pub(super) fn dismiss(&self, user: &str) {
        self.dismissed.lock().push(user.to_owned());
    }

    /// The page on which somebody says who they are; with `user` in the query, that was said.
    pub(super) fn authorize(&self, head: &Head, issuer: &str) -> Reply {
        let asked: HashMap<String, String> = head.queries().collect();
        let said = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
        let sound = said("client_id") == CLIENT
            && said("response_type") == "code"
            && said("code_challenge_method") == "S256"
            && said("redirect_uri").contains("/callback/")
            && said("scope").split(' ').any(|scope| scope == "openid");
        if !sound {
            return Reply::text(400, "text/plain", "this is no authorization request of the gate's\n");
        }
        let Some((user, role, unit, _)) = PEOPLE.iter().find(|(user, ..)| *user == said("user")) else {
            return Reply::text(200, "text/html; charset=utf-8", &page(&head.target));
        };
        let strong = said("strong") == "1";
        let unit = unit.map(str::to_owned);
        let who =
            SignedIn { user: (*user).to_owned(), role: (*role).to_owned(), unit, strong, sid: unique() };
        let code = unique();
        let kept = Code {
            redirect: said("redirect_uri").to_owned(),
            challenge: said("code_challenge").to_owned(),
            nonce: said("nonce").to_owned(),
            who,
        };
        self.codes.lock().insert(code.clone(), kept);
        let location = format!(
            "{}?code={code}&state={}&iss={}",
            said("redirect_uri"),
            encoded(said("state")),
            encoded(issuer)
        );
        Reply::status(302).header("Location", &location)
    }

    /// The token endpoint, for the gate: a code or a refresh token for tokens. `mint` signs a token.
    pub(super) fn exchange(
        &self,
        head: &Head,
        body: &[u8],
        mint: impl Fn(&Token) -> Result<String, DemoError>,
    ) -> Reply {
        let credentials = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
        if head.header("authorization") != Some(&credentials) {
            return refused(401, "invalid_client");
        }
        let form: HashMap<String, String> = pairs(&String::from_utf8_lossy(body)).collect();
        let said = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let (who, nonce) = match said("grant_type") {
            "authorization_code" => {
                let Some(code) = self.codes.lock().remove(said("code")) else {
                    return refused(400, "invalid_grant");
                };
                let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, said("code_verifier").as_bytes()));
                if code.challenge != challenge || code.redirect != said("redirect_uri") {
                    return refused(400, "invalid_grant");
                }
                (code.who, Some(code.nonce))
            }
            "refresh_token" => {
                self.refreshed.fetch_add(1, Ordering::SeqCst);
                let Some(who) = self.refreshes.lock().remove(said("refresh_token")) else {
                    return refused(400, "invalid_grant");
                };
                if self.dismissed.lock().contains(&who.user) {
                    return refused(400, "invalid_grant");
                }
                (who, None)
            }
            _ => return refused(400, "unsupported_grant_type"),
        };
        match self.tokens(&who, nonce.as_deref(), mint) {
            Ok(tokens) => Reply::json(200, &tokens),
            Err(error) => Reply::text(500, "text/plain", &error.to_string()),
        }
    }

    fn tokens(
        &self,
        who: &SignedIn,
        nonce: Option<&str>,
        mint: impl Fn(&Token) -> Result<String, DemoError>,
    ) -> Result<Value, DemoError> {
        let seconds = if self.short.load(Ordering::SeqCst) { 1 } else { 300 };
        let access = who.token().claim("azp", CLIENT).lifetime(Duration::from_secs(300));
        let id = who.token().claim("typ", "ID").claim("azp", CLIENT).audience(CLIENT);
        let untimed = self.untimed.load(Ordering::SeqCst);
        let id = if untimed { id.claim("auth_time", Value::Null) } else { id };
        let id = nonce.iter().fold(id, |id, nonce| id.claim("nonce", *nonce));
        let refresh = unique();
        self.refreshes.lock().insert(refresh.clone(), who.clone());
        Ok(json!({
            "access_token": mint(&access)?, "id_token": mint(&id)?, "refresh_token": refresh,
            "token_type": "Bearer", "expires_in": seconds,
        }))
    }

    /// Signs out, and leads back.
    pub(super) fn end(&self, head: &Head) -> Reply {
        match head.query("post_logout_redirect_uri") {
            Some(back) if back.starts_with("https://") && back.ends_with("/signed-out") => {
                Reply::status(302).header("Location", &back)
            }
            _ => Reply::text(200, "text/plain", "you are signed out here\n"),
        }
    }
}

fn refused(status: u16, error: &str) -> Reply {
    Reply::json(status, &json!({ "error": error }))
}

/// Who is there? `target` is the request's own, which every button repeats.
fn page(target: &str) -> String {
    let target = target.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let asked = decode_component(&target);
    let strong_wanted = asked.contains(STRONG) || asked.contains("prompt=strong");
    let button = |user: &str, name: &str, strong: bool| {
        let (more, how) = if strong { ("&amp;strong=1", "security key") } else { ("", "password") };
        format!(
            "<p><a class=\"b\" href=\"{target}&amp;user={user}{more}\">{name} <small>({how})</small></a></p>"
        )
    };
    let mut buttons = String::new();
    for (user, _, _, name) in PEOPLE {
        if !strong_wanted {
            buttons.push_str(&button(user, name, false));
        }
        buttons.push_str(&button(user, name, true));
    }
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Demo sign-in</title><style>:root{{color-scheme:light dark}}body{{font:1.2rem system-ui;max-width:34rem;margin:8vh auto;padding:0 1rem}}\
         .b{{display:block;padding:1rem;border:2px solid;border-radius:.5rem;text-decoration:none;color:inherit}}</style>\
         <h1>Who are you?</h1><p>The demo's issuer asks for no password.</p>{buttons}</html>"
    )
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
