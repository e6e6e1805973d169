//! How many bytes of bodies are held at once, over all requests.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Counts bytes that are held, and refuses more than a limit. It outlives reloads.
#[derive(Debug)]
pub struct Room {
    held: AtomicU64,
    limit: AtomicU64,
}

/// Bytes held; given back on drop.
#[derive(Debug)]
pub struct Held {
    room: Arc<Room>,
    bytes: u64,
}

impl Room {
    /// Room for `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { held: AtomicU64::new(0), limit: AtomicU64::new(limit) })
    }

    /// Takes room for so many bytes, if there is that much.
    #[must_use]
    pub fn hold(self: &Arc<Self>, bytes: u64) -> Option<Held> {
        self.take(bytes).then(|| Held { room: Arc::clone(self), bytes })
    }

    fn take(&self, bytes: u64) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        let more = |held: u64| held.checked_add(bytes).filter(|sum| *sum <= limit);
        self.held.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more).is_ok()
    }

    /// Changes the limit; what is held above it stays until it is given back.
    pub fn resize(&self, limit: u64) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// How many may be held.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Bytes held now.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }
}

impl Held {
    /// Takes room for so many bytes more; whether there was that much.
    #[must_use]
    pub fn grow(&mut self, bytes: u64) -> bool {
        let taken = self.room.take(bytes);
        if taken {
            self.bytes = self.bytes.saturating_add(bytes);
        }
        taken
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.held.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_and_never_exceeded() {
        let room = Room::new(10);
        let (first, second) = (room.hold(6), room.hold(4));
        assert!(first.is_some() && second.is_some());
        assert!(room.hold(1).is_none() && room.hold(u64::MAX).is_none());
        assert!(room.hold(0).is_some());
        drop(first);
        let mut growing = room.hold(0).unwrap();
        assert!(growing.grow(6) && !growing.grow(1));
        drop(growing);
        assert_eq!(room.held(), 4);
        room.resize(4);
        assert!(room.hold(1).is_none());
        drop(second);
        assert_eq!(room.held(), 0);
    }
}
