//! What it is for: the mission that an officer opens once, for everything that follows in the session.

use std::sync::Arc;

use http::StatusCode;
use poort_enforce::{
    language::{Language, Text},
    stated::{CASE_LIMIT_BYTES, Mission, Purpose, Statements},
};
use poort_identity::{
    session::SessionId,
    sign_in::SignInFault,
    token::{DispatchLink, TokenFault},
};

use super::{
    Desk, Errand, Kept, State as _, Visit,
    journey::Journey,
    pages::{Form, Page},
    texts,
    visit::{Done, one},
};

/// Names the form.
const FORM: &str = "mission";

/// What stands in the form when it is shown.
#[derive(Default)]
struct Filled {
    purpose: Option<String>,
    case: Option<String>,
    /// The link from dispatch that it is from, which is used up when the form is sent.
    link: Option<String>,
}

/// Where the form leads on to.
#[derive(Default)]
struct Onward {
    sealed: Option<String>,
    journey: Option<Journey>,
}

impl Onward {
    fn wants_case(&self) -> bool {
        self.journey.as_ref().is_some_and(|journey| journey.errand == Errand::Mission { case: true })
    }
}

impl Desk {
    /// The page of missions, and what is sent from it.
    pub(super) async fn mission(self: &Arc<Self>, visit: Visit<'_>) -> Done {
        let Some((id, kept)) = self.present(visit).await else {
            return Ok((self.sign_in_first(visit)?, "sign_in_first"));
        };
        if visit.facts.method == http::Method::POST {
            return self.state_mission(id, &kept, visit).await;
        }
        let onward = self.onward(visit.query("to")?, visit)?;
        let Some(link) = visit.query("dispatch")? else {
            let page = self.form(id, &kept, &onward, &Filled::default(), None, visit)?;
            return Ok((page.reply(visit.id), "answered"));
        };
        match self.linked(&link, visit) {
            Ok(said) => {
                let filled = Filled { purpose: Some(said.purpose), case: said.case, link: Some(link) };
                let page = self.form(id, &kept, &onward, &filled, None, visit)?;
                Ok((page.reply(visit.id), "filled_in"))
            }
            Err(fault) => {
                tracing::warn!(event = "dispatch_link_refused", %fault, request = %visit.id);
                self.wrong(
                    id,
                    &kept,
                    &onward,
                    &Filled::default(),
                    (texts::LINK_REFUSED, "dispatch_link"),
                    visit,
                )
            }
        }
    }

    async fn state_mission(self: &Arc<Self>, id: SessionId, kept: &Kept, visit: Visit<'_>) -> Done {
        let form = visit.posted(self, FORM, id)?;
        let onward = self.onward(one(form, "to")?, visit)?;
        if one(form, "end")?.is_some() {
            self.restate(id, Statements::off).await?;
            return Ok((self.go(format!("{}/mission", self.origin), vec![], visit)?, "ended"));
        }
        let given =
            Filled { purpose: one(form, "purpose")?, case: one(form, "case")?, link: one(form, "dispatch")? };
        let (purpose, case) = match self.sound(&given, &onward) {
            Ok(sound) => sound,
            Err(why) => return self.wrong(id, kept, &onward, &given, why, visit),
        };
        if let Some(link) = &given.link
            && !self.use_up(link, visit).await?
        {
            let again = Filled { link: None, ..given };
            return self.wrong(id, kept, &onward, &again, (texts::LINK_REFUSED, "dispatch_link"), visit);
        }
        let mission = Mission { purpose, case, until: visit.now + self.mission };
        self.restate(id, |statements| statements.on(mission.clone())).await?;
        let journey = match onward.journey {
            Some(journey) => journey,
            None => return Ok((self.go(format!("{}/mission", self.origin), vec![], visit)?, "opened")),
        };
        Ok((self.go_on(id, kept, Some(journey), vec![], visit).await?, "opened"))
    }

    /// Changes what is stated in a session that is open.
    pub(super) async fn restate(
        &self,
        id: SessionId,
        change: impl Fn(&Statements) -> Statements + Send + Sync,
    ) -> Result<(), SignInFault> {
        let changed =
            self.state.change(id, |kept| kept.statements = Arc::new(change(&kept.statements))).await?;
        if changed { Ok(()) } else { Err(SignInFault::State) }
    }

    fn onward(&self, sealed: Option<String>, visit: Visit<'_>) -> Result<Onward, SignInFault> {
        let journey = sealed.as_deref().map(|sealed| self.journey(sealed, visit)).transpose()?;
        Ok(Onward { sealed, journey })
    }

