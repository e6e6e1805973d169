//! Lines that are written late, after a disk was full or broken, perhaps for days.
//!
//! Each goes into the file of its own day, or into the newest where that day has a later file: whoever looks for a day looks there.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::day::Day;

/// When a line says that it happened, and not later than now; the beginning of time where it does not say.
pub(super) fn time(line: &[u8], now: SystemTime) -> SystemTime {
    #[derive(Deserialize)]
    struct Line {
        time: u64,
    }
    let millis = serde_json::from_slice::<Line>(line).map_or(0, |line| line.time);
    UNIX_EPOCH.checked_add(Duration::from_millis(millis)).map_or(now, |time| time.min(now))
}

/// How many bytes of whole lines go into one file, and a time of its day.
pub(super) fn first(lines: &[u8], now: SystemTime) -> Option<(usize, SystemTime)> {
    let mut until = None;
    let mut length = 0;
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let at = time(line, now);
        if until.is_some_and(|until| Day::of(at) > Day::of(until)) {
            break;
        }
        until = until.max(Some(at));
        length += line.len();
    }
    Some((length, until?))
}
