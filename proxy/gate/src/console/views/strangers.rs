//! What callers tried whom nobody knows: a part of what inspection found.

use crate::{
    audit::{
        search::row,
        strangers::{Did, Summary},
    },
    console::html::{Html, text},
};

const HEADS: [&str; 7] = ["What", "Why", "Times", "Prefixes", "Most from", "First", "Last"];

/// What was counted, and whether there is more.
pub(super) fn panel(counted: &[Summary], cut: bool) -> Html {
    let panel = Html::default().element("h2", "Strangers");
    if counted.is_empty() {
        return panel
            .element("p class=\"quiet\"", "None in the last 24 hours; counts are written once a minute.");
    }
    let rows = counted.iter().fold(Html::default(), |rows, one| {
        let (prefix, count) = &one.most;
        rows.row(&[
            text(did(one.did)),
            Html::default().element("code", &one.code),
            text(one.count),
            text(one.prefixes),
            text(format!("{count} × ")).element("code", prefix),
            text(row::time(one.first)),
            text(row::time(one.last)),
        ])
    });
    let panel = panel
        .open("div class=\"scroll\"")
        .open("table class=\"lately\"")
        .heads(&HEADS)
        .open("tbody")
        .add(&rows)
        .close("tbody")
        .close("table")
        .close("div")
        .element(
            "p class=\"quiet\"",
            "Callers without a certificate of ours, in the last 24 hours: counted by address prefix, and written once a minute.",
        );
    match cut {
        true => panel
            .element("p class=\"quiet\"", "There were more: strangers-*.jsonl beside the record has them."),
        false => panel,
    }
}

const fn did(did: Did) -> &'static str {
    match did {
        Did::Handshake => "handshake failed",
        Did::Refused => "request refused",
        Did::Answered => "request answered",
    }
}
