//! What the decision needs from the world, as traits that the gate implements and tests replace.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use poort_identity::{
    session::{SessionFault, SessionId},
    token::{KeyLookup, Subject},
};
use poort_policy::{Disagreement, ShiftCount};

use crate::{inspect::Report, pipeline::Check, reason::Budget, record::Verdict, stated::Statements};

/// The time.
pub trait Clock {
    /// The time of day, for certificates, tokens and records.
    fn now(&self) -> SystemTime;
    /// A time that never jumps, for durations.
    fn ticks(&self) -> Instant;
}

/// One bucket of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bucket<'a> {
    /// Which budget.
    pub budget: Budget,
    /// Whose: an address prefix, a device's name, a subject's id; empty for a source as a whole.
    pub holder: &'a str,
    /// At which source; empty where the budget spans all of them.
    pub source: &'a str,
}

impl<'a> Bucket<'a> {
    /// A bucket of a budget over all sources.
    #[must_use]
    pub const fn of(budget: Budget, holder: &'a str) -> Self {
        Self { budget, holder, source: "" }
    }

    /// The same at one source.
    #[must_use]
    pub const fn at(self, source: &'a str) -> Self {
        Self { source, ..self }
    }
}

/// Rate limits. Buckets are bounded in number; sizes are the configuration's.
pub trait Limits {
    /// Takes `cost` from a bucket. A bucket without a configured quota always has room.
    ///
    /// # Errors
    /// How long to wait until it would have room.
    fn take(&self, bucket: Bucket<'_>, cost: u32) -> Result<(), Duration>;

    /// The bucket of a stranger's address: its prefix as text, such as `2001:db8:1:2::/64`.
    fn prefix(&self, address: IpAddr) -> String;

    /// Pays once in a while for what `holder` calls `mark`, whoever asks at the same time: `pay` runs if nobody has paid for it, and
    /// it counts as paid only if `pay` succeeds. Returns whether it was paid for now.
    ///
    /// # Errors
    /// What `pay` says.
    fn once<E>(&self, holder: &str, mark: &str, pay: impl FnOnce() -> Result<(), E>) -> Result<bool, E>;
}

/// A request's share of what is counted in a shift.
#[derive(Clone, Copy, Debug)]
pub struct Share<'a> {
    /// Of whom: a subject's id, or a device's name.
    pub of: &'a str,
    /// What it adds: each is one thing, whoever else adds it.
    pub things: &'a [u64],
    /// When.
    pub at: SystemTime,
    /// How long a shift is; it begins with the first thing.
    pub shift: Duration,
}

/// What people come to in a shift. Those counted at once are bounded in number.
pub trait Shifts {
    /// How many different things there are with these, which stay counted until they are settled: of two requests at once each sees the
    /// other's. Exact below [`poort_policy::ShiftFacts::MOST`], and that for more, and where there is no place left to count.
    fn count(&self, kind: ShiftCount, share: &Share<'_>) -> u32;

    /// Keeps what was counted of a request that was allowed; otherwise takes back what nobody else was allowed.
    fn settle(&self, kind: ShiftCount, share: &Share<'_>, allowed: bool);
}

/// Issuers' keys, kept fresh by the gate.
pub trait Keys: KeyLookup {
    /// Asks for an issuer's keys again, since a token names an unknown one; waits for the answer, bounded.
    /// Returns whether keys were fetched. At most one fetch an interval happens, however many ask.
    fn refresh(&self, issuer: &str) -> impl Future<Output = bool> + Send;
}

/// What is known of a session beside its cookie.
#[derive(Clone, Debug)]
pub enum Standing {
    /// It is open.
    Open {
        /// Who it is, where the issuer has said so since the cookie was made.
        renewed: Option<Arc<Subject>>,
        /// What they have stated in it.
        statements: Arc<Statements>,
    },
    /// It is not, or cannot be told.
    Closed(SessionFault),
}

/// Sessions, which several gates share.
pub trait Sessions {
    /// What is known of a session now. Whoever asks uses it: it may be confirmed with its issuer in the background.
    fn standing(&self, id: &SessionId, now: SystemTime) -> impl Future<Output = Standing> + Send;
}

/// Which device a token belongs to that is bound to none; several gates share that.
pub trait Pins {
    /// The device on which a token was first used: `device`, if it was on none before. It is remembered until then. `token` is a digest of
    /// what is signed of it. None: that cannot be told now.
    fn first_device(
        &self,
        token: &[u8; 32],
        device: &str,
        until: SystemTime,
    ) -> impl Future<Output = Option<String>> + Send;
}

/// What was taken from a person or a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// Nothing.
    Nothing,
    /// What they had signed in for until then, in seconds since 1970: who signs in anew passes.
    Before(u64),
    /// Everything, until it is given back.
    Everything,
}

/// Whose access was ended, by name and at once.
pub trait Endings {
    /// Whether a device is blocked, by the name in its certificate.
    fn is_blocked(&self, device: &str, now: SystemTime) -> bool;
    /// What was taken from a person or service, by its `issuer-alias|sub`.
    fn withdrawn(&self, subject: &str, now: SystemTime) -> Withdrawn;
}

/// Sees what is decided, for metrics.
pub trait Observer {
    /// One check ended.
    fn checked(&self, check: Check, took: Duration, passed: bool);
    /// One request was decided. `source` is one of the configured ones.
    fn decided(&self, source: Option<&str>, verdict: &Verdict);
    /// Policies that do not count would have decided otherwise. `source` is one of the configured ones.
    fn disagreed(&self, source: &str, disagreement: &Disagreement);
    /// One request, or one answer, was inspected.
    fn inspected(&self, source: &str, report: &Report);
}

/// All of them, as one bound.
pub trait Ports: Clock + Limits + Shifts + Keys + Sessions + Pins + Endings + Observer + Send + Sync {}
impl<T: Clock + Limits + Shifts + Keys + Sessions + Pins + Endings + Observer + Send + Sync> Ports for T {}
