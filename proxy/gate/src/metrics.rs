//! What the SOC scrapes. Labels come from closed sets only: source, check, outcome, reason, kind; never a user, a device, an
//! address or a path.

use std::time::Duration;

use poort_enforce::{inspect::Report, pipeline::Check, record::Verdict};
use prometheus::{
    Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, core::Collector,
    histogram_opts, opts,
};

use crate::listen::{ConnectionEvent, ConnectionObserver};

/// Every metric of the gate.
#[derive(Debug)]
pub struct Metrics {
    checks: Vec<Histogram>,
    decisions: IntCounterVec,
    matches: IntCounterVec,
    /// Answers by the source's status class, or the gate's own reason.
    pub outcomes: IntCounterVec,
    /// Whole requests, by source.
    pub durations: HistogramVec,
    /// Pages of the gate's own, and sessions confirmed, by result.
    pub sign_ins: IntCounterVec,
    /// Connections and handshakes, by what became of them.
    pub connections: IntCounterVec,
    /// Connections open now.
    pub open: IntGauge,
    /// Reloads, by result.
    pub reloads: IntCounterVec,
    /// Whether the last reload succeeded.
    pub reload_ok: IntGauge,
    /// When the configuration in force was loaded, in seconds since 1970.
    pub loaded_at: IntGauge,
    /// 1 for the digest in force.
    pub configuration: IntGaugeVec,
    /// Age of each issuer's keys, in seconds; -1 if there are none.
    pub keys_age: IntGaugeVec,
    /// Seconds until the next revocation list is due, by issuer; negative when it is overdue.
    pub crl_remaining: IntGaugeVec,
    /// 1 when a revocation list is past half of its life.
    pub crl_half_life: IntGaugeVec,
    /// Seconds until a certificate ends, by role.
    pub certificate_remaining: IntGaugeVec,
    /// For how long a source has let attacks through and only recorded them, in seconds.
    pub waf_detecting: IntGaugeVec,
    /// Seconds until an exclusion ends, by source and rule.
    pub waf_exclusions: IntGaugeVec,
    /// Bytes of bodies that inspection holds.
    pub waf_held: IntGauge,
    /// Jumps of the wall clock.
    pub clock_jumps: IntCounter,
    /// Streams that were ended because they were not admitted again.
    pub streams_ended: IntCounter,
    /// Streams open now.
    pub streams: IntGauge,
    /// Records that could not be written.
    pub audit_failures: IntGauge,
    /// Records waiting to be written, in bytes.
    pub audit_queue: IntGauge,
    /// Entries of the log.
    pub audit_entries: IntGauge,
    /// Those under no checkpoint.
    pub audit_unchecked: IntGauge,
}

/// From 1 µs to 1 s: a check costs microseconds, a JWKS fetch up to seconds.
const CHECK_BUCKETS: [f64; 10] = [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0];
const REQUEST_BUCKETS: [f64; 11] = [1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1, 2.5e-1, 1.0, 5.0, 30.0];

/// Makes collectors and registers them.
struct Registrar<'a>(&'a Registry);

impl Registrar<'_> {
    fn add<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> prometheus::Result<C> {
        let collector = made?;
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
        self.add(IntCounterVec::new(opts!(name, help), labels))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
        self.add(IntGaugeVec::new(opts!(name, help), labels))
    }

    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.add(IntCounter::new(name, help))
    }

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.add(IntGauge::new(name, help))
    }

    /// One for each check, so that observing one looks nothing up.
    fn checks(&self) -> prometheus::Result<Vec<Histogram>> {
        let checks =
            self.seconds("poort_check_seconds", "Duration of one check.", "check", &CHECK_BUCKETS)?;
        Ok(Check::ALL.iter().map(|check| checks.with_label_values(&[check.as_str()])).collect())
    }

    fn seconds(
        &self,
        name: &str,
        help: &str,
        label: &str,
        buckets: &[f64],
    ) -> prometheus::Result<HistogramVec> {
        self.add(HistogramVec::new(histogram_opts!(name, help, buckets.to_vec()), &[label]))
    }
}

