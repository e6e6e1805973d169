//! What inspection found lately, and which exclusions would have let it pass.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    path::Path,
    time::{Duration, SystemTime},
};

use poort_enforce::inspect::Finding;
use poort_policy::console::View;
use serde::Deserialize;

use super::strangers;
use crate::{
    audit::{
        search::{Backwards, Consultation, SearchFault, row},
        strangers::recent,
    },
    console::{
        Console,
        exclusions::{Matched, proposed},
        html::{Html, text},
        page::Page,
        serve::Asked,
    },
    snapshot::Snapshot,
};

/// So much of the record is looked through, in bytes: some 20,000 decisions.
const DEPTH_BYTES: u64 = 64 << 20;
/// So many requests in which something matched are looked at.
const REQUESTS: usize = 500;
/// So many that were refused, or would have been, are shown one by one.
const SHOWN: usize = 20;

/// So far back strangers are counted.
const STRANGERS: Duration = Duration::from_secs(24 * 3600);

/// A line of the record, as far as inspection goes.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow)]
    unmapped: Unmapped<'a>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    correlation_uid: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Unmapped<'a> {
    #[serde(borrow, default)]
    waf: Option<Inspection<'a>>,
}

#[derive(Deserialize)]
struct Inspection<'a> {
    result: Cow<'a, str>,
    #[serde(default)]
    score: u32,
    #[serde(default)]
    threshold: u32,
    #[serde(borrow, default)]
    matches: Vec<Match<'a>>,
}

#[derive(Deserialize)]
struct Match<'a> {
    rule: u64,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    variable: Cow<'a, str>,
}

/// What inspection made of a request, or of its answer.
struct Seen {
    decision: Consultation,
    result: String,
    score: u32,
    threshold: u32,
    matches: Vec<(u64, String, String)>,
}

impl Seen {
    /// Whether it was refused, or would have been if the rules were let.
    fn is_hit(&self) -> bool {
        [Finding::Refused.code(), Finding::Detected.code()].contains(&&*self.result)
    }

    fn matched(&self) -> impl Iterator<Item = Matched<'_>> {
        self.matches.iter().map(|(rule, message, variable)| Matched { rule: *rule, message, variable })
    }
}

impl Console {
    pub(super) async fn waf(&self, asked: &Asked<'_>) -> Result<Page, Page> {
        let source = asked.query("source");
        let (directory, meant) = (self.directory.clone(), source.clone());
        let since = asked.now.checked_sub(STRANGERS).unwrap_or(SystemTime::UNIX_EPOCH);
        let read =
            move || Ok::<_, SearchFault>((read(&directory, meant.as_deref())?, recent(&directory, since)?));
        let ((seen, cut), (counted, more)) = self.read(read).await?;
        let wanted = source.iter().map(|source| ("source".to_owned(), source.clone())).collect();
        self.record(asked.guest.look(View::Waf, wanted, seen.len())).await?;
        let snapshot = &asked.guest.snapshot;
        let mut sources: Vec<_> = snapshot.upstreams.keys().map(|id| &**id).collect();
        sources.sort_unstable();
        let main = Html::default()
            .open("form class=\"bar\" method=\"get\"")
            .choice("source", "Source", sources.into_iter(), source.as_deref())
            .raw("<button>Show</button>")
            .close("form")
            .add(&table(&seen))
            .add(&strangers::panel(&counted, more));
        let hits: Vec<_> = seen.iter().filter(|seen| seen.is_hit()).take(SHOWN).collect();
        let main = match hits.is_empty() {
            true => main,
            false => main.element("h2", "Refused, or refused if the rules were let").element(
                "p class=\"quiet\"",
                "If a request was meant well, its exclusions go under waf: in the source's file, with a reason of yours. They have been \
                 put to the rules in force; with all of them nothing would have matched.",
            ),
        };
        let main = hits.into_iter().fold(main, |main, hit| main.add(&card(hit, snapshot, asked)));
        let main = match cut {
            true => main.element(
                "p class=\"quiet\"",
                "Older matches were not looked at; poort_waf_matches_total counts all of them.",
            ),
            false => main,
        };
        Ok(Page::new(View::Waf, main))
    }
}

