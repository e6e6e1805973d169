//! How rules judge traffic in quantity: which requests they stop, and which rules were the reason.

mod measure;

pub use measure::{Subject, report, texts};

use std::collections::BTreeMap;
use std::sync::Arc;

use poort_waf::{Meta, Program, Transaction, TransactionLimits};

use crate::backend::Response;
use crate::run;
use crate::wire::Received;

/// What came of many requests.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many there were.
    pub total: usize,
    /// How many were stopped.
    pub stopped: usize,
    /// In how many of those that were stopped each rule matched, the verdict's own rules apart.
    pub rules: BTreeMap<u64, usize>,
}

/// What came of one request.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// Whether it was stopped.
    pub is_stopped: bool,
    /// The rules that matched, with what they matched.
    pub matches: Vec<(u64, String)>,
}

/// A program that judges requests, one after the other.
pub struct Judge(Transaction);

/// Tags of rules that only sum up what others found, in CRS and in the gate's own rules.
const SUMMARIES: [&str; 2] = ["anomaly-evaluation", "reporting"];

/// Whether a rule only sums up what others found.
pub(crate) fn is_summary(rule: &Meta) -> bool {
    rule.tags.iter().any(|tag| SUMMARIES.contains(&tag.as_str()))
}

impl Judge {
    /// Judges by `program`.
    #[must_use]
    pub fn new(program: Program) -> Self {
        Self(Transaction::new(Arc::new(program), TransactionLimits::default()))
    }

    /// Judges a request, which is answered with an empty page.
    pub fn judge(&mut self, request: &Received) -> Judgement {
        let answer = Response { status: 200, headers: Vec::new(), body: Vec::new() };
        let is_stopped = run::inspect(&mut self.0, request, &answer).is_some();
        let found = self.0.matches().iter().filter(|found| !is_summary(&found.rule));
        let matches =
            found.map(|found| (found.rule.id, format!("{}: {}", found.variable, found.data))).collect();
        Judgement { is_stopped, matches }
    }

    /// Judges many.
    pub fn tally(&mut self, requests: impl Iterator<Item = Received>) -> Tally {
        let mut tally = Tally::default();
        for request in requests {
            let judgement = self.judge(&request);
            tally.total += 1;
            if judgement.is_stopped {
                tally.add(&judgement);
            }
        }
        tally
    }
}

impl Tally {
    /// How many were let through.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.total - self.stopped
    }

    fn add(&mut self, judgement: &Judgement) {
        self.stopped += 1;
        let mut rules: Vec<u64> = judgement.matches.iter().map(|(rule, _)| *rule).collect();
        rules.sort_unstable();
        rules.dedup();
        for rule in rules {
            *self.rules.entry(rule).or_default() += 1;
        }
    }

    /// The rules, most frequent first: `942100 12×, 932130 3×`.
    #[must_use]
    pub fn reasons(&self) -> String {
        let mut rules: Vec<(&u64, &usize)> = self.rules.iter().collect();
        rules.sort_by_key(|(rule, count)| (std::cmp::Reverse(**count), **rule));
        rules.iter().map(|(rule, count)| format!("{rule} {count}×")).collect::<Vec<_>>().join(", ")
    }
}
