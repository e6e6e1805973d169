//! The open connections and recent handshakes of every address prefix, bounded.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::listen::{
    observer::DropReason,
    settings::{Budget, Budgets, Rate},
};

/// How often a full table may be searched for idle entries: with 65,536 of them that takes about a millisecond.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Whom a connection counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Prefix {
    V4(u32),
    V6(u128),
    /// All for whom the table had no room.
    Shared,
}

struct Entry {
    open: usize,
    budget: Budget,
    handshakes: DefaultDirectRateLimiter,
    /// When its rate will have recovered from all handshakes until now.
    recovered: Instant,
}

impl Entry {
    fn new(budget: Budget, now: Instant) -> Self {
        Self { open: 0, budget, handshakes: RateLimiter::direct(quota(budget.handshakes)), recovered: now }
    }

    /// Whether forgetting it changes nothing: nobody is connected, and its rate has fully recovered.
    fn idle(&self, now: Instant) -> bool {
        self.open == 0 && now >= self.recovered
    }

    fn join(&mut self, now: Instant) {
        self.open += 1;
        self.recovered = self.recovered.max(now) + one(self.budget.handshakes);
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("open", &self.open)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(super) struct Table {
    budgets: Budgets,
    open: usize,
    entries: HashMap<Prefix, Entry>,
    shared: Entry,
    swept: Option<Instant>,
}

impl Table {
    pub(super) fn new(mut budgets: Budgets) -> Self {
        sort(&mut budgets);
        let shared = Entry::new(budgets.ordinary, Instant::now());
        Self { budgets, open: 0, entries: HashMap::new(), shared, swept: None }
    }

    pub(super) fn replace(&mut self, mut budgets: Budgets) {
        sort(&mut budgets);
        self.budgets = budgets;
        let now = Instant::now();
        self.shared = Entry { open: self.shared.open, ..Entry::new(self.budgets.ordinary, now) };
        for (prefix, entry) in &mut self.entries {
            let budget = self.budgets.of(prefix.address());
            if budget != entry.budget {
                *entry = Entry { open: entry.open, ..Entry::new(budget, now) };
            }
        }
    }

    pub(super) fn open(&self) -> usize {
        self.open
    }

    pub(super) fn prefixes(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn enter(&mut self) -> Result<(), DropReason> {
        if self.open >= self.budgets.total {
            return Err(DropReason::TotalConnections);
        }
        self.open += 1;
        Ok(())
    }

    pub(super) fn belong(&mut self, client: IpAddr, now: Instant) -> Result<Prefix, DropReason> {
        let prefix = self.budgets.prefix(client);
        let (prefix, entry) = self.entry(prefix, client, now);
        if entry.open >= entry.budget.connections {
            return Err(DropReason::PrefixConnections);
        }
        if entry.handshakes.check().is_err() {
            return Err(DropReason::PrefixHandshakes);
        }
        entry.join(now);
        Ok(prefix)
    }

    pub(super) fn leave(&mut self, prefix: Option<Prefix>) {
        self.open = self.open.saturating_sub(1);
        let entry = match prefix {
            None => None,
            Some(Prefix::Shared) => Some(&mut self.shared),
            Some(prefix) => self.entries.get_mut(&prefix),
        };
        if let Some(entry) = entry {
            entry.open = entry.open.saturating_sub(1);
        }
    }

    fn entry(&mut self, prefix: Prefix, client: IpAddr, now: Instant) -> (Prefix, &mut Entry) {
        if !self.entries.contains_key(&prefix) && !self.has_room(now) {
            return (Prefix::Shared, &mut self.shared);
        }
        let budget = self.budgets.of(client);
        (prefix, self.entries.entry(prefix).or_insert_with(|| Entry::new(budget, now)))
    }

    fn has_room(&mut self, now: Instant) -> bool {
        if self.entries.len() < self.budgets.prefixes {
            return true;
        }
        if self.swept.is_none_or(|swept| now.duration_since(swept) >= SWEEP_EVERY) {
            self.swept = Some(now);
            self.entries.retain(|_, entry| !entry.idle(now));
        }
        self.entries.len() < self.budgets.prefixes
    }
}

impl Prefix {
    /// The first address of the prefix.
    fn address(self) -> IpAddr {
        match self {
            Self::V4(bits) => IpAddr::V4(bits.into()),
            Self::V6(bits) => IpAddr::V6(bits.into()),
            Self::Shared => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }
}

impl Budgets {
    fn prefix(&self, client: IpAddr) -> Prefix {
        match client.to_canonical() {
            IpAddr::V4(address) => {
                let host_bits = 32 - u32::from(self.prefix_v4.min(32));
                Prefix::V4(address.to_bits() & u32::MAX.checked_shl(host_bits).unwrap_or(0))
            }
            IpAddr::V6(address) => {
                let host_bits = 128 - u32::from(self.prefix_v6.min(128));
                Prefix::V6(address.to_bits() & u128::MAX.checked_shl(host_bits).unwrap_or(0))
            }
        }
    }

    fn of(&self, client: IpAddr) -> Budget {
        let client = client.to_canonical();
        let carrier = self.carriers.iter().find(|(network, _)| network.contains(&client));
        carrier.map_or(self.ordinary, |(_, budget)| *budget)
    }
}

/// The longest network first.
fn sort(budgets: &mut Budgets) {
    budgets.carriers.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix_len()));
}

/// How long a rate takes to recover from one.
fn one(rate: Rate) -> Duration {
    rate.per() / rate.count().get()
}

fn quota(rate: Rate) -> Quota {
    // A replenishment every zero nanoseconds is none that limits; the burst still does.
    Quota::with_period(one(rate).max(Duration::from_nanos(1)))
        .map_or_else(|| Quota::per_second(rate.count()), |quota| quota.allow_burst(rate.count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_cut_where_the_settings_say() {
        let of = |v4, v6, address: &str| {
            let budgets = Budgets { prefix_v4: v4, prefix_v6: v6, ..Budgets::default() };
            budgets.prefix(address.parse().unwrap()).address().to_string()
        };
        for (v4, v6, address, prefix) in [
            (32, 64, "192.0.2.77", "192.0.2.77"),
            (24, 64, "192.0.2.77", "192.0.2.0"),
            (0, 64, "192.0.2.77", "0.0.0.0"),
            (99, 64, "192.0.2.77", "192.0.2.77"),
            (32, 64, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            (32, 48, "2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            (32, 128, "2001:db8::6", "2001:db8::6"),
            (32, 0, "2001:db8::6", "::"),
            (24, 64, "::ffff:192.0.2.77", "192.0.2.0"),
        ] {
            assert_eq!(of(v4, v6, address), prefix, "{address} with /{v4} and /{v6}");
        }
    }

    #[test]
    fn idle_prefixes_make_room() {
        let start = Instant::now();
        let ordinary = Budget { connections: 2, handshakes: Rate::new(3, Duration::from_secs(60)) };
        let mut table = Table::new(Budgets { ordinary, prefixes: 4, ..Budgets::default() });
        let client = |host: u8| IpAddr::from([192, 0, 2, host]);
        for host in 1..=4 {
            table.enter().unwrap();
            let prefix = table.belong(client(host), start).unwrap();
            if host != 4 {
                table.leave(Some(prefix));
            }
        }
        let mut join =
            |seconds, host| table.belong(client(host), start + Duration::from_secs(seconds)).unwrap();
        // One of three a minute has recovered in a third of it: whoever fills the table has to come back so often.
        assert_eq!(join(19, 5), Prefix::Shared, "their rates still remember");
        assert_ne!(join(20, 5), Prefix::Shared);
        assert_eq!(table.prefixes(), 2, "who is connected, and who is new");
    }

    #[test]
    fn the_longest_carrier_network_wins() {
        let budget = |connections| Budget { connections, handshakes: Rate::new(1, Duration::from_secs(1)) };
        let mut budgets = Budgets {
            ordinary: budget(1),
            carriers: vec![
                ("100.64.0.0/10".parse().unwrap(), budget(2)),
                ("100.64.7.0/24".parse().unwrap(), budget(3)),
            ],
            ..Budgets::default()
        };
        sort(&mut budgets);
        for (address, connections) in
            [("192.0.2.1", 1), ("100.64.1.1", 2), ("100.64.7.1", 3), ("::ffff:100.64.7.1", 3)]
        {
            assert_eq!(budgets.of(address.parse().unwrap()).connections, connections, "{address}");
        }
    }
}
