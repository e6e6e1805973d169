//! How long a record is kept.

use std::{fmt, str::FromStr, time::SystemTime};

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};

/// How long records are kept: whole days, months or years, by the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    count: u16,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Days,
    Months,
    Years,
}

impl Retention {
    /// The shortest, in days: requests, their outcomes and the files they are in outlive some nights.
    const LEAST_DAYS: u16 = 30;
    /// The longest, in years.
    const MOST_YEARS: u16 = 100;

    /// What was written before this moment has been kept for long enough: the beginning of a UTC day, in milliseconds since 1970.
    #[must_use]
    pub fn cutoff(self, now: SystemTime) -> i64 {
        let today = Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC).date();
        let count = i64::from(self.count);
        let span = match self.unit {
            Unit::Days => Span::new().days(count),
            Unit::Months => Span::new().months(count),
            Unit::Years => Span::new().years(count),
        };
        let day = today.checked_sub(span).unwrap_or(Date::MIN);
        day.to_zoned(TimeZone::UTC).map_or(i64::MIN, |begin| begin.timestamp().as_millisecond())
    }
}

impl FromStr for Retention {
    type Err = String;

    /// `90d`, `18mo`, `5y`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || {
            format!(
                "`{text}` is no time to keep a record; write a whole number of days, months or years, such as `90d`, `18mo`, `5y`"
            )
        };
        let unit = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wanted)?;
        let (count, unit) = text.split_at_checked(unit).ok_or_else(wanted)?;
        let unit = match unit {
            "d" => Unit::Days,
            "mo" => Unit::Months,
            "y" => Unit::Years,
            _ => return Err(wanted()),
        };
        let count: u16 = count.parse().map_err(|_| wanted())?;
        let (least, most) = match unit {
            Unit::Days => (Self::LEAST_DAYS, Self::MOST_YEARS * 365),
            Unit::Months => (1, Self::MOST_YEARS * 12),
            Unit::Years => (1, Self::MOST_YEARS),
        };
        if !(least..=most).contains(&count) {
            let (least, most) = (Self::LEAST_DAYS, Self::MOST_YEARS);
            return Err(format!(
                "`{text}` is not from `{least}d` to `{most}y`; write something between them"
            ));
        }
        Ok(Self { count, unit })
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Days => "d",
            Unit::Months => "mo",
            Unit::Years => "y",
        };
        write!(f, "{}{unit}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_record_is_kept_by_the_calendar() {
        // 2028-02-29T12:00:00Z.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_835_438_400);
        for (text, day) in
            [("30d", "2028-01-30"), ("1mo", "2028-01-29"), ("1y", "2027-02-28"), ("5y", "2023-02-28")]
        {
            let retention: Retention = text.parse().unwrap();
            let cutoff = Timestamp::from_millisecond(retention.cutoff(now)).unwrap();
            assert_eq!(
                (cutoff.to_string(), retention.to_string()),
                (format!("{day}T00:00:00Z"), text.to_owned())
            );
        }
    }

    #[test]
    fn what_is_no_retention_says_what_is() {
        for (text, said) in [
            ("5", "whole number of days, months or years"),
            ("y", "whole number"),
            ("-5y", "whole number"),
            ("5 y", "whole number"),
            ("99999d", "whole number"),
            ("29d", "from `30d` to `100y`"),
            ("0y", "from `30d` to `100y`"),
            ("101y", "from `30d` to `100y`"),
        ] {
            let fault = text.parse::<Retention>().unwrap_err();
            assert!(fault.contains(said), "{text}: {fault}");
        }
    }
}
