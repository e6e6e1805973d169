//! What the SOC scrapes. Labels come from closed sets only: source, check, outcome, reason, kind; never a user, a device, an
//! address or a path.

use std::time::Duration;

use poort_enforce::{pipeline::Check, record::Verdict};
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
    /// Answers by the source's status class, or the gate's own reason.
    pub outcomes: IntCounterVec,
    /// Whole requests, by source.
    pub durations: HistogramVec,
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
}

/// From 1 µs to 1 s: a check costs microseconds, a JWKS fetch up to seconds.
const CHECK_BUCKETS: [f64; 10] = [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0];
const REQUEST_BUCKETS: [f64; 11] = [1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1, 2.5e-1, 1.0, 5.0, 30.0];

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    made: prometheus::Result<C>,
) -> prometheus::Result<C> {
    let collector = made?;
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

impl Metrics {
    /// Registers every metric.
    ///
    /// # Errors
    /// When one of that name is registered already.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counters =
            |name, help, labels: &[&str]| registered(registry, IntCounterVec::new(opts!(name, help), labels));
        let gauges =
            |name, help, labels: &[&str]| registered(registry, IntGaugeVec::new(opts!(name, help), labels));
        let gauge = |name, help| registered(registry, IntGauge::new(name, help));
        let counter = |name, help| registered(registry, IntCounter::new(name, help));
        let histograms = |name, help, labels: &[&str], buckets: &[f64]| {
            registered(registry, HistogramVec::new(histogram_opts!(name, help, buckets.to_vec()), labels))
        };
        let checks = histograms("poort_check_seconds", "Duration of one check.", &["check"], &CHECK_BUCKETS)?;
        Ok(Self {
            checks: Check::ALL.iter().map(|check| checks.with_label_values(&[check.as_str()])).collect(),
            decisions: counters(
                "poort_decisions_total",
                "Requests decided.",
                &["source", "outcome", "reason"],
            )?,
            outcomes: counters("poort_outcomes_total", "Requests ended.", &["source", "status"])?,
            durations: histograms(
                "poort_request_seconds",
                "Duration of whole requests.",
                &["source"],
                &REQUEST_BUCKETS,
            )?,
            connections: counters("poort_connections_total", "Connections and handshakes.", &["event"])?,
            open: gauge("poort_connections_open", "Connections open now.")?,
            reloads: counters("poort_reloads_total", "Reloads.", &["result"])?,
            reload_ok: gauge("poort_reload_ok", "Whether the last reload succeeded.")?,
            loaded_at: gauge(
                "poort_configuration_loaded_seconds",
                "When the configuration in force was loaded.",
            )?,
            configuration: gauges(
                "poort_configuration_info",
                "The configuration in force.",
                &["digest", "origin"],
            )?,
            keys_age: gauges(
                "poort_issuer_keys_age_seconds",
                "Age of an issuer's keys; -1 without any.",
                &["issuer"],
            )?,
            crl_remaining: gauges(
                "poort_crl_remaining_seconds",
                "Until the next revocation list is due.",
                &["issuer"],
            )?,
            crl_half_life: gauges(
                "poort_crl_past_half_life",
                "Whether a revocation list is past half of its life.",
                &["issuer"],
            )?,
            certificate_remaining: gauges(
                "poort_certificate_remaining_seconds",
                "Until a certificate ends.",
                &["role", "name"],
            )?,
            clock_jumps: counter(
                "poort_clock_jumps_total",
                "Jumps of the wall clock by more than two seconds.",
            )?,
            streams_ended: counter(
                "poort_streams_ended_total",
                "Streams ended because they were not admitted again.",
            )?,
            streams: gauge("poort_streams_open", "Streams open now.")?,
            audit_failures: gauge("poort_audit_failures", "Records that could not be written.")?,
            audit_queue: gauge("poort_audit_queue_bytes", "Records waiting to be written.")?,
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
