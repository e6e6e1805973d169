//! Counters of one metric that are too many to be made at load, and held from the first time they are counted.

use std::{collections::HashMap, fmt, hash::Hash};

use arc_swap::ArcSwap;
use prometheus::IntCounter;

/// Counters by a key from a closed set, such as a reason's code or a rule's id. Counting takes no lock and looks nothing up in the
/// registry but the first time a key occurs.
pub(super) struct Resolved<K> {
    resolve: Box<dyn Fn(&K) -> IntCounter + Send + Sync>,
    known: ArcSwap<HashMap<K, IntCounter>>,
}

impl<K> fmt::Debug for Resolved<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolved").field("known", &self.known.load().len()).finish_non_exhaustive()
    }
}

impl<K: Eq + Hash + Copy> Resolved<K> {
    /// Nothing counted yet.
    pub(super) fn new(resolve: impl Fn(&K) -> IntCounter + Send + Sync + 'static) -> Self {
        Self { resolve: Box::new(resolve), known: ArcSwap::default() }
    }

    /// Makes the counters of these keys now, so that they are scraped as 0 before anything is counted: `increase` in Prometheus does not
    /// see the first of what was never there.
    pub(super) fn begin(self, keys: impl IntoIterator<Item = K>) -> Self {
        keys.into_iter().for_each(|key| self.hold(key));
        self
    }

    /// One more.
    pub(super) fn count(&self, key: K) {
        if let Some(counter) = self.known.load().get(&key) {
            counter.inc();
            return;
        }
        (self.resolve)(&key).inc();
        self.hold(key);
    }

    fn hold(&self, key: K) {
        let counter = (self.resolve)(&key);
        self.known.rcu(|known| {
            let mut grown = HashMap::clone(known);
            grown.insert(key, counter.clone());
            grown
        });
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{IntCounterVec, opts};

    use super::*;

    #[test]
    fn a_counter_counts_from_its_first_time_whoever_comes_first() {
        let metric = IntCounterVec::new(opts!("counted", "Counted."), &["key"]).unwrap();
        let of = metric.clone();
        let resolved = Resolved::new(move |key: &&str| of.with_label_values(&[*key])).begin(["waiting"]);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..100).for_each(|_| resolved.count("busy")));
            }
        });
        assert_eq!(metric.with_label_values(&["busy"]).get(), 800);
        assert_eq!(resolved.known.load().len(), 2, "and the one that waits is there already");
    }
}
