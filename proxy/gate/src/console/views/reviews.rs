//! Broken glasses that nobody has looked into yet, and writing down what was found.

use std::time::SystemTime;

use http::StatusCode;
use poort_enforce::reply::Reply;
use poort_policy::console::{Act, View};

use super::{ago, time};
use crate::{
    audit::{
        Review,
        reviews::{ReviewFault, Waiting},
    },
    console::{
        Console,
        html::{Html, text},
        page::{self, Page},
        serve::Asked,
        visitor::Guest,
    },
};

impl Console {
    pub(super) async fn reviews(&self, asked: &Asked<'_>) -> Result<Page, Page> {
        let (waiting, learned) = self.live.carry.reviews.all();
        self.record(asked.guest.look(View::Reviews, vec![], waiting.len())).await?;
        let may = asked.guest.may(Act::Review, View::Reviews).is_ok();
        let proof = self.forms.proof(&asked.guest.visitor.name, asked.now);
        let mut main = Html::default();
        // Anybody can make a link: of a glass that waits it is not said, nor any words of theirs.
        let is_done = |code: &String| is_code(code) && waiting.iter().all(|one| one.code != *code);
        if let Some(code) = asked.query("done").filter(is_done) {
            main = main
                .open("p class=\"note\"")
                .badge("good", "reviewed")
                .text(" ")
                .element("code", code)
                .close("p");
        }
        if !learned {
            let said = "The record of before this gate began is still being read: there may be more.";
            main = main.element("p class=\"note\"", said);
        }
        if waiting.is_empty() {
            main = main.element("p class=\"lead\"", "No broken glass waits to be looked into.");
        }
        let main = waiting.iter().fold(main, |main, one| {
            let own = one.is_broken_by(&asked.guest.visitor.name);
            main.add(&card(one, may, own, &proof, asked.now))
        });
        Ok(Page::new(View::Reviews, main))
    }

    /// Writes down what somebody found.
    pub(in crate::console) async fn review(
        &self,
        guest: &Guest,
        request: &str,
        finding: &str,
        now: SystemTime,
    ) -> Result<Reply, Page> {
        let refused = |fault: &ReviewFault| {
            let status = match fault {
                ReviewFault::NotWaiting(_) => StatusCode::CONFLICT,
                ReviewFault::OwnGlass(_) => StatusCode::FORBIDDEN,
                ReviewFault::Finding => StatusCode::BAD_REQUEST,
                ReviewFault::Unwritable(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            Page::told(status, "Not taken", &format!("{fault}."))
        };
        let reviews = &self.live.carry.reviews;
        let waiting = reviews.all().0.into_iter().find(|one| one.request == request);
        let unknown = || refused(&ReviewFault::NotWaiting(request.chars().take(64).collect()));
        let Waiting { request, code, officer, .. } = waiting.ok_or_else(unknown)?;
        let review = Review {
            time: now,
            request,
            code: code.clone(),
            officer,
            finding: plain(finding),
            reviewer: guest.visitor.name.clone(),
            by: guest.looker(),
        };
        reviews.close(&self.live.audit, review).await.map_err(|fault| refused(&fault))?;
        tracing::info!(event = "glass_reviewed", code, certificate = guest.visitor.name);
        Ok(page::elsewhere(format!("/reviews?done={code}")))
    }
}

fn card(one: &Waiting, may: bool, own: bool, proof: &str, now: SystemTime) -> Html {
    let officer = text(&one.officer);
    let officer = match &one.name {
        Some(name) => officer.text(format!(" ({name})")),
        None => officer,
    };
    let since = one.since();
    let uses = if one.uses == 1 { "1 request".to_owned() } else { format!("{} requests", one.uses) };
    let card = Html::default()
        .open("section class=\"card\"")
        .open("dl")
        .fact("Code", &Html::default().code(&one.code))
        .fact("When", &text(format!("{}, {}", time(since), ago(since, now))))
        .fact("Who", &officer)
        .fact("Device", &text(one.device.as_deref().unwrap_or("-")))
        .fact("Source", &text(&one.source))
        .fact("Case", &text(&one.case))
        .fact("Let through", &text(uses))
        .close("dl")
        .element("blockquote", &one.reason);
    let card = match (may, own) {
        (_, true) => card.element("p class=\"quiet\"", "You broke this glass: somebody else looks into it."),
        (false, _) => card.element("p class=\"quiet\"", "The policies do not let you write down what was found."),
        (true, false) => card
            .open("form method=\"post\" action=\"/reviews\"")
            .field("hidden", "proof", proof)
            .field("hidden", "request", &one.request)
            .raw("<label>What did you find?<textarea name=\"finding\" rows=\"3\" maxlength=\"1000\" required></textarea></label>")
            .raw("<button>Write it down</button>")
            .close("form"),
    };
    card.close("section")
}

/// Whether it is six letters or digits.
fn is_code(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Words on one line: a record is no place for line breaks.
fn plain(words: &str) -> String {
    let spaced: String = words.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
