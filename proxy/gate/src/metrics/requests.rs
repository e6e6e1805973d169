//! What is counted of requests, by source. A source's counters are resolved when the configuration is loaded.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use http::StatusCode;
use parking_lot::Mutex;
use poort_enforce::{exchange::RequestId, inspect::Report, record::Verdict};
use poort_policy::{Disagreement, Mode};
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, Result};

use super::{registrar::Registrar, resolved::Resolved};

/// Stands for the source where a request was refused before one was known.
const NO_SOURCE: &str = "none";

const REQUEST_BUCKETS: [f64; 11] = [1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1, 2.5e-1, 1.0, 5.0, 30.0];

const STATUSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// Reasons that somebody is called for: there from the start, as 0.
const CALLED_FOR: [&str; 6] = [
    "token_of_another_device",
    "session_of_another_device",
    "session_of_another_host",
    "policy_error",
    "record_unwritable",
    "internal",
];

/// Every metric with a `source`.
#[derive(Clone, Debug)]
struct Families {
    decisions: IntCounterVec,
    disagreements: IntCounterVec,
    outcomes: IntCounterVec,
    failures: IntCounterVec,
    durations: HistogramVec,
    responses: HistogramVec,
    connections: IntCounterVec,
    matches: IntCounterVec,
    inspections: IntCounterVec,
    glasses_broken: IntCounterVec,
    glasses_used: IntCounterVec,
}

/// Requests, by source.
#[derive(Debug)]
pub(super) struct Requests {
    families: Families,
    unrouted: Arc<SourceCounts>,
    sources: ArcSwap<HashMap<Arc<str>, Arc<SourceCounts>>>,
}

/// What is counted of requests to one source.
#[derive(Debug)]
pub struct SourceCounts {
    allowed: IntCounter,
    answered: IntCounter,
    refused: Resolved<&'static str>,
    /// By mode, in the order of [`Mode::ALL`]: would have been refused, and allowed.
    disagreements: [[IntCounter; 2]; 2],
    outcomes: Vec<IntCounter>,
    failures: Resolved<&'static str>,
    duration: Histogram,
    response: Histogram,
    opened: IntCounter,
    reused: IntCounter,
    failed: IntCounter,
    matches: Resolved<(u64, &'static str)>,
    inspections: Resolved<(&'static str, &'static str)>,
    glasses_broken: IntCounter,
    glasses_used: IntCounter,
    /// For whoever looks: a series per request it is not.
    last_failure: Mutex<Option<Failure>>,
}

/// A request that failed after it had been allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: SystemTime,
    /// Which.
    pub request: RequestId,
    /// Why: the code of a reason.
    pub reason: &'static str,
}

impl Families {
    fn register(new: &Registrar<'_>) -> Result<Self> {
        Ok(Self {
            decisions: new.counters(
                "poort_decisions_total",
                "Requests decided.",
                &["source", "outcome", "reason"],
            )?,
            disagreements: new.counters(
                "poort_shadow_disagreements_total",
                "Requests that policies which do not count would have decided otherwise, by what they would have said.",
                &["source", "mode", "outcome"],
            )?,
            outcomes: new.counters(
                "poort_outcomes_total",
                "Requests ended, by the class of the status sent.",
                &["source", "status"],
            )?,
            failures: new.counters(
                "poort_failures_total",
                "Requests that failed after they had been allowed.",
                &["source", "reason"],
            )?,
            durations: new.seconds(
                "poort_request_seconds",
                "Duration of whole requests.",
                "source",
                &REQUEST_BUCKETS,
            )?,
            responses: new.seconds(
                "poort_source_response_seconds",
                "From choosing an address of the source to the head of its answer.",
                "source",
                &REQUEST_BUCKETS,
            )?,
            connections: new.counters(
                "poort_source_connections_total",
                "Connections to the source: opened, reused from the pool, or failed.",
                &["source", "result"],
            )?,
            matches: new.counters(
                "poort_waf_matches_total",
                "Rules that matched, by the id of the rule.",
                &["source", "rule", "mode"],
            )?,
            inspections: new.counters(
                "poort_waf_inspections_total",
                "Requests and answers inspected, by what came of it.",
                &["source", "mode", "finding"],
            )?,
            glasses_broken: new.counters(
                "poort_break_glass_grants_total",
                "Glasses that officers broke, with a reason and a case.",
                &["source"],
            )?,
            glasses_used: new.counters(
                "poort_break_glass_uses_total",
                "Requests that were allowed while a glass was broken for them.",
                &["source"],
            )?,
        })
    }

