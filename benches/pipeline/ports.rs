//! The world, as little of it as a decision can do with: clocks, keys that are there, and limits nobody reaches.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use poort_enforce::{
    inspect::Report,
    pipeline::Check,
    ports::{
        Bucket, Clock, Endings, Keys as RefreshKeys, Limits, Observer, Pins, Sessions, Share, Shifts,
        Standing, Withdrawn,
    },
    record::Verdict,
};
use poort_identity::{
    session::SessionId,
    token::{KeyLookup, KeySet, Keys},
};
use poort_policy::{Disagreement, ShiftCount};

/// The keys of the one issuer.
pub(crate) struct Quiet(pub(crate) Arc<KeySet>);

impl Clock for Quiet {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn ticks(&self) -> Instant {
        Instant::now()
    }
}

impl Limits for Quiet {
    fn take(&self, bucket: Bucket<'_>, _: u32) -> Result<(), Duration> {
        std::hint::black_box(bucket);
        Ok(())
    }

    fn prefix(&self, address: IpAddr) -> String {
        address.to_string()
    }

    fn once<E>(&self, _: &str, _: &str, pay: impl FnOnce() -> Result<(), E>) -> Result<bool, E> {
        pay().map(|()| true)
    }
}

impl Shifts for Quiet {
    fn count(&self, kind: ShiftCount, share: &Share<'_>) -> u32 {
        std::hint::black_box((kind, share));
        1
    }

    fn settle(&self, kind: ShiftCount, share: &Share<'_>, allowed: bool) {
        std::hint::black_box((kind, share, allowed));
    }
}

impl KeyLookup for Quiet {
    fn keys(&self, _: &str) -> Keys {
        Keys::Fresh(Arc::clone(&self.0))
    }
}

impl RefreshKeys for Quiet {
    async fn refresh(&self, _: &str) -> bool {
        false
    }
}

impl Sessions for Quiet {
    async fn standing(&self, _: &SessionId, _: SystemTime) -> Standing {
        Standing::Open { renewed: None, statements: Arc::default() }
    }
}

impl Pins for Quiet {
    async fn first_device(&self, _: &[u8; 32], device: &str, _: SystemTime) -> Option<String> {
        Some(device.to_owned())
    }
}

impl Endings for Quiet {
    fn is_blocked(&self, device: &str, _: SystemTime) -> bool {
        std::hint::black_box(device);
        false
    }

    fn withdrawn(&self, subject: &str, _: SystemTime) -> Withdrawn {
        std::hint::black_box(subject);
        Withdrawn::Nothing
    }
}

impl Observer for Quiet {
    fn checked(&self, check: Check, took: Duration, passed: bool) {
        std::hint::black_box((check, took, passed));
    }

    fn decided(&self, source: Option<&str>, verdict: &Verdict) {
        std::hint::black_box((source, verdict));
    }

    fn disagreed(&self, source: &str, disagreement: &Disagreement) {
        std::hint::black_box((source, disagreement));
    }

    fn inspected(&self, source: &str, report: &Report) {
        std::hint::black_box((source, report));
    }
}
