//! The moment of a question, on the wall clock of the zone.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

const SECONDS_A_DAY: i64 = 86_400;

/// When a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeFacts {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub epoch: i64,
    /// Hour of the day in the zone's local time, 0 to 23.
    pub hour: u8,
    /// Minute of the hour in the zone's local time, 0 to 59.
    pub minute: u8,
    /// Day of the week in the zone's local time, 1 (Monday) to 7 (Sunday), as in ISO 8601.
    pub weekday: u8,
}

impl TimeFacts {
    /// The facts for `now`, `offset_seconds` east of UTC (3600 for Brussels and Amsterdam in winter).
    ///
    /// A clock before 1970 counts as 1970.
    #[must_use]
    pub fn at(now: SystemTime, offset_seconds: i32) -> Self {
        let epoch = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        let local = epoch.saturating_add(i64::from(offset_seconds));
        let second = local.rem_euclid(SECONDS_A_DAY);
        // 1970-01-01 was a Thursday, day 4.
        let weekday = (local.div_euclid(SECONDS_A_DAY) + 3).rem_euclid(7) + 1;
        Self { epoch, hour: small(second / 3600), minute: small(second % 3600 / 60), weekday: small(weekday) }
    }
}

fn small(value: i64) -> u8 {
    u8::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_becomes_local_time() {
        let cases = [
            ("the epoch is a Thursday", 0, 0, (0, 0, 4)),
            ("an hour east", 0, 3600, (1, 0, 4)),
            ("an hour west is the day before", 0, -3600, (23, 0, 3)),
            ("2024-02-29T12:34:56Z is a Thursday", 1_709_210_096, 0, (12, 34, 4)),
            ("2026-03-01T23:59:59Z is a Sunday", 1_772_409_599, 0, (23, 59, 7)),
            ("and a second later in Brussels a Monday", 1_772_409_600, 3600, (1, 0, 1)),
        ];
        for (name, epoch, offset, (hour, minute, weekday)) in cases {
            let now = UNIX_EPOCH + Duration::from_secs(epoch);
            let epoch = i64::try_from(epoch).unwrap();
            assert_eq!(TimeFacts::at(now, offset), TimeFacts { epoch, hour, minute, weekday }, "{name}");
        }
    }
}
