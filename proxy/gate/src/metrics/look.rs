//! Brings up to date what is measured only when somebody looks. The admin listener has one thread, so nobody sees it half done.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use poort_enforce::source::Source;
use poort_policy::{Engine, Mode};

use super::{
    Metrics,
    standing::{say, whole},
};
use crate::{audit::Health, listen::LiveTrust, live::Live, snapshot};

/// Looks at everything that a gate's gauges say.
pub fn look(live: &Live) {
    let (metrics, now) = (&*live.carry.metrics, SystemTime::now());
    metrics.trusted(live, now);
    metrics.reach(live, now);
    metrics.on_trial(live.is_waiting());
    metrics.held(live, now);
    metrics.recorded(live.audit.health(), live.checkpoint_age(now));
}

impl Metrics {
    fn trusted(&self, live: &Live, now: SystemTime) {
        let trusted = &self.trusted;
        // What a reload took away is not to be watched any more.
        trusted.reset();
        for issuer in live.snapshot().pipeline.ports.keys.iter() {
            let labels = [issuer.alias()];
            let age = issuer.age().map_or(-1, |age| whole(age.as_secs()));
            trusted.keys_age.with_label_values(&labels).set(age);
            if let Some(remaining) = issuer.remaining() {
                trusted.keys_remaining.with_label_values(&labels).set(whole(remaining.as_secs()));
            }
            if let Some(discovery) = issuer.discovery() {
                let age = discovery.age(now).map_or(-1, |age| whole(age.as_secs()));
                trusted.discovery_age.with_label_values(&labels).set(age);
            }
        }
        let ages = |trust: &Arc<LiveTrust>| trust.load().trust.revocations().ages(now);
        let mut lists: Vec<_> =
            [Some(&live.trust), live.visitors.as_ref()].into_iter().flatten().flat_map(ages).collect();
        // Of two of one authority the first to end counts, and it is set last.
        lists.sort_by_key(|list| std::cmp::Reverse(list.next_update));
        for list in lists {
            let labels = [&*list.issuer];
            trusted.crl_age.with_label_values(&labels).set(until(now, list.this_update));
            trusted.crl_remaining.with_label_values(&labels).set(until(list.next_update, now));
            trusted.crl_half_life.with_label_values(&labels).set(i64::from(list.half_life_passed));
        }
        for end in live.ends().iter() {
            let labels = [end.role, end.name.as_str()];
            trusted.certificate_remaining.with_label_values(&labels).set(until(end.at, now));
        }
    }

    fn reach(&self, live: &Live, now: SystemTime) {
        self.reach.reset();
        let snapshot = live.snapshot();
        let rules = &snapshot.pipeline.rules;
        self.in_shadow(Mode::Shadow, rules.engine.shadows());
        self.in_shadow(Mode::Candidate, rules.candidate.as_ref().map_or(0, Engine::policies));
        for source in rules.routes.sources() {
            let (reach, labels) = (&self.reach, [&*source.id]);
            if let Some(upstream) = snapshot.upstreams.get(&source.id) {
                let (in_turn, aside) = upstream.pool.standing();
                let addresses = |state| reach.addresses.with_label_values(&[&*source.id, state]);
                reach.up.with_label_values(&labels).set(i64::from(in_turn > 0));
                addresses("in_turn").set(whole(in_turn));
                addresses("aside").set(whole(aside));
            }
            let closed = source.closed.load(std::sync::atomic::Ordering::Relaxed);
            reach.closed.with_label_values(&labels).set(i64::from(closed));
            reach.in_flight.with_label_values(&labels).set(whole(source.in_flight.current()));
            if source.in_flight.limit() < u32::MAX {
                reach.in_flight_limit.with_label_values(&labels).set(whole(source.in_flight.limit()));
            }
            self.inspection(source, now);
        }
    }

