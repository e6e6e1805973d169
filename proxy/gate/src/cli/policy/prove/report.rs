//! What came of a proof, as text and as JSON.

use std::{fmt::Write as _, time::Duration};

use poort_policy::{
    Context, Decision, DeviceFacts, PrincipalKind, Question, ShiftCount,
    workbench::{
        Proof, Workbench,
        prove::{Assumption, Counterexample, Outcome, Verdict},
    },
};
use serde_json::{Value, json};

use crate::cli::count;

use super::super::excerpt::Pen;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// What a report is about.
pub(super) struct Told<'t> {
    pub(super) bench: &'t Workbench,
    pub(super) proof: &'t Proof<'t>,
    /// Of the solver.
    pub(super) version: &'t str,
    /// All in all.
    pub(super) took: Duration,
}

impl Told<'_> {
    pub(super) fn as_text(&self, outcomes: &[Outcome]) -> String {
        let pen = Pen::new(std::io::IsTerminal::is_terminal(&std::io::stdout()));
        let width = outcomes.iter().map(|outcome| outcome.claim.name.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for outcome in outcomes {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{}  {:width$}  {} ({:.2} s)",
                word(&pen, &outcome.verdict),
                outcome.claim.name,
                outcome.claim.words,
                outcome.took.as_secs_f64()
            );
            self.detail(&outcome.verdict, &mut text);
        }
        self.conclusion(outcomes, &mut text);
        text
    }

    fn detail(&self, verdict: &Verdict, text: &mut String) {
        match verdict {
            Verdict::Proved => {}
            Verdict::Idle => {
                text.push_str("         it describes no request that there can be, so it says nothing; correct its conditions\n");
            }
            Verdict::Unknown(reasons) => unknown(reasons, text),
            Verdict::Refuted(examples, reasons) => {
                examples.iter().for_each(|example| counterexample(example, text));
                unknown(reasons, text);
            }
        }
    }

    fn conclusion(&self, outcomes: &[Outcome], text: &mut String) {
        let proved = outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Proved)).count();
        let _ = writeln!(
            text,
            "\n{proved} of {} proved, for every request that there can be: {} and what the sources' files demand to be stated, {} of principal and operation, cvc5 {}, {:.1} s",
            count(outcomes.len(), "claim"),
            policies(self.bench.sheets().len()),
            count(self.proof.environments().len(), "pair"),
            self.version,
            self.took.as_secs_f64()
        );
        text.push_str("taken for granted, as the gate sees to it:\n");
        for Assumption { words, .. } in self.seen() {
            let _ = writeln!(text, "  - {words}");
        }
        text.push_str(
            "not proved here: that the facts about a request are true, and that the gate decides as Cedar says; other tests hold it to that\n",
        );
    }

    /// Assumptions that the policies can see anything of.
    fn seen(&self) -> impl Iterator<Item = &Assumption> {
        self.proof.assumptions().iter().filter(|assumption| !assumption.limits.is_empty())
    }

    pub(super) fn as_json(&self, outcomes: &[Outcome]) -> Value {
        let example = |Counterexample { question, decision, before, errors }: &Counterexample| json!({ "question": question, "decision": decision, "before": before, "errors": errors });
        let outcome = |Outcome { claim, verdict, took }: &Outcome| {
            let (word, examples, reasons) = match verdict {
                Verdict::Proved => ("proved", &[][..], &[][..]),
                Verdict::Refuted(examples, reasons) => ("refuted", examples.as_slice(), reasons.as_slice()),
                Verdict::Idle => ("idle", &[][..], &[][..]),
                Verdict::Unknown(reasons) => ("unknown", &[][..], reasons.as_slice()),
            };
            let place = claim.place.as_ref();
            json!({
                "name": claim.name, "words": claim.words, "verdict": word, "seconds": took.as_secs_f64(),
                "file": place.map(|place| &*place.file), "line": place.map(|place| place.line),
                "counterexamples": examples.iter().map(example).collect::<Vec<_>>(), "reasons": reasons,
            })
        };
        let assumption =
            |Assumption { words, limits }: &Assumption| json!({ "words": words, "limits": limits });
        json!({
            "claims": outcomes.iter().map(outcome).collect::<Vec<_>>(),
            "assumptions": self.seen().map(assumption).collect::<Vec<_>>(),
            "policies": self.bench.sheets().len(), "environments": self.proof.environments().len(),
            "cvc5": self.version, "seconds": self.took.as_secs_f64(),
        })
    }
}

fn word(pen: &Pen, verdict: &Verdict) -> String {
    match verdict {
        Verdict::Proved => pen.paint("1;32", "proved "),
        Verdict::Refuted(..) => pen.paint("1;31", "refuted"),
        Verdict::Idle => pen.paint("1;31", "idle   "),
        Verdict::Unknown(_) => pen.paint("1;33", "unknown"),
    }
}

fn policies(number: usize) -> String {
    if number == 1 { "1 policy".to_owned() } else { format!("{number} policies") }
}

fn unknown(reasons: &[String], text: &mut String) {
    for reason in reasons {
        let _ = writeln!(text, "         not known: {reason}");
    }
}

