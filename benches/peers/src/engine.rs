//! What a system must do to be compared.

use std::collections::BTreeSet;

use poort_benches::traffic::Exchange;

/// An engine with CRS loaded.
pub(crate) trait Engine {
    /// What it is called in a figure.
    fn name(&self) -> &'static str;

    /// One transaction, phases 1 to 5, as a server would run it: nothing of it is kept.
    fn inspect(&mut self, exchange: &Exchange);

    /// The same, and what came of it.
    fn judge(&mut self, exchange: &Exchange) -> Judgement;
}

/// What an engine says of an exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// CRS's inbound anomaly score.
    pub(crate) score: i64,
    /// Rules that matched and [detect](detects) something.
    pub(crate) rules: BTreeSet<u64>,
}

/// Whether a rule of CRS detects: 901 and 905 prepare, 949, 959 and 980 add up, and numbers below 100 in a file steer.
pub(crate) fn detects(rule: u64) -> bool {
    let attack = (911_000..949_000).contains(&rule) || (950_000..959_000).contains(&rule);
    attack && rule % 1000 >= 100
}