/// The newest requests in which something matched, newest first; and whether there may be more.
fn read(directory: &Path, source: Option<&str>) -> Result<(Vec<Seen>, bool), SearchFault> {
    let mut lines = Backwards::open(directory, DEPTH_BYTES)?;
    let (mut seen, mut answers) = (Vec::new(), HashMap::new());
    let matches = memchr::memmem::Finder::new(b"\"matches\":[");
    while seen.len() < REQUESTS
        && let Some(line) = lines.next()?
    {
        let decision = Consultation::of(&line);
        let id = decision.as_ref().map(|decision| decision.request.clone());
        let found = matches.find(&line).and_then(|_| serde_json::from_slice::<Line<'_>>(&line).ok());
        let found =
            found.and_then(|line| Some((line.metadata.correlation_uid?.into_owned(), line.unmapped.waf?)));
        match (decision, found) {
            // An outcome, whose decision is still to come.
            (None, Some((id, inspection))) => drop(answers.insert(id, owned(&inspection))),
            (None, None) => {}
            (Some(decision), found) => {
                let answer = id.and_then(|id| answers.remove(&id));
                if source.is_some_and(|source| decision.source.as_deref() != Some(source)) {
                    continue;
                }
                let request = found.map(|(_, inspection)| owned(&inspection));
                for (result, score, threshold, matches) in request.into_iter().chain(answer) {
                    seen.push(Seen { decision: decision.clone(), result, score, threshold, matches });
                }
            }
        }
    }
    let cut = seen.len() >= REQUESTS || lines.is_cut();
    Ok((seen, cut))
}

type Owned = (String, u32, u32, Vec<(u64, String, String)>);

fn owned(inspection: &Inspection<'_>) -> Owned {
    let matches = inspection
        .matches
        .iter()
        .map(|found| (found.rule, found.message.clone().into_owned(), found.variable.clone().into_owned()));
    (inspection.result.clone().into_owned(), inspection.score, inspection.threshold, matches.collect())
}

/// What matched, by source and rule, the most frequent first.
fn table(seen: &[Seen]) -> Html {
    #[derive(Default)]
    struct Count<'a> {
        all: u64,
        hits: u64,
        message: &'a str,
        variable: &'a str,
        last: &'a str,
        time: i64,
    }
    let mut counts: BTreeMap<(&str, u64), Count<'_>> = BTreeMap::new();
    for one in seen {
        for matched in one.matched().filter(|matched| !matched.adds_up()) {
            let source = one.decision.source.as_deref().unwrap_or("-");
            let count = counts.entry((source, matched.rule)).or_default();
            count.all += 1;
            count.hits += u64::from(one.is_hit());
            // They come newest first.
            if count.time == 0 {
                let (code, time) = (&*one.decision.code, one.decision.time);
                (count.message, count.variable, count.last, count.time) =
                    (matched.message, matched.sent(), code, time);
            }
        }
    }
    if counts.is_empty() {
        return Html::default().element("p class=\"lead\"", "No rule has matched lately.");
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|(one, first), (other, second)| (second.all, one).cmp(&(first.all, other)));
    let body = counts.iter().fold(Html::default(), |body, ((source, rule), count)| {
        body.row(&[
            text(source),
            text(rule),
            text(count.message.replace("%{MATCHED_VAR_NAME}", "…")),
            text(count.all),
            text(count.hits),
            Html::default().element("code", count.variable),
            Html::default().code(count.last),
            text(row::time(count.time)),
        ])
    });
    Html::default()
        .open("div class=\"scroll\"")
        .open("table class=\"lately\"")
        .heads(&[
            "Source",
            "Rule",
            "What it looks for",
            "Matches",
            "Over the threshold",
            "Last in",
            "Last code",
            "When",
        ])
        .open("tbody")
        .add(&body)
        .close("tbody")
        .close("table")
        .close("div")
}

fn card(hit: &Seen, snapshot: &Snapshot, asked: &Asked<'_>) -> Html {
    let Seen { decision, result, score, threshold, .. } = hit;
    let kind = if result == Finding::Refused.code() { "bad" } else { "warn" };
    let request =
        format!("{} {}", decision.method.as_deref().unwrap_or("-"), decision.path.as_deref().unwrap_or("-"));
    let sources = snapshot.pipeline.rules.routes.sources();
    let source = sources.iter().find(|source| Some(&*source.id) == decision.source.as_deref());
    let inspector = source.and_then(|source| source.inspector.as_deref());
    let matches: Vec<_> = hit.matched().collect();
    let yaml = inspector.and_then(|inspector| {
        proposed(inspector, &matches, decision.path.as_deref(), &decision.code, asked.now)
    });
    let list = matches.iter().filter(|matched| !matched.adds_up()).fold(
        Html::default().open("ul"),
        |list, matched| {
            let (said, sent) = (matched.said(), matched.sent());
            let item = list.open("li").element("b", matched.rule).text(" ").text(&said);
            // Most rules say themselves where it was.
            let item = if said.contains(sent) { item } else { item.text(" ").element("code", sent) };
            item.close("li")
        },
    );
    let card = Html::default()
        .open("section class=\"card\"")
        .open("p")
        .code(&decision.code)
        .text(" ")
        .badge(kind, result)
        .text(format!(" score {score}, threshold {threshold} · "))
        .text(decision.source.as_deref().unwrap_or("-"))
        .text(" · ")
        .text(request)
        .text(" ")
        .element("small", row::time(decision.time))
        .close("p")
        .add(&list.close("ul"));
    match yaml {
        Some(yaml) => {
            card.open("details").raw("<summary>Exclusions</summary>").element("pre", yaml).close("details")
        }
        None => card.element(
            "p class=\"quiet\"",
            "Nothing can be excluded: its rules are not among those in force, or are too many.",
        ),
    }
    .close("section")
}