fn counterexample(Counterexample { question, decision, before, errors }: &Counterexample, text: &mut String) {
    let _ = writeln!(text, "         {}", answered(decision, before.as_ref(), errors));
    let mut line = |label: &str, what: &str| {
        let _ = writeln!(text, "           {label:8} {what}");
    };
    line("who", &who(question));
    if question.principal.kind != PrincipalKind::Device || question.device.is_none() {
        line(
            "on",
            &question.device.as_ref().map_or_else(|| "no device that the gate knows".to_owned(), device),
        );
    }
    if let Some(actor) = &question.actor {
        let service = actor.service.as_deref().map(|service| format!(", as `{service}`"));
        line("through", &format!("{}{}", device(&actor.device), service.unwrap_or_default()));
    }
    line("does", &format!("`{}` to `{}`", question.operation, question.source));
    line("given", &given(&question.context));
}

fn answered(decision: &Decision, before: Option<&Decision>, errors: &[String]) -> String {
    let spoken = |decision: &Decision| {
        let word = if decision.allow { "allowed" } else { "refused" };
        match decision.determining.as_slice() {
            [] if decision.allow || !decision.errors.is_empty() => word.to_owned(),
            [] => format!("{word}, since no policy permits it"),
            by => format!("{word} by `{}`", by.join("`, `")),
        }
    };
    let mut text = format!("this is {}", spoken(decision));
    if let Some(before) = before {
        let _ = write!(text, "; there it is {}", spoken(before));
    }
    if !errors.is_empty() {
        let _ = write!(text, "; {}", errors.join(", "));
    }
    text.push(':');
    text
}

fn who(question: &Question) -> String {
    let principal = &question.principal;
    let some = |names: &[std::sync::Arc<str>], what: &str| match names {
        [] => format!("no {what}"),
        [one] => format!("the {what} `{one}`"),
        many => format!("the {what}s `{}`", many.join("`, `")),
    };
    match principal.kind {
        PrincipalKind::Device => {
            let own = question.device.as_ref().filter(|device| device.id == principal.id);
            let facts = own.map_or_else(|| "unknown".to_owned(), device);
            format!("a device by itself: `{}`, {facts}", principal.id)
        }
        PrincipalKind::User => {
            format!(
                "a person with {} and {}: `{}`",
                some(&principal.roles, "role"),
                some(&principal.units, "unit"),
                principal.id
            )
        }
        PrincipalKind::Service => {
            format!(
                "a service with {} and {}: `{}`",
                some(&principal.roles, "role"),
                some(&principal.units, "unit"),
                principal.id
            )
        }
    }
}

fn device(facts: &DeviceFacts) -> String {
    let posture = match (facts.managed, facts.compliant) {
        (true, true) => "managed and compliant",
        (true, false) => "managed, but not compliant",
        (false, true) => "not managed",
        (false, false) => "neither managed nor compliant",
    };
    let fleet = facts.fleet.as_deref().map(|fleet| format!(", of the fleet `{fleet}`"));
    let unit = facts.unit.as_deref().map(|unit| format!(", of the unit `{unit}`"));
    format!("a device that is {posture}{}{}", fleet.unwrap_or_default(), unit.unwrap_or_default())
}

/// The circumstances that policies tend to look at, whether they are there or not.
fn given(context: &Context) -> String {
    let Context { request, purpose, case, break_glass, inspection, session, shift, time } = context;
    let mut parts = vec![if session.strong { "a strong sign-in" } else { "no strong sign-in" }.to_owned()];
    let mut some = |what: &str, value: Option<&str>| {
        parts.push(match value {
            Some(value) => format!("{what} `{}`", value.escape_debug()),
            None => format!("no {what}"),
        });
    };
    some("purpose", purpose.as_deref());
    some("case", case.as_deref());
    let mut add = |is: bool, what: String| {
        if is {
            parts.push(what);
        }
    };
    add(break_glass.is_some(), "a broken glass".to_owned());
    add(session.auth_age.is_some(), format!("signed in {} s ago", session.auth_age.unwrap_or(0)));
    add(
        session.acr.is_some(),
        format!("`acr` `{}`", session.acr.as_deref().unwrap_or_default().escape_debug()),
    );
    add(!session.amr.is_empty(), format!("signed in by `{}`", session.amr.join("`, `").escape_debug()));
    add(inspection.score > 0, format!("inspection found {}", inspection.score));
    for kind in ShiftCount::ALL {
        let count = shift.of(kind);
        add(count.is_some(), format!("{} {kind} in the shift", count.unwrap_or(0)));
    }
    let day = DAYS.get(usize::from(time.weekday).saturating_sub(1)).unwrap_or(&"Mon");
    add(true, format!("{day} {:02}:{:02}", time.hour, time.minute));
    add(
        true,
        format!(
            "`{} {}` from {}",
            request.method.escape_debug(),
            request.path.escape_debug(),
            request.address
        ),
    );
    for (name, value) in &request.captures {
        add(true, format!("`{name}` is `{}`", value.escape_debug()));
    }
    parts.join(", ")
}
