//! The way from a source to the sign-in host and back, and the session that is handed over at its end.

use std::time::{Duration, SystemTime};

use http::{HeaderValue, Method};
use poort_enforce::{reply::Reply, routes::Routes, sign_in::is_navigation};
use poort_identity::{
    session::{Seal, Session, SessionId},
    sign_in::SignInFault,
};

use super::{
    Desk, Errand, HandOver, Kept, State, Visit, cookies,
    forms::KEPT_FORM,
    journey::{self, Journey, PATIENCE},
    pages::Page,
    texts,
    visit::{Answered, Stranded, one, secret, sha256, tag},
};

/// How long a session may be on its way from one host to the next.
const HAND_OVER: Duration = Duration::from_secs(60);

/// Where somebody tries again.
#[derive(Debug, PartialEq, Eq)]
enum Again {
    /// At what they were going to.
    At(Box<Journey>),
    /// At the issuer, which is to ask who they are; whether they go on from there.
    Afresh(bool),
    /// At the front page: where they were going is not known.
    Front,
}

impl Again {
    /// SECURITY: it leads to a host of the gate's own, as the seal and the device say.
    fn of(seal: &Seal, sealed: &str, afresh: bool, device: &str, now: SystemTime) -> Self {
        let journey = Journey::recall(seal, sealed, device);
        match journey {
            journey if afresh => Self::Afresh(journey.is_some_and(|journey| !journey.is_over(now))),
            Some(journey) => Self::At(Box::new(journey)),
            None => Self::Front,
        }
    }
}

impl Desk {
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

    /// A journey that this device's browser was sent on.
    pub(super) fn journey(&self, sealed: &str, visit: Visit<'_>) -> Result<Journey, SignInFault> {
        Journey::open(&self.seal, sealed, visit.device, visit.now).ok_or(SignInFault::State)
    }

    /// Where somebody tries again whose way ended here: at what they were going to, which is asked for anew, however long ago that was.
    pub(super) fn again(&self, stranded: &Stranded, visit: Visit<'_>) -> String {
        let sealed = stranded.journey.clone().or_else(|| visit.onward()).unwrap_or_default();
        // Who has to sign in afresh is not helped by what the issuer remembers.
        let afresh = stranded.fault == SignInFault::Ended;
        match Again::of(&self.seal, &sealed, afresh, visit.device, visit.now) {
            Again::At(journey) => self.address(&journey.host, &journey.target),
            Again::Afresh(true) => format!("/start?other=1&to={sealed}"),
            Again::Afresh(false) => "/start?other=1".to_owned(),
            Again::Front => "/".to_owned(),
        }
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
        // Who took too long is led there all the same, and a hand-over begins anew.
        if journey.tag.is_empty() || journey.is_over(visit.now) {
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
        self.state.hand_over(&code, hand_over, until).await?;
        let address = self.address(&journey.host, &format!("/.poort/callback?code={code}"));
        self.go(address, cookies, visit)
    }

    /// On a source's host: takes over the session, and goes on to what was asked for.
    pub(super) async fn take_over(&self, visit: Visit<'_>, routes: &Routes) -> Answered {
        if let Some(name) = visit.query(KEPT_FORM)? {
            return self.kept_form(&name, visit).await;
        }
        let code = visit.query("code")?.ok_or(SignInFault::NoCode)?;
        let hand_over = self.state.take_over(&code, visit.now).await?.ok_or(SignInFault::State)?;
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
        let kept = self.state.find(hand_over.session).await?.ok_or(SignInFault::State)?;
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
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn who_tries_again_gets_where_they_were_going_however_late_and_nowhere_else() {
        let seal = Seal::from_lines(&"0f".repeat(32)).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_893_456_000);
        let journey = |device: &str| Journey {
            host: "persons.example".to_owned(),
            target: "/persons/1?a=b".to_owned(),
            device: device.to_owned(),
            tag: "abc".to_owned(),
            browser: [1; 32],
            errand: Errand::sign_in(),
            at: journey::seconds(now),
            in_vain: 0,
        };
        let sealed = |device: &str| journey(device).seal(&seal).unwrap();
        let again = |sealed: &str, afresh, late| Again::of(&seal, sealed, afresh, "car-1", now + late);
        let (own, soon, late) = (sealed("car-1"), Duration::ZERO, Duration::from_secs(24 * 3600));
        assert_eq!(again(&own, false, soon), Again::At(Box::new(journey("car-1"))));
        assert_eq!(again(&own, false, late), Again::At(Box::new(journey("car-1"))), "a day later");
        assert_eq!(
            (again(&own, true, soon), again(&own, true, late)),
            (Again::Afresh(true), Again::Afresh(false))
        );
        let strange = Seal::from_lines(&"1f".repeat(32)).unwrap();
        let forged = journey("car-1").seal(&strange).unwrap();
        for (what, sealed) in [
            ("another device's", &*sealed("car-2")),
            ("sealed by somebody else", &forged),
            ("changed", &format!("{own}A")),
            ("an address", "https://evil.example"),
            ("an address for careless parsers", "https:evil.example"),
            ("an address without a scheme", "//evil.example"),
            ("nothing", ""),
        ] {
            assert_eq!(again(sealed, false, soon), Again::Front, "{what}");
            assert_eq!(again(sealed, true, soon), Again::Afresh(false), "{what}");
        }
    }
}
