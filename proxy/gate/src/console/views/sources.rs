//! How sources are.

use std::sync::atomic::Ordering;

use poort_enforce::source::Source;
use poort_policy::console::View;

use super::{ago, dash};
use crate::{
    console::{
        Console,
        html::{Html, text},
        page::Page,
        serve::Asked,
    },
    snapshot::Upstream,
};

const HEADS: [&str; 8] = [
    "Source",
    "Standing",
    "Addresses",
    "In flight",
    "Allowed since start",
    "No connection",
    "Inspection",
    "Last failure",
];

impl Console {
    /// It shows nothing of the record, so no look is written down.
    pub(super) fn sources(&self, asked: &Asked<'_>) -> Page {
        let snapshot = &asked.guest.snapshot;
        let mut sources: Vec<_> = snapshot.pipeline.rules.routes.sources().iter().collect();
        sources.sort_by(|one, other| one.id.cmp(&other.id));
        let rows = sources.into_iter().fold(Html::default(), |rows, source| {
            let upstream = snapshot.upstreams.get(&source.id);
            upstream.map_or(rows.clone(), |upstream| rows.row(&row(source, upstream, asked)))
        });
        let main = Html::default()
            .open("div class=\"scroll\"")
            .open("table")
            .heads(&HEADS)
            .open("tbody")
            .add(&rows)
            .close("tbody")
            .close("table")
            .close("div")
            .open("p class=\"quiet\"")
            .text(format!("Configuration {}, generation {}. ", short(&snapshot.digest), snapshot.generation))
            .text("A source is closed and opened on the gate: ")
            .element("code", "poort reload --deny SOURCE")
            .close("p");
        Page::new(View::Sources, main)
    }
}

fn row(source: &Source, upstream: &Upstream, asked: &Asked<'_>) -> [Html; 8] {
    let (in_turn, aside) = upstream.pool.standing();
    let standing = match (source.closed.load(Ordering::Acquire), in_turn, aside) {
        (true, ..) => ("bad", "closed"),
        (_, 0, _) => ("bad", "down"),
        (_, _, 0) => ("good", "up"),
        _ => ("warn", "partly up"),
    };
    let addresses = match aside {
        0 => in_turn.to_string(),
        aside => format!("{in_turn} in turn, {aside} left aside"),
    };
    let limit = match source.in_flight.limit() {
        u32::MAX => String::new(),
        limit => format!(" of {limit}"),
    };
    let inspection = match &source.inspector {
        None => Html::default().badge("plain", "off"),
        Some(inspector) => {
            let kind = if inspector.since.is_some() { "warn" } else { "good" };
            let mode = Html::default().badge(kind, inspector.mode.as_str());
            inspector.since.map_or(mode.clone(), |since| {
                mode.element("small", format!(" since {}", ago(since, asked.now)))
            })
        }
    };
    let failure = upstream.counts.last_failure().map_or_else(dash, |failure| {
        Html::default()
            .element("b", failure.reason)
            .text(format!(" {} ", ago(failure.at, asked.now)))
            .code(&failure.request.code())
    });
    let (allowed, unconnected) = upstream.counts.since_start();
    [
        Html::default().link(&format!("/decisions?source={}", source.id), &*source.id),
        Html::default().badge(standing.0, standing.1),
        text(addresses),
        text(format!("{}{limit}", source.in_flight.current())),
        text(allowed),
        text(unconnected),
        inspection,
        failure,
    ]
}

/// The beginning of a digest, which is enough to tell two apart.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
