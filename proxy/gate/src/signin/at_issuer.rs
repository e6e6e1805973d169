//! The way to an issuer and back: where a person says who they are, and a session begins.

use std::sync::Arc;

use http::{HeaderValue, StatusCode};
use poort_enforce::reply::Reply;
use poort_identity::{
    session::{Session, SessionId},
    sign_in::{Ask, Callback, SignInFault, Tokens},
    token::IdToken,
};

use super::{
    Desk, Kept, State, Waiting, Whose, cookies,
    journey::{Journey, LATE, PATIENCE},
    pages::Page,
    place::Place,
    texts,
    visit::{Answered, Stranded, Visit, record, secret, sha256, tag},
};
use crate::audit::{Act, Authentication};

/// How often an issuer is asked again that voids what it gave.
const IN_VAIN: u8 = 3;

impl Desk {
    pub(super) async fn start(self: &Arc<Self>, visit: Visit<'_>) -> Answered {
        let sealed = visit.query("to")?;
        let journey = sealed.as_deref().map(|sealed| self.journey(sealed, visit)).transpose()?;
        let other_person = visit.query("other")?.is_some();
        let present = self.present(visit).await.filter(|_| !other_person);
        let present = present.filter(|(_, kept)| self.is_enough(kept, journey.as_ref(), visit.now));
        if let Some((id, kept)) = present {
            return self.go_on(id, &kept, journey, vec![], visit).await;
        }
        let chosen = visit.query("issuer")?;
        let place = match (&chosen, self.places.as_slice()) {
            (Some(alias), _) => self.place(alias).ok_or(SignInFault::Issuer)?,
            (None, [only]) => only,
            (None, places) => return Ok(chooser(places, sealed.as_deref(), other_person, visit)),
        };
        let wanted = journey.as_ref().and_then(|journey| self.wanted(journey));
        let max_age = journey.as_ref().and_then(Journey::max_age);
        let ask = Ask { acr_values: wanted.as_deref(), max_age, other_person };
        self.begin(place, sealed, ask, visit).await
    }

    async fn begin(
        &self,
        place: &Place,
        journey: Option<String>,
        ask: Ask<'_>,
        visit: Visit<'_>,
    ) -> Answered {
        let secret = secret()?;
        let (state, flow, address) =
            place.at_hand().await?.begin(ask, sha256(secret.as_bytes()), visit.device)?;
        let cookie = cookies::kept(&cookies::login(&tag(&state)), &secret, LATE.as_secs());
        let waiting = Waiting { flow, journey, until: visit.now + PATIENCE };
        self.state.wait_for(&state, waiting, visit.now + LATE).await?;
        self.go(address, cookie.into_iter().collect(), visit)
    }

    /// A person comes back from an issuer.
    pub(super) async fn callback(self: &Arc<Self>, visit: Visit<'_>) -> Result<Reply, Stranded> {
        let state = visit.query("state")?.ok_or(SignInFault::State)?;
        let callback =
            Callback { code: visit.query("code")?, iss: visit.query("iss")?, error: visit.query("error")? };
        let login = cookies::login(&tag(&state));
        // Only the browser that began it may use it up: somebody else's visit must not spoil a sign-in.
        let browser = visit.secret(&login).ok_or(SignInFault::Browser)?;
        let waiting = self.state.arrived(&state, visit.now).await?.ok_or(SignInFault::State)?;
        let journey = waiting.journey.clone();
        let arrived = self.arrive(waiting, &callback, browser, &login, visit).await;
        arrived.map_err(|fault| Stranded { fault, journey })
    }

    /// Whoever was waited for is here: they are signed in, and go on. `login` names the cookie of this sign-in, and `browser` is its digest.
    async fn arrive(
        self: &Arc<Self>,
        waiting: Waiting,
        callback: &Callback,
        browser: [u8; 32],
        login: &str,
        visit: Visit<'_>,
    ) -> Answered {
        if visit.now >= waiting.until {
            return Err(SignInFault::State);
        }
        let alias = visit.facts.target.path.strip_prefix("/callback/").unwrap_or_default();
        let place = self.place(alias).ok_or(SignInFault::Issuer)?;
        let grant = waiting.flow.accept(&place.provider()?, callback, Some(browser), visit.device)?;
        let afresh = waiting.flow.is_afresh();
        let journey = waiting.journey.as_deref();
        let journey = journey.and_then(|sealed| Journey::recall(&self.seal, sealed, visit.device));
        let (tokens, read) = match self.tokens(place, &grant.form, Some(&grant.nonce), visit.now).await {
            Err(fault)
                if fault.is_spent() && journey.as_ref().is_some_and(|journey| journey.in_vain < IN_VAIN) =>
            {
                return self.begin_again(journey, cookies::removed(login), visit);
            }
            answered => answered?,
        };
        let read = read.ok_or(SignInFault::Response)?;
        let (id, kept) = self.open_session(tokens, read, afresh, visit).await?;
        let session = Session {
            id,
            subject: Arc::clone(&kept.subject),
            device: kept.device.clone(),
            host: self.host.clone(),
        };
        let value = session.seal(&self.seal).map_err(|_| SignInFault::Internal)?;
        let cookies = [cookies::session(&value), cookies::removed(login)].into_iter().flatten().collect();
        if !self.is_enough(&kept, journey.as_ref(), visit.now) {
            let page = match self.is_strong_enough(&kept, journey.as_ref()) {
                true => visit.page(texts::NOT_RECENT).say(texts::ONCE_MORE),
                false => visit.page(texts::NOT_STRONG).say(texts::WITH_A_CARD),
            };
            let again =
                waiting.journey.map_or_else(|| "/".to_owned(), |sealed| format!("/start?to={sealed}"));
            return Ok(Page { status: StatusCode::FORBIDDEN, cookies, ..page }
                .link(&again, texts::TRY_AGAIN)
                .link("/", texts::BACK)
                .reply(visit.id));
        }
        tracing::info!(event = "signed_in", issuer = alias, session = %id);
        self.go_on(id, &kept, journey, cookies, visit).await
    }

