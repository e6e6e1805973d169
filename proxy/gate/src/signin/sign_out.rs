//! Signing out: here, on every host of this device, and at the issuer.

use poort_enforce::{reply::Reply, sign_in::SESSION_COOKIE};

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
    pub(super) async fn ask_to_sign_out(&self, visit: Visit<'_>) -> Answered {
        let Some((id, _)) = self.present(visit).await else { return Ok(signed_out(visit)) };
        let proof = self.proof(SIGN_OUT_FORM, id)?;
        let page = visit.page(texts::SIGN_OUT_ASKED).say(texts::EVERYWHERE);
        let form = Form::new("/sign-out", &proof).button(texts::SIGN_OUT.in_language(page.language));
        Ok(page.form(&form).link("/", texts::STAY).reply(visit.id))
    }

    pub(super) async fn sign_out(&self, visit: Visit<'_>) -> Answered {
        let Some((id, kept)) = self.present(visit).await else { return Ok(signed_out(visit)) };
        visit.posted(self, SIGN_OUT_FORM, id)?;
        let whose = Whose::UserOnDevice { user: &kept.subject.id, device: visit.device };
        let ended = self.state.end(whose).await?;
        let signed_out = Authentication {
            who: Some((&*kept.subject).into()),
            session: Some(id.to_string()),
            ended: ended as u64,
            ..visit.authentication(Act::SignedOut)
        };
        record(visit.audit, signed_out).await?;
        tracing::info!(event = "signed_out", issuer = &*kept.subject.issuer, session = %id);
        let done = format!("{}/signed-out", self.origin);
        let hint = kept.id_token.as_ref().map(|token| token.as_str());
        let place = self.place(&kept.subject.issuer);
        let address = place.and_then(|place| place.provider().ok()?.sign_out(hint, &done)).unwrap_or(done);
        self.go(address, cookies::removed(SESSION_COOKIE).into_iter().collect(), visit)
    }
}

pub(super) fn signed_out(visit: Visit<'_>) -> Reply {
    let cookies = cookies::removed(SESSION_COOKIE).into_iter().collect();
    let page = visit.page(texts::SIGNED_OUT).say(texts::NOBODY_GOES_ON);
    Page { cookies, ..page }.link("/start", texts::SIGN_IN).reply(visit.id)
}
