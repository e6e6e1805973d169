//! What the SOC scrapes; `deploy/prometheus/README.md` lists all of it. Labels come from closed sets only: source, check, outcome,
//! reason, kind; never a user, a device, an address or a path.
//!
//! Requests and connections are counted as they come, through handles that were resolved before; how the gate stands is measured when
//! somebody [looks](look).

mod connections;
mod ends;
mod look;
mod registrar;
mod requests;
mod resolved;
mod standing;

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use poort_enforce::{inspect::Report, pipeline::Check, record::Verdict};
use poort_policy::{Disagreement, Mode};
use prometheus::{Histogram, IntCounter, IntGauge, IntGaugeVec, Registry};

pub use ends::End;
pub use look::look;
pub use requests::{Failure, SourceCounts};

use connections::Connections;
use registrar::Registrar;
use requests::Requests;
use resolved::Resolved;
use standing::{Held, Reach, Recorded, Trusted};

use crate::listen::{ConnectionEvent, ConnectionObserver};

/// Every metric of the gate.
#[derive(Debug)]
pub struct Metrics {
    checks: Vec<Histogram>,
    requests: Requests,
    connections: Connections,
    sign_ins: Resolved<(&'static str, &'static str)>,
    configuration: Configuration,
    /// By mode, in the order of [`Mode::ALL`].
    shadows: [IntGauge; 2],
    /// Whether policies wait to be confirmed.
    on_trial: IntGauge,
    trusted: Trusted,
    reach: Reach,
    held: Held,
    recorded: Recorded,
    /// Jumps of the wall clock.
    pub clock_jumps: IntCounter,
    /// Streams that were ended because they were not admitted again.
    pub streams_ended: IntCounter,
    /// Streams open now.
    pub streams: IntGauge,
    /// Decisions that the record did not take: their requests were refused.
    pub decisions_refused: IntCounter,
    /// Outcomes that it did not take: recovery closes their requests as unknown.
    pub outcomes_refused: IntCounter,
}

/// The configuration in force, and reloads.
#[derive(Debug)]
struct Configuration {
    in_force: IntGaugeVec,
    loaded_at: IntGauge,
    reloaded: IntCounter,
    not_reloaded: IntCounter,
    reload_ok: IntGauge,
    reload_at: IntGauge,
    restart_needed: IntGauge,
}

/// From 1 µs to 1 s: a check costs microseconds, a JWKS fetch up to seconds.
const CHECK_BUCKETS: [f64; 10] = [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0];

impl Configuration {
    fn register(new: &Registrar<'_>) -> prometheus::Result<Self> {
        let reloads = new.counters("poort_reloads_total", "Reloads tried, by result.", &["result"])?;
        Ok(Self {
            in_force: new.gauges(
                "poort_configuration_info",
                "1 for the configuration in force.",
                &["digest", "origin"],
            )?,
            loaded_at: new.gauge(
                "poort_configuration_loaded_timestamp_seconds",
                "When the configuration in force was loaded.",
            )?,
            reloaded: reloads.with_label_values(&["success"]),
            not_reloaded: reloads.with_label_values(&["failure"]),
            reload_ok: new
                .gauge("poort_reload_ok", "Whether the last reload, or else the start, took the files.")?,
            reload_at: new.gauge(
                "poort_reload_timestamp_seconds",
                "When a reload was last tried; 0 if it never was.",
            )?,
            restart_needed: new.gauge(
                "poort_restart_needed",
                "Whether the files in force say something that only a restart brings into force.",
            )?,
        })
    }
}