    fn of(&self, source: &str) -> SourceCounts {
        let decided = |outcome| self.decisions.with_label_values(&[source, outcome, "none"]);
        let would = |mode: Mode| {
            ["refuse", "allow"]
                .map(|outcome| self.disagreements.with_label_values(&[source, mode.as_str(), outcome]))
        };
        let connected = |result| self.connections.with_label_values(&[source, result]);
        let named = || source.to_owned();
        let (decisions, failures) = (self.decisions.clone(), self.failures.clone());
        let (matches, inspections) = (self.matches.clone(), self.inspections.clone());
        let [of_decision, of_failure, of_match, of_inspection] = [named(), named(), named(), named()];
        SourceCounts {
            allowed: decided("allow"),
            answered: decided("answer"),
            refused: Resolved::new(move |reason| {
                decisions.with_label_values(&[&*of_decision, "refuse", *reason])
            })
            .begin(CALLED_FOR),
            disagreements: Mode::ALL.map(would),
            outcomes: STATUSES.map(|status| self.outcomes.with_label_values(&[source, status])).into(),
            failures: Resolved::new(move |reason| failures.with_label_values(&[&*of_failure, *reason])),
            duration: self.durations.with_label_values(&[source]),
            response: self.responses.with_label_values(&[source]),
            opened: connected("opened"),
            reused: connected("reused"),
            failed: connected("failed"),
            matches: Resolved::new(move |(rule, mode): &(u64, _)| {
                matches.with_label_values(&[&*of_match, &rule.to_string(), *mode])
            }),
            last_failure: Mutex::default(),
            glasses_broken: self.glasses_broken.with_label_values(&[source]),
            glasses_used: self.glasses_used.with_label_values(&[source]),
            inspections: Resolved::new(move |(mode, finding)| {
                inspections.with_label_values(&[&*of_inspection, *mode, *finding])
            }),
        }
    }
}

impl Requests {
    pub(super) fn register(new: &Registrar<'_>) -> Result<Self> {
        let families = Families::register(new)?;
        let unrouted = Arc::new(families.of(NO_SOURCE));
        Ok(Self { families, unrouted, sources: ArcSwap::default() })
    }

    /// The counters of a source that is being loaded; those of before, where there was one of that name.
    pub(super) fn load(&self, source: &Arc<str>) -> Arc<SourceCounts> {
        if let Some(counts) = self.sources.load().get(source) {
            return Arc::clone(counts);
        }
        let made = Arc::new(self.families.of(source));
        self.sources.rcu(|known| {
            let mut grown = HashMap::clone(known);
            grown.insert(Arc::clone(source), Arc::clone(&made));
            grown
        });
        made
    }

    /// The counters of a loaded source; those of no source for any other name.
    pub(super) fn of(&self, source: Option<&str>) -> Arc<SourceCounts> {
        let sources = self.sources.load();
        Arc::clone(source.and_then(|source| sources.get(source)).unwrap_or(&self.unrouted))
    }
}

impl SourceCounts {
    pub(super) fn decided(&self, verdict: &Verdict) {
        match verdict {
            Verdict::Allow => self.allowed.inc(),
            Verdict::Answer => self.answered.inc(),
            Verdict::Refuse(reason) => self.refused.count(reason.code()),
        }
    }

    pub(super) fn disagreed(&self, disagreement: &Disagreement) {
        let of_mode = self.disagreements.get(disagreement.mode as usize);
        if let Some(counter) = of_mode.and_then(|counters| counters.get(usize::from(disagreement.allow))) {
            counter.inc();
        }
    }

    /// The ids of rules are those of the rule files: a closed set.
    pub(super) fn inspected(&self, report: &Report) {
        let mode = report.mode.as_str();
        self.inspections.count((mode, report.finding.code()));
        for found in &report.matches {
            self.matches.count((found.rule.id, mode));
        }
    }

    pub(super) fn ended(&self, status: Option<StatusCode>, took: Duration) {
        let class = status.map_or(0, |status| usize::from(status.as_u16() / 100));
        if let Some(counter) = self.outcomes.get(class).or_else(|| self.outcomes.first()) {
            counter.inc();
        }
        self.duration.observe(took.as_secs_f64());
    }

    pub(super) fn glass_broken(&self) {
        self.glasses_broken.inc();
    }

    pub(super) fn glass_used(&self) {
        self.glasses_used.inc();
    }

    pub(super) fn failed(&self, failure: Failure) {
        self.failures.count(failure.reason);
        *self.last_failure.lock() = Some(failure);
    }

    /// The last request that failed since the gate began.
    #[must_use]
    pub fn last_failure(&self) -> Option<Failure> {
        *self.last_failure.lock()
    }

    /// How many requests were allowed since the gate began, and how often one of its addresses took no connection.
    #[must_use]
    pub fn since_start(&self) -> (u64, u64) {
        (self.allowed.get(), self.failed.get())
    }

    /// There is a connection to the source, kept from before or not.
    pub fn connected(&self, reused: bool) {
        let kept = if reused { &self.reused } else { &self.opened };
        kept.inc();
    }

    /// One of its addresses took no connection.
    pub fn not_connected(&self) {
        self.failed.inc();
    }

    /// The head of its answer came, so long after it was asked.
    pub fn responded(&self, took: Duration) {
        self.response.observe(took.as_secs_f64());
    }
}
