//! Signing out: here, on every host of this device, and at the issuer.

use poort_enforce::{
    reply::Reply,
    sign_in::{SESSION_COOKIE, cookie},
};
use poort_identity::session::Session;

use super::{
    Desk, State, Visit, Whose, cookies,
    pages::{Form, Page},
    texts,
    visit::{Answered, record},
};
use crate::audit::{Act, Authentication};

/// Names the form that signs out.
const SIGN_OUT_FORM: &str = "sign-out";

impl Desk {
    pub(super) fn ask_to_sign_out(&self, visit: Visit<'_>) -> Answered {
        let Some(session) = self.named(visit) else { return Ok(signed_out(visit)) };
        let proof = self.proof(SIGN_OUT_FORM, session.id)?;
        let page = visit.page(texts::SIGN_OUT_ASKED).say(texts::EVERYWHERE);
        let form = Form::new("/sign-out", &proof).button(texts::SIGN_OUT.in_language(page.language));
        Ok(page.form(&form).link("/", texts::STAY).reply(visit.id))
    }

    pub(super) async fn sign_out(&self, visit: Visit<'_>) -> Answered {
        let Some(Session { id, subject, .. }) = self.named(visit) else { return Ok(signed_out(visit)) };
        visit.posted(self, SIGN_OUT_FORM, id)?;
        let kept = self.state.find(id).await?;
        let whose = Whose::UserOnDevice { user: &subject.id, device: visit.device };
        let ended = self.state.end(whose).await?;
        let signed_out = Authentication {
            who: Some((&*subject).into()),
            session: Some(id.to_string()),
            ended: ended as u64,
            ..visit.authentication(Act::SignedOut)
        };
        record(visit.audit, signed_out).await?;
        tracing::info!(event = "signed_out", issuer = &*subject.issuer, session = %id);
        let done = format!("{}/signed-out", self.origin);
        let hint = kept.as_ref().and_then(|kept| kept.id_token.as_ref()).map(|token| token.as_str());
        let place = self.place(&subject.issuer);
        let address = place.and_then(|place| place.provider().ok()?.sign_out(hint, &done)).unwrap_or(done);
        self.go(address, cookies::removed(SESSION_COOKIE).into_iter().collect(), visit)
    }

    /// The session that the sign-in host's cookie names, on its device, open or not.
    ///
    /// SECURITY: one that cannot be looked up, or that its issuer does not confirm now, opens again later. Whoever signs out is told that they
    /// are out only when it was ended, and keeps the cookie that names it until then.
    fn named(&self, visit: Visit<'_>) -> Option<Session> {
        let value = cookie(visit.headers, SESSION_COOKIE).ok().flatten()?;
        Session::former(&self.seal, value, &self.host).filter(|session| session.device == visit.device)
    }
}

fn signed_out(visit: Visit<'_>) -> Reply {
    let cookies = cookies::removed(SESSION_COOKIE).into_iter().collect();
    let page = visit.page(texts::SIGNED_OUT).say(texts::NOBODY_GOES_ON);
    Page { cookies, ..page }.link("/start", texts::SIGN_IN).reply(visit.id)
}
