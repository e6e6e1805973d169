//! The gate's own pages, one function each.

use std::{sync::Arc, time::SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use poort_enforce::{
    exchange::RequestId,
    facts::RequestFacts,
    language::{Language, Text},
    normal::query_values,
    reply::Reply,
    routes::Routes,
    sign_in::{Endpoint, SESSION_COOKIE, cookie, is_navigation},
};
use poort_identity::{
    session::{Purpose, Session, SessionId},
    sign_in::{Ask, Callback, SignInFault},
    token::IdToken,
};

use crate::audit::{Act, Audit, Authentication, Record};

use super::{
    Desk, HandOver, Kept, State, Waiting, Whose, cookies,
    desk::Place,
    forms::KEPT_FORM,
    journey::{self, Errand, Journey, PATIENCE},
    pages::{Form, Page},
    texts,
};

/// How long a session may be on its way from one host to the next.
const HAND_OVER: std::time::Duration = std::time::Duration::from_secs(60);

/// A request for one of the gate's own pages.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// Its name.
    pub id: RequestId,
    /// When it came.
    pub now: SystemTime,
    /// Its normal form.
    pub facts: &'a RequestFacts,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The name in its device's certificate.
    pub device: &'a str,
    /// Whether its Origin is this host's own.
    pub from_here: bool,
    /// Its body, if it has one.
    pub body: &'a [u8],
    /// The record.
    pub audit: &'a Audit,
}

impl Visit<'_> {
    pub(super) fn query(&self, name: &str) -> Result<Option<String>, SignInFault> {
        one(self.facts.target.query.as_deref().unwrap_or_default(), name)
    }

    /// The reader's language.
    pub(super) fn language(&self) -> Language {
        Language::of(self.headers)
    }

    /// A page for its reader.
    pub(super) fn page(&self, title: Text) -> Page {
        Page::new(self.language(), title)
    }

    /// The form that was posted.
    ///
    /// # Errors
    /// [`SignInFault::Browser`] unless it came from a page of this host that was made for this form in this session.
    pub(super) fn posted(&self, desk: &Desk, form: &str, id: SessionId) -> Result<&str, SignInFault> {
        let body = std::str::from_utf8(self.body).map_err(|_| SignInFault::Browser)?;
        let proof = one(body, "proof")?.and_then(|proof| desk.seal.open(Purpose::Form, proof.as_bytes()));
        let proven = proof.as_deref() == Some(format!("{form} {id}").as_bytes());
        if self.from_here && proven { Ok(body) } else { Err(SignInFault::Browser) }
    }

    /// What is written down of signing in or out here.
    fn authentication(&self, act: Act) -> Authentication {
        Authentication {
            time: self.now,
            act,
            who: None,
            device: Some(self.device.to_owned()),
            session: None,
            request: Some(self.id),
            ended: 0,
        }
    }

    fn secret(&self, cookie_name: &str) -> Option<[u8; 32]> {
        cookie(self.headers, cookie_name).ok().flatten().map(sha256)
    }
}

/// Writes it down; what cannot be written down does not happen.
pub(super) async fn record(audit: &Audit, authentication: Authentication) -> Result<(), SignInFault> {
    let ticket = audit.append(Record::Authentication(Box::new(authentication)));
    ticket.map_err(|_| SignInFault::Full)?.durable().await.map_err(|_| SignInFault::Full)
}

/// The one value of a key in a query or form; two are a fault (RFC 6749, 3.1).
pub(super) fn one(pairs: &str, name: &str) -> Result<Option<String>, SignInFault> {
    let mut values = query_values(pairs, name).map(std::borrow::Cow::into_owned);
    let value = values.next();
    if values.next().is_some() { Err(SignInFault::Repeated) } else { Ok(value) }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.iter_mut().zip(digest(&SHA256, bytes).as_ref()).for_each(|(to, from)| *to = *from);
    out
}

pub(super) fn secret() -> Result<String, SignInFault> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| SignInFault::Internal)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What names a cookie among others of its kind: no secret.
fn tag(secret: &str) -> String {
    secret.chars().take(8).collect()
}

