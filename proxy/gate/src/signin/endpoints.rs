//! The gate's own pages: which room answers which, and what is said when one fails.

use std::sync::Arc;

use http::{Method, StatusCode};
use poort_enforce::{
    reply::Reply,
    routes::Routes,
    sign_in::{Endpoint, SESSION_COOKIE, cookie},
};
use poort_identity::{
    session::{Purpose, Session, SessionId},
    sign_in::SignInFault,
    token::TokenFault,
};

use super::{
    Desk, Kept, State, Visit,
    pages::Page,
    texts,
    visit::{Answered, Stranded},
};
use crate::audit::{Act, Record};

impl Desk {
    /// Answers a request for one of the gate's own pages.
    pub async fn answer(self: &Arc<Self>, endpoint: Endpoint, visit: Visit<'_>, routes: &Routes) -> Reply {
        let done = match endpoint {
            Endpoint::Mission => self.mission(visit).await.map_err(Stranded::from),
            Endpoint::BreakGlass => self.break_glass(visit).await.map_err(Stranded::from),
            other => self.answer_plainly(other, visit, routes).await.map(|reply| (reply, "answered")),
        };
        let code = done.as_ref().map_or_else(|stranded| stranded.fault.code(), |(_, code)| code);
        self.metrics.signed_in(endpoint.as_str(), code);
        if endpoint == Endpoint::Callback && done.is_err() {
            let failed = visit.authentication(Act::Failed { code });
            // It failed: whether that is written down too changes nothing.
            let _ = visit.audit.append(Record::Authentication(Box::new(failed)));
        }
        done.map(|(reply, _)| reply).unwrap_or_else(|stranded| {
            let fault = &stranded.fault;
            tracing::warn!(event = "sign_in_failed", endpoint = endpoint.as_str(), %fault, request = %visit.id);
            failed(endpoint, fault, &self.again(&stranded, visit), visit)
        })
    }

    async fn answer_plainly(
        self: &Arc<Self>,
        endpoint: Endpoint,
        visit: Visit<'_>,
        routes: &Routes,
    ) -> Result<Reply, Stranded> {
        let answered = match endpoint {
            Endpoint::Callback => return self.callback(visit).await,
            Endpoint::Home => self.home(visit).await,
            Endpoint::Start => self.start(visit).await,
            Endpoint::SignOut if visit.facts.method == Method::POST => self.sign_out(visit).await,
            // Any site can send a browser to the second: as long as it has the cookie, nobody has signed out.
            Endpoint::SignOut | Endpoint::SignedOut => self.ask_to_sign_out(visit),
            Endpoint::HandOver => self.take_over(visit, routes).await,
            Endpoint::Logout => self.go(format!("{}/sign-out", self.origin), vec![], visit),
            // They are answered above.
            Endpoint::Mission | Endpoint::BreakGlass => Err(SignInFault::Internal),
        };
        answered.map_err(Stranded::from)
    }

    /// The open session that the sign-in host's cookie names, on its device.
    pub(super) async fn present(&self, visit: Visit<'_>) -> Option<(SessionId, Kept)> {
        self.present_at(&self.host, visit).await
    }

    /// The open session that the cookie of a host of the gate names, on its device.
    pub(super) async fn present_at(&self, host: &str, visit: Visit<'_>) -> Option<(SessionId, Kept)> {
        let value = cookie(visit.headers, SESSION_COOKIE).ok().flatten()?;
        let session = Session::open(&self.seal, value, host, visit.now).ok()?;
        let kept = self.state.find(session.id).await.ok()??;
        let open = session.device == visit.device && kept.device == visit.device;
        (open && self.fault(&kept, visit.now).is_none()).then_some((session.id, kept))
    }

    /// Proof that a form came from a page of the gate's own, in this session.
    pub(super) fn proof(&self, form: &str, id: SessionId) -> Result<String, SignInFault> {
        self.seal.seal(Purpose::Form, format!("{form} {id}").as_bytes()).map_err(|_| SignInFault::Internal)
    }

    async fn home(&self, visit: Visit<'_>) -> Answered {
        let Some((_, kept)) = self.present(visit).await else {
            let page = visit.page(texts::NOT_SIGNED_IN).say(texts::OPEN_OR_SIGN_IN);
            return Ok(page.link("/start", texts::SIGN_IN).reply(visit.id));
        };
        let name = kept.subject.display.as_deref().unwrap_or(&kept.subject.id);
        let here = format!("{}{name}.", texts::ON_THIS_DEVICE.in_language(visit.language()));
        Ok(visit
            .page(texts::SIGNED_IN)
            .text(&here)
            .link("/mission", texts::ON_A_MISSION)
            .link("/start?other=1", texts::SOMEBODY_ELSE)
            .link("/sign-out", texts::SIGN_OUT)
            .reply(visit.id))
    }
}

/// What a person is told when a page fails: what happened, and that nothing is lost by trying again, at this address.
fn failed(endpoint: Endpoint, fault: &SignInFault, again: &str, visit: Visit<'_>) -> Reply {
    let (status, text) = match fault {
        SignInFault::Unreachable(_)
        | SignInFault::Response
        | SignInFault::Undiscovered
        | SignInFault::ClientProof
        | SignInFault::Token(TokenFault::KeysAbsent { .. } | TokenFault::KeysStale { .. }) => {
            (StatusCode::BAD_GATEWAY, texts::NO_ANSWER)
        }
        SignInFault::Full | SignInFault::Unkept | SignInFault::Internal => {
            let text =
                if endpoint == Endpoint::SignOut { texts::STILL_SIGNED_IN } else { texts::NOT_POSSIBLE };
            (StatusCode::SERVICE_UNAVAILABLE, text)
        }
        SignInFault::Refused(_) => (StatusCode::FORBIDDEN, texts::REFUSED),
        SignInFault::Blocked => (StatusCode::FORBIDDEN, texts::BLOCKED),
        SignInFault::Ended => (StatusCode::FORBIDDEN, texts::SIGN_IN_AFRESH),
        SignInFault::State => (StatusCode::BAD_REQUEST, texts::TOO_LONG),
        _ => (StatusCode::BAD_REQUEST, texts::NOT_HERE),
    };
    let title = match endpoint {
        Endpoint::Mission | Endpoint::BreakGlass | Endpoint::SignOut => texts::FORM_FAILED,
        _ => texts::DID_NOT_WORK,
    };
    let again = if endpoint == Endpoint::SignOut { "/sign-out" } else { again };
    let page = visit.page(title).say(text);
    Page { status, ..page }.link(again, texts::TRY_AGAIN).reply(visit.id)
}
