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
use poort_identity::{
    AssertionKey,
    sign_in::SignInFault,
    token::{KeyLookup as _, Keys, TokenFault},
};
use tokio::time::{Instant, timeout_at};

use crate::{listen::Connection, live::Live};

/// Largest logout request that is read, in bytes.
const LOGOUT_LIMIT: usize = 32 * 1024;

/// How long one may take, whole. Between its pieces the server library would wait for ever in HTTP/2.
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
            // Why not is for the operators alone: anybody may connect here.
            "/readyz" if looks => Some(match self.standing().hindrances.is_empty() {
                true => text(200, "ready\n".to_owned()),
                false => text(503, "not ready\n".to_owned()),
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

    /// How ready the gate is.
    pub(crate) fn standing(&self) -> Standing {
        let (snapshot, held, now) = (self.live.snapshot(), self.live.trust.load(), SystemTime::now());
        let keys = &snapshot.pipeline.ports.keys;
        let issuers = keys.iter().map(|issuer| {
            (
                issuer.alias().to_owned(),
                matches!(snapshot.pipeline.ports.keys(issuer.alias()), Keys::Fresh(_)),
            )
        });
        let rule = held.trust.rule();
        let lists = held.trust.revocations().ages(now).into_iter().map(|age| {
            let is_current = age.next_update.checked_add(rule.grace).is_some_and(|end| now < end);
            (age.issuer, is_current)
        });
        let mut standing = Standing::default();
        if self.live.audit.health().failing {
            standing.hindrances.push("the decision log cannot be written".to_owned());
        }
        standing.of_issuers(issuers.collect());
        standing.of_lists(lists.collect(), rule.required);
        standing.shortcomings.extend(self.live.carry.sessions.hindrance().map(str::to_owned));
        standing
    }

    fn keys(&self) -> Response<Vec<u8>> {
        let snapshot = self.live.snapshot();
        let keys = AssertionKey::jwks(snapshot.assertions.iter().map(poort_identity::Assertions::key));
        typed(200, "application/jwk-set+json", keys)
    }

    /// An issuer says who signed out there (OpenID Connect Back-Channel Logout 1.0, 2.5 to 2.8). It is answered once that is done.
    async fn sign_out(&self, alias: &str, session: &mut ServerSession) -> Response<Vec<u8>> {
        let Some(form) = form(session).await else { return refused(400) };
        let snapshot = self.live.snapshot();
        let Some(desk) = &snapshot.pipeline.ports.sign_in else {
            return text(404, "nobody signs in here\n".to_owned());
        };
        match desk.end_by_issuer(alias, &form, SystemTime::now(), &self.live.audit).await {
            Ok(_) => text(200, String::new()),
            Err(fault) => {
                tracing::warn!(event = "logout_token_refused", %fault);
                refused(if may_come_again(&fault) { 503 } else { 400 })
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

/// How ready a gate is. What some are refused for is no hindrance: a balancer that took every gate away because the issuer of some cannot be
/// reached would refuse everybody.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// What keeps it from serving anybody; nothing when it is ready.
    pub(crate) hindrances: Vec<String>,
    /// What keeps it from serving some.
    pub(crate) shortcomings: Vec<String>,
}

impl Standing {
    /// Issuers, each with whether there are fresh keys of it.
    fn of_issuers(&mut self, issuers: Vec<(String, bool)>) {
        let none = !issuers.iter().any(|(_, fresh)| *fresh);
        let absent = issuers.into_iter().filter(|(_, fresh)| !fresh);
        let said =
            absent.map(|(alias, _)| format!("no fresh keys of issuer `{alias}`: its tokens are refused"));
        let place = if none { &mut self.hindrances } else { &mut self.shortcomings };
        place.extend(said);
    }

    /// Authorities, each with whether their revocation list is current, and whether each device must be on one.
    fn of_lists(&mut self, lists: Vec<(String, bool)>, required: bool) {
        let none = required && !lists.iter().any(|(_, current)| *current);
        let stale = lists.into_iter().filter(|(_, current)| !current);
        let said = stale.map(|(issuer, _)| {
            format!("the revocation list of `{issuer}` is stale: its devices are refused")
        });
        let place = if none { &mut self.hindrances } else { &mut self.shortcomings };
        place.extend(said);
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

/// A form, unless it is too large or takes too long.
async fn form(session: &mut ServerSession) -> Option<Vec<u8>> {
    let (mut form, until) = (Vec::new(), Instant::now() + PATIENCE);
    while let Some(piece) = timeout_at(until, session.read_request_body()).await.ok()?.ok()? {
        if form.len() + piece.len() > LOGOUT_LIMIT {
            return None;
        }
        form.extend_from_slice(&piece);
    }
    Some(form)
}

/// Whether what failed is the gate's own affair, and the same logout token is good in a minute.
const fn may_come_again(fault: &SignInFault) -> bool {
    matches!(
        fault,
        SignInFault::Full
            | SignInFault::Unkept
            | SignInFault::Internal
            | SignInFault::Token(TokenFault::KeysAbsent { .. } | TokenFault::KeysStale { .. })
    )
}

fn refused(status: u16) -> Response<Vec<u8>> {
    let error = if status == 400 { "invalid_request" } else { "temporarily_unavailable" };
    typed(status, "application/json", format!(r#"{{"error":"{error}"}}"#))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn named(all: &[(&str, bool)]) -> Vec<(String, bool)> {
        all.iter().map(|(name, good)| ((*name).to_owned(), *good)).collect()
    }

    #[test]
    fn a_gate_that_serves_some_is_ready_and_says_whom_it_does_not() {
        let (zone, federal) = ("zone", "federal");
        for (case, issuers, lists, required, hindrances, shortcomings) in [
            ("all is well", &[(zone, true)][..], &[("CN=Devices", true)][..], true, 0, 0),
            ("one issuer is away", &[(zone, true), (federal, false)], &[], true, 0, 1),
            ("every issuer is away", &[(zone, false), (federal, false)], &[], true, 2, 0),
            ("there are no issuers", &[], &[], true, 0, 0),
            ("every list is stale", &[(zone, true)], &[("CN=Devices", false)], true, 1, 0),
            ("one is not", &[(zone, true)], &[("CN=Devices", false), ("CN=New", true)], true, 0, 1),
            ("none is required", &[(zone, true)], &[("CN=Devices", false)], false, 0, 1),
        ] {
            let mut standing = Standing::default();
            standing.of_issuers(named(issuers));
            standing.of_lists(named(lists), required);
            let found = (standing.hindrances.len(), standing.shortcomings.len());
            assert_eq!(found, (hindrances, shortcomings), "{case}: {standing:?}");
        }
    }
}
