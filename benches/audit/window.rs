//! How far requests may run ahead of the disk.

use std::{collections::VecDeque, thread, time::Duration};

use poort::audit::Ticket;

/// Requests that wait for the disk at once: a gate with as many connections.
const REQUESTS: usize = 2_048;

/// Decisions that are being written, oldest first.
#[derive(Default)]
pub(crate) struct Window(VecDeque<Ticket>);

impl Window {
    /// Waits until one more may come.
    pub(crate) fn make_room(&mut self) {
        while self.0.len() >= REQUESTS {
            while let Some(fate) = self.0.front().and_then(Ticket::fate) {
                fate.unwrap();
                self.0.pop_front();
            }
            if self.0.len() >= REQUESTS {
                thread::sleep(Duration::from_micros(100));
            }
        }
    }

    pub(crate) fn add(&mut self, ticket: Ticket) {
        self.0.push_back(ticket);
    }
}