    fn inspection(&self, source: &Source, now: SystemTime) {
        let reach = &self.reach;
        let mode = source.inspector.as_ref().map_or("off", |inspector| inspector.mode.as_str());
        reach.inspected.with_label_values(&[&*source.id, mode]).set(1);
        let Some(inspector) = &source.inspector else { return };
        if let Some(since) = inspector.since {
            reach.detecting.with_label_values(&[&*source.id]).set(until(now, since));
        }
        // Of several for one rule the next to end counts, and it is set last.
        let mut exclusions: Vec<_> = inspector.exclusions.iter().collect();
        exclusions.sort_by_key(|exclusion| std::cmp::Reverse(exclusion.ends));
        for exclusion in exclusions {
            let labels = [&*source.id, &*exclusion.rule];
            reach.exclusions.with_label_values(&labels).set(until(exclusion.ends, now));
        }
    }

    fn held(&self, live: &Live, now: SystemTime) {
        let (held, carry) = (&self.held, &live.carry);
        held.in_flight.set(whole(carry.in_flight.current()));
        held.in_flight_limit.set(whole(carry.in_flight.limit()));
        held.bodies.set(whole(carry.bodies.held()));
        held.bodies_limit.set(whole(carry.bodies.limit()));
        let (strangers, known) = carry.tables.len();
        held.buckets.with_label_values(&["stranger"]).set(whole(strangers));
        held.buckets.with_label_values(&["known"]).set(whole(known));
        held.connections.set(whole(live.admission.open()));
        held.prefixes.set(whole(live.admission.prefixes()));
        let kept = carry.sessions.count(now);
        held.sessions.with_label_values(&["open"]).set(whole(kept.open));
        held.sessions.with_label_values(&["ended"]).set(whole(kept.ended));
        held.sign_ins.set(whole(kept.waiting));
        held.unkept.set(i64::from(carry.sessions.hindrance().is_some()));
        for (counter, (_, count)) in held.ended.iter().zip(carry.notices.ended()) {
            say(counter, count);
        }
        for (kind, count) in carry.endings.count(now) {
            held.endings.with_label_values(&[kind]).set(whole(count));
        }
        let (waiting, oldest) = carry.reviews.count();
        held.reviews.set(whole(waiting));
        held.oldest_review.set(oldest.map_or(0, |oldest| until(now, oldest)));
    }

    fn recorded(&self, audit: Health, checkpoint_age: Option<Duration>) {
        let recorded = &self.recorded;
        recorded.failing.set(i64::from(audit.failing));
        recorded.queued.set(whole(audit.queued));
        recorded.queued_bytes.set(whole(audit.queued_bytes));
        recorded.kept.set(whole(audit.kept));
        recorded.head_age.set(audit.head_age.unwrap_or_default().as_secs_f64());
        recorded.last_commit.set(audit.last_commit.as_secs_f64());
        recorded.write_ahead.set(audit.write_ahead.into());
        recorded.spilled.set(whole(audit.spilled));
        recorded.free.set(audit.space.map_or(-1, |space| whole(space.free)));
        recorded.size.set(audit.space.map_or(-1, |space| whole(space.total)));
        say(&recorded.written, audit.records);
        say(&recorded.commits, audit.batches);
        say(&recorded.failures, audit.failures);
        say(&recorded.lost, audit.lost);
        say(&recorded.strangers_lost, audit.strangers_lost);
        for (counter, count) in recorded.unusual.iter().zip(audit.unusual) {
            say(counter, count);
        }
        recorded.log.entries.set(whole(audit.log_entries));
        recorded.log.unchecked.set(whole(audit.log_entries.saturating_sub(audit.checked_entries)));
        recorded.log.unanchored.reset();
        if let Some(anchored) = audit.anchored_entries {
            let unanchored = whole(audit.checked_entries.saturating_sub(anchored));
            recorded.log.unanchored.with_label_values(&[] as &[&str]).set(unanchored);
        }
        recorded.log.checkpoint_age.reset();
        if let Some(age) = checkpoint_age {
            recorded.log.checkpoint_age.with_label_values(&[] as &[&str]).set(whole(age.as_secs()));
        }
    }
}

/// Seconds until a time; negative after it.
fn until(time: SystemTime, now: SystemTime) -> i64 {
    snapshot::seconds(time).saturating_sub(snapshot::seconds(now))
}
