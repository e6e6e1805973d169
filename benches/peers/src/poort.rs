//! Our own engine.

use std::{io, path::Path, sync::Arc};

use poort_benches::{
    inspection::{inspect, load},
    traffic::Exchange,
};
use poort_waf::{Transaction, TransactionLimits};

use crate::engine::{Engine, Judgement, detects};

/// One transaction, as a connection keeps one.
pub(crate) struct Poort(Transaction);

impl Poort {
    pub(crate) fn load(rules: &Path) -> io::Result<Self> {
        Ok(Self(Transaction::new(Arc::new(load(rules)?), TransactionLimits::default())))
    }
}

impl Engine for Poort {
    fn name(&self) -> &'static str {
        "poort-waf"
    }

    fn inspect(&mut self, exchange: &Exchange) {
        inspect(&mut self.0, exchange);
    }

    fn judge(&mut self, exchange: &Exchange) -> Judgement {
        inspect(&mut self.0, exchange);
        // The variable itself, as with the others.
        let score = self.0.tx("blocking_inbound_anomaly_score");
        let score = score.and_then(|score| str::from_utf8(score).ok()?.parse().ok());
        let rules = self.0.matches().iter().map(|found| found.rule.id).filter(|id| detects(*id));
        Judgement { score: score.unwrap_or_default(), rules: rules.collect() }
    }
}
