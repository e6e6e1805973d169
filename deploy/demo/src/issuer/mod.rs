//! A small token issuer on loopback: discovery document, key set, and tokens for the asking.
//!
//! It signs whatever it is told to, right or wrong, so that tests can show a gate every kind of token. It is reachable on loopback
//! only and exists nowhere but in the demo.

mod desk;
mod key;
mod token;

pub use desk::{CLIENT, SECRET};
pub use key::{Algorithm, SigningKey};
pub(crate) use token::unique;
pub use token::{Profile, Token};

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use serde_json::{Value, json};

use crate::DemoError;
use crate::wire::{Connection, Handler, Head, Reply, ServedOver, Server};

/// An issuer to be started.
#[derive(Clone)]
pub struct IssuerOptions {
    /// Its short name in the gate's configuration, such as `zone`.
    pub alias: String,
    /// The exact `iss` of its tokens. Need not be where it listens: the gate is told the key set's address apart.
    pub issuer: String,
    /// The shape of its claims.
    pub profile: Profile,
    /// The `aud` of its tokens unless a token says otherwise.
    pub audience: String,
    /// The algorithm of its first key.
    pub algorithm: Algorithm,
    /// TLS or not.
    pub over: ServedOver,
    /// Where it listens; port 0 lets the system choose.
    pub address: SocketAddr,
}

impl IssuerOptions {
    /// ES256, audience `poort`, plain HTTP on a port the system chooses.
    pub fn new(alias: &str, issuer: &str, profile: Profile) -> Self {
        Self {
            alias: alias.to_owned(),
            issuer: issuer.to_owned(),
            profile,
            audience: "poort".to_owned(),
            algorithm: Algorithm::Es256,
            over: ServedOver::Plain,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }
}

/// A running issuer. Dropping it stops it.
pub struct Issuer {
    server: Server<Office>,
    office: Arc<Office>,
    scheme: &'static str,
}

impl Issuer {
    /// Starts listening.
    ///
    /// # Errors
    /// When the port is taken, the certificate does not fit its key, or a signing key cannot be made.
    pub fn start(options: IssuerOptions) -> Result<Self, DemoError> {
        let first = Arc::new(SigningKey::generate(options.algorithm, &format!("{}-1", options.alias))?);
        let scheme = options.over.scheme();
        let office = Arc::new(Office {
            signing: RwLock::new(first.clone()),
            published: RwLock::new(vec![first]),
            document: RwLock::new(None),
            said: RwLock::new(None),
            down: AtomicBool::new(false),
            ahead: AtomicI64::new(0),
            key_fetches: AtomicU64::new(0),
            keys_made: AtomicU64::new(1),
            root: RwLock::new(String::new()),
            desk: desk::Desk::default(),
            options,
        });
        let server = Server::start(office.options.address, &office.options.over, office.clone())?;
        *office.root.write() = format!("{scheme}://localhost:{}", server.address().port());
        Ok(Self { server, office, scheme })
    }

    /// Its short name.
    pub fn alias(&self) -> &str {
        &self.office.options.alias
    }

    /// The `iss` of its tokens.
    pub fn issuer(&self) -> &str {
        &self.office.options.issuer
    }

    /// The shape of its claims.
    pub fn profile(&self) -> Profile {
        self.office.options.profile
    }

    /// The `aud` of its tokens.
    pub fn audience(&self) -> &str {
        &self.office.options.audience
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The URL that everything here hangs below, such as `https://localhost:40123`.
    pub fn root(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.address().port())
    }

    /// The URL of its key set (RFC 7517).
    pub fn keys_url(&self) -> String {
        format!("{}/jwks", self.root())
    }

    /// Signs a token with the current key.
    ///
    /// # Errors
    /// When the key refuses to sign.
    pub fn mint(&self, token: &Token) -> Result<String, DemoError> {
        self.office.mint(token)
    }

    /// Signs a token with any key; `kid` is that key's.
    ///
    /// # Errors
    /// As [`Issuer::mint`].
    pub fn mint_with(&self, key: &SigningKey, token: &Token) -> Result<String, DemoError> {
        key.sign(&token.header(self.profile(), Some(key)), &self.office.claims(token))
    }

    /// A token that says `alg: none` and carries no signature (RFC 8725, 2.1).
    pub fn mint_unsigned(&self, token: &Token) -> String {
        key::unsigned(&token.header(self.profile(), None), &self.office.claims(token))
    }

