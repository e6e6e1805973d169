//! Breaking the glass: an officer who was refused says why they must look all the same. What that opens, policies say.

use std::{sync::Arc, time::SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use poort_enforce::{
    language::Text,
    stated::{CASE_LIMIT_BYTES, Glass},
};
use poort_identity::{session::SessionId, sign_in::SignInFault};

use crate::audit::{BrokenGlass, Record};

use super::{
    Desk, Errand, Kept, State as _, Visit,
    journey::{Journey, LATE},
    pages::{Form, Page},
    texts,
    visit::{Done, one, sha256},
};

/// Names the form.
const FORM: &str = "break-glass";

/// An offer that was made to this person: the source, and how they go on.
struct Offer {
    sealed: String,
    source: String,
    journey: Journey,
}

impl Desk {
    /// The page on which the glass is broken, and what is sent from it.
    pub(super) async fn break_glass(self: &Arc<Self>, visit: Visit<'_>) -> Done {
        let Some((id, kept)) = self.present(visit).await else {
            return Ok((self.sign_in_first(visit)?, "sign_in_first"));
        };
        if visit.facts.method == http::Method::POST {
            let form = visit.posted(self, FORM, id)?;
            let offer = self.offer(one(form, "to")?.ok_or(SignInFault::State)?, &kept, visit)?;
            return self.grant(id, &kept, offer, form, visit).await;
        }
        let Some(sealed) = visit.query("to")? else {
            let page = visit.page(texts::GLASS).say(texts::GLASS_NOWHERE);
            return Ok((page.link("/", texts::BACK).reply(visit.id), "no_offer"));
        };
        let offer = self.offer(sealed, &kept, visit)?;
        Ok((self.reasons(id, &offer, ["", ""], None, visit)?.reply(visit.id), "answered"))
    }

    /// SECURITY: only the pipeline makes offers, sealed, when the policies would allow it; nobody breaks a glass that is not there. An offer
    /// to another person, or on another device, is none.
    fn offer(&self, sealed: String, kept: &Kept, visit: Visit<'_>) -> Result<Offer, SignInFault> {
        let journey = self.journey(&sealed, visit)?;
        match journey.errand.clone() {
            Errand::BreakGlass { source, person } if person == kept.subject.id => {
                Ok(Offer { sealed, source, journey })
            }
            Errand::BreakGlass { .. } => Err(SignInFault::Subject),
            Errand::SignIn { .. } | Errand::Mission { .. } => Err(SignInFault::State),
        }
    }

    async fn grant(
        self: &Arc<Self>,
        id: SessionId,
        kept: &Kept,
        offer: Offer,
        form: &str,
        visit: Visit<'_>,
    ) -> Done {
        let (reason, case) =
            (one(form, "reason")?.unwrap_or_default(), one(form, "case")?.unwrap_or_default());
        let (reason, case) = (plain(&reason), case.trim().to_owned());
        if let Some((told, code)) = self.objection(&reason, &case) {
            let page = self.reasons(id, &offer, [&reason, &case], Some(told), visit)?;
            return Ok((Page { status: StatusCode::BAD_REQUEST, ..page }.reply(visit.id), code));
        }
        if !self.is_unused(&offer, visit.now).await? {
            // A second tap, or the way back to the form: whoever is still refused there is offered it anew.
            let there = self.address(&offer.journey.host, &offer.journey.target);
            return Ok((self.go(there, vec![], visit)?, "broken_before"));
        }
        let glass = Glass {
            id: visit.id,
            source: offer.source.into(),
            reason: reason.into(),
            case: case.into(),
            until: visit.now + self.glass,
        };
        // Written down first: a glass that nobody will hear of is not broken.
        let broken = BrokenGlass {
            time: visit.now,
            glass: glass.clone(),
            who: (&*kept.subject).into(),
            device: kept.device.clone(),
            session: id.to_string(),
        };
        let ticket = visit.audit.append(Record::BrokenGlass(Box::new(broken.clone())));
        let durable = ticket.map_err(|_| SignInFault::Full)?.durable().await;
        durable.map_err(|_| SignInFault::Full)?;
        self.reviews.opened(&broken);
        self.metrics.glass_broken(&glass.source);
        tracing::warn!(event = "glass_broken", source = &*glass.source, code = glass.id.code(), session = %id);
        self.restate(id, |statements| statements.with(&glass, visit.now)).await?;
        Ok((self.go_on(id, kept, Some(offer.journey), vec![], visit).await?, "broken"))
    }

    /// Whether an offer is taken for the first time: each breaks one glass, which is recorded, alerted and looked into.
    async fn is_unused(&self, offer: &Offer, now: SystemTime) -> Result<bool, SignInFault> {
        let name = format!("glass {}", URL_SAFE_NO_PAD.encode(sha256(offer.sealed.as_bytes())));
        // Remembered for longer than it could be taken.
        Ok(self.state.is_first(&name, now + LATE, now).await?)
    }

    fn objection(&self, reason: &str, case: &str) -> Option<(Text, &'static str)> {
        if !(Glass::REASON_LEAST..=Glass::REASON_LIMIT).contains(&reason.chars().count()) {
            return Some((texts::REASON_TOO_SHORT, "reason_length"));
        }
        if case.is_empty() {
            return Some((texts::CASE_MISSING, "case_required"));
        }
        (!self.purposes.is_case(case)).then_some((texts::CASE_MALFORMED, "case_malformed"))
    }

    fn reasons(
        &self,
        id: SessionId,
        offer: &Offer,
        [reason, case]: [&str; 2],
        told: Option<Text>,
        visit: Visit<'_>,
    ) -> Result<Page, SignInFault> {
        let mut page = visit.page(texts::GLASS);
        if let Some(told) = told {
            page = page.warn(told);
        }
        let language = page.language;
        let form = Form::new("/break-glass", &self.proof(FORM, id)?)
            .hidden("to", Some(&offer.sealed))
            .room("reason", texts::GLASS_REASON.in_language(language), reason, Glass::REASON_LIMIT)
            .line("case", texts::CASE.in_language(language), case, CASE_LIMIT_BYTES, true)
            .button(texts::GLASS.in_language(language));
        let which = format!("{}{}", texts::GLASS_FOR.in_language(language), offer.journey.host);
        Ok(page.say(texts::GLASS_WARNS).text(&which).form(&form).link("/", texts::BACK))
    }
}

/// An officer's words on one line: browsers send line breaks, and a record is no place for them.
fn plain(text: &str) -> String {
    let spaced: String = text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_on_one_line() {
        for (text, line) in [
            ("a child\r\nis missing ", "a child is missing"),
            ("\t\u{1b}[2J", "[2J"),
            ("  ", ""),
            ("é\u{85}è", "é è"),
        ] {
            assert_eq!(plain(text), line, "{text:?}");
        }
    }
}
