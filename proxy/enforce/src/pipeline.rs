//! The decision: eight checks in order, and the only place where a [`Permit`] is made.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow::{self, Break, Continue},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use poort_identity::token::{Issuers, VerifiedTokens};
use poort_policy::{DeviceFacts, Engine, ShiftCount};

use crate::{
    arrival::{Arrival, Message},
    checks,
    exchange::{Exchange, Step},
    gauge::Gauge,
    inspect::Room,
    ports::Ports,
    reason::{Budget, Reason},
    record::Verdict,
    reply::Preflight,
    routes::Routes,
    sign_in::{Detour, Endpoint, SignIn},
    source::Source,
    stated::Purposes,
    subject::{Holder, OpenSessions},
};

/// The checks, in the order in which a request meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    /// The message is well-formed and has one reading.
    Protocol,
    /// The caller's address, or its device, is within its budget.
    Flood,
    /// A source answers there.
    Route,
    /// The device certificate.
    Device,
    /// The token.
    Subject,
    /// The budgets of user, device and source.
    Quota,
    /// The policies.
    Policy,
    /// Inspection of the request.
    Waf,
}

impl Check {
    /// Every check, in order.
    pub const ALL: [Self; 8] = [
        Self::Protocol,
        Self::Flood,
        Self::Route,
        Self::Device,
        Self::Subject,
        Self::Quota,
        Self::Policy,
        Self::Waf,
    ];

    /// The stable name in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Flood => "flood",
            Self::Route => "route",
            Self::Device => "device",
            Self::Subject => "subject",
            Self::Quota => "quota",
            Self::Policy => "policy",
            Self::Waf => "waf",
        }
    }
}

/// What the pipeline decides with: built from the files as a whole, never changed.
pub struct Rules {
    /// Which source answers where.
    pub routes: Routes,
    /// The issuers of tokens.
    pub issuers: Issuers,
    /// The aliases of those whose tokens, where they are bound to no certificate, belong to the device that they are first used on.
    pub pinning: HashSet<String>,
    /// The posture of every known device, by name.
    pub inventory: HashMap<String, DeviceFacts>,
    /// How browsers sign in; none: they do not.
    pub sign_in: Option<SignIn>,
    /// What requests may be for.
    pub purposes: Arc<Purposes>,
    /// Workloads that act for officers anywhere: at a source that does not list them they may not.
    pub aggregators: HashSet<String>,
    /// The policies.
    pub engine: Engine,
    /// Others, which are asked beside them and do not count.
    pub candidate: Option<Engine>,
    /// `acr` and `amr` values that count as a strong sign-in.
    pub strong: HashSet<String>,
    /// What a refused request costs its budgets.
    pub failure_cost: u32,
    /// What policies see of a shift; none: nothing.
    pub counted: Option<Counted>,
    /// The zone's wall clock.
    pub time_zone: TimeZone,
}

/// What policies see of a shift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How long a shift is; it begins with the first request that is counted.
    pub shift: Duration,
    /// What is counted in it.
    pub counts: Vec<ShiftCount>,
    /// Fleets whose devices a crew shares: nobody counts who uses them.
    pub shared_fleets: HashSet<String>,
}

impl Counted {
    /// Whether a crew shares a device.
    pub(crate) fn shares(&self, device: &DeviceFacts) -> bool {
        device.fleet.as_deref().is_some_and(|fleet| self.shared_fleets.contains(fleet))
    }
}

/// The zone's wall clock: seconds east of UTC at a time.
pub type TimeZone = Arc<dyn Fn(SystemTime) -> i32 + Send + Sync>;

/// The pipeline: rules, ports to the world, and what is remembered between requests.
pub struct Pipeline<P> {
    /// The rules.
    pub rules: Rules,
    /// The world.
    pub ports: P,
    /// Requests in flight through the whole gate.
    pub in_flight: Arc<Gauge>,
    /// Bytes of bodies held by the whole gate.
    pub bodies: Arc<Room>,
    /// Verified tokens, bounded in number and time. They belong to these rules: a changed rule starts anew.
    pub tokens: VerifiedTokens<Arc<Holder>>,
    /// Session cookies that were opened, bounded in number. They belong to these rules too.
    pub sessions: OpenSessions,
}

