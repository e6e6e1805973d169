//! Decisions as they come.

use poort_enforce::record::Verdict;

use super::{verdict_badge, wanted};
use crate::{
    audit::search::{Consultation, Filter, Recent},
    console::{
        Console,
        feed::Cells,
        html::{Html, encoded, text},
        page::Page,
        serve::Asked,
    },
};
use poort_policy::console::View;

/// So many are shown, of so many bytes of the record.
const SHOWN: (usize, u64) = (100, 64 << 20);

const HEADS: [&str; 10] =
    ["Time", "Code", "Verdict", "Who", "Device", "Source", "Operation", "Request", "Reason", "For"];

impl Console {
    pub(super) async fn decisions(&self, asked: &Asked<'_>) -> Result<Page, Page> {
        let filter = asked.filter();
        let (directory, meant) = (self.directory.clone(), filter.clone());
        let recent = self.read(move || Recent::read(&directory, &meant, None, SHOWN)).await?;
        self.record(asked.guest.look(View::Decisions, wanted(&filter), recent.decisions.len())).await?;
        let sources = asked.guest.snapshot.upstreams.keys().map(|id| &**id);
        let mut sources: Vec<_> = sources.collect();
        sources.sort_unstable();
        let last = recent.decisions.first().map_or("", |newest| &newest.request);
        let main = Html::default()
            .add(&form(&filter, &sources, &recent.decisions))
            .open("p id=\"live\" class=\"quiet\" role=\"status\"")
            .text("Load the page again for what came since.")
            .close("p")
            .open("div class=\"scroll\"")
            .open("table class=\"decisions\"")
            .heads(&HEADS)
            .add(&rows(&recent, last))
            .close("table")
            .close("div");
        let main = match (recent.decisions.is_empty(), recent.cut) {
            (true, _) => main.element("p class=\"quiet\"", "There is no such decision yet."),
            (_, true) => main.element(
                "p class=\"quiet\"",
                "Older ones: `poort audit search` on the gate, which also looks for whom a request was about.",
            ),
            (_, false) => main,
        };
        Ok(Page::new(View::Decisions, main))
    }
}

fn form(filter: &Filter, sources: &[&str], decisions: &[Consultation]) -> Html {
    let mut reasons: Vec<_> = decisions.iter().filter_map(|one| one.reason.as_deref()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let verdicts = [Verdict::Allow.outcome(), "refuse", Verdict::Answer.outcome()];
    Html::default()
        .open("form class=\"bar\" method=\"get\"")
        .choice("source", "Source", sources.iter().copied(), filter.source.as_deref())
        .choice("verdict", "Verdict", verdicts.into_iter(), filter.verdict.as_deref())
        .choice("reason", "Reason", reasons.into_iter(), filter.reason.as_deref())
        .raw("<button>Show</button><a class=\"button\" href=\"/decisions\">All</a>")
        .raw("<button type=\"button\" id=\"pause\" hidden>Pause</button>")
        .close("form")
}

/// The body of the table, which says from where on a script goes on.
fn rows(recent: &Recent, last: &str) -> Html {
    let body = Html::default().raw("<tbody id=\"decisions\" data-after=\"").text(encoded(last)).raw("\">");
    recent.decisions.iter().fold(body, |body, one| body.add(&row(one))).close("tbody")
}

fn row(decision: &Consultation) -> Html {
    let Cells { code, verdict, cells } = Cells::of(decision);
    let [time, who, device, source, operation, request, reason, why] = cells;
    let cells = [
        text(time),
        Html::default().code(code),
        verdict_badge(verdict),
        text(who),
        text(device),
        text(source),
        text(operation),
        text(request),
        text(reason),
        text(why),
    ];
    Html::default().row(&cells)
}
