//! Rate limits: the generic cell rate algorithm of `governor`, in tables that are bounded in number.
//!
//! Quotas are the configuration's and change with it; the tables outlive reloads, so that a reload refills nobody's bucket unless
//! that bucket's own quota changed.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use governor::{DefaultDirectRateLimiter, RateLimiter, clock::Clock, clock::DefaultClock};
use ipnet::IpNet;
use poort_enforce::{ports::Bucket, reason::Budget};
use quick_cache::sync::Cache;

use crate::config::checked::zone::Budget as Quota;

/// For how long what was paid for once stays paid, such as a search.
const PAID_LIFE: Duration = Duration::from_secs(30);

fn limiter(quota: Quota) -> DefaultDirectRateLimiter {
    let interval = (quota.rate.per / quota.rate.count.get()).max(Duration::from_nanos(1));
    // `with_period` refuses only a period of zero, which the line above excludes.
    let limits = governor::Quota::with_period(interval)
        .unwrap_or_else(|| governor::Quota::per_second(quota.rate.count))
        .allow_burst(quota.burst);
    RateLimiter::direct(limits)
}

/// The quotas of one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceQuotas {
    /// Of one user.
    pub user: Option<Quota>,
    /// Of one device.
    pub device: Option<Quota>,
    /// Of all together.
    pub total: Option<Quota>,
}

/// Every configured quota.
#[derive(Clone, Debug)]
pub struct Quotas {
    /// Of an address prefix without a verified device.
    pub address: Option<Quota>,
    /// Of a device, over all sources.
    pub device: Option<Quota>,
    /// Of a user, over all sources.
    pub user: Option<Quota>,
    /// Of a source that names none of its own.
    pub source: Option<Quota>,
    /// By source.
    pub sources: HashMap<Arc<str>, SourceQuotas>,
    /// Length of an IPv4 prefix that shares a bucket.
    pub prefix_v4: u8,
    /// Length of an IPv6 prefix that shares a bucket: one subscriber has at least a /64.
    pub prefix_v6: u8,
}

impl Quotas {
    fn of(&self, bucket: &Bucket<'_>) -> Option<Quota> {
        let at_source = || self.sources.get(bucket.source);
        match bucket.budget {
            Budget::Address => self.address,
            Budget::Device => self.device,
            Budget::User => self.user,
            Budget::UserAtSource => at_source().and_then(|quotas| quotas.user),
            Budget::DeviceAtSource => at_source().and_then(|quotas| quotas.device),
            Budget::Source => at_source().and_then(|quotas| quotas.total).or(self.source),
            Budget::SourceConcurrency | Budget::Concurrency | Budget::Bodies => None,
        }
    }

    /// The prefix that shares a bucket with this address. An IPv4 address mapped into IPv6 is the IPv4 address.
    #[must_use]
    pub fn prefix(&self, address: IpAddr) -> IpNet {
        let address = address.to_canonical();
        let length = if address.is_ipv4() { self.prefix_v4 } else { self.prefix_v6 };
        IpNet::new(address, length).map_or_else(|_| IpNet::from(address), |net| net.trunc())
    }
}

type Table = Cache<u64, Arc<DefaultDirectRateLimiter>>;

/// The buckets. Strangers have a table of their own, so that they can push out nobody but one another.
pub struct Tables {
    strangers: Table,
    known: Table,
    paid: Cache<u64, Instant>,
    hash: RandomState,
    clock: DefaultClock,
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tables")
            .field("strangers", &self.strangers.len())
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}

impl Tables {
    /// Tables with room for `keys` buckets each; beyond that the least used are forgotten.
    #[must_use]
    pub fn new(keys: usize) -> Self {
        Self {
            strangers: Cache::new(keys),
            known: Cache::new(keys),
            paid: Cache::new(keys),
            hash: RandomState::new(),
            clock: DefaultClock::default(),
        }
    }

