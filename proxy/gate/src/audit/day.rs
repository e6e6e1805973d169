//! The UTC day that names a file.

use std::{fmt, time::SystemTime};

use jiff::{Timestamp, tz::TimeZone};

/// A UTC day, written `YYYYMMDD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(u32);

impl Day {
    /// The day of a time. A time that no calendar has counts as 1970-01-01.
    pub(super) fn of(time: SystemTime) -> Self {
        let date = TimeZone::UTC.to_datetime(Timestamp::try_from(time).unwrap_or_default()).date();
        let (year, month, day) =
            (date.year().unsigned_abs(), date.month().unsigned_abs(), date.day().unsigned_abs());
        Self(u32::from(year) * 10_000 + u32::from(month) * 100 + u32::from(day))
    }

    /// The file's name.
    pub(super) fn file(self, prefix: &str) -> String {
        format!("{prefix}-{self}.jsonl")
    }

    /// The day in a file's name; none if it is not one of ours.
    pub(super) fn of_file(name: &str, prefix: &str) -> Option<Self> {
        let digits = name.strip_prefix(prefix)?.strip_prefix('-')?.strip_suffix(".jsonl")?;
        let eight = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
        eight.then(|| digits.parse().ok().map(Self)).flatten()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_time_names_a_file_and_the_file_its_day() {
        for (name, seconds, file) in [
            ("the epoch", 0, "audit-19700101.jsonl"),
            ("the last second of a leap day", 1_709_251_199, "audit-20240229.jsonl"),
            ("the first second after it", 1_709_251_200, "audit-20240301.jsonl"),
            ("beyond any calendar", u64::MAX >> 1, "audit-19700101.jsonl"),
        ] {
            let day = UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).map_or(Day(19_700_101), Day::of);
            assert_eq!(day.file("audit"), file, "{name}");
            assert_eq!(Day::of_file(file, "audit"), Some(day), "{name}");
        }
        for name in [
            "audit-2024022.jsonl",
            "audit-+0240229.jsonl",
            "audit-20240229.jsonl.gz",
            "strangers-20240229.jsonl",
        ] {
            assert_eq!(Day::of_file(name, "audit"), None, "{name}");
        }
    }
}
