//! The admin listener: `/metrics`, `/healthz`, `/readyz`, and the key that sources verify assertions with.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, Response, header};
use pingora::{apps::http_app::ServeHttp, protocols::http::ServerSession};
use pingora_prometheus::PrometheusHttpApp;
use poort_identity::{AssertionKey, token::KeyLookup as _, token::Keys};

use crate::live::Live;

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
        keys.chain(unwritable).collect()
    }
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let head = session.req_header();
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return text(405, "only GET\n".to_owned());
        }
        match head.uri.path() {
            "/metrics" => {
                self.live.observe();
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
