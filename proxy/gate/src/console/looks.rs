//! Writing down that somebody looks at the record: before it is shown, and once for a while.

use std::{
    collections::HashMap,
    time::{Duration, Instant, SystemTime},
};

use parking_lot::Mutex;

use crate::audit::{Access, Audit, Looker, Record, Unwritable};

/// Looks of one person at the same thing are one record for so long: a page that follows the record is not a record each second.
const ONCE: Duration = Duration::from_secs(300);
/// So many are remembered. More are written down each time.
const REMEMBERED: usize = 4096;

/// Somebody looks.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) by: Looker,
    /// At which page.
    pub(super) view: &'static str,
    /// What for.
    pub(super) wanted: Vec<(String, String)>,
    /// How many records are shown.
    pub(super) shown: usize,
    /// Whether they are shown none, since they may not look.
    pub(super) refused: bool,
}

type Key = (String, &'static str, Vec<(String, String)>, bool);

/// Looks that were written down lately.
#[derive(Default)]
pub(super) struct Looks(Mutex<HashMap<Key, Instant>>);

impl Looks {
    /// Has a look written down, durably.
    ///
    /// # Errors
    /// [`Unwritable`]: then nothing is to be shown.
    pub(super) async fn record(&self, audit: &Audit, look: Look) -> Result<(), Unwritable> {
        let key = (look.by.id(), look.view, look.wanted.clone(), look.refused);
        if !self.is_due(&key, Instant::now()) {
            return Ok(());
        }
        let access = Access {
            time: SystemTime::now(),
            command: format!("console {}", look.view),
            by: look.by,
            reason: None,
            wanted: look.wanted,
            shown: u64::try_from(look.shown).unwrap_or(u64::MAX),
            refused: look.refused,
            source: None,
        };
        audit.append(Record::Access(Box::new(access)))?.durable().await?;
        self.remember(key, Instant::now());
        Ok(())
    }

    fn is_due(&self, key: &Key, now: Instant) -> bool {
        let looks = self.0.lock();
        looks.get(key).is_none_or(|last| now.saturating_duration_since(*last) >= ONCE)
    }

    fn remember(&self, key: Key, now: Instant) {
        let mut looks = self.0.lock();
        if looks.len() >= REMEMBERED {
            looks.retain(|_, last| now.saturating_duration_since(*last) < ONCE);
        }
        if looks.len() < REMEMBERED {
            looks.insert(key, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_look_is_due_again_after_a_while() {
        let (looks, now) = (Looks::default(), Instant::now());
        let key = |view, wanted: &str| {
            ("els".to_owned(), view, vec![("source".to_owned(), wanted.to_owned())], false)
        };
        assert!(looks.is_due(&key("decisions", "a"), now));
        looks.remember(key("decisions", "a"), now);
        assert!(!looks.is_due(&key("decisions", "a"), now + ONCE / 2));
        assert!(looks.is_due(&key("decisions", "b"), now) && looks.is_due(&key("waf", "a"), now));
        assert!(looks.is_due(&key("decisions", "a"), now + ONCE));
        for number in 0..2 * REMEMBERED {
            looks.remember(key("decisions", &number.to_string()), now);
        }
        assert_eq!(looks.0.lock().len(), REMEMBERED);
        assert!(
            looks.is_due(&key("decisions", &REMEMBERED.to_string()), now),
            "more are written down each time"
        );
    }
}
