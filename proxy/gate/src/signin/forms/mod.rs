//! Forms that met a session which was over: kept until whoever sent them has signed in again, and says that they are still meant.
//!
//! - [`kept`] is a form as it is kept, wherever the state is, and how many there may be;
//! - [`filled`] is what was filled in, as a page can give it back: fields, and with them files ([`multipart`]).
//!
//! What cannot be sent again byte by byte in the same words is not kept: other encodings than those two, and text that is neither UTF-8 nor
//! ISO 8859-1.

mod filled;
mod kept;
mod multipart;

use std::time::Duration;

use http::{HeaderValue, Method, header};
use poort_enforce::reply::Reply;
use poort_identity::sign_in::SignInFault;

pub(super) use filled::{Filled, Value};
pub(super) use kept::{Forms, MOST, MOST_BYTES, MOST_OF_DEVICE};
pub use kept::{KeptForm, LIMIT_BYTES, Writer};

use super::{
    Desk, Errand, State, Unkept, Visit, journey,
    pages::{self, Page},
    texts,
    visit::{Answered, secret},
};

/// How long a form is kept.
const KEPT: Duration = Duration::from_secs(15 * 60);

/// The parameter of `/.poort/callback` that names a form.
pub(super) const KEPT_FORM: &str = "form";

impl Desk {
    /// Keeps a form whose sender has an errand first, and says so on a page that leads there.
    ///
    /// # Errors
    /// The words for metrics of why it is not kept.
    pub async fn keep_form(
        &self,
        visit: Visit<'_>,
        person: &str,
        errand: Errand,
    ) -> Result<Reply, &'static str> {
        let name = secret().map_err(|_| "internal")?;
        let form = sent(visit, person)?;
        self.state.keep_form(&name, form, visit.now).await.map_err(|unkept| match unkept {
            Unkept::Full => "forms_full",
            Unkept::Unreachable => "forms_unreachable",
        })?;
        let label = match errand {
            Errand::Mission { .. } => texts::ON_A_MISSION,
            Errand::SignIn { .. } | Errand::BreakGlass { .. } => texts::SIGN_IN,
        };
        let back = format!("/.poort/callback?{KEPT_FORM}={name}");
        let (address, cookie) = self.way_and_back(visit, errand, back).map_err(|_| "internal")?;
        let page = visit.page(texts::NOT_SENT).say(texts::FORM_KEPT).link(&address, label);
        Ok(Page { cookies: cookie.into_iter().collect(), ..page }.reply(visit.id))
    }

    /// Asks whether a form is still to be sent; on its way there, lets it go, once.
    pub(super) async fn kept_form(&self, name: &str, visit: Visit<'_>) -> Answered {
        let (host, own) = (&visit.facts.host, format!("/.poort/callback?{KEPT_FORM}={name}"));
        let Some((_, kept)) = self.present_at(host, visit).await else {
            let (address, cookie) = self.way_and_back(visit, Errand::sign_in(), own)?;
            return self.go(address, cookie.into_iter().collect(), visit);
        };
        let writer =
            Writer { person: kept.subject.id.clone(), device: visit.device.to_owned(), host: host.clone() };
        let form = self.state.form(name, visit.now).await?;
        // SECURITY: nobody but its writer sees it, or uses it up.
        let form = form.filter(|form| form.writer == writer).ok_or(SignInFault::State)?;
        if visit.facts.method == Method::POST {
            if !visit.from_here {
                return Err(SignInFault::Browser);
            }
            // SECURITY: the browser sends it once more, to the source: every check meets it as it meets any other request.
            let form = self.state.take_form(name, &form, visit.now).await?.ok_or(SignInFault::State)?;
            let location = HeaderValue::try_from(self.address(host, &form.target));
            return Ok(Reply::onward(location.map_err(|_| SignInFault::Internal)?, visit.id));
        }
        let filled = form.filled().ok_or(SignInFault::Internal)?;
        let page = visit.page(texts::SEND_NOW).say(texts::NOT_SENT);
        let path = form.target.split('?').next().unwrap_or_default();
        let to = format!("{}{host}{path}", texts::SENT_TO.in_language(page.language));
        Ok(with(page.text(&to), &filled, &own).link("/", texts::DO_NOT_SEND).reply(visit.id))
    }
}

/// The form that was sent, if it is one that can be sent again.
fn sent(visit: Visit<'_>, person: &str) -> Result<KeptForm, &'static str> {
    let facts = visit.facts;
    let target = journey::whole_target(&facts.target.path, facts.target.query.as_deref());
    let kind = visit.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let writer =
        Writer { person: person.to_owned(), device: visit.device.to_owned(), host: facts.host.clone() };
    if visit.body.len() > LIMIT_BYTES {
        return Err("form_too_large");
    }
    let (target, kind) = (target.ok_or("form_too_large")?, kind.ok_or("form_unreadable")?);
    Filled::read(kind, visit.body).ok_or("form_unreadable")?;
    Ok(KeptForm::new(writer, target, kind.to_owned(), visit.body, visit.now + KEPT))
}

/// A page with a form that sends what was filled in. Files go with it by a script, as no page can hold them otherwise: where none runs, the
/// form cannot be sent without them.
fn with(page: Page, filled: &Filled, action: &str) -> Page {
    let (again, send) = (pages::Form::again(action, filled), texts::SEND.in_language(page.language));
    let files: Vec<&str> = filled.files().collect();
    if files.is_empty() {
        return page.form(&again.button(send));
    }
    let named = format!("{}{}", texts::WITH_FILES.in_language(page.language), files.join(", "));
    page.text(&named).without_script(texts::NEEDS_SCRIPT).form(&again.waiting_button(send)).with_files()
}
