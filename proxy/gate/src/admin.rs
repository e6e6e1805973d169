//! The admin listener: `/metrics`, `/healthz`, `/readyz`, the key that sources verify assertions with, and `/backchannel-logout/ISSUER`, where
//! issuers say who signed out.

use std::{sync::Arc, time::SystemTime};

use async_trait::async_trait;
use http::{Method, Response, header};
use pingora::{apps::http_app::ServeHttp, protocols::http::ServerSession};
use pingora_prometheus::PrometheusHttpApp;
use poort_identity::{AssertionKey, token::KeyLookup as _, token::Keys};

use crate::{live::Live, metrics};

/// Largest logout request that is read, in bytes.
const LOGOUT_LIMIT: usize = 32 * 1024;

/// What answers on the admin address.
pub struct Admin {
    live: Arc<Live>,
}

impl Admin {
    /// For this gate.
    #[must_use]
    pub fn new(live: Arc<Live>) -> Self {
        Self { live }
    }

    /// What keeps the gate from serving; nothing when it is ready.
    fn hindrances(&self) -> Vec<String> {
        let snapshot = self.live.snapshot();
        let keys = snapshot.pipeline.ports.keys.iter().filter_map(|issuer| {
            let absent = !matches!(snapshot.pipeline.ports.keys(issuer.alias()), Keys::Fresh(_));
            absent.then(|| format!("no fresh keys of issuer `{}`", issuer.alias()))
        });
        let audit = self.live.audit.health();
        let unwritable = audit.failing.then(|| "the decision log cannot be written".to_owned());
        let unkept = self.live.carry.sessions.hindrance().map(str::to_owned);
        keys.chain(unwritable).chain(unkept).collect()
    }
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        if let Some(alias) = session.req_header().uri.path().strip_prefix("/backchannel-logout/")
            && session.req_header().method == Method::POST
        {
            let alias = alias.to_owned();
            return self.sign_out(&alias, session).await;
        }
        let head = session.req_header();
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return text(405, "only GET\n".to_owned());
        }
        match head.uri.path() {
            "/metrics" => {
                metrics::look(&self.live);
                PrometheusHttpApp.response(session).await
            }
            // Alive: it can answer at all. A gate that waits for an issuer must not be restarted for that.
            "/healthz" => text(200, "ok\n".to_owned()),
            "/readyz" => match self.hindrances() {
                none if none.is_empty() => text(200, "ready\n".to_owned()),
                hindrances => text(503, format!("{}\n", hindrances.join("\n"))),
            },
            "/.well-known/jwks.json" => {
                let snapshot = self.live.snapshot();
                let keys =
                    AssertionKey::jwks(snapshot.assertions.iter().map(poort_identity::Assertions::key));
                typed(200, "application/jwk-set+json", keys)
            }
            _ => text(404, "there are /metrics, /healthz, /readyz and /.well-known/jwks.json\n".to_owned()),
        }
    }
}

impl Admin {
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
}

fn refused() -> Response<Vec<u8>> {
    typed(400, "application/json", r#"{"error":"invalid_request"}"#.to_owned())
}

fn text(status: u16, body: String) -> Response<Vec<u8>> {
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
