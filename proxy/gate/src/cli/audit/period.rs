//! Periods as people write them.

use jiff::{
    ToSpan as _, Zoned,
    civil::{Date, date},
    tz::TimeZone,
};

use crate::audit::search::Period;

/// Reads `2026`, `2026-03`, `2026-03-14` or `2026-03-14..2026-03-20`, the last day included, on a wall clock.
pub(super) fn parse(text: &str, zone: &TimeZone) -> Result<Period, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let wrong = || {
        format!("`{text}` is no period; write `2026`, `2026-03`, `2026-03-14` or `2026-03-14..2026-03-20`")
    };
    let ((start, _), (_, end)) = (days(first).ok_or_else(wrong)?, days(last).ok_or_else(wrong)?);
    if start >= end {
        return Err(format!("`{text}` ends before it begins; write the earlier day first"));
    }
    let millis =
        |day: Date| day.to_zoned(zone.clone()).map(|zoned: Zoned| zoned.timestamp().as_millisecond());
    let (Ok(start), Ok(end)) = (millis(start), millis(end)) else { return Err(wrong()) };
    Ok(start..end)
}

/// The first day of a year, a month or a day, and the day after its last.
fn days(text: &str) -> Option<(Date, Date)> {
    let digits = |part: &str, count: usize| {
        (part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<i16>().ok())?
    };
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)?;
    let (month, day) = (parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let short = |part: &str| digits(part, 2).and_then(|number| i8::try_from(number).ok());
    let (start, span) = match (month, day) {
        (None, _) => (Date::new(year, 1, 1).ok()?, 1.year()),
        (Some(month), None) => (Date::new(year, short(month)?, 1).ok()?, 1.month()),
        (Some(month), Some(day)) => (Date::new(year, short(month)?, short(day)?).ok()?, 1.day()),
    };
    Some((start, start.checked_add(span).unwrap_or(date(9999, 12, 31))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_year_a_month_a_day_or_from_day_to_day() {
        const DAY: i64 = 86_400_000;
        let march = 1_772_323_200_000;
        for (text, period) in [
            ("2026-03", march..march + 31 * DAY),
            ("2026-03-01", march..march + DAY),
            ("2026-03-01..2026-03-07", march..march + 7 * DAY),
            ("2026-03..2026-04", march..march + 61 * DAY),
            ("2026", march - 59 * DAY..march + 306 * DAY),
        ] {
            assert_eq!(parse(text, &TimeZone::UTC).unwrap(), period, "{text}");
        }
        for text in
            ["", "26", "2026-3", "2026-13", "2026-02-30", "2026-03-01-01", "2026-03-07..2026-03-01", "march"]
        {
            assert!(parse(text, &TimeZone::UTC).unwrap_err().contains("write"), "{text}");
        }
    }

    #[test]
    fn a_day_is_as_long_as_the_wall_clock_has_it() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let spring = parse("2026-03-29", &zone).unwrap();
        assert_eq!(spring.end - spring.start, 23 * 3_600_000);
    }
}