    /// Makes a new key, publishes it beside the old ones, and signs with it from now on.
    ///
    /// # Errors
    /// When the key cannot be made.
    pub fn rotate(&self, algorithm: Algorithm) -> Result<Arc<SigningKey>, DemoError> {
        let key = self.new_key(algorithm)?;
        self.office.published.write().push(key.clone());
        *self.office.signing.write() = key.clone();
        Ok(key)
    }

    /// Makes a new key and signs with it, but never publishes it.
    ///
    /// # Errors
    /// As [`Issuer::rotate`].
    pub fn rotate_in_secret(&self, algorithm: Algorithm) -> Result<Arc<SigningKey>, DemoError> {
        let key = self.new_key(algorithm)?;
        *self.office.signing.write() = key.clone();
        Ok(key)
    }

    /// Publishes only the key that signs now: tokens by older keys lose their key.
    pub fn retire_old_keys(&self) {
        let current = self.office.signing.read().clone();
        *self.office.published.write() = vec![current];
    }

    /// The key that signs now.
    pub fn signing_key(&self) -> Arc<SigningKey> {
        self.office.signing.read().clone()
    }

    /// The key set as published.
    pub fn key_set(&self) -> Value {
        self.office.key_set()
    }

    /// Publishes these bytes as the key set, whatever they are; `None` publishes the real one again.
    pub fn publish(&self, document: Option<Vec<u8>>) {
        self.answer_for_keys(document.map(|body| Reply { body, ..Reply::json(200, &Value::Null) }));
    }

    /// Answers this to whoever asks for the key set; `None` answers with it again.
    pub fn answer_for_keys(&self, answer: Option<Reply>) {
        *self.office.document.write() = answer;
    }

    /// How many seconds its clock is ahead, when it signs what it was asked for.
    pub fn set_clock(&self, ahead: i64) {
        self.office.ahead.store(ahead, Ordering::SeqCst);
    }

    /// Says this of itself, whatever it is; `None` says what is so again.
    pub fn announce(&self, said: Option<Reply>) {
        *self.office.said.write() = said;
    }

    /// What it says of itself (OpenID Connect Discovery 1.0).
    pub fn discovery(&self) -> Value {
        self.office.discovery()
    }

    /// While down, every request is answered with 503.
    pub fn down(&self, down: bool) {
        self.office.down.store(down, Ordering::SeqCst);
    }

    /// Refuses connections until [`Issuer::open`].
    pub async fn close(&self) {
        self.server.close().await;
    }

    /// Listens again after [`Issuer::close`].
    ///
    /// # Errors
    /// When the port was taken meanwhile.
    pub fn open(&self) -> Result<(), DemoError> {
        self.server.open()
    }

    /// How often a gate asked again about somebody who had signed in.
    pub fn refreshes(&self) -> u64 {
        self.office.desk.refreshed()
    }

    /// Whether what it says of somebody who signs in is good for a second only.
    pub fn shorten(&self, short: bool) {
        self.office.desk.shorten(short);
    }

    /// Says no more in ID tokens when people signed in, or says it again.
    pub fn leave_sign_in_times_out(&self, out: bool) {
        self.office.desk.leave_sign_in_times_out(out);
    }

    /// Refuses, from now on, to confirm this person.
    pub fn dismiss(&self, user: &str) {
        self.office.desk.dismiss(user);
    }

    /// How often the key set was asked for, successfully or not.
    pub fn key_fetches(&self) -> u64 {
        self.office.key_fetches.load(Ordering::SeqCst)
    }

    fn new_key(&self, algorithm: Algorithm) -> Result<Arc<SigningKey>, DemoError> {
        let number = self.office.keys_made.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Arc::new(SigningKey::generate(algorithm, &format!("{}-{number}", self.alias()))?))
    }
}

struct Office {
    options: IssuerOptions,
    signing: RwLock<Arc<SigningKey>>,
    published: RwLock<Vec<Arc<SigningKey>>>,
    document: RwLock<Option<Reply>>,
    said: RwLock<Option<Reply>>,
    down: AtomicBool,
    ahead: AtomicI64,
    key_fetches: AtomicU64,
    keys_made: AtomicU64,
    root: RwLock<String>,
    desk: desk::Desk,
}

impl Office {
    fn claims(&self, token: &Token) -> Value {
        token.claims(self.options.profile, &self.options.issuer, &self.options.audience)
    }

