//! Who gets as far as TLS.
//!
//! A connection takes a place in the whole process, says who it is (behind a balancer by its PROXY header), and then a place among those
//! of its address prefix. [`Slot`] holds both and gives them back when it is dropped, however the connection ends: it lives in the
//! task that serves the connection, so that a panic or an aborted task gives them back too.
//!
//! A whole force sits behind a few addresses of a mobile carrier. After a tunnel or a change of antenna all of it reconnects at once:
//! 2,000 devices behind one address within 10 s are all served if that carrier's network is named with at least
//! `connections: 2000, handshakes: 2000/10s`; the whole budget may be spent in one burst. Without, the 201st handshake within a
//! second from one address is dropped.

pub(super) mod proxy_protocol;
mod table;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use parking_lot::Mutex;

use super::{observer::DropReason, settings::Budgets};
use table::{Prefix, Table};

/// Counts the connections and handshakes of all listeners of a process. It outlives reloads.
#[derive(Debug)]
pub struct Admission {
    table: Mutex<Table>,
}

impl Admission {
    /// Nobody is connected yet.
    #[must_use]
    pub fn new(budgets: Budgets) -> Arc<Self> {
        Arc::new(Self { table: Mutex::new(Table::new(budgets)) })
    }

    /// Replaces the budgets. Open connections stay, and count against the new ones; handshake rates begin afresh.
    pub fn replace(&self, budgets: Budgets) {
        self.table.lock().replace(budgets);
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.table.lock().open()
    }

    /// How many address prefixes are told apart now.
    #[must_use]
    pub fn prefixes(&self) -> usize {
        self.table.lock().prefixes()
    }

    /// Takes a place in the process.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn enter(self: &Arc<Self>) -> Result<Slot, DropReason> {
        self.table.lock().enter()?;
        Ok(Slot { admission: self.clone(), prefix: None })
    }
}

/// A connection's place. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Slot {
    admission: Arc<Admission>,
    prefix: Option<Prefix>,
}

impl Slot {
    /// Takes a place among the connections of the client's prefix, and one of its handshakes.
    ///
    /// # Errors
    /// If there is none; the slot is then of no further use.
    pub(super) fn belong(&mut self, client: IpAddr) -> Result<(), DropReason> {
        self.prefix = Some(self.admission.table.lock().belong(client, Instant::now())?);
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.admission.table.lock().leave(self.prefix);
    }
}

/// The address in its own family: a socket that listens on `[::]` shows IPv4 clients as IPv6 ones.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::listen::settings::{Budget, Rate};

    fn budgets() -> Budgets {
        let ordinary = Budget { connections: 2, handshakes: Rate::new(3, Duration::from_secs(3600)) };
        let carrier = Budget { connections: 2000, handshakes: Rate::new(2000, Duration::from_secs(3600)) };
        Budgets {
            total: 3000,
            ordinary,
            carriers: vec![("100.64.0.0/10".parse().unwrap(), carrier)],
            prefixes: 4,
            ..Budgets::default()
        }
    }

    fn join(admission: &Arc<Admission>, client: &str) -> Result<Slot, DropReason> {
        let mut slot = admission.enter()?;
        slot.belong(client.parse().unwrap())?;
        Ok(slot)
    }

    #[test]
    fn a_prefix_has_its_connections_and_gets_them_back() {
        let admission = Admission::new(budgets());
        let first = join(&admission, "192.0.2.1").unwrap();
        let _second = join(&admission, "192.0.2.1").unwrap();
        assert_eq!(join(&admission, "192.0.2.1").unwrap_err(), DropReason::PrefixConnections);
        assert_eq!(admission.open(), 2, "a refused one holds nothing");
        let _other = join(&admission, "192.0.2.2").unwrap();
        drop(first);
        let _third = join(&admission, "192.0.2.1").unwrap();
        assert_eq!(admission.open(), 3);
    }

    #[test]
    fn a_prefix_has_its_handshakes_even_when_it_closes_them() {
        let admission = Admission::new(budgets());
        for _ in 0..3 {
            drop(join(&admission, "192.0.2.1").unwrap());
        }
        assert_eq!(join(&admission, "192.0.2.1").unwrap_err(), DropReason::PrefixHandshakes);
        assert_eq!(admission.open(), 0);
    }

    #[test]
    fn two_thousand_devices_behind_one_carrier_address_all_get_in() {
        let admission = Admission::new(budgets());
        let mut slots: Vec<Slot> = (0..2000).map(|_| join(&admission, "100.64.7.7").unwrap()).collect();
        assert_eq!(join(&admission, "100.64.7.7").unwrap_err(), DropReason::PrefixConnections);
        slots.pop();
        assert_eq!(join(&admission, "100.64.7.7").unwrap_err(), DropReason::PrefixHandshakes);
        drop(slots);
        assert_eq!(admission.open(), 0);
    }

    #[test]
    fn the_process_has_a_limit() {
        let admission = Admission::new(Budgets { total: 1, ..budgets() });
        let slot = admission.enter().unwrap();
        assert_eq!(admission.enter().unwrap_err(), DropReason::TotalConnections);
        drop(slot);
        admission.enter().unwrap();
    }

    #[test]
    fn subscribers_of_ipv6_are_a_prefix() {
        let admission = Admission::new(budgets());
        let _slots =
            [join(&admission, "2001:db8:1:2::1").unwrap(), join(&admission, "2001:db8:1:2:ffff::2").unwrap()];
        assert_eq!(join(&admission, "2001:db8:1:2::3").unwrap_err(), DropReason::PrefixConnections);
        join(&admission, "2001:db8:1:3::1").unwrap();
    }

    #[test]
    fn many_prefixes_share_a_budget_once_the_table_is_full() {
        let admission = Admission::new(budgets());
        let _busy: Vec<Slot> =
            (1..=4).map(|host| join(&admission, &format!("192.0.2.{host}")).unwrap()).collect();
        let _shared = [join(&admission, "198.51.100.1").unwrap(), join(&admission, "198.51.100.2").unwrap()];
        assert_eq!(join(&admission, "198.51.100.3").unwrap_err(), DropReason::PrefixConnections);
        assert_eq!(admission.prefixes(), 4);
        join(&admission, "192.0.2.4").unwrap();
    }

    #[test]
    fn new_budgets_count_connections_of_before() {
        let admission = Admission::new(budgets());
        let _slot = join(&admission, "192.0.2.1").unwrap();
        admission.replace(Budgets { ordinary: Budget { connections: 1, ..budgets().ordinary }, ..budgets() });
        assert_eq!(join(&admission, "192.0.2.1").unwrap_err(), DropReason::PrefixConnections);
    }
}
