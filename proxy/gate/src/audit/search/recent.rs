//! The newest decisions, each with how it ended.

use std::{collections::HashMap, path::Path};

use super::{Backwards, Consultation, SearchFault, consultation};

/// The newest decisions.
#[derive(Debug, Default)]
pub struct Recent {
    /// Newest first.
    pub decisions: Vec<Consultation>,
    /// Whether older ones were not looked at.
    pub cut: bool,
}

/// Which decisions. What is none does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of which source.
    pub source: Option<String>,
    /// `allow`, `refuse` or `answer`.
    pub verdict: Option<String>,
    /// Refused for which reason.
    pub reason: Option<String>,
}

impl Filter {
    /// Whether a decision is meant.
    #[must_use]
    pub fn takes(&self, decision: &Consultation) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        is(&self.source, decision.source.as_deref())
            && is(&self.verdict, Some(&decision.verdict))
            && is(&self.reason, decision.reason.as_deref())
    }
}

impl Recent {
    /// Reads so many decisions at most, back to this request, without it, if one is named; and so many bytes of the record.
    ///
    /// # Errors
    /// [`SearchFault`] if a file cannot be read. A line that cannot be is passed over.
    pub fn read(
        directory: &Path,
        filter: &Filter,
        back_to: Option<&str>,
        (most, limit_bytes): (usize, u64),
    ) -> Result<Self, SearchFault> {
        let mut lines = Backwards::open(directory, limit_bytes)?;
        let mut outcomes = HashMap::new();
        let mut decisions = Vec::new();
        while decisions.len() < most
            && let Some(line) = lines.next()?
        {
            if let Some(outcome) = consultation::outcome(&line) {
                let id = consultation::request_id(&line).unwrap_or_default().to_owned();
                outcomes.insert(id, outcome);
                continue;
            }
            let Some(mut decision) = Consultation::of(&line) else { continue };
            if back_to == Some(&decision.request) {
                return Ok(Self { decisions, cut: false });
            }
            let outcome = outcomes.remove(&decision.request);
            if filter.takes(&decision) {
                outcome.into_iter().for_each(|outcome| decision.end(outcome));
                decisions.push(decision);
            }
        }
        let cut = decisions.len() == most || lines.is_cut();
        Ok(Self { decisions, cut })
    }
}

#[cfg(test)]
mod tests {
    use poort_enforce::{
        reason::Reason,
        record::{Decision, Verdict},
    };

    use super::*;
    use crate::audit::{
        Record,
        tests::material::{decision, digests, directory, open, outcome},
    };

    #[test]
    fn the_newest_decisions_come_first_with_how_they_ended() {
        let directory = directory();
        let (audit, _) = open(directory.path()).unwrap();
        for number in 1..=5 {
            let refused = Decision { verdict: Verdict::Refuse(Reason::Policy), ..decision(number) };
            let decided = if number == 3 { refused } else { decision(number) };
            audit.append(Record::Decision(Box::new(decided), digests())).unwrap();
        }
        audit.append(Record::Outcome(outcome(4))).unwrap();
        audit.close();
        let read = |filter: &Filter, back_to: Option<&str>, most| {
            let recent = Recent::read(directory.path(), filter, back_to, (most, 1 << 20)).unwrap();
            let ids: Vec<_> =
                recent.decisions.iter().map(|one| one.request.get(..2).unwrap().to_owned()).collect();
            (ids.join(" "), recent.cut, recent.decisions)
        };
        let (ids, cut, all) = read(&Filter::default(), None, 10);
        assert_eq!((&*ids, cut), ("05 04 03 02 01", false));
        assert!(all[1].status.is_some() && all[0].status.is_none(), "{all:?}");
        assert_eq!(read(&Filter::default(), None, 2).0, "05 04");
        assert!(read(&Filter::default(), None, 2).1);
        assert_eq!(read(&Filter::default(), Some(&"03".repeat(16)), 10).0, "05 04");
        let refused = Filter { verdict: Some("refuse".into()), ..Filter::default() };
        assert_eq!(read(&refused, None, 10).0, "03");
        let of_reason = Filter { reason: Some(Reason::Policy.code().into()), ..Filter::default() };
        assert_eq!(read(&of_reason, None, 10).0, "03");
        let of_source = Filter { source: Some("nowhere".into()), ..Filter::default() };
        assert_eq!(read(&of_source, None, 10).0, "");
    }
}