impl Metrics {
    /// Registers every metric.
    ///
    /// # Errors
    /// When one of that name is registered already.
    #[expect(clippy::too_many_lines, reason = "a table: one entry a metric")]
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let new = Registrar(registry);
        Ok(Self {
            checks: new.checks()?,
            decisions: new.counters(
                "poort_decisions_total",
                "Requests decided.",
                &["source", "outcome", "reason"],
            )?,
            matches: new.counters(
                "poort_waf_matches_total",
                "Rules that matched, by the id of the rule.",
                &["source", "rule", "mode"],
            )?,
            outcomes: new.counters("poort_outcomes_total", "Requests ended.", &["source", "status"])?,
            durations: new.seconds(
                "poort_request_seconds",
                "Duration of whole requests.",
                "source",
                &REQUEST_BUCKETS,
            )?,
            sign_ins: new.counters(
                "poort_sign_ins_total",
                "Pages of the gate's own that were asked for, and sessions confirmed.",
                &["page", "result"],
            )?,
            connections: new.counters(
                "poort_connections_total",
                "Connections and handshakes.",
                &["event"],
            )?,
            open: new.gauge("poort_connections_open", "Connections open now.")?,
            reloads: new.counters("poort_reloads_total", "Reloads.", &["result"])?,
            reload_ok: new.gauge("poort_reload_ok", "Whether the last reload succeeded.")?,
            loaded_at: new
                .gauge("poort_configuration_loaded_seconds", "When the configuration in force was loaded.")?,
            configuration: new.gauges(
                "poort_configuration_info",
                "The configuration in force.",
                &["digest", "origin"],
            )?,
            keys_age: new.gauges(
                "poort_issuer_keys_age_seconds",
                "Age of an issuer's keys; -1 without any.",
                &["issuer"],
            )?,
            crl_remaining: new.gauges(
                "poort_crl_remaining_seconds",
                "Until the next revocation list is due.",
                &["issuer"],
            )?,
            crl_half_life: new.gauges(
                "poort_crl_past_half_life",
                "Whether a revocation list is past half of its life.",
                &["issuer"],
            )?,
            certificate_remaining: new.gauges(
                "poort_certificate_remaining_seconds",
                "Until a certificate ends.",
                &["role", "name"],
            )?,
            waf_detecting: new.gauges(
                "poort_waf_detecting_seconds",
                "For how long a source has only detected.",
                &["source"],
            )?,
            waf_exclusions: new.gauges(
                "poort_waf_exclusion_remaining_seconds",
                "Until an exclusion ends.",
                &["source", "rule"],
            )?,
            waf_held: new.gauge("poort_waf_held_bytes", "Bytes of bodies held by inspection.")?,
            clock_jumps: new
                .counter("poort_clock_jumps_total", "Jumps of the wall clock by more than two seconds.")?,
            streams_ended: new.counter(
                "poort_streams_ended_total",
                "Streams ended because they were not admitted again.",
            )?,
            streams: new.gauge("poort_streams_open", "Streams open now.")?,
            audit_failures: new.gauge("poort_audit_failures", "Records that could not be written.")?,
            audit_queue: new.gauge("poort_audit_queue_bytes", "Records waiting to be written.")?,
            audit_entries: new
                .gauge("poort_audit_log_entries", "Entries of the log that proves the record.")?,
            audit_unchecked: new.gauge(
                "poort_audit_log_unchecked_entries",
                "Entries that no signed checkpoint covers yet.",
            )?,
        })
    }

    /// One check ended.
    pub fn checked(&self, check: Check, took: Duration) {
        if let Some(histogram) = self.checks.get(check as usize) {
            histogram.observe(took.as_secs_f64());
        }
    }

    /// One request was decided.
    pub fn decided(&self, source: Option<&str>, verdict: &Verdict) {
        let reason = match verdict {
            Verdict::Refuse(reason) => reason.code(),
            Verdict::Allow | Verdict::Answer => "none",
        };
        self.decisions.with_label_values(&[source.unwrap_or("none"), verdict.outcome(), reason]).inc();
    }
}

impl Metrics {
    /// One request, or one answer, was inspected. The ids are those of the rule files: a closed set.
    pub fn inspected(&self, source: &str, report: &Report) {
        for found in &report.matches {
            let rule = found.rule.id.to_string();
            self.matches.with_label_values(&[source, &rule, report.mode.as_str()]).inc();
        }
    }
}

impl ConnectionObserver for Metrics {
    fn observe(&self, event: ConnectionEvent) {
        let name = match event {
            ConnectionEvent::Accepted => "accepted",
            ConnectionEvent::Dropped(reason) => reason.code(),
            ConnectionEvent::HandshakeFailed(fault) => fault.code(),
            ConnectionEvent::Established { resumed: true } => "resumed",
            ConnectionEvent::Established { resumed: false } => "established",
            ConnectionEvent::HeadRefused(refusal) => refusal.code(),
            ConnectionEvent::Closed { .. } => "closed",
        };
        self.connections.with_label_values(&[name]).inc();
    }
}