/// What the pipeline says to a request.
#[derive(Debug)]
pub enum Admission {
    /// It may go to its source.
    Permit(Permit),
    /// The gate answers itself.
    Answer(Answer),
    /// It is refused.
    Refusal(Refusal),
}

/// Leave to go to one source, once. Nothing reaches a source without it, and only [`Pipeline::admit`] makes one.
#[derive(Debug)]
pub struct Permit {
    source: Arc<Source>,
    prefix: Arc<str>,
    holder: Arc<Holder>,
}

impl Permit {
    /// The source it leads to.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The path prefix that matched.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Who asks.
    #[must_use]
    pub fn holder(&self) -> &Arc<Holder> {
        &self.holder
    }
}

/// What the gate answers itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A CORS preflight: it carries neither certificate nor cookie, so only `protocol`, `flood` and `route` judge it.
    Preflight(Preflight),
    /// A page of the gate's own, judged by `protocol`, `flood`, `route` and `device`; of the subject it is judged only whether a session's
    /// cookie was taken elsewhere.
    Own(Endpoint),
    /// A person on the way to a page, who has to sign in first.
    SignIn(Detour),
}

/// How long a client is asked to wait while the gate holds as many bytes of bodies as it may.
const WAIT_FOR_ROOM: Duration = Duration::from_secs(2);

/// A refusal and what the client needs to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// When to come back.
    pub retry_after: Option<Duration>,
    /// What the policies' authors say about it (`@reason`).
    pub advice: Option<Arc<str>>,
    /// The same in other languages, by their codes (`@reason_nl`).
    pub translations: Vec<(Arc<str>, Arc<str>)>,
    /// The sign-in that would do; none: any strong one, where that is the reason.
    pub step_up: Option<Box<StepUp>>,
    /// What the person who was refused can do about it on the sign-in host.
    pub remedy: Option<Remedy>,
}

/// A sign-in after which a refused request would be allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// The `acr` that it has to be (`@step_up`).
    pub class: Option<Arc<str>>,
    /// Whether it has to be strong, in whatever way.
    pub strong: bool,
    /// How long ago it may have been at most, in seconds.
    pub max_age: Option<u64>,
}

/// What a person who was refused can do about it on the sign-in host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// State what it is for.
    Mission,
    /// Break the glass: the policies would then allow it.
    BreakGlass,
}

impl Refusal {
    /// The gate holds as many bytes of bodies as it may.
    #[must_use]
    pub const fn no_room() -> Self {
        Self::over(Budget::Bodies, WAIT_FOR_ROOM)
    }

    const fn because(reason: Reason, retry_after: Option<Duration>) -> Self {
        Self { reason, retry_after, advice: None, translations: Vec::new(), step_up: None, remedy: None }
    }

    /// A budget is used up for so long.
    pub(crate) const fn over(budget: Budget, wait: Duration) -> Self {
        Self::because(Reason::Limit(budget), Some(wait))
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::because(reason, None)
    }
}

/// Why the pipeline stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    Answer(Answer),
    Refuse(Refusal),
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Refuse(reason.into())
    }
}

/// What a check says: go on, or stop.
pub(crate) type Flow<T = ()> = ControlFlow<Stop, T>;

/// Stops with a reason.
pub(crate) fn refuse<T>(reason: Reason) -> Flow<T> {
    Break(reason.into())
}

impl<P: Ports> Pipeline<P> {
    /// Decides one request. The exchange holds, afterwards, everything that its record needs.
    pub async fn admit<M: Message>(&self, message: &mut M, exchange: &mut Exchange) -> Admission {
        let admission = match self.judge(message, exchange).await {
            Continue(permit) => Admission::Permit(permit),
            Break(Stop::Answer(answer)) => Admission::Answer(answer),
            Break(Stop::Refuse(refusal)) => Admission::Refusal(refusal),
        };
        if let Admission::Refusal(refusal) = &admission {
            checks::quota::charge_failure(self, exchange, &refusal.reason);
        }
        // A stream that is admitted again is the request that it was: it is counted, as it is recorded, once.
        if !exchange.again {
            let source = exchange.source().map(|source| &*source.id);
            self.ports.decided(source, &Verdict::of(&admission));
            self.count_disagreements(exchange);
        }
        admission
    }

