//! Device trust that is replaced while connections live.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use poort_identity::device::{Certificate, Rejected, Trust};
use rustls::pki_types::CertificateDer;

/// How long a judgement is believed while the trust stays the same. A certificate expires and a revocation list goes stale
/// without anybody replacing the trust; judging again costs some 110 µs (webpki with a CRL), once a minute and connection.
const JUDGEMENT_LIFE: Duration = Duration::from_secs(60);

/// One trust and its number.
#[derive(Debug)]
pub struct Held {
    /// Counts replacements, from 1.
    pub generation: u64,
    /// Anchors, revocation lists, and the rule about missing ones.
    pub trust: Trust,
}

/// The trust that counts now, for the verifiers of all listeners and for every request.
#[derive(Debug)]
pub struct LiveTrust {
    held: ArcSwap<Held>,
    generations: AtomicU64,
}

impl LiveTrust {
    /// Starts with this trust.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self { held: ArcSwap::from_pointee(Held { generation: 1, trust }), generations: AtomicU64::new(1) }
    }

    /// Replaces it. The next request on every connection, resumed and long-lived ones included, is judged by the new one.
    /// Returns its generation. Hints that listeners send follow with [`LiveTls::replace`](super::LiveTls::replace).
    pub fn replace(&self, trust: Trust) -> u64 {
        let generation = self.generations.fetch_add(1, Ordering::Relaxed) + 1;
        self.held.store(Arc::new(Held { generation, trust }));
        generation
    }

    /// What counts now.
    #[must_use]
    pub fn load(&self) -> Arc<Held> {
        self.held.load_full()
    }

    /// The number of what counts now.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.held.load().generation
    }
}

/// What a client certificate was worth, when, and by which trust.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The certificate, or why it is not accepted.
    pub verdict: Result<Arc<Certificate>, Arc<Rejected>>,
    /// The [`LiveTrust`] generation that judged.
    pub generation: u64,
    /// When.
    pub at: SystemTime,
}

impl Judgement {
    /// Judges a chain, leaf first.
    #[must_use]
    pub fn of(chain: &[CertificateDer<'_>], held: &Held, now: SystemTime) -> Self {
        let verdict = held.trust.judge(chain, now).map(Arc::new).map_err(Arc::new);
        Self { verdict, generation: held.generation, at: now }
    }

    /// Whether it still counts: by the same trust, at most a minute old, the clock not set back, the certificate not expired since.
    #[must_use]
    pub fn holds(&self, generation: u64, now: SystemTime) -> bool {
        let fresh = now.duration_since(self.at).is_ok_and(|age| age < JUDGEMENT_LIFE);
        let unexpired = self.verdict.as_ref().map_or(true, |certificate| now <= certificate.not_after);
        self.generation == generation && fresh && unexpired
    }
}

#[cfg(test)]
mod tests {
    use poort_identity::device::{DeviceFault, NameKind};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn accepted(at: SystemTime, not_after: SystemTime) -> Judgement {
        let certificate = Certificate {
            name: "spiffe://zone.example/device/car-12".into(),
            kind: NameKind::Spiffe,
            serial: "0c".into(),
            sha256: [0; 32],
            issuer: "CN=Devices".into(),
            not_before: at - HOUR,
            not_after,
        };
        Judgement { verdict: Ok(Arc::new(certificate)), generation: 7, at }
    }

    #[test]
    fn a_judgement_holds_until_something_may_have_changed() {
        let at = SystemTime::UNIX_EPOCH + HOUR * 500_000;
        let second = Duration::from_secs(1);
        let long = accepted(at, at + HOUR);
        let short = accepted(at, at + second * 10);
        let rejected = Rejected { certificate: None, fault: DeviceFault::NotYetValid };
        let rejected = Judgement { verdict: Err(Arc::new(rejected)), generation: 7, at };
        for (name, judgement, generation, now, holds) in [
            ("at once", &long, 7, at, true),
            ("within the minute", &long, 7, at + second * 59, true),
            ("after a minute", &long, 7, at + second * 60, false),
            ("by another trust", &long, 8, at, false),
            ("with the clock set back", &long, 7, at - second, false),
            ("until it expires", &short, 7, at + second * 10, true),
            ("after it expired", &short, 7, at + second * 11, false),
            ("refused, within the minute", &rejected, 7, at + second * 59, true),
            ("refused, after a minute", &rejected, 7, at + second * 60, false),
        ] {
            assert_eq!(judgement.holds(generation, now), holds, "{name}");
        }
    }
}
