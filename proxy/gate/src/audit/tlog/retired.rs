//! Entries without content, and the records that say why.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Deserialize;

use super::verify::Doubt;
use crate::audit::{
    Retention, Rule,
    ocsf::retirement::{self, Retired as Said},
    retire::{covers, joined},
};

/// Records come in the order of their requests' ends, and bear the time of their beginnings; and a clock may be set right.
const DISORDER_MILLIS: i64 = 86_400_000;
/// So often an entry is asked for its time: all of them would take as long again as the proof.
const EVERY: u64 = 64;

/// An entry, as far as this matters.
pub(super) enum Seen {
    /// Its content is there.
    There {
        /// When it was written, if it was asked.
        time: Option<i64>,
        /// What it says of entries that are retired.
        said: Option<Box<Said>>,
    },
    /// Only its tombstone is.
    Gone,
}

impl Seen {
    pub(super) fn of(index: u64, entry: &[u8]) -> Self {
        let asked = index.is_multiple_of(EVERY);
        let time = if asked { time(entry) } else { None };
        Self::There { time, said: retirement::read(entry).map(Box::new) }
    }
}

/// What is seen of a log, in its order.
#[derive(Default)]
pub(super) struct Retired {
    /// Entries that are gone, as ranges.
    gone: Vec<(u64, u64)>,
    /// For each range, by its first: the time of an entry before it that is still there.
    after: BTreeMap<u64, i64>,
    /// The time of the last entry that was asked.
    last: Option<i64>,
    /// What the log says of them, and where.
    said: Vec<(u64, Said)>,
    /// The latest time of what it says, and where.
    latest: Option<(i64, u64)>,
    /// Where something was said at a time that came only after it.
    ahead: Option<u64>,
}

impl Retired {
    /// The next entry.
    pub(super) fn see(&mut self, index: u64, seen: Seen) {
        match seen {
            Seen::There { time, said } => {
                self.last = time.or(self.last);
                let ahead = self.latest.zip(time).filter(|((said, _), time)| *said > time + DISORDER_MILLIS);
                self.ahead = self.ahead.or(ahead.map(|((_, index), _)| index));
                let latest = said.as_deref().map(|said| (said.time, index));
                self.latest = self.latest.max(latest);
                self.said.extend(said.map(|said| (index, *said)));
            }
            Seen::Gone => self.is_gone(index),
        }
    }

    fn is_gone(&mut self, index: u64) {
        match self.gone.last_mut() {
            Some((_, last)) if *last + 1 == index => *last = index,
            _ => {
                self.gone.push((index, index));
                self.after.extend(self.last.map(|time| (index, time)));
            }
        }
    }

    /// Proves that each that is gone was to be retired; how many those are, and by which rules.
    pub(super) fn prove(self, now: SystemTime) -> Result<(u64, Vec<String>), Doubt> {
        for (_, said) in &self.said {
            fits(said)?;
        }
        // A record speaks of what was before it.
        let before = |(at, said): &(u64, Said)| {
            let at = *at;
            said.ranges.clone().into_iter().filter(move |(_, last)| *last < at)
        };
        let mut ranges: Vec<_> = self.said.iter().flat_map(before).collect();
        ranges.sort_unstable();
        let ranges = joined(ranges);
        let latest = self.said.iter().flat_map(|(_, said)| &said.rules).map(|rule| rule.before).max();
        let mut count = 0;
        for (first, last) in self.gone {
            if let Some(index) = (first..=last).find(|index| !covers(&ranges, *index)) {
                return Err(Doubt::Removed { index });
            }
            let after = self.after.get(&first).copied().zip(latest);
            if let Some((time, latest)) = after.filter(|(time, latest)| *time > latest + DISORDER_MILLIS) {
                let why = format!(
                    "what is before it was written at {time}, and only what is older than {latest} was to be retired"
                );
                return Err(Doubt::Early { index: first, why });
            }
            count += last - first + 1;
        }
        is_not_ahead(self.latest, self.ahead, now)?;
        let named =
            |rule: &Rule| format!("{}: {}", rule.source.as_deref().unwrap_or("no source"), rule.retention);
        let mut rules: Vec<_> = self.said.iter().flat_map(|(_, said)| &said.rules).map(named).collect();
        rules.sort();
        rules.dedup();
        Ok((count, rules))
    }
}

/// Whether no record of a retirement is dated later than what was written after it, or than now: its rules would be kept before their time.
fn is_not_ahead(latest: Option<(i64, u64)>, ahead: Option<u64>, now: SystemTime) -> Result<(), Doubt> {
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let beyond = latest.filter(|(said, _)| *said > now.saturating_add(DISORDER_MILLIS));
    match ahead.or(beyond.map(|(_, index)| index)) {
        None => Ok(()),
        Some(index) => {
            let why = "the record of it is dated later than what was written after it".to_owned();
            Err(Doubt::Early { index, why })
        }
    }
}

/// Whether a record of a retirement keeps to its own rules.
fn fits(said: &Said) -> Result<(), Doubt> {
    let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(said.time).unwrap_or(0));
    for rule in &said.rules {
        let index = said.ranges.first().map_or(0, |(first, _)| *first);
        let early = |why| Doubt::Early { index, why };
        let retention: Retention = rule.retention.parse().map_err(early)?;
        if rule.before > retention.cutoff(now) {
            let why = format!("the record of it says `{}`, and that had not passed", rule.retention);
            return Err(early(why));
        }
    }
    Ok(())
}

fn time(entry: &[u8]) -> Option<i64> {
    #[derive(Deserialize)]
    struct Line {
        time: i64,
    }
    serde_json::from_slice::<Line>(entry).ok().map(|line| line.time)
}
