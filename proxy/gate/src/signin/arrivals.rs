//! Sign-ins that are under way, bounded: who begins them over and over makes room for nobody but themselves.

use std::{
    collections::{HashMap, VecDeque},
    time::SystemTime,
};

use super::{
    memory::Moments,
    state::{Unkept, Waiting},
};

/// Most sign-ins of one device that are waited for; the oldest makes room. A browser that opens again has many tabs, and a script has no end:
/// each is kept for hours, and nobody else could sign in once there is no room.
pub(super) const MOST_OF_DEVICE: usize = 100;

/// Every sign-in that one gate waits for.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    waiting: Moments<Waiting>,
    /// In the order in which they were begun; some of them may have arrived.
    of_device: HashMap<String, VecDeque<String>>,
}

impl Arrivals {
    /// Waits for a sign-in, by its `state`; those that made room.
    pub(super) fn keep(
        &mut self,
        state: &str,
        waiting: Waiting,
        until: SystemTime,
    ) -> Result<Vec<String>, Unkept> {
        let device = waiting.flow.device().to_owned();
        let states = self.of_device.entry(device).or_default();
        states.retain(|state| self.waiting.has(state));
        let mut gone = Vec::new();
        while states.len() >= MOST_OF_DEVICE {
            let Some(oldest) = states.pop_front() else { break };
            self.waiting.forget(&oldest);
            gone.push(oldest);
        }
        self.waiting.keep(state, waiting, until)?;
        states.push_back(state.to_owned());
        Ok(gone)
    }

    /// Takes it, once.
    pub(super) fn take(&mut self, state: &str, now: SystemTime) -> Option<Waiting> {
        self.waiting.take(state, now)
    }

    /// How many people are waited for.
    pub(super) fn count(&self, now: SystemTime) -> usize {
        self.waiting.values().filter(|waiting| now < waiting.until).count()
    }

    /// Forgets those whose time is over; which.
    pub(super) fn sweep(&mut self, now: SystemTime) -> Vec<String> {
        let over = self.waiting.sweep(now);
        self.of_device.retain(|_, states| {
            states.retain(|state| self.waiting.has(state));
            !states.is_empty()
        });
        over
    }
}
