//! The admin listener: `/metrics`, why the gate is not ready, and what [`Machines`] answer, without credentials.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, Response};
use pingora::{apps::http_app::ServeHttp, protocols::http::ServerSession};
use pingora_prometheus::PrometheusHttpApp;

use crate::{
    live::Live,
    machines::{Machines, Standing, text},
    metrics,
};

/// What answers on the admin address.
pub struct Admin(Machines);

impl Admin {
    /// For this gate.
    #[must_use]
    pub fn new(live: Arc<Live>) -> Self {
        Self(Machines::new(live))
    }
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let head = session.req_header();
        let looks = matches!(head.method, Method::GET | Method::HEAD);
        match head.uri.path() {
            "/metrics" if looks => {
                metrics::look(self.0.live());
                PrometheusHttpApp.response(session).await
            }
            "/readyz" if looks => {
                let Standing { hindrances, shortcomings } = self.0.standing();
                let (status, first) = if hindrances.is_empty() { (200, "ready") } else { (503, "not ready") };
                let lines: Vec<_> =
                    [first.to_owned()].into_iter().chain(hindrances).chain(shortcomings).collect();
                text(status, format!("{}\n", lines.join("\n")))
            }
            _ => match self.0.answer(session).await {
                Some(answer) => answer,
                None if looks => {
                    text(404, "there are /metrics, /healthz, /readyz and /.well-known/jwks.json\n".to_owned())
                }
                None => text(405, "only GET\n".to_owned()),
            },
        }
    }
}