    fn mint(&self, token: &Token) -> Result<String, DemoError> {
        let (key, ahead) = (self.signing.read().clone(), self.ahead.load(Ordering::SeqCst));
        let shift = Duration::from_secs(ahead.unsigned_abs());
        let issued = if ahead < 0 { token.issued - shift } else { token.issued + shift };
        let token = token.clone().issued(issued);
        key.sign(&token.header(self.options.profile, Some(&key)), &self.claims(&token))
    }

    fn key_set(&self) -> Value {
        let keys: Vec<Value> = self.published.read().iter().map(|key| key.public_jwk()).collect();
        json!({ "keys": keys })
    }

    fn answer(&self, head: &Head, body: &[u8]) -> Reply {
        if head.path() == "/jwks" {
            self.key_fetches.fetch_add(1, Ordering::SeqCst);
        }
        if self.down.load(Ordering::SeqCst) {
            return Reply::text(503, "text/plain", "this issuer is down\n");
        }
        match (head.method.as_str(), head.path()) {
            ("GET" | "HEAD", "/.well-known/openid-configuration") => {
                let said = self.said.read().clone();
                said.unwrap_or_else(|| Reply::json(200, &self.discovery()))
            }
            ("GET" | "HEAD", "/jwks") => {
                let answer = self.document.read().clone();
                answer.unwrap_or_else(|| Reply::json(200, &self.key_set()))
            }
            // RFC 8414, 3.1.
            ("GET" | "HEAD", "/.well-known/oauth-authorization-server") => {
                Reply::json(200, &self.discovery())
            }
            ("GET", "/authorize") => self.desk.authorize(head, &self.options.issuer),
            ("GET", "/logout") => self.desk.end(head),
            ("POST", "/exchange") => self.desk.exchange(head, body, |token| self.mint(token)),
            ("GET", "/token") => self.token(head.queries()),
            ("POST", "/token") => self.token(crate::wire::pairs(&String::from_utf8_lossy(body))),
            _ => Reply::text(404, "text/plain", "try /token?user=an.janssens&role=officer\n"),
        }
    }

    fn discovery(&self) -> Value {
        let root = self.root.read().clone();
        json!({
            "issuer": self.options.issuer,
            "jwks_uri": format!("{root}/jwks"),
            "authorization_endpoint": format!("{root}/authorize"),
            "token_endpoint": format!("{root}/exchange"),
            "end_session_endpoint": format!("{root}/logout"),
            "authorization_response_iss_parameter_supported": true,
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["ES256", "PS256", "EdDSA", "RS256"],
            "subject_types_supported": ["public"],
            "response_types_supported": ["code"],
        })
    }

    /// `user`, `role`, `unit`, `amr` (each repeatable but `user`), `acr`, `aud`, `act`, `minutes`; `format=text` gives the bare token.
    fn token(&self, parameters: impl Iterator<Item = (String, String)>) -> Reply {
        let mut token = Token::of("an.janssens");
        let mut bare = false;
        for (name, value) in parameters {
            token = match name.as_str() {
                "user" => token.subject(&value),
                "role" => token.role(&value),
                "unit" => token.unit(&value),
                "acr" => token.acr(&value),
                "amr" => token.amr(&value),
                "aud" => token.audience(&value),
                "act" => token.actor(&value),
                "minutes" => token.lifetime(Duration::from_secs(60 * value.parse().unwrap_or(5))),
                "format" => {
                    bare = value == "text";
                    token
                }
                _ => return Reply::text(400, "text/plain", &format!("unknown parameter `{name}`\n")),
            };
        }
        match self.mint(&token) {
            Ok(signed) if bare => Reply::text(200, "text/plain", &signed),
            Ok(signed) => Reply::json(
                200,
                &json!({ "access_token": signed, "token_type": "Bearer", "expires_in": token.lifetime.as_secs() }),
            ),
            Err(error) => Reply::text(500, "text/plain", &error.to_string()),
        }
    }
}

impl Handler for Office {
    async fn serve(&self, mut connection: Connection) {
        while let Ok(Some(head)) = connection.head().await {
            let mut body = Vec::new();
            if connection.body(&head, |piece| body.extend_from_slice(piece)).await.is_err() {
                return;
            }
            let reply = self.answer(&head, &body).header("Cache-Control", "no-store");
            if connection.reply(&head, &reply).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
