//! What a SOC looks into, counted by who caused it and what found it, and written down once a minute: an attack that is tried a thousand
//! times is one finding with a count.

use std::{
    collections::HashMap,
    mem,
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use parking_lot::Mutex;
use poort_enforce::{
    exchange::RequestId,
    inspect::Report,
    reason::{Class, Reason},
    record::{Decision, Outcome, Verdict},
};
use poort_policy::ShiftCount;

use super::{
    glass::BrokenGlass,
    record::Record,
    unusual::{Usual, Watch},
};

/// So many are counted apart; what finds no place is counted without a name.
const LIMIT: usize = 4096;

/// What found something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Detector {
    /// A rule of inspection, in a request.
    Request,
    /// A rule of inspection, in an answer.
    Answer,
    /// A token or a session of another device.
    Binding,
    /// More than is usual in a shift.
    Unusual,
    /// A broken glass, and what was seen through it.
    Glass,
}

/// Something that was found, so many times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What names it.
    pub about: About,
    /// What people call it.
    pub title: Box<str>,
    /// How often.
    pub count: u64,
    /// When first since the last look.
    pub first: SystemTime,
    /// When last.
    pub last: SystemTime,
    /// The last request, as an example.
    pub request: RequestId,
}

/// What names a finding: those of the same are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct About {
    /// What found it.
    pub detector: Detector,
    /// The rule's id, or the reason's code.
    pub rule: Box<str>,
    /// Who caused it: an officer, or else a device; none if neither is known, or too many are.
    pub who: Option<Box<str>>,
    /// On which device.
    pub device: Option<Box<str>>,
    /// At which source.
    pub source: Option<Box<str>>,
    /// Whether a request was refused for it.
    pub refused: bool,
}

/// Findings since the last look.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: Mutex<HashMap<About, Finding>>,
    watch: Mutex<Watch>,
    unusual: [AtomicU64; ShiftCount::ALL.len()],
}

impl Findings {
    /// Looks at what is written down.
    pub(super) fn see(&self, record: &Record) {
        match record {
            Record::Decision(decision, _) => self.see_decision(decision),
            Record::Outcome(outcome) => self.see_outcome(outcome),
            Record::BrokenGlass(broken) => self.see_broken_glass(broken),
            Record::Retirement(_) | Record::Review(_) | Record::Access(_) | Record::Authentication(_) => {}
            Record::Change(_) | Record::AccessEnded(_) | Record::Finding(_) => {}
        }
    }

    /// What was found; the next look begins anew.
    pub(super) fn take(&self) -> impl Iterator<Item = Finding> + use<> {
        mem::take(&mut *self.found.lock()).into_values()
    }

    /// From now on this is usual in a shift.
    pub(super) fn expect(&self, usual: Option<Usual>) {
        self.watch.lock().expect(usual);
    }

    /// How often there was more than usual, by kind.
    pub(super) fn unusual(&self) -> [u64; ShiftCount::ALL.len()] {
        self.unusual.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    fn see_decision(&self, decision: &Decision) {
        let reason = match &decision.verdict {
            Verdict::Refuse(reason) => Some(reason),
            Verdict::Allow | Verdict::Answer => None,
        };
        let elsewhere = reason.filter(|reason| reason.class() == Class::SignInElsewhere);
        let unusual = self.watch.lock().see(decision);
        let is_clean = decision.inspection.as_ref().is_none_or(|report| report.matches.is_empty());
        let looks_through_glass = decision.glass.is_some() && decision.verdict == Verdict::Allow;
        if elsewhere.is_none() && unusual.is_empty() && is_clean && !looks_through_glass {
            return;
        }
        let by = By {
            who: decision.subject.as_ref().map(|subject| &*subject.id),
            device: decision.connection.device.accepted().map(|certificate| &*certificate.name),
            source: decision.source.as_deref(),
            refused: reason.is_some(),
            request: decision.id,
            at: decision.received,
        };
        if let Some(reason) = elsewhere {
            self.count(&by, Detector::Binding, reason.code(), "a token or session of another device");
        }
        if looks_through_glass {
            self.count(&by, Detector::Glass, "break_glass_use", "looked through a broken glass");
        }
        for kind in unusual {
            if let Some(count) = self.unusual.get(kind as usize) {
                count.fetch_add(1, Ordering::Relaxed);
            }
            self.count(&by, Detector::Unusual, kind.as_str(), "more than usual in a shift");
        }
        if let Some(report) = decision.inspection.as_deref() {
            self.count_matches(&by, Detector::Request, report);
        }
    }

    fn see_broken_glass(&self, broken: &BrokenGlass) {
        let by = By {
            who: Some(&broken.who.id),
            device: Some(&broken.device),
            source: Some(&broken.glass.source),
            refused: false,
            request: broken.glass.id,
            at: broken.time,
        };
        self.count(&by, Detector::Glass, "break_glass", "the glass was broken");
    }

    fn see_outcome(&self, outcome: &Outcome) {
        let Some(report) = outcome.inspection.as_deref() else { return };
        let by = By {
            who: None,
            device: None,
            source: outcome.source.as_deref(),
            refused: outcome.failure.as_ref().map(Reason::class) == Some(Class::AnswerWithheld),
            request: outcome.id,
            at: outcome.ended,
        };
        self.count_matches(&by, Detector::Answer, report);
    }

    fn count_matches(&self, by: &By<'_>, detector: Detector, report: &Report) {
        for matched in &report.matches {
            self.count(by, detector, &matched.rule.id.to_string(), &matched.rule.message);
        }
    }

    fn count(&self, by: &By<'_>, detector: Detector, rule: &str, title: &str) {
        let mut about = About {
            detector,
            rule: rule.into(),
            who: by.who.or(by.device).map(Into::into),
            device: by.device.map(Into::into),
            source: by.source.map(Into::into),
            refused: by.refused,
        };
        let mut findings = self.found.lock();
        if findings.len() >= LIMIT && !findings.contains_key(&about) {
            (about.who, about.device) = (None, None);
        }
        let finding = findings.entry(about.clone()).or_insert_with(|| Finding {
            about,
            title: title.into(),
            count: 0,
            first: by.at,
            last: by.at,
            request: by.request,
        });
        finding.count = finding.count.saturating_add(1);
        (finding.last, finding.request) = (by.at.max(finding.last), by.request);
    }
}

/// Who caused something, where and when.
struct By<'a> {
    who: Option<&'a str>,
    device: Option<&'a str>,
    source: Option<&'a str>,
    refused: bool,
    request: RequestId,
    at: SystemTime,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::material::{decision, digests, outcome, report, subject};