    /// A purpose of the zone's, and a case number as the zone writes them.
    #[expect(clippy::type_complexity, reason = "a mission's two parts, or what to tell and to count")]
    fn sound(
        &self,
        given: &Filled,
        onward: &Onward,
    ) -> Result<(Arc<str>, Option<Arc<str>>), (Text, &'static str)> {
        let purpose = given.purpose.as_deref().and_then(|name| self.purposes.find(name));
        let purpose = purpose.ok_or((texts::CHOOSE_A_PURPOSE, "purpose_unknown"))?;
        let case = given.case.as_deref().map(str::trim).filter(|case| !case.is_empty());
        if case.is_some_and(|case| !self.purposes.is_case(case)) {
            return Err((texts::CASE_MALFORMED, "case_malformed"));
        }
        if case.is_none() && onward.wants_case() {
            return Err((texts::CASE_MISSING, "case_required"));
        }
        Ok((Arc::clone(&purpose.name), case.map(Arc::from)))
    }

    /// What a link from dispatch says.
    fn linked(&self, link: &str, visit: Visit<'_>) -> Result<DispatchLink, TokenFault> {
        let links = self.dispatch.as_ref().ok_or(TokenFault::UnknownIssuer)?;
        links.issuers.verify_dispatch_link(link.as_bytes(), &self.origin, links, visit.now)
    }

    /// Whether a link is good, and now used up.
    async fn use_up(&self, link: &str, visit: Visit<'_>) -> Result<bool, SignInFault> {
        let Ok(said) = self.linked(link, visit) else { return Ok(false) };
        // Remembered for longer than it could be believed again, leeway included.
        let until = said.expires + std::time::Duration::from_secs(600);
        let name = format!("dispatch {}", said.id);
        Ok(self.state.is_first(&name, until, visit.now).await?)
    }

    fn wrong(
        &self,
        id: SessionId,
        kept: &Kept,
        onward: &Onward,
        filled: &Filled,
        (told, code): (Text, &'static str),
        visit: Visit<'_>,
    ) -> Done {
        let page = self.form(id, kept, onward, filled, Some(told), visit)?;
        Ok((Page { status: StatusCode::BAD_REQUEST, ..page }.reply(visit.id), code))
    }

    fn form(
        &self,
        id: SessionId,
        kept: &Kept,
        onward: &Onward,
        filled: &Filled,
        told: Option<Text>,
        visit: Visit<'_>,
    ) -> Result<Page, SignInFault> {
        let (proof, statements) = (self.proof(FORM, id)?, &kept.statements);
        let mut page = visit.page(texts::MISSION);
        if self.purposes.all().is_empty() {
            return Ok(page.say(texts::NO_PURPOSES).link("/", texts::BACK));
        }
        let language = page.language;
        if let Some(told) = told {
            page = page.warn(told);
        }
        page = page.say(texts::MISSION_OPENS);
        let new = || Form::new("/mission", &proof).hidden("to", onward.sealed.as_deref());
        let now = statements.mission.as_ref().filter(|mission| visit.now < mission.until);
        if let Some(mission) = now {
            let label = self.label(&mission.purpose, mission.case.as_deref(), language);
            page = page.text(&format!("{}{label}.", texts::ON_MISSION.in_language(language)));
            let end = new().hidden("end", Some("1"));
            page = page.form(&end.plain_button(texts::END_MISSION.in_language(language)));
        }
        let recent = || {
            let known = |(purpose, _): &&(Arc<str>, _)| self.purposes.find(purpose).is_some();
            statements.recent.iter().filter(known)
        };
        if filled.link.is_none() && recent().next().is_some() {
            page = page.heading(texts::RECENT);
            for (purpose, case) in recent() {
                let form = new().hidden("purpose", Some(purpose)).hidden("case", case.as_deref());
                page = page.form(&form.plain_button(&self.label(purpose, case.as_deref(), language)));
            }
            page = page.heading(texts::ANOTHER);
        }
        let choices = self.purposes.all().iter().map(|one| (&*one.name, one.label(language)));
        let mut case_label = texts::CASE.in_language(language).to_owned();
        if !onward.wants_case() {
            case_label.push_str(texts::IF_ANY.in_language(language));
        }
        let case = filled.case.as_deref().unwrap_or_default();
        let form = new()
            .hidden("dispatch", filled.link.as_deref())
            .choice("purpose", texts::MISSION.in_language(language), choices, filled.purpose.as_deref())
            .line("case", &case_label, case, CASE_LIMIT_BYTES, onward.wants_case())
            .button(texts::OPEN.in_language(language));
        Ok(page.form(&form))
    }

    /// A mission for people: its purpose's label, and its case.
    fn label(&self, purpose: &str, case: Option<&str>, language: Language) -> String {
        let label = self.purposes.find(purpose).map_or(purpose, |known: &Purpose| known.label(language));
        case.map_or_else(|| label.to_owned(), |case| format!("{label} · {case}"))
    }
}
