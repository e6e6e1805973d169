//! The zone's wall clock, for policies that speak of shifts.

use std::{sync::Arc, time::SystemTime};

use jiff::{Timestamp, tz::TimeZone};

/// Seconds east of UTC on this machine's wall clock (`TZ`, `/etc/localtime`), summer time included; UTC where it has none.
#[must_use]
pub fn local() -> poort_enforce::pipeline::TimeZone {
    let zone = TimeZone::system();
    Arc::new(move |at: SystemTime| {
        Timestamp::try_from(at).map_or(0, |timestamp| zone.to_offset(timestamp).seconds())
    })
}
