//! How long writes may wait for a client that does not keep up.

use std::time::Duration;

use tokio::time::Instant;

/// So many bytes a client has to take in the time that a write may stall. Of HTTP/2 the same is asked where answers are written.
const LEAST_BYTES: usize = 16 * 1024;

/// The time that writes have waited since the client last kept up.
///
/// SECURITY: were any progress enough, a client that takes a byte every now and then would keep its request, and whatever that holds, for
/// days. Time in which nothing is to be written does not count: a stream may be silent for long.
#[derive(Debug)]
pub(super) struct Stall {
    limit: Duration,
    waited: Duration,
    since: Option<Instant>,
    taken: usize,
}

impl Stall {
    pub(super) const fn new(limit: Duration) -> Self {
        Self { limit, waited: Duration::ZERO, since: None, taken: 0 }
    }

    /// A write waits. Says until when it may.
    pub(super) fn waits(&mut self) -> Instant {
        *self.since.get_or_insert_with(Instant::now) + self.limit.saturating_sub(self.waited)
    }

    /// It goes on, and so many bytes were taken.
    pub(super) fn goes_on(&mut self, bytes: usize) {
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
        self.taken += bytes;
        if self.taken >= LEAST_BYTES {
            self.keeps_up();
        }
    }

    /// Everything was taken.
    pub(super) fn keeps_up(&mut self) {
        *self = Self::new(self.limit);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    /// Goes through writes that wait so long, of so many bytes, with so long in between; whether the client is borne.
    async fn is_borne(writes: usize, wait: u64, bytes: usize, between: u64) -> bool {
        let mut stall = Stall::new(LIMIT);
        for _ in 0..writes {
            let until = stall.waits();
            advance(Duration::from_secs(wait)).await;
            if Instant::now() >= until {
                return false;
            }
            stall.goes_on(bytes);
            advance(Duration::from_secs(between)).await;
        }
        true
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_has_to_take_something_and_not_a_byte_now_and_then() {
        for (name, borne, writes, wait, bytes, between) in [
            ("nothing", false, 1, 61, 0, 0),
            ("a byte now and then", false, 10, 30, 1, 0),
            ("too little", false, 100, 30, 4096, 0),
            ("slow, and fast enough", true, 100, 29, 12 * 1024, 0),
            ("a stream of little", true, 20, 1, 100, 3600),
        ] {
            assert_eq!(is_borne(writes, wait, bytes, between).await, borne, "{name}");
        }
        let mut stall = Stall::new(LIMIT);
        for _ in 0..100 {
            let until = stall.waits();
            advance(Duration::from_secs(59)).await;
            assert!(Instant::now() < until);
            stall.goes_on(1);
            stall.keeps_up();
        }
    }
}
