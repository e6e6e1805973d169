//! Tests of policies: a question, and what is expected of the answer.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy_core::fuzzy_match::fuzzy_search_limited;

use crate::corpus::Place;
use crate::decision::{Decision, Mode};
use crate::fault::Fault;
use crate::question::Question;

use super::{Trace, Workbench};

/// How many letters a name may be off for us to suggest another.
const TYPO: usize = 3;

/// A question, and what is expected of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// For people.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What is asked.
    pub question: Question,
    /// What is expected.
    pub expect: Expectation,
}

/// What is expected of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// That it allows; otherwise that it refuses.
    pub allow: bool,
    /// Policies that are among those that decide; empty: that none does. None: it does not matter.
    pub by: Option<Vec<Arc<str>>>,
    /// Policies in shadow that are among those that would have made it another answer; empty: that none would. None: it does not
    /// matter.
    pub shadow: Option<Vec<Arc<str>>>,
    /// Where the policies are named.
    pub place: Place,
    /// Where those in shadow are.
    pub shadow_place: Place,
}

impl Expectation {
    /// Whether one answer can meet both.
    fn agrees(&self, other: &Self) -> bool {
        let nobody = |one: &Self| one.by.as_ref().is_some_and(Vec::is_empty);
        let somebody = |one: &Self| one.by.as_ref().is_some_and(|by| !by.is_empty());
        let clash = nobody(self) && somebody(other) || somebody(self) && nobody(other);
        let differ = match (&self.shadow, &other.shadow) {
            (Some(one), Some(other)) => one.is_empty() != other.is_empty(),
            _ => false,
        };
        self.allow == other.allow && !clash && !differ
    }

    /// What an answer lacks of it, for people; none if it meets it.
    #[must_use]
    pub fn objection(&self, decision: &Decision) -> Option<String> {
        let is = spoken(decision.allow, &decision.determining);
        if let Some(error) = decision.errors.first() {
            return Some(format!("it is refused because {error}"));
        }
        let of_shadow = || self.objection_of_shadow(decision);
        let by = self.by.as_deref().unwrap_or_default();
        let missing = by.iter().any(|id| !decision.determining.contains(id));
        let surplus = self.by.as_ref().is_some_and(Vec::is_empty) && !decision.determining.is_empty();
        let wrong = self.allow != decision.allow || missing || surplus;
        let told = wrong.then(|| {
            let expected = match &self.by {
                Some(by) => spoken(self.allow, by),
                None => word(self.allow).to_owned(),
            };
            format!("expected: {expected}; it is {is}")
        });
        told.or_else(of_shadow)
    }

    /// What those in shadow would say otherwise than expected.
    fn objection_of_shadow(&self, decision: &Decision) -> Option<String> {
        let expected = self.shadow.as_ref()?;
        let found = decision.disagreement_of(Mode::Shadow);
        let by = found.map_or(&[][..], |found| found.determining.as_slice());
        let met = match (expected.as_slice(), found) {
            ([], None) => true,
            ([], Some(_)) | (_, None) => false,
            (expected, Some(_)) => expected.iter().all(|id| by.contains(id)),
        };
        let is = match found {
            None => "none would have made it another answer".to_owned(),
            Some(found) => match found.errors.first() {
                Some(error) => format!("it would have been refused because {error}"),
                None => format!("it would have been {} by `{}`", word(found.allow), by.join("`, `")),
            },
        };
        let wanted = match expected.as_slice() {
            [] => "no policy in shadow would have made it another answer".to_owned(),
            expected => format!("another answer by `{}` in shadow", expected.join("`, `")),
        };
        (!met).then(|| format!("expected: {wanted}; {is}"))
    }
}

/// `allowed by `a`, `b``.
pub(super) fn spoken(allow: bool, by: &[Arc<str>]) -> String {
    match by {
        [] => format!("{}, since no policy permits it", word(allow)),
        by => format!("{} by `{}`", word(allow), by.join("`, `")),
    }
}

const fn word(allow: bool) -> &'static str {
    if allow { "allowed" } else { "refused" }
}

impl Workbench {
    /// Asks a case, and says what is wrong with the answer, if anything.
    #[must_use]
    pub fn judge(&self, case: &Case) -> (Trace, Option<String>) {
        let trace = self.trace(&case.question);
        let objection = case.expect.objection(&trace.decision);
        (trace, objection)
    }

    /// What is wrong with cases before any is asked: two that ask the same and expect different things, and policies that do not
    /// exist.
    #[must_use]
    pub fn faults_of(&self, cases: &[Case]) -> Vec<Fault> {
        let mut faults = conflicts(cases);
        let known: Vec<(&str, bool)> = self.sheets.iter().map(|sheet| (&*sheet.id, sheet.shadow)).collect();
        for case in cases {
            let Expectation { by, shadow, place, shadow_place, .. } = &case.expect;
            faults.extend(by.iter().flatten().filter_map(|id| misnamed(id, false, place, &known)));
            faults.extend(shadow.iter().flatten().filter_map(|id| misnamed(id, true, shadow_place, &known)));
        }
        faults.sort();
        faults
    }
}

/// A policy that is not there, or not where it is looked for: one in shadow decides nothing, and another is not in shadow.
fn misnamed(id: &str, shadow: bool, place: &Place, known: &[(&str, bool)]) -> Option<Fault> {
    match known.iter().find(|(name, _)| *name == id) {
        Some((_, is)) if *is == shadow => None,
        Some(_) if shadow => {
            let message = format!("policy `{id}` is not in shadow");
            Some(Fault::at(place, message, "name it under `by`, or give it an `@shadow`"))
        }
        Some(_) => {
            let message = format!("policy `{id}` is in shadow, so it decides nothing");
            Some(Fault::at(place, message, "name it under `shadow`"))
        }
        None => {
            let names: Vec<&str> =
                known.iter().filter(|(_, is)| *is == shadow).map(|(name, _)| *name).collect();
            let help = fuzzy_search_limited(id, &names, Some(TYPO)).map_or_else(
                || "name one by its `@id`, or write `none`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            Some(Fault::at(place, format!("there is no policy `{id}`"), help))
        }
    }
}

fn conflicts(cases: &[Case]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut first: HashMap<String, &Case> = HashMap::new();
    for case in cases {
        // A question serialises whole, which is what makes two of them the same.
        let key = format!("{:?}", case.question);
        let Some(other) = first.get(&key) else {
            first.insert(key, case);
            continue;
        };
        if !case.expect.agrees(&other.expect) {
            let message = format!(
                "this asks the same as {}:{}:{} and expects something else",
                other.place.file, other.place.line, other.place.column
            );
            faults.push(Fault::at(
                &case.place,
                message,
                "keep the one that is meant, or say what sets them apart",
            ));
        }
    }
    faults
}
