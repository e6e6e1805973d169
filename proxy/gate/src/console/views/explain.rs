//! What a refusal rests on, by the code on somebody's screen.

use std::{path::Path, sync::Arc};

use poort_policy::{
    Mode,
    console::View,
    workbench::{Answer, Explanation, Reasoned, Standing, Workbench},
};

use super::verdict_badge;
use crate::{
    audit::{
        explained,
        questions::{self, Asked as Recorded, Entry},
        search::{Backwards, Consultation, SearchFault, row},
    },
    console::{
        Console,
        html::{Html, text},
        page::Page,
        serve::Asked,
    },
};

/// So much of the record is looked through, in bytes: some 300,000 decisions.
const DEPTH_BYTES: u64 = 1 << 30;
/// The longest name of a request, in bytes.
const LONGEST_NAME: usize = 64;

/// A decision that was found.
struct Found {
    recorded: Box<Recorded>,
    decision: Consultation,
}

impl Console {
    pub(super) async fn explain(&self, asked: &Asked<'_>) -> Result<Page, Page> {
        let code = asked.query("code").filter(|code| code.len() <= LONGEST_NAME);
        let form = form(code.as_deref());
        let Some(code) = code else { return Ok(Page::new(View::Explain, form)) };
        let (directory, name) = (self.directory.clone(), code.clone());
        let found = self.read(move || find(&directory, &name)).await?;
        let wanted = vec![("code".to_owned(), code)];
        self.record(asked.guest.look(View::Explain, wanted, usize::from(found.is_some()))).await?;
        let Some(found) = found else {
            let said = "No decision in the newest gigabyte of the record is called that; check the code, or use \
                        `poort policy explain CODE` on the gate, which reads all of it.";
            return Ok(Page::new(View::Explain, form.element("p class=\"lead\"", said)));
        };
        let main = form.add(&facts(&found.decision));
        let Some(question) = found.recorded.question.clone() else {
            return Ok(Page::new(
                View::Explain,
                main.element("p class=\"lead\"", explained::unasked(&found.recorded)),
            ));
        };
        let snapshot = Arc::clone(&asked.guest.snapshot);
        let known = self.bench.lock().clone().filter(|(generation, _)| *generation == snapshot.generation);
        let generation = snapshot.generation;
        let (bench, explanation) = self
            .read(move || {
                let load = || Workbench::load(snapshot.corpus.clone()).map(Arc::new);
                let bench = known.map_or_else(load, |(_, bench)| Ok(bench));
                let bench =
                    bench.map_err(|faults| faults.iter().map(ToString::to_string).collect::<String>())?;
                let explanation = bench.explain(&question);
                Ok::<_, String>((bench, explanation))
            })
            .await?;
        let main = main.add(&told(&explanation, &found.recorded, bench.sheets().len()));
        *self.bench.lock() = Some((generation, bench));
        Ok(Page::new(View::Explain, main))
    }
}

fn form(code: Option<&str>) -> Html {
    Html::default()
        .open("form class=\"bar\" method=\"get\"")
        .raw("<label>The six characters on the screen, or a request's id")
        .field("text", "code", code.unwrap_or_default())
        .raw("</label><button>Explain</button>")
        .close("form")
}

/// The newest decision of that name.
fn find(directory: &Path, name: &str) -> Result<Option<Found>, SearchFault> {
    let upper = name.to_uppercase();
    let mut lines = Backwards::open(directory, DEPTH_BYTES)?;
    while let Some(line) = lines.next()? {
        // Most lines do not hold it anywhere, and need no parsing.
        let holds = |name: &str| memchr::memmem::find(&line, name.as_bytes()).is_some();
        if (holds(name) || holds(&upper))
            && let Ok(Entry::Decision(recorded)) = questions::entry(&line)
            && (*recorded.code == *upper || recorded.id == name)
            && let Some(decision) = Consultation::of(&line)
        {
            return Ok(Some(Found { recorded, decision }));
        }
    }
    Ok(None)
}

