//! What machines ask that have no device certificate: the keys that sources verify assertions with, whether the gate serves, and
//! `/backchannel-logout/ISSUER`, where issuers say who signed out.
//!
//! It is answered on the admin listener, and on the service listener (`service:` in the operators' file), which has TLS and may be reached from
//! elsewhere. Nothing here is anybody's data.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use http::{Method, Response, header};
use pingora::{apps::http_app::ServeHttp, protocols::http::ServerSession};
use poort_enforce::{
    ports::{Bucket, Limits as _},
    reason::Budget,
};
use poort_identity::{AssertionKey, token::KeyLookup as _, token::Keys};

use crate::{listen::Connection, live::Live};

/// Largest logout request that is read, in bytes.
const LOGOUT_LIMIT: usize = 32 * 1024;

/// How long the next piece of one may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What machines are answered.
pub struct Machines {
    live: Arc<Live>,
}

impl Machines {
    /// By this gate.
    #[must_use]
    pub fn new(live: Arc<Live>) -> Self {
        Self { live }
    }

    /// The gate that answers.
    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// The answer to a request that is for machines; none for any other.
    pub(crate) async fn answer(&self, session: &mut ServerSession) -> Option<Response<Vec<u8>>> {
        let head = session.req_header();
        let looks = matches!(head.method, Method::GET | Method::HEAD);
        match head.uri.path() {
            // Alive: it can answer at all. A gate that waits for an issuer must not be restarted for that.
            "/healthz" if looks => Some(text(200, "ok\n".to_owned())),
            "/readyz" if looks => Some(match self.hindrances() {
                none if none.is_empty() => text(200, "ready\n".to_owned()),
                _ => text(503, "not ready\n".to_owned()),
            }),
            "/.well-known/jwks.json" if looks => Some(self.keys()),
            path => {
                let alias = path.strip_prefix("/backchannel-logout/")?.to_owned();
                if session.req_header().method != Method::POST {
                    return Some(text(405, "only POST\n".to_owned()));
                }
                Some(self.sign_out(&alias, session).await)
            }
        }
    }

    /// What keeps the gate from serving; nothing when it is ready.
    pub(crate) fn hindrances(&self) -> Vec<String> {
        let snapshot = self.live.snapshot();
        let keys = snapshot.pipeline.ports.keys.iter().filter_map(|issuer| {
            let absent = !matches!(snapshot.pipeline.ports.keys(issuer.alias()), Keys::Fresh(_));
            absent.then(|| format!("no fresh keys of issuer `{}`", issuer.alias()))
        });
        let audit = self.live.audit.health();
        let unwritable = audit.failing.then(|| "the decision log cannot be written".to_owned());
        keys.chain(unwritable).collect()
    }

    fn keys(&self) -> Response<Vec<u8>> {
        let snapshot = self.live.snapshot();
        let keys = AssertionKey::jwks(snapshot.assertions.iter().map(poort_identity::Assertions::key));
        typed(200, "application/jwk-set+json", keys)
    }

    /// An issuer says who signed out there (OpenID Connect Back-Channel Logout 1.0, 2.5 to 2.8). It is answered once that is done.
    async fn sign_out(&self, alias: &str, session: &mut ServerSession) -> Response<Vec<u8>> {
        let mut form = Vec::new();
        loop {
            match session.read_request_body().await {
                Ok(Some(piece)) if form.len() + piece.len() <= LOGOUT_LIMIT => form.extend_from_slice(&piece),
                Ok(None) => break,
                Ok(Some(_)) | Err(_) => return refused(),
            }
        }
        let snapshot = self.live.snapshot();
        let Some(desk) = &snapshot.pipeline.ports.sign_in else {
            return text(404, "nobody signs in here\n".to_owned());
        };
        match desk.end_by_issuer(alias, &form, SystemTime::now(), &self.live.audit).await {
            Ok(_) => text(200, String::new()),
            Err(fault) => {
                tracing::warn!(event = "logout_token_refused", %fault);
                refused()
            }
        }
    }

    /// Whether an address has asked too much: whoever wants may connect here, and each logout token costs a signature.
    fn is_flooded_by(&self, address: IpAddr) -> bool {
        let snapshot = self.live.snapshot();
        let ports = &snapshot.pipeline.ports;
        ports.take(Bucket::of(Budget::Address, &ports.prefix(address)), 1).is_err()
    }
}

#[async_trait]
impl ServeHttp for Machines {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let Some(connection) = session.digest().and_then(Connection::of).map(Arc::clone) else {
            return text(500, "this connection is not known\n".to_owned());
        };
        connection.head_done();
        session.set_read_timeout(Some(PATIENCE));
        if connection.head_fault().is_some() {
            session.set_keepalive(None);
            return text(400, "this request can be read in two ways\n".to_owned());
        }
        if self.is_flooded_by(connection.peer().ip()) {
            return text(429, "too many requests\n".to_owned());
        }
        let answer = self.answer(session).await;
        answer.unwrap_or_else(|| text(404, "nothing is here\n".to_owned()))
    }
}

fn refused() -> Response<Vec<u8>> {
    typed(400, "application/json", r#"{"error":"invalid_request"}"#.to_owned())
}

pub(crate) fn text(status: u16, body: String) -> Response<Vec<u8>> {
    typed(status, "text/plain; charset=utf-8", body)
}

fn typed(status: u16, kind: &'static str, body: String) -> Response<Vec<u8>> {
    let response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, kind)
        .header(header::CONTENT_LENGTH, body.len())
        .header(header::CACHE_CONTROL, "no-store");
    response.body(body.into_bytes()).unwrap_or_default()
}