    /// Tells the Observer where policies that do not count would have decided otherwise.
    fn count_disagreements(&self, exchange: &Exchange) {
        if let (Some((_, decision)), Some(source)) = (&exchange.asked, exchange.source()) {
            decision.disagreements.iter().for_each(|one| self.ports.disagreed(&source.id, one));
        }
    }

    async fn judge<M: Message>(&self, message: &mut M, exchange: &mut Exchange) -> Flow<Permit> {
        let start = self.judge_head(&message.arrival(), exchange).await?;
        let waf = checks::waf::check(self, message, exchange).await;
        self.end(Check::Waf, start, exchange, waf)?;
        checks::shift::count_body(self, exchange);
        match (&exchange.route, &exchange.holder) {
            (Some((source, prefix)), Some(holder)) => Continue(Permit {
                source: Arc::clone(source),
                prefix: Arc::clone(prefix),
                holder: Arc::clone(holder),
            }),
            // INVARIANT: `route` and `subject` have passed, so this is never met; if it were, it would refuse.
            _ => refuse(Reason::Internal),
        }
    }

    /// Judges a body that was inspected as it passed, at its end.
    ///
    /// # Errors
    /// What refuses it.
    pub fn judge_late(&self, exchange: &mut Exchange) -> Result<(), Refusal> {
        let told = exchange.question.as_ref().map(|(_, decision)| decision.disagreements.clone());
        let judged = checks::waf::check_late(self, exchange);
        if let Some((_, decision)) = &mut exchange.asked {
            let told = told.unwrap_or_default();
            decision.disagreements.retain(|one| told.iter().all(|known| known.mode != one.mode));
            self.count_disagreements(exchange);
        }
        match judged {
            Continue(()) => Ok(()),
            Break(Stop::Refuse(refusal)) => Err(refusal),
            Break(Stop::Answer(_)) => Err(Reason::Internal.into()),
        }
    }

    /// Every check that needs no body.
    async fn judge_head(&self, arrival: &Arrival<'_>, exchange: &mut Exchange) -> Flow<Instant> {
        let start = self.ports.ticks();
        let start =
            self.run(Check::Protocol, start, exchange, |x| checks::protocol::check(&self.ports, arrival, x))?;
        let start = self.run(Check::Flood, start, exchange, |x| checks::flood::check(self, arrival, x))?;
        let start = self.run(Check::Route, start, exchange, |x| checks::route::check(self, arrival, x))?;
        let start = self.run(Check::Device, start, exchange, |x| checks::device::check(self, x))?;
        if let Some(endpoint) = exchange.own {
            self.run(Check::Subject, start, exchange, |x| checks::subject::check_own(self, arrival, x))?;
            return Break(Stop::Answer(Answer::Own(endpoint)));
        }
        let subject = checks::subject::check(self, arrival, exchange).await;
        let start = self.end(Check::Subject, start, exchange, subject)?;
        let start = self.run(Check::Quota, start, exchange, |x| checks::quota::check(self, arrival, x))?;
        self.run(Check::Policy, start, exchange, |x| checks::policy::check(self, arrival, x))
    }

    /// Runs one check, timed, recorded and observed. No check does any of that by itself.
    fn run(
        &self,
        check: Check,
        start: Instant,
        exchange: &mut Exchange,
        body: impl FnOnce(&mut Exchange) -> Flow,
    ) -> Flow<Instant> {
        let flow = body(exchange);
        self.end(check, start, exchange, flow)
    }

    fn end(&self, check: Check, start: Instant, exchange: &mut Exchange, flow: Flow) -> Flow<Instant> {
        let end = self.ports.ticks();
        let step = Step { check, took: end.saturating_duration_since(start), passed: flow.is_continue() };
        exchange.steps.push(step);
        self.ports.checked(check, step.took, step.passed);
        flow.map_continue(|()| end)
    }
}