fn facts(decision: &Consultation) -> Html {
    let or_dash = |value: &Option<String>| text(value.as_deref().unwrap_or("-"));
    let request =
        format!("{} {}", decision.method.as_deref().unwrap_or("-"), decision.path.as_deref().unwrap_or("-"));
    let verdict = verdict_badge(&decision.verdict);
    let verdict = match &decision.reason {
        Some(reason) => verdict.text(" ").element("code", reason),
        None => verdict,
    };
    Html::default()
        .open("dl class=\"card\"")
        .fact("Code", &Html::default().element("code", &decision.code))
        .fact("Verdict", &verdict)
        .fact("When", &text(row::time(decision.time)))
        .fact("Who", &text(row::who(decision)))
        .fact("Device", &or_dash(&decision.device))
        .fact("Source", &or_dash(&decision.source))
        .fact("Operation", &or_dash(&decision.operation))
        .fact("Request", &text(request))
        .fact("For", &text(row::why(decision)))
        .close("dl")
}

fn told(explanation: &Explanation, recorded: &Recorded, all: usize) -> Html {
    let Explanation { decision, policies, changes } = explanation;
    let (word, by) = explained::verdict(decision);
    let kind = if decision.allow { "good" } else { "bad" };
    let mut html =
        Html::default().open("h2").text("The policies in force say ").badge(kind, word).text(by).close("h2");
    let reasons = policies.iter().filter(|policy| decision.determining.contains(&policy.id));
    for reason in reasons.filter_map(|policy| policy.reason.as_deref()) {
        html = html.element("p class=\"lead\"", reason);
    }
    if let Some(then) = explained::then(explanation, recorded) {
        html = html.element("p class=\"note\"", then);
    }
    if let Some(shadow) = decision.disagreement_of(Mode::Shadow) {
        let word = if shadow.allow { "allowed" } else { "refused" };
        html = html
            .element("p class=\"note\"", format!("If the policies in shadow counted, it would be {word}."));
    }
    if !decision.allow {
        html = html.element("h3", "What would have opened it (each was tried)");
        html = match changes.as_slice() {
            [] => html.element("p", "Nothing that was tried: no policy permits this to anybody like them."),
            changes => changes
                .iter()
                .fold(html.open("ul"), |html, change| {
                    let steps: Vec<String> = change.steps.iter().map(ToString::to_string).collect();
                    html.element("li", steps.join(", and "))
                })
                .close("ul"),
        };
    }
    let heading = format!("{} of {all} policies are about this source and operation", policies.len());
    let mut ordered: Vec<&Reasoned> = policies.iter().collect();
    ordered.sort_by_key(|policy| match policy.standing {
        Standing::Applies | Standing::Errs(_) => 0,
        Standing::Fails => 1,
        Standing::OtherPrincipal(_) => 2,
    });
    ordered.into_iter().fold(html.element("h3", heading), |html, policy| html.add(&one(policy)))
}

fn one(policy: &Reasoned) -> Html {
    let effect = if policy.permits { "permit" } else { "forbid" };
    let standing = match &policy.standing {
        Standing::Applies => Html::default().badge(if policy.permits { "good" } else { "bad" }, "applies"),
        Standing::Fails => text("does not apply"),
        Standing::OtherPrincipal(whom) => text(format!("is for {whom}")),
        Standing::Errs(error) => Html::default().badge("bad", format!("errs: {error}")),
    };
    let mut html = Html::default()
        .open("div class=\"policy\"")
        .open("p")
        .text(effect)
        .text(" ")
        .element("b", &policy.id)
        .text(if policy.shadow { " in shadow " } else { " " })
        .add(&standing)
        .text(" ")
        .element("small", format!("{}:{}", policy.place.file, policy.place.line))
        .close("p");
    // Why a forbid does not apply is no concern of whoever is refused.
    if policy.permits || policy.standing != Standing::Fails {
        html = policy
            .answers
            .iter()
            .fold(html.open("ul"), |html, answer| html.add(&condition(answer)))
            .close("ul");
    }
    html.close("div")
}

fn condition(answer: &Answer) -> Html {
    let tag = match (answer.holds, answer.decisive) {
        (true, true) => "li class=\"holds decisive\"",
        (true, false) => "li class=\"holds\"",
        (false, true) => "li class=\"fails decisive\"",
        (false, false) => "li class=\"fails\"",
    };
    let mut html = Html::default().open(tag).element("code", &answer.text);
    for (name, value) in answer.values.iter().filter(|(name, _)| answer.decisive && *name != answer.text) {
        html = html.element("small", format!(" {name} is {}", value.as_deref().unwrap_or("absent")));
    }
    html.close("li")
}