    fn attack(number: u8, source: &str, who: &str) -> Record {
        let decision = Decision {
            inspection: Some(Box::new(Report { matches: report().matches[..1].to_vec(), ..report() })),
            verdict: Verdict::Refuse(Reason::Inspection),
            source: Some(source.into()),
            subject: Some(std::sync::Arc::new(poort_identity::token::Subject {
                id: who.into(),
                ..subject()
            })),
            ..decision(number)
        };
        Record::Decision(Box::new(decision), digests())
    }

    #[test]
    fn what_is_tried_often_is_one_finding_with_a_count() {
        let findings = Findings::default();
        for number in 0..50 {
            findings.see(&attack(number, "persons", "zone|an"));
        }
        findings.see(&attack(50, "vehicles", "zone|an"));
        findings.see(&attack(51, "persons", "zone|jo"));
        findings.see(&Record::Decision(Box::new(decision(52)), digests()));
        let mut found: Vec<_> = findings.take().collect();
        found.sort_by_key(|finding| (finding.count, finding.request.0));
        let counts: Vec<_> = found
            .iter()
            .map(|finding| (finding.about.source.as_deref(), finding.about.who.as_deref(), finding.count))
            .collect();
        assert_eq!(
            counts,
            [
                (Some("vehicles"), Some("zone|an"), 1),
                (Some("persons"), Some("zone|jo"), 1),
                (Some("persons"), Some("zone|an"), 50),
            ]
        );
        let last = found.last().unwrap();
        assert_eq!((&*last.about.rule, &*last.title), ("7", "Bad %{ARGS.q}"));
        assert_eq!(last.request, RequestId([49; 16]), "the last one is the example");
        assert_eq!(findings.take().count(), 0, "the next look begins anew");
    }

    #[test]
    fn a_token_of_another_device_and_a_leaking_answer_are_found() {
        let findings = Findings::default();
        let stolen = Decision { verdict: Verdict::Refuse(Reason::TokenOfAnotherDevice), ..decision(1) };
        findings.see(&Record::Decision(Box::new(stolen), digests()));
        let withheld = Outcome {
            inspection: Some(Box::new(report())),
            failure: Some(Reason::AnswerInspection),
            ..outcome(2)
        };
        findings.see(&Record::Outcome(withheld));
        let find = |detector| -> Vec<_> {
            let found = findings.found.lock();
            found.values().filter(|finding| finding.about.detector == detector).cloned().collect()
        };
        let [stolen] = &*find(Detector::Binding) else { panic!("{findings:?}") };
        assert_eq!(&*stolen.about.rule, Reason::TokenOfAnotherDevice.code());
        assert_eq!(stolen.about.device.as_deref(), Some("spiffe://zone.example/device/car-12"));
        let [leak] = &*find(Detector::Answer) else { panic!("{findings:?}") };
        assert_eq!((&*leak.about.rule, leak.about.refused, leak.count), ("7", true, 70));
        assert!(find(Detector::Request).is_empty());
    }

    #[test]
    fn a_broken_glass_and_what_was_seen_through_it_are_found() {
        let findings = Findings::default();
        let broken = crate::audit::tests::material::broken_glass(1, "persons");
        findings.see(&Record::BrokenGlass(Box::new(broken.clone())));
        for (number, verdict) in
            [(2, Verdict::Allow), (3, Verdict::Allow), (4, Verdict::Refuse(Reason::SourceClosed))]
        {
            let used = Decision { glass: Some(broken.glass.id), verdict, ..decision(number) };
            findings.see(&Record::Decision(Box::new(used), digests()));
        }
        let mut found: Vec<_> =
            findings.take().map(|one| (one.about.rule, one.about.detector, one.count)).collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(
            found,
            [("break_glass".into(), Detector::Glass, 1), ("break_glass_use".into(), Detector::Glass, 2)]
        );
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_nothing_goes_uncounted() {
        let findings = Findings::default();
        for number in 0..LIMIT + 100 {
            findings.see(&attack(1, "persons", &format!("zone|{number}")));
        }
        let found: Vec<_> = findings.take().collect();
        assert_eq!(found.len(), LIMIT + 1);
        assert_eq!(found.iter().map(|finding| finding.count).sum::<u64>(), LIMIT as u64 + 100);
        assert_eq!(found.iter().find(|finding| finding.about.who.is_none()).unwrap().count, 100);
    }
}
