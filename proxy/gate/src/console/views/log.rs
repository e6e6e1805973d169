//! The record itself: whether it is written, what proves it, and what does not.

use poort_policy::console::View;

use super::{ago, dash, size, time};
use crate::{
    audit::{Health, tlog::LOG_DIRECTORY},
    console::{
        Console,
        html::{Html, text},
        page::Page,
        serve::Asked,
    },
};

impl Console {
    /// It shows nothing of what is in the record, so no look is written down.
    pub(super) fn log(&self, asked: &Asked<'_>) -> Page {
        let health = self.live.audit.health();
        let main = Html::default()
            .element("h2", "Writing")
            .add(&writing(&health))
            .element("h2", "Proof")
            .add(&self.proof(&health, asked));
        Page::new(View::Log, main)
    }

    fn proof(&self, health: &Health, asked: &Asked<'_>) -> Html {
        let Some(age) = self.live.checkpoint_age(asked.now) else {
            let said = "No log is kept, or it has no checkpoint yet, so nothing proves that the record was not changed: \
                        `poort audit key NAME`, and `log:` under `audit:`.";
            return Html::default()
                .open("p class=\"note\"")
                .badge("bad", "unproved")
                .text(" ")
                .text(said)
                .close("p");
        };
        let checkpoint = std::fs::read_to_string(self.directory.join(LOG_DIRECTORY).join("checkpoint"));
        let checkpoint = checkpoint.unwrap_or_default();
        let mut lines = checkpoint.lines();
        let mut line = || text(lines.next().unwrap_or("-"));
        let (origin, size, root) = (line(), line(), line());
        let behind = health.log_entries.saturating_sub(health.checked_entries);
        let anchor = match health.anchored_entries {
            None => Html::default().badge("warn", "none"),
            Some(anchored) if anchored == health.checked_entries => {
                Html::default().badge("good", "as far as the checkpoint")
            }
            Some(anchored) => Html::default().badge("bad", "behind").text(format!(
                " {anchored} of {} entries; the gate's own words say why",
                health.checked_entries
            )),
        };
        let made = asked
            .now
            .checked_sub(age)
            .map_or_else(dash, |made| text(format!("{}, {}", time(made), ago(made, asked.now))));
        let facts = Html::default()
            .open("dl class=\"card\"")
            .fact("Log", &origin)
            .fact("Entries", &text(health.log_entries))
            .fact("Last checkpoint", &made)
            .fact("Under it", &size)
            .fact("Not under one yet", &text(behind))
            .fact("Root hash", &Html::default().open("code").add(&root).close("code"))
            .fact("Anchor", &anchor)
            .close("dl");
        let unproved = match health.anchored_entries {
            None => {
                "Not proved without an anchor: that nobody who holds the signing key has rewritten the log, or cut off its end. \
                     `anchor:` under `log:` names a directory out of their reach."
            }
            Some(_) => {
                "What the anchor has cannot be rewritten or cut off unseen, not even by whoever holds the signing key."
            }
        };
        facts
            .element("p class=\"note\"", unproved)
            .open("p class=\"quiet\"")
            .text("This page says what the gate says. The proof is ")
            .element("code", "poort audit verify")
            .text(", run by somebody who trusts neither gate nor log.")
            .close("p")
    }
}

fn writing(health: &Health) -> Html {
    let state = match (health.failing, health.spilled) {
        (true, _) => Html::default().badge("bad", "failing").text(" nothing passes"),
        (false, 0) => Html::default().badge("good", "written"),
        (false, spilled) => Html::default()
            .badge("warn", "on the second disk")
            .text(format!(" {spilled} records wait for the first")),
    };
    let space = health.space.map_or_else(dash, |space| {
        let said = format!("{} of {}", size(space.free), size(space.total));
        if space.is_short() { Html::default().badge("warn", said) } else { text(said) }
    });
    Html::default()
        .open("dl class=\"card\"")
        .fact("State", &state)
        .fact("Free space", &space)
        .fact("Records since start", &text(health.records))
        .fact(
            "Waiting to be written",
            &text(format!("{} ({})", health.queued, size(health.queued_bytes as u64))),
        )
        .fact("Last write took", &text(format!("{:.1} ms", health.last_commit.as_secs_f64() * 1000.0)))
        .fact(
            "Write-ahead log",
            &text(if health.write_ahead { "kept" } else { "none: each write takes longer" }),
        )
        .fact("Lost since start", &lost(health.lost + health.strangers_lost))
        .close("dl")
}

fn lost(lost: u64) -> Html {
    if lost == 0 { text(0) } else { Html::default().badge("bad", lost) }
}
