//! Days as people write them: `2026-12-31`, in UTC.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use jiff::civil::Date;

use crate::config::raw::Scalar;

use super::cursor::Here;

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    date: Date,
    /// Its first moment.
    pub(super) begin: SystemTime,
    /// The first moment after it.
    pub(super) end: SystemTime,
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date.fmt(f)
    }
}

/// A day.
pub(super) fn day(here: Here<'_, Scalar>) -> Option<Day> {
    here.parse(|text| {
        read(text).ok_or_else(|| format!("`{text}` is no day; write it as `2026-12-31`: year, month, day"))
    })
}

fn read(text: &str) -> Option<Day> {
    let date: Date = text.parse().ok().filter(|date: &Date| date.to_string() == text)?;
    // Counted in days, since the library's moments end before 9999-12-31, by which people say for ever.
    let since = date.duration_since(Date::constant(1970, 1, 1));
    let begin = match since.is_negative() {
        false => SystemTime::UNIX_EPOCH.checked_add(since.unsigned_abs()),
        true => SystemTime::UNIX_EPOCH.checked_sub(since.unsigned_abs()),
    }?;
    Some(Day { date, begin, end: begin.checked_add(Duration::from_secs(86_400))? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_in_one_way_only() {
        let day = read("1970-01-02").unwrap();
        assert_eq!(
            (day.begin, day.end),
            [86_400, 172_800].map(|s| SystemTime::UNIX_EPOCH + Duration::from_secs(s)).into()
        );
        assert!(read("9999-12-31").is_some_and(|last| last.begin < last.end));
        for text in
            ["", "2026-2-3", "20260203", "2026-02-30", "31-12-2026", "2026-02-03T00:00:00", "-009999-01-01 "]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