    /// Takes `cost` from a bucket.
    ///
    /// # Errors
    /// How long until there is room. A cost above the burst never has any and waits a period.
    pub fn take(&self, quotas: &Quotas, bucket: Bucket<'_>, cost: u32) -> Result<(), Duration> {
        let (Some(quota), Some(cost)) = (quotas.of(&bucket), NonZeroU32::new(cost)) else { return Ok(()) };
        let table = if bucket.budget == Budget::Address { &self.strangers } else { &self.known };
        // The quota is part of the key: a changed one starts anew, an unchanged one keeps its counters.
        let key = self.hash.hash_one((bucket, quota));
        let limiter = match table.get(&key) {
            Some(limiter) => limiter,
            None => table
                .get_or_insert_with(&key, || Ok::<_, std::convert::Infallible>(Arc::new(limiter(quota))))
                .unwrap_or_else(|never| match never {}),
        };
        match limiter.check_n(cost.min(quota.burst)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(self.clock.now());
                // A failure may cost more than there is; then it takes what there is. The limiter by itself would take nothing.
                let _taken = (1..cost.get()).take_while(|_| limiter.check().is_ok()).count();
                Err(wait)
            }
            Err(_) => Err(quota.rate.per),
        }
    }

    /// Runs `pay` unless it succeeded for the same holder and mark in the last 30 s. Who asks meanwhile waits for it.
    ///
    /// # Errors
    /// What `pay` says; then nothing is paid for.
    pub fn once<E>(&self, holder: &str, mark: &str, pay: impl FnOnce() -> Result<(), E>) -> Result<bool, E> {
        let key = self.hash.hash_one((holder, mark));
        let now = Instant::now();
        self.paid.remove_if(&key, |paid| now.saturating_duration_since(*paid) >= PAID_LIFE);
        let mut now_paid = false;
        self.paid.get_or_insert_with(&key, || {
            pay()?;
            now_paid = true;
            Ok(now)
        })?;
        Ok(now_paid)
    }

    /// How many buckets there are, strangers' and known callers'.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        (self.strangers.len(), self.known.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::checked::zone::Rate;

    fn quota(count: u32, per: Duration, burst: u32) -> Quota {
        let rate = Rate { count: NonZeroU32::new(count).unwrap(), per };
        Quota { rate, burst: NonZeroU32::new(burst).unwrap() }
    }

    fn quotas() -> Quotas {
        let hour = Duration::from_secs(3600);
        let own = SourceQuotas { user: Some(quota(1, hour, 2)), device: None, total: None };
        Quotas {
            address: Some(quota(1, hour, 3)),
            device: Some(quota(1, hour, 3)),
            user: Some(quota(1, hour, 3)),
            source: Some(quota(1, hour, 100)),
            sources: HashMap::from([("persons".into(), own)]),
            prefix_v4: 32,
            prefix_v6: 64,
        }
    }

    fn bucket<'a>(budget: Budget, holder: &'a str, source: &'a str) -> Bucket<'a> {
        Bucket { budget, holder, source }
    }

    #[test]
    fn a_bucket_runs_dry_and_says_for_how_long() {
        let (tables, quotas) = (Tables::new(100), quotas());
        let alice = bucket(Budget::User, "zone|alice", "");
        for _ in 0..3 {
            assert_eq!(tables.take(&quotas, alice, 1), Ok(()));
        }
        let wait = tables.take(&quotas, alice, 1).unwrap_err();
        assert!(wait > Duration::from_secs(3500) && wait <= Duration::from_secs(3600), "{wait:?}");
        assert_eq!(
            tables.take(&quotas, bucket(Budget::User, "zone|bob", ""), 1),
            Ok(()),
            "buckets are apart"
        );
    }

    #[test]
    fn a_source_has_quotas_of_its_own() {
        let (tables, quotas) = (Tables::new(100), quotas());
        let alice = bucket(Budget::UserAtSource, "zone|alice", "persons");
        assert_eq!(tables.take(&quotas, alice, 2), Ok(()));
        assert!(tables.take(&quotas, alice, 1).is_err());
        let elsewhere = bucket(Budget::UserAtSource, "zone|alice", "vehicles");
        assert_eq!(tables.take(&quotas, elsewhere, 1000), Ok(()), "no quota, no limit");
    }

    #[test]
    fn only_a_changed_quota_starts_anew() {
        let (tables, mut quotas) = (Tables::new(100), quotas());
        let (alice, car) = (bucket(Budget::User, "a", ""), bucket(Budget::Device, "car", ""));
        tables.take(&quotas, alice, 3).unwrap();
        tables.take(&quotas, car, 3).unwrap();
        quotas.user = Some(quota(1, Duration::from_secs(3600), 4));
        assert_eq!(tables.take(&quotas, alice, 1), Ok(()));
        assert!(tables.take(&quotas, car, 1).is_err());
    }

    #[test]
    fn tables_are_bounded() {
        let (tables, quotas) = (Tables::new(64), quotas());
        for number in 0..10_000 {
            let _ = tables.take(&quotas, bucket(Budget::Address, &number.to_string(), ""), 1);
        }
        assert!(tables.len().0 <= 64, "{:?}", tables.len());
    }

    #[test]
    fn a_dear_failure_takes_what_there_is() {
        let (tables, quotas) = (Tables::new(8), quotas());
        let alice = bucket(Budget::User, "a", "");
        assert_eq!(tables.take(&quotas, alice, 1000), Ok(()));
        assert!(tables.take(&quotas, alice, 1).is_err());
        let bob = bucket(Budget::User, "b", "");
        assert_eq!(tables.take(&quotas, bob, 1), Ok(()));
        assert!(tables.take(&quotas, bob, 1000).is_err());
        assert!(tables.take(&quotas, bob, 1).is_err(), "a part that was left is gone too");
    }

    #[test]
    fn addresses_share_buckets_by_prefix() {
        for (address, prefix) in [
            ("192.0.2.7", "192.0.2.7/32"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(quotas().prefix(address.parse().unwrap()).to_string(), prefix);
        }
    }

    #[test]
    fn what_is_paid_for_once_is_paid_only_if_there_was_room() {
        let (tables, wait) = (Tables::new(8), Duration::from_secs(1));
        let room = || Ok::<_, Duration>(());
        assert_eq!(tables.once("a", "1", || Err(wait)), Err(wait));
        assert_eq!(tables.once("a", "1", room), Ok(true));
        assert_eq!(tables.once("a", "1", || Err(wait)), Ok(false));
        assert_eq!(tables.once("b", "1", room), Ok(true), "another's");
        assert_eq!(tables.once("a", "2", || tables.once("a", "1", || Err(wait)).map(drop)), Ok(true));
    }

    #[test]
    fn all_who_ask_at_once_pay_once() {
        let (tables, paid) = (Tables::new(8), std::sync::atomic::AtomicUsize::new(0));
        let pay = || {
            std::thread::yield_now();
            paid.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok::<_, Duration>(())
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| tables.once("a", "1", pay));
            }
        });
        assert_eq!(paid.into_inner(), 1);
    }
}
