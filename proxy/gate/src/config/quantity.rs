//! Durations, sizes and rates as people write them.

use std::{num::NonZeroU32, time::Duration};

use super::checked::zone::Rate;

/// No duration of ours makes sense beyond a year; arithmetic on instants is safe below it.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

const DURATION_UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZE_UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// `500ms`, `10s`, `5m`, `1h`, `30d`.
///
/// # Errors
/// What is wrong, for people.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wanted = || {
        format!(
            "`{text}` is no duration; write a whole number and a unit, such as `500ms`, `10s`, `5m`, `1h`, `30d`"
        )
    };
    let length = scaled(text, &DURATION_UNITS).map(Duration::from_millis).ok_or_else(wanted)?;
    if length > LONGEST {
        return Err(format!("`{text}` is longer than `366d`; write less"));
    }
    Ok(length)
}

/// `512B`, `64KiB`, `10MiB`, `1GiB`, in bytes.
///
/// # Errors
/// What is wrong, for people.
pub(super) fn size(text: &str) -> Result<u64, String> {
    scaled(text, &SIZE_UNITS).ok_or_else(|| {
        format!(
            "`{text}` is no size; write a whole number and a unit, such as `512B`, `64KiB`, `10MiB`, `1GiB`"
        )
    })
}

/// `30/1m`: so many in so long.
///
/// # Errors
/// What is wrong, for people.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    let wanted =
        || format!("`{text}` is no rate; write a count, `/` and a duration, such as `60/1m` or `5/1s`");
    let (count, per) = text.split_once('/').ok_or_else(wanted)?;
    let count: u32 = digits(count).and_then(|count| count.try_into().ok()).ok_or_else(wanted)?;
    let per = duration(per).map_err(|_| wanted())?;
    let Some(count) = NonZeroU32::new(count).filter(|_| !per.is_zero()) else {
        return Err(format!("`{text}` lets nothing through; write a count and a duration above zero"));
    };
    // The limiter counts in nanoseconds for one.
    if per.as_nanos() < u128::from(count.get()) {
        return Err(format!("`{text}` is more than one a nanosecond; write less"));
    }
    Ok(Rate { count, per })
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    digits(number)?.checked_mul(*factor)
}

/// Digits and nothing else: `parse` alone would accept a sign.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, milliseconds) in [
            ("500ms", Some(500)),
            ("0s", Some(0)),
            ("10s", Some(10_000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("366d", Some(366 * 86_400_000)),
            ("367d", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
            ("10", None),
            ("s", None),
            ("", None),
            ("+1s", None),
            ("-1s", None),
            ("1.5s", None),
            ("1 s", None),
            ("1S", None),
            ("1s ", None),
            ("1m30s", None),
            ("1µs", None),
            ("١s", None),
        ] {
            assert_eq!(duration(text).ok(), milliseconds.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn sizes_have_a_unit() {
        for (text, bytes) in [
            ("0B", Some(0)),
            ("512B", Some(512)),
            ("64KiB", Some(65_536)),
            ("10MiB", Some(10 << 20)),
            ("1GiB", Some(1 << 30)),
            ("10MB", None),
            ("10", None),
            ("10mib", None),
            ("1TiB", None),
            ("18446744073709551615GiB", None),
        ] {
            assert_eq!(size(text).ok(), bytes, "{text}");
        }
    }

    #[test]
    fn rates_let_something_through() {
        for (text, expected) in [
            ("60/1m", Some((60, 60_000))),
            ("1/366d", Some((1, 366 * 86_400_000))),
            ("200/1s", Some((200, 1_000))),
            ("0/1s", None),
            ("1/0s", None),
            ("4294967295/1ms", None),
            ("4294967296/1d", None),
            ("60/m", None),
            ("60", None),
            ("/1s", None),
            ("60/1m/1s", None),
            ("+6/1s", None),
        ] {
            let expected = expected.map(|(count, per)| Rate {
                count: NonZeroU32::new(count).unwrap(),
                per: Duration::from_millis(per),
            });
            assert_eq!(rate(text).ok(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC*") {
            let _ = (duration(&text), size(&text), rate(&text));
        }

        #[test]
        fn what_is_written_is_what_is_meant(count in 1_u32..1_000_000, seconds in 1_u64..86_400) {
            let read = rate(&format!("{count}/{seconds}s")).unwrap();
            prop_assert_eq!((read.count.get(), read.per), (count, Duration::from_secs(seconds)));
        }
    }
}