    /// Opens the session of somebody whom an issuer named, unless their access is ended: written down, then kept.
    async fn open_session(
        &self,
        tokens: Tokens,
        read: IdToken,
        afresh: bool,
        visit: Visit<'_>,
    ) -> Result<(SessionId, Kept), SignInFault> {
        let id = self.session_for(&read, visit).await?;
        let mut kept = self.kept(id, visit.device, tokens, read, visit.now);
        self.admits_anew(&kept, afresh, visit.now)?;
        // Other hosts' cookies of this session say how it was before.
        kept.renewed = true;
        // Who signs in more strongly is on the same mission as before.
        if let Some(before) = self.state.find(id).await? {
            kept.statements = before.statements;
        }
        let signed_in = Authentication {
            who: Some((&*kept.subject).into()),
            session: Some(id.to_string()),
            ..visit.authentication(Act::SignedIn { strong: self.is_strong(&kept) })
        };
        record(visit.audit, signed_in).await?;
        self.state.keep(id, kept.clone()).await?;
        if let Err(fault) = self.admits_anew(&kept, afresh, visit.now) {
            // It was ended between the two.
            self.state.end(Whose::Session(id)).await?;
            return Err(fault);
        }
        Ok((id, kept))
    }

    /// Asks the issuer again, which knows by now who it is: where several tabs sign in at once, an issuer may void the code of one when another
    /// comes.
    fn begin_again(
        &self,
        journey: Option<Journey>,
        removed: Option<HeaderValue>,
        visit: Visit<'_>,
    ) -> Answered {
        let journey =
            journey.map(|journey| Journey { in_vain: journey.in_vain.saturating_add(1), ..journey });
        let sealed = journey.and_then(|journey| journey.seal(&self.seal)).ok_or(SignInFault::Internal)?;
        tracing::info!(event = "sign_in_again", request = %visit.id);
        self.go(format!("{}/start?to={sealed}", self.origin), removed.into_iter().collect(), visit)
    }

    /// The session of somebody who signs in: the one they have in this browser, or a new one. Whoever had this device before is signed out of
    /// it.
    async fn session_for(&self, read: &IdToken, visit: Visit<'_>) -> Result<SessionId, SignInFault> {
        let subject = &read.subject.id;
        let ended = self.state.end(Whose::OthersOnDevice { user: subject, device: visit.device }).await?;
        if ended > 0 {
            let taken = visit.authentication(Act::TakenOver);
            record(visit.audit, Authentication { ended: ended as u64, ..taken }).await?;
        }
        if let Some((id, kept)) = self.present(visit).await
            && kept.subject.id == *subject
        {
            return Ok(id);
        }
        // Tabs that arrive together know nothing of each other, and are one sign-in all the same. One that was ended stays ended.
        if let (Some(sid), Some(when)) = (&read.sid, read.subject.auth_time) {
            let id = SessionId::of(&[subject, visit.device, sid, &when.to_string()]);
            if self.state.find(id).await?.is_none_or(|kept| self.fault(&kept, visit.now).is_none()) {
                return Ok(id);
            }
        }
        SessionId::random().map_err(|_| SignInFault::Internal)
    }
}

fn chooser(places: &[Place], to: Option<&str>, other_person: bool, visit: Visit<'_>) -> Reply {
    let mut page = visit.page(texts::SIGN_IN).say(texts::WHERE);
    for place in places {
        let mut address = format!("/start?issuer={}", place.client.alias);
        if let Some(to) = to {
            address.push_str(&format!("&to={to}"));
        }
        if other_person {
            address.push_str("&other=1");
        }
        page = page.link_named(&address, &place.title);
    }
    page.reply(visit.id)
}
