//! Makes collectors and registers them.

use prometheus::{
    Gauge, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, Result, core::Collector,
    histogram_opts, opts,
};

/// Registers collectors with one registry.
pub(super) struct Registrar<'a>(pub(super) &'a Registry);

impl Registrar<'_> {
    fn add<C: Collector + Clone + 'static>(&self, made: Result<C>) -> Result<C> {
        let collector = made?;
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
        self.add(IntCounterVec::new(opts!(name, help), labels))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec> {
        self.add(IntGaugeVec::new(opts!(name, help), labels))
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> Result<IntCounter> {
        self.add(IntCounter::new(name, help))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> Result<IntGauge> {
        self.add(IntGauge::new(name, help))
    }

    pub(super) fn seconds(
        &self,
        name: &str,
        help: &str,
        label: &str,
        buckets: &[f64],
    ) -> Result<HistogramVec> {
        self.add(HistogramVec::new(histogram_opts!(name, help, buckets.to_vec()), &[label]))
    }

    /// A gauge of what is no whole number.
    pub(super) fn decimal(&self, name: &str, help: &str) -> Result<Gauge> {
        self.add(Gauge::new(name, help))
    }
}