impl Metrics {
    /// Registers every metric.
    ///
    /// # Errors
    /// When one of that name is registered already.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let new = Registrar(registry);
        let checks = new.seconds("poort_check_seconds", "Duration of one check.", "check", &CHECK_BUCKETS)?;
        let sign_ins = new.counters(
            "poort_sign_ins_total",
            "Pages of the gate's own that were asked for, and sessions confirmed.",
            &["page", "result"],
        )?;
        let refused = new.counters(
            "poort_audit_refused_records_total",
            "Records that were not taken: of a decision, then its request was refused, or of an outcome.",
            &["kind"],
        )?;
        let shadows = new.gauges(
            "poort_shadow_policies",
            "Policies that are asked and do not count: those in shadow, and those of the candidate, 0 if it does not load.",
            &["mode"],
        )?;
        let build = new.gauges("poort_build_info", "1 for the version that runs.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Ok(Self {
            checks: Check::ALL.iter().map(|check| checks.with_label_values(&[check.as_str()])).collect(),
            requests: Requests::register(&new)?,
            connections: Connections::register(&new)?,
            sign_ins: Resolved::new(move |(page, result)| sign_ins.with_label_values(&[*page, *result])),
            configuration: Configuration::register(&new)?,
            on_trial: new.gauge(
                "poort_policies_on_trial",
                "Whether policies are in force that wait to be confirmed.",
            )?,
            shadows: Mode::ALL.map(|mode| shadows.with_label_values(&[mode.as_str()])),
            trusted: Trusted::register(&new)?,
            reach: Reach::register(&new)?,
            held: Held::register(&new)?,
            recorded: Recorded::register(&new)?,
            clock_jumps: new
                .counter("poort_clock_jumps_total", "Jumps of the wall clock by more than two seconds.")?,
            streams_ended: new.counter(
                "poort_streams_ended_total",
                "Streams ended because they were not admitted again.",
            )?,
            streams: new.gauge("poort_streams_open", "Streams open now.")?,
            decisions_refused: refused.with_label_values(&["decision"]),
            outcomes_refused: refused.with_label_values(&["outcome"]),
        })
    }

    /// The counters of a source that is being loaded. They outlive its configuration.
    #[must_use]
    pub fn source(&self, source: &Arc<str>) -> Arc<SourceCounts> {
        self.requests.load(source)
    }

    /// One check ended.
    pub fn checked(&self, check: Check, took: Duration) {
        if let Some(histogram) = self.checks.get(check as usize) {
            histogram.observe(took.as_secs_f64());
        }
    }

    /// One request was decided.
    pub fn decided(&self, source: Option<&str>, verdict: &Verdict) {
        self.requests.of(source).decided(verdict);
    }

    /// Policies that do not count would have decided a request otherwise.
    pub fn disagreed(&self, source: &str, disagreement: &Disagreement) {
        self.requests.of(Some(source)).disagreed(disagreement);
    }

    /// Whether policies wait to be confirmed.
    pub fn on_trial(&self, waiting: bool) {
        self.on_trial.set(i64::from(waiting));
    }

    /// So many policies are asked and do not count.
    pub fn in_shadow(&self, mode: Mode, policies: usize) {
        if let Some(gauge) = self.shadows.get(mode as usize) {
            gauge.set(standing::whole(policies));
        }
    }

    /// One request, or one answer, was inspected.
    pub fn inspected(&self, source: &str, report: &Report) {
        self.requests.of(Some(source)).inspected(report);
    }

    /// One request ended, with this status if any was sent; `failure` says why, if it had been allowed and failed.
    pub fn ended(
        &self,
        source: Option<&str>,
        status: Option<StatusCode>,
        took: Duration,
        failure: Option<Failure>,
    ) {
        let counts = self.requests.of(source);
        counts.ended(status, took);
        if let Some(failure) = failure {
            counts.failed(failure);
        }
    }

    /// One page of the gate's own was answered, or one session confirmed.
    pub fn signed_in(&self, page: &'static str, result: &'static str) {
        self.sign_ins.count((page, result));
    }

    /// A glass was broken for a source.
    pub fn glass_broken(&self, source: &str) {
        self.requests.of(Some(source)).glass_broken();
    }

    /// A request was allowed while a glass was broken for it.
    pub fn glass_used(&self, source: Option<&str>) {
        self.requests.of(source).glass_used();
    }

    /// A configuration is in force, loaded at this time in seconds since 1970.
    pub fn in_force(&self, digest: &str, origin: &str, at: i64) {
        self.configuration.in_force.reset();
        self.configuration.in_force.with_label_values(&[digest, origin]).set(1);
        self.configuration.loaded_at.set(at);
    }

    /// The gate was started, from the files or from what was kept of them.
    pub fn started(&self, from_files: bool) {
        self.configuration.reload_ok.set(i64::from(from_files));
    }

    /// Whether what was loaded is in force whole only after a restart.
    pub fn restart_needed(&self, needed: bool) {
        self.configuration.restart_needed.set(i64::from(needed));
    }

    /// A reload was tried at this time.
    pub fn reloaded(&self, ok: bool, at: i64) {
        let configuration = &self.configuration;
        let tried = if ok { &configuration.reloaded } else { &configuration.not_reloaded };
        tried.inc();
        configuration.reload_ok.set(i64::from(ok));
        configuration.reload_at.set(at);
    }
}

impl ConnectionObserver for Metrics {
    fn observe(&self, event: ConnectionEvent) {
        self.connections.observe(event);
    }
}
