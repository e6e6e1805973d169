//! The zone's wall clock, for policies that speak of shifts.

use std::{sync::Arc, time::SystemTime};

use jiff::{Timestamp, tz::TimeZone};

/// Seconds east of UTC on this machine's wall clock (`TZ`, `/etc/localtime`), summer time included. Where it has none, or `TZ` names
/// none, that is UTC, and a warning.
#[must_use]
pub fn local() -> poort_enforce::pipeline::TimeZone {
    let zone = TimeZone::try_system().unwrap_or_else(|error| {
        tracing::warn!(
            %error,
            "this machine's time zone is not known, so the hours of policies are UTC; link /etc/localtime to a file of /usr/share/zoneinfo, or set `TZ` to the name of one"
        );
        TimeZone::UTC
    });
    Arc::new(move |at: SystemTime| {
        Timestamp::try_from(at).map_or(0, |timestamp| zone.to_offset(timestamp).seconds())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_zone_is_known_by_its_name() {
        if !std::path::Path::new("/usr/share/zoneinfo/Europe/Brussels").exists() {
            return;
        }
        // As `TZ=Europe/Brussels` names it.
        let zone = TimeZone::get("Europe/Brussels").unwrap();
        for (at, offset) in [("2026-01-15T12:00:00Z", 3600), ("2026-07-15T12:00:00Z", 7200)] {
            assert_eq!(zone.to_offset(at.parse::<Timestamp>().unwrap()).seconds(), offset, "{at}");
        }
    }
}
