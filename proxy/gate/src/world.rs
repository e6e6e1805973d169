//! The ports of the decision, on the real world.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use poort_enforce::{
    inspect::Report,
    pipeline::Check,
    ports::{self, Bucket, Clock, Keys, Limits, Observer, Pins, Sessions, Share, Standing, Withdrawn},
    record::Verdict,
};
use poort_identity::{
    session::{SessionFault, SessionId},
    token::KeyLookup,
};
use poort_policy::{Disagreement, ShiftCount};

use crate::{
    ending::Endings,
    keys::KeyRing,
    limits::{Quotas, Tables},
    metrics::Metrics,
    shifts::Shifts,
    signin::{Desk, State as _, Store},
};

/// The world as one generation of the configuration sees it.
#[derive(Debug)]
pub struct World {
    /// The configured quotas.
    pub quotas: Quotas,
    /// Buckets; they outlive generations.
    pub tables: Arc<Tables>,
    /// What people came to in their shifts; that outlives generations as well.
    pub shifts: Arc<Shifts>,
    /// Issuers' keys; they outlive generations too.
    pub keys: KeyRing,
    /// What several gates share of sessions and tokens; it outlives generations.
    pub state: Arc<Store>,
    /// How browsers sign in; none: they do not.
    pub sign_in: Option<Arc<Desk>>,
    /// Whose access is ended; it outlives generations.
    pub endings: Arc<Endings>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// This machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn ticks(&self) -> Instant {
        Instant::now()
    }
}

impl Clock for World {
    fn now(&self) -> SystemTime {
        WallClock.now()
    }

    fn ticks(&self) -> Instant {
        WallClock.ticks()
    }
}

impl Limits for World {
    fn take(&self, bucket: Bucket<'_>, cost: u32) -> Result<(), Duration> {
        self.tables.take(&self.quotas, bucket, cost)
    }

    fn prefix(&self, address: IpAddr) -> String {
        self.quotas.prefix(address).to_string()
    }

    fn once<E>(&self, holder: &str, mark: &str, pay: impl FnOnce() -> Result<(), E>) -> Result<bool, E> {
        self.tables.once(holder, mark, pay)
    }
}

impl ports::Shifts for World {
    fn count(&self, kind: ShiftCount, share: &Share<'_>) -> u32 {
        self.shifts.count(kind, share)
    }

    fn settle(&self, kind: ShiftCount, share: &Share<'_>, allowed: bool) {
        self.shifts.settle(kind, share, allowed);
    }
}

impl KeyLookup for World {
    fn keys(&self, alias: &str) -> poort_identity::token::Keys {
        self.keys.keys(alias)
    }
}

impl Keys for World {
    async fn refresh(&self, issuer: &str) -> bool {
        self.keys.refresh(issuer).await
    }
}

impl Sessions for World {
    async fn standing(&self, id: &SessionId, now: SystemTime) -> Standing {
        match &self.sign_in {
            Some(desk) => desk.standing(*id, now).await,
            None => Standing::Closed(SessionFault::Unknown),
        }
    }
}

impl Pins for World {
    async fn first_device(&self, token: &[u8; 32], device: &str, until: SystemTime) -> Option<String> {
        let name = URL_SAFE_NO_PAD.encode(token);
        match self.state.first(&name, device, until, self.now()).await {
            Ok(first) => Some(first),
            Err(fault) => {
                tracing::error!(event = "token_not_pinned", %fault);
                None
            }
        }
    }
}

impl ports::Endings for World {
    fn is_blocked(&self, device: &str, now: SystemTime) -> bool {
        self.endings.is_blocked(device, now)
    }

    fn withdrawn(&self, subject: &str, now: SystemTime) -> Withdrawn {
        self.endings.withdrawn(subject, now)
    }
}

impl Observer for World {
    fn checked(&self, check: Check, took: Duration, _passed: bool) {
        self.metrics.checked(check, took);
    }

    fn decided(&self, source: Option<&str>, verdict: &Verdict) {
        self.metrics.decided(source, verdict);
    }

    fn disagreed(&self, source: &str, disagreement: &Disagreement) {
        self.metrics.disagreed(source, disagreement);
    }

    fn inspected(&self, source: &str, report: &Report) {
        self.metrics.inspected(source, report);
    }
}