pub(super) type Answered = Result<Reply, SignInFault>;
/// An answer, and the word for what came of it in metrics.
pub(super) type Done = Result<(Reply, &'static str), SignInFault>;

impl Desk {
    /// Answers a request for one of the gate's own pages.
    pub async fn answer(self: &Arc<Self>, endpoint: Endpoint, visit: Visit<'_>, routes: &Routes) -> Reply {
        let plainly = |answered: Answered| answered.map(|reply| (reply, "answered"));
        let done = match endpoint {
            Endpoint::Mission => self.mission(visit).await,
            Endpoint::BreakGlass => self.break_glass(visit).await,
            other => plainly(self.answer_plainly(other, visit, routes).await),
        };
        let code = done.as_ref().map_or_else(SignInFault::code, |(_, code)| code);
        self.metrics.signed_in(endpoint.as_str(), code);
        if endpoint == Endpoint::Callback && done.is_err() {
            let failed = visit.authentication(Act::Failed { code });
            // It failed: whether that is written down too changes nothing.
            let _ = visit.audit.append(Record::Authentication(Box::new(failed)));
        }
        done.map(|(reply, _)| reply).unwrap_or_else(|fault| {
            tracing::warn!(event = "sign_in_failed", endpoint = endpoint.as_str(), %fault, request = %visit.id);
            failed(endpoint, &fault, visit)
        })
    }

    async fn answer_plainly(
        self: &Arc<Self>,
        endpoint: Endpoint,
        visit: Visit<'_>,
        routes: &Routes,
    ) -> Answered {
        match endpoint {
            Endpoint::Home => self.home(visit).await,
            Endpoint::Start => self.start(visit).await,
            Endpoint::Callback => self.callback(visit).await,
            Endpoint::SignOut if visit.facts.method == Method::POST => self.sign_out(visit).await,
            Endpoint::SignOut => self.ask_to_sign_out(visit).await,
            Endpoint::SignedOut => Ok(signed_out(visit)),
            Endpoint::HandOver => self.take_over(visit, routes).await,
            Endpoint::Logout => self.go(format!("{}/sign-out", self.origin), vec![], visit),
            // They are answered above.
            Endpoint::Mission | Endpoint::BreakGlass => Err(SignInFault::Internal),
        }
    }

    /// Sends a person who is going to a source on an errand first.
    ///
    /// # Errors
    /// [`SignInFault::Internal`] if there is no randomness.
    pub fn detour(&self, visit: Visit<'_>, errand: Errand) -> Answered {
        let (address, cookie) = self.way(visit, errand)?;
        self.go(address, cookie.into_iter().collect(), visit)
    }

    /// The way to the page for an errand and back to what was asked for, and the cookie that proves on the way back that it is this browser.
    ///
    /// # Errors
    /// [`SignInFault::Internal`] if there is no randomness.
    pub fn way(
        &self,
        visit: Visit<'_>,
        errand: Errand,
    ) -> Result<(String, Option<HeaderValue>), SignInFault> {
        // A page is come back to, with the session. What a program asked for is no page; and one that asks every second would have a cookie
        // for each time.
        if is_navigation(visit.facts, visit.headers) {
            let target = journey::target(&visit.facts.target.path, visit.facts.target.query.as_deref());
            return self.way_and_back(visit, errand, target);
        }
        let journey = Journey::to(visit.facts.host.clone(), "/".to_owned(), errand, visit);
        Ok((self.page_for(&journey)?, None))
    }

    /// The same, with `target` to come back to.
    pub(super) fn way_and_back(
        &self,
        visit: Visit<'_>,
        errand: Errand,
        target: String,
    ) -> Result<(String, Option<HeaderValue>), SignInFault> {
        let (secret, tag) = (secret()?, tag(&secret()?));
        let cookie = cookies::kept(&cookies::hop(&tag), &secret, PATIENCE.as_secs());
        let journey = Journey {
            tag,
            browser: sha256(secret.as_bytes()),
            ..Journey::to(visit.facts.host.clone(), target, errand, visit)
        };
        Ok((self.page_for(&journey)?, cookie))
    }

    /// The address of the page for a journey's errand.
    fn page_for(&self, journey: &Journey) -> Result<String, SignInFault> {
        let page = match journey.errand {
            Errand::SignIn { .. } => "/start",
            Errand::Mission { .. } => "/mission",
            Errand::BreakGlass { .. } => "/break-glass",
        };
        let sealed = journey.seal(&self.seal).ok_or(SignInFault::Internal)?;
        Ok(format!("{}{page}?to={sealed}", self.origin))
    }

    /// The address of a page of the sign-in host, for whoever cannot be led there.
    #[must_use]
    pub fn page_at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// To sign in, and then back to this page of the sign-in host.
    pub(super) fn sign_in_first(&self, visit: Visit<'_>) -> Answered {
        let target = &visit.facts.target;
        // Who sent a form is asked again, and still goes on to where it would have led.
        let form = std::str::from_utf8(visit.body).unwrap_or_default();
        let onward =
            one(form, "to")?.filter(|to| self.journey(to, visit).is_ok()).map(|to| format!("to={to}"));
        let target = journey::target(&target.path, target.query.as_deref().or(onward.as_deref()));
        let journey = Journey::to(self.host.clone(), target, Errand::sign_in(), visit);
        let sealed = journey.seal(&self.seal).ok_or(SignInFault::Internal)?;
        self.go(format!("{}/start?to={sealed}", self.origin), vec![], visit)
    }

    /// Proof that a form came from a page of the gate's own, in this session.
    pub(super) fn proof(&self, form: &str, id: SessionId) -> Result<String, SignInFault> {
        self.seal.seal(Purpose::Form, format!("{form} {id}").as_bytes()).map_err(|_| SignInFault::Internal)
    }

    /// A journey that this device's browser was sent on.
    pub(super) fn journey(&self, sealed: &str, visit: Visit<'_>) -> Result<Journey, SignInFault> {
        Journey::open(&self.seal, sealed, visit.device, visit.now).ok_or(SignInFault::State)
    }

    /// Sends a browser on. After a form it is no redirect: those a browser holds against the policy of the page that the form was on
    /// (CSP 3, 6.3.1.2), and nobody knows beforehand where an issuer or a source leads.
    pub(super) fn go(&self, address: String, cookies: Vec<HeaderValue>, visit: Visit<'_>) -> Answered {
        let value = |value: String| HeaderValue::try_from(value).map_err(|_| SignInFault::Internal);
        if visit.facts.method != Method::POST {
            return Ok(Reply::elsewhere(value(address)?, cookies, visit.id));
        }
        let page = Page { cookies, ..visit.page(texts::GOING_ON) }.link(&address, texts::GO_ON);
        let mut reply = page.reply(visit.id);
        reply.headers.push((http::header::REFRESH, value(format!("0;url={address}"))?));
        Ok(reply)
    }

    /// The open session that the sign-in host's cookie names, on its device.
    pub(super) async fn present(&self, visit: Visit<'_>) -> Option<(SessionId, Kept)> {
        self.present_at(&self.host, visit).await
    }

    /// The open session that the cookie of a host of the gate names, on its device.
    pub(super) async fn present_at(&self, host: &str, visit: Visit<'_>) -> Option<(SessionId, Kept)> {
        let value = cookie(visit.headers, SESSION_COOKIE).ok().flatten()?;
        let session = Session::open(&self.seal, value, host, visit.now).ok()?;
        let kept = self.state.find(session.id).await?;
        let open = session.device == visit.device && kept.device == visit.device;
        (open && self.fault(&kept, visit.now).is_none()).then_some((session.id, kept))
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

    async fn start(self: &Arc<Self>, visit: Visit<'_>) -> Answered {
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
        let (state, flow, address) = place.provider.begin(ask, sha256(secret.as_bytes()), visit.device)?;
        let cookie = cookies::kept(&cookies::login(&tag(&state)), &secret, PATIENCE.as_secs());
        let waiting = Waiting { flow, journey };
        self.state.wait_for(&state, waiting, visit.now + PATIENCE).await.map_err(|_| SignInFault::Full)?;
        self.go(address, cookie.into_iter().collect(), visit)
    }

    async fn callback(self: &Arc<Self>, visit: Visit<'_>) -> Answered {
        let state = visit.query("state")?.ok_or(SignInFault::State)?;
        let callback =
            Callback { code: visit.query("code")?, iss: visit.query("iss")?, error: visit.query("error")? };
        let login = cookies::login(&tag(&state));
        // Only the browser that began it may use it up: somebody else's visit must not spoil a sign-in.
        let browser = visit.secret(&login).ok_or(SignInFault::Browser)?;
        let waiting = self.state.arrived(&state, visit.now).await.ok_or(SignInFault::State)?;
        let alias = visit.facts.target.path.strip_prefix("/callback/").unwrap_or_default();
        let place = self.place(alias).ok_or(SignInFault::Issuer)?;
        let grant = waiting.flow.accept(&place.provider, &callback, Some(browser), visit.device)?;
        let journey = waiting.journey.as_deref();
        let journey = journey.and_then(|sealed| Journey::open(&self.seal, sealed, visit.device, visit.now));
        let (tokens, read) = match self.tokens(place, &grant.form, Some(&grant.nonce), visit.now).await {
            Err(fault) if fault.is_spent() && journey.as_ref().is_some_and(|journey| !journey.again) => {
                return self.begin_again(journey, cookies::removed(&login), visit);
            }
            answered => answered?,
        };
        let read = read.ok_or(SignInFault::Response)?;
        let id = self.session_for(&read, visit).await?;
        let mut kept = self.kept(id, visit.device, tokens, read, visit.now);
        self.admits(&kept, visit.now)?;
        // Other hosts' cookies of this session say how it was before.
        kept.renewed = true;
        // Who signs in more strongly is on the same mission as before.
        if let Some(before) = self.state.find(id).await {
            kept.statements = before.statements;
        }
        let signed_in = Authentication {
            who: Some((&*kept.subject).into()),
            session: Some(id.to_string()),
            ..visit.authentication(Act::SignedIn { strong: self.is_strong(&kept) })
        };
        record(visit.audit, signed_in).await?;
        self.state.keep(id, kept.clone()).await.map_err(|_| SignInFault::Full)?;
        if let Err(fault) = self.admits(&kept, visit.now) {
            // It was ended between the two.
            self.state.end(Whose::Session(id)).await;
            return Err(fault);
        }
        let session = Session {
            id,
            subject: Arc::clone(&kept.subject),
            device: kept.device.clone(),
            host: self.host.clone(),
        };
        let value = session.seal(&self.seal).map_err(|_| SignInFault::Internal)?;
        let cookies = [cookies::session(&value), cookies::removed(&login)].into_iter().flatten().collect();
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

    /// Asks the issuer once more, which knows by now who it is: where several tabs sign in at once, an issuer may void the code of one when
    /// another comes.
    fn begin_again(
        &self,
        journey: Option<Journey>,
        removed: Option<HeaderValue>,
        visit: Visit<'_>,
    ) -> Answered {
        let journey = journey.map(|journey| Journey { again: true, ..journey });
        let sealed = journey.and_then(|journey| journey.seal(&self.seal)).ok_or(SignInFault::Internal)?;
        tracing::info!(event = "sign_in_again", request = %visit.id);
        self.go(format!("{}/start?to={sealed}", self.origin), removed.into_iter().collect(), visit)
    }

    /// The session of somebody who signs in: the one they have in this browser, or a new one. Whoever had this device before is signed out of
    /// it.
    async fn session_for(&self, read: &IdToken, visit: Visit<'_>) -> Result<SessionId, SignInFault> {
        let subject = &read.subject.id;
        let ended = self.state.end(Whose::OthersOnDevice { user: subject, device: visit.device }).await;
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
            if self.state.find(id).await.is_none_or(|kept| self.fault(&kept, visit.now).is_none()) {
                return Ok(id);
            }
        }
        SessionId::random().map_err(|_| SignInFault::Internal)
    }

    /// Hands the session over to the host that the person was going to.
    pub(super) async fn go_on(
        &self,
        id: SessionId,
        kept: &Kept,
        journey: Option<Journey>,
        cookies: Vec<HeaderValue>,
        visit: Visit<'_>,
    ) -> Answered {
        let Some(journey) = journey else {
            return self.go(format!("{}/", self.origin), cookies, visit);
        };
        if journey.tag.is_empty() {
            return self.go(self.address(&journey.host, &journey.target), cookies, visit);
        }
        let code = secret()?;
        let hand_over = HandOver {
            session: id,
            host: journey.host.clone(),
            target: journey.target,
            device: kept.device.clone(),
            tag: journey.tag,
            browser: journey.browser,
        };
        let until = visit.now + HAND_OVER;
        self.state.hand_over(&code, hand_over, until).await.map_err(|_| SignInFault::Full)?;
        let address = self.address(&journey.host, &format!("/.poort/callback?code={code}"));
        self.go(address, cookies, visit)
    }

    /// On a source's host: takes over the session, and goes on to what was asked for.
    async fn take_over(&self, visit: Visit<'_>, routes: &Routes) -> Answered {
        if let Some(name) = visit.query(KEPT_FORM)? {
            return self.kept_form(&name, visit).await;
        }
        let code = visit.query("code")?.ok_or(SignInFault::NoCode)?;
        let hand_over = self.state.take_over(&code, visit.now).await.ok_or(SignInFault::State)?;
        if hand_over.host != visit.facts.host || routes.of_host(&hand_over.host).next().is_none() {
            return Err(SignInFault::Issuer);
        }
        if hand_over.device != visit.device {
            return Err(SignInFault::Device);
        }
        let hop = cookies::hop(&hand_over.tag);
        if visit.secret(&hop) != Some(hand_over.browser) {
            return Err(SignInFault::Browser);
        }
        let kept = self.state.find(hand_over.session).await.ok_or(SignInFault::State)?;
        if self.fault(&kept, visit.now).is_some() {
            return Err(SignInFault::State);
        }
        let session = Session {
            id: hand_over.session,
            subject: kept.subject,
            device: hand_over.device,
            host: hand_over.host.clone(),
        };
        let value = session.seal(&self.seal).map_err(|_| SignInFault::Internal)?;
        let cookies = [cookies::session(&value), cookies::removed(&hop)].into_iter().flatten().collect();
        self.go(self.address(&hand_over.host, &hand_over.target), cookies, visit)
    }

    async fn ask_to_sign_out(&self, visit: Visit<'_>) -> Answered {
        let Some((id, _)) = self.present(visit).await else { return Ok(signed_out(visit)) };
        let proof = self.proof(SIGN_OUT_FORM, id)?;
        let page = visit.page(texts::SIGN_OUT_ASKED).say(texts::EVERYWHERE);
        let form = Form::new("/sign-out", &proof).button(texts::SIGN_OUT.in_language(page.language));
        Ok(page.form(&form).link("/", texts::STAY).reply(visit.id))
    }

    async fn sign_out(&self, visit: Visit<'_>) -> Answered {
        let Some((id, kept)) = self.present(visit).await else { return Ok(signed_out(visit)) };
        visit.posted(self, SIGN_OUT_FORM, id)?;
        let whose = Whose::UserOnDevice { user: &kept.subject.id, device: visit.device };
        let ended = self.state.end(whose).await;
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
        let address = place.and_then(|place| place.provider.sign_out(hint, &done)).unwrap_or(done);
        self.go(address, cookies::removed(SESSION_COOKIE).into_iter().collect(), visit)
    }
}

/// Names the form that signs out.
const SIGN_OUT_FORM: &str = "sign-out";

fn chooser(places: &[Place], to: Option<&str>, other_person: bool, visit: Visit<'_>) -> Reply {
    let mut page = visit.page(texts::SIGN_IN).say(texts::WHERE);
    for place in places {
        let mut address = format!("/start?issuer={}", place.provider.alias);
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

fn signed_out(visit: Visit<'_>) -> Reply {
    let cookies = cookies::removed(SESSION_COOKIE).into_iter().collect();
    let page = visit.page(texts::SIGNED_OUT).say(texts::NOBODY_GOES_ON);
    Page { cookies, ..page }.link("/start", texts::SIGN_IN).reply(visit.id)
}

/// What a person is told when a page fails: what happened, and that nothing is lost by trying again.
fn failed(endpoint: Endpoint, fault: &SignInFault, visit: Visit<'_>) -> Reply {
    let (status, text) = match fault {
        SignInFault::Unreachable(_) | SignInFault::Response => (StatusCode::BAD_GATEWAY, texts::NO_ANSWER),
        SignInFault::Full | SignInFault::Internal => (StatusCode::SERVICE_UNAVAILABLE, texts::NOT_POSSIBLE),
        SignInFault::Refused(_) => (StatusCode::FORBIDDEN, texts::REFUSED),
        SignInFault::Blocked => (StatusCode::FORBIDDEN, texts::BLOCKED),
        SignInFault::Ended => (StatusCode::FORBIDDEN, texts::SIGN_IN_AFRESH),
        SignInFault::State => (StatusCode::BAD_REQUEST, texts::TOO_LONG),
        _ => (StatusCode::BAD_REQUEST, texts::NOT_HERE),
    };
    let title = match endpoint {
        Endpoint::Mission | Endpoint::BreakGlass => texts::FORM_FAILED,
        _ => texts::DID_NOT_WORK,
    };
    let page = visit.page(title).say(text);
    // Who has to sign in afresh is not helped by what the issuer remembers.
    let again = if *fault == SignInFault::Ended { "/start?other=1" } else { "/" };
    Page { status, ..page }.link(again, texts::TRY_AGAIN).reply(visit.id)
}
