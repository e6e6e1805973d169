//! How many are in flight, bounded.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// Counts what is in flight and refuses more than a limit. It outlives reloads, so that open exchanges stay counted.
#[derive(Debug)]
pub struct Gauge {
    current: AtomicU32,
    limit: AtomicU32,
}

/// One place in a [`Gauge`]; given back on drop.
#[derive(Debug)]
pub struct Slot(Arc<Gauge>);

impl Gauge {
    /// A gauge with room for `limit`.
    #[must_use]
    pub fn new(limit: u32) -> Arc<Self> {
        Arc::new(Self { current: AtomicU32::new(0), limit: AtomicU32::new(limit) })
    }

    /// Takes a place, if there is one.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Option<Slot> {
        let limit = self.limit.load(Ordering::Relaxed);
        self.current
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |current| {
                (current < limit).then_some(current + 1)
            })
            .ok()
            .map(|_| Slot(Arc::clone(self)))
    }

    /// Changes the limit; those above it stay until they end.
    pub fn resize(&self, limit: u32) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// How many there may be.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// How many are in flight now.
    #[must_use]
    pub fn current(&self) -> u32 {
        self.current.load(Ordering::Relaxed)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.current.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back() {
        let gauge = Gauge::new(2);
        let (first, second) = (gauge.enter(), gauge.enter());
        assert!(first.is_some() && second.is_some());
        assert!(gauge.enter().is_none());
        drop(first);
        assert_eq!(gauge.current(), 1);
        assert!(gauge.enter().is_some());
        gauge.resize(0);
        assert!(gauge.enter().is_none());
        drop(second);
        assert_eq!(gauge.current(), 0);
    }
}
