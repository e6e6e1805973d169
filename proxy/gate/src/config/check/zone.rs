//! The security team's main file.

use std::time::Duration;

use poort_enforce::stated::Purposes;
use poort_policy::ShiftCount;

use crate::{
    audit::Usual,
    config::{
        checked::zone::{Budget, Defaults, Issuer, Limits, Missions, SignIn, Timeouts},
        raw::{Node, Part, Quota, Scalar, zone as raw},
    },
};

use super::{
    cursor::{Field, Here, Opened},
    desk::{Desk, path},
    devices::{self, Trusted},
    distinct::distinct,
    entities::Vocabulary,
    issuer, mission,
    report::{File, Spot},
    sign_in,
    value::{self, many, plenty},
    waf,
};

/// What came of the security team's main file. Its parts are wanted even if others are wrong.
#[derive(Default)]
pub(super) struct Outcome<'a> {
    pub(super) trusted: Option<Trusted>,
    /// The inventory's file, and where it is named.
    pub(super) inventory: Option<(File, Spot<'a>)>,
    pub(super) issuers: Option<Vec<Issuer>>,
    pub(super) strong_sign_in: Option<Vec<String>>,
    /// Inside: none if browsers do not sign in.
    pub(super) sign_in: Option<Option<SignIn>>,
    pub(super) purposes: Option<Purposes>,
    pub(super) missions: Option<Missions>,
    pub(super) limits: Option<Limits>,
    pub(super) defaults: Option<Defaults>,
    /// Inside: none if the zone inspects nothing.
    pub(super) waf: Option<Option<waf::Zone>>,
    /// Inside: none if nobody watches what is unusual.
    pub(super) unusual: Option<Option<Usual>>,
    /// Inside: a directory of policies to be asked beside those that count; none if there is none.
    pub(super) candidate: Option<Option<File>>,
}

pub(super) fn check<'a>(
    desk: &Desk<'_>,
    vocabulary: &Vocabulary<'_>,
    whole: Field<'a, Part<raw::Zone>>,
) -> Outcome<'a> {
    let Some(zone) = whole.required("devices:", |here| Some(here.open())) else {
        return Outcome::default();
    };
    let mut outcome = Outcome::default();
    let devices = zone.field("devices", |raw| &raw.devices);
    outcome.trusted = devices.required("devices: { anchors: […], crls: […], inventory: … }", |here| {
        let devices = here.open();
        let inventory = devices.field("inventory", |raw| &raw.inventory);
        outcome.inventory =
            inventory.required("inventory: inventory.yaml", |here| Some((path(here)?, here.spot)));
        devices::check(desk, devices::Believed::devices(devices))
    });
    outcome.issuers = issuer::check(desk, vocabulary, zone.field("issuers", |raw| &raw.issuers));
    let sign_in = zone.field("sign_in", |raw| &raw.sign_in);
    let known = outcome.issuers.as_deref();
    outcome.sign_in = sign_in.optional(|here| sign_in::check(desk, known, here.open()));
    let purposes = zone.field("purposes", |raw| &raw.purposes);
    outcome.purposes = mission::purposes(purposes, zone.field("cases", |raw| &raw.cases));
    let missions = zone.field("mission", |raw| &raw.mission);
    let glass = zone.field("break_glass", |raw| &raw.break_glass);
    let signs_in = outcome.sign_in.as_ref().and_then(Option::as_ref);
    outcome.missions = mission::missions(desk, signs_in, missions, glass);
    let strong = zone.field("strong_sign_in", |raw| &raw.strong_sign_in);
    outcome.strong_sign_in = distinct(strong.items(|here| Some((value::text(here)?, here.spot))));
    outcome.limits = zone.field("limits", |raw| &raw.limits).or(usual_limits(), |here| limits(here.open()));
    let defaults = zone.field("defaults", |raw| &raw.defaults);
    outcome.defaults = defaults.or(usual_defaults(), |here| self::defaults(here.open()));
    let waf = zone.field("waf", |raw| &raw.waf);
    outcome.waf = waf.optional(|here| waf::zone(desk, here.open()));
    let unusual = zone.field("unusual", |raw| &raw.unusual);
    outcome.candidate = zone.field("candidate", |raw| &raw.candidate).optional(path);
    outcome.unusual = unusual.optional(|here| usual(vocabulary, here.open()));
    outcome
}

/// A shift outlives no day.
const LONGEST_SHIFT: Duration = Duration::from_secs(24 * 3600);

/// What is still usual for an officer in a shift.
fn usual(vocabulary: &Vocabulary<'_>, unusual: Opened<'_, raw::Unusual>) -> Option<Usual> {
    let shift = unusual.field("shift", |raw| &raw.shift).or(LONGEST_SHIFT / 2, |here| {
        let shift = value::some_time(here)?;
        if shift > LONGEST_SHIFT {
            here.spot.fault("a shift is at most `24h` long; write less");
            return None;
        }
        Some(shift)
    });
    let at_most = |name, of: fn(&raw::Unusual) -> &Node<Scalar>, usual| {
        unusual.field(name, of).or(plenty(usual), value::capacity)
    };
    let subjects = at_most("subjects", |raw| &raw.subjects, 300);
    let devices = at_most("devices", |raw| &raw.devices, 3);
    let officers = at_most("officers", |raw| &raw.officers, 2);
    let fleets = unusual.field("shared_fleets", |raw| &raw.shared_fleets);
    let fleets = distinct(fleets.items(|here| Some((vocabulary.fleets.read(here)?, here.spot))));
    let in_policies = counted(unusual);
    Some(Usual {
        shift: shift?,
        subjects: subjects?.get(),
        devices: devices?.get(),
        officers: officers?.get(),
        shared_fleets: fleets?,
        in_policies: in_policies?,
    })
}

/// What of a shift policies see.
pub(super) fn counted(unusual: Opened<'_, raw::Unusual>) -> Option<Vec<ShiftCount>> {
    let words = ShiftCount::ALL.map(|kind| (kind.as_str(), kind));
    let counts = unusual.field("in_policies", |raw| &raw.in_policies);
    distinct(counts.items(|here| Some((value::word(here, &words)?, here.spot))))
}

/// What holds where the file says nothing.
fn usual_limits() -> Limits {
    let budget = |count, burst| {
        let rate = crate::config::checked::zone::Rate { count: many(count), per: Duration::from_secs(1) };
        Some(Budget { rate, burst: many(burst) })
    };
    Limits {
        address: budget(300, 600),
        device: budget(50, 200),
        user: budget(20, 100),
        source: budget(500, 1_000),
        failure_cost: many(5),
        concurrent: plenty(10_000),
        keys: plenty(100_000),
    }
}

/// What holds where the file says nothing.
pub(super) fn usual_defaults() -> Defaults {
    let timeouts = Timeouts {
        connect: Duration::from_secs(2),
        read: Duration::from_secs(30),
        total: Duration::from_secs(120),
    };
    Defaults { timeouts, body: 10 << 20, retention: None }
}

fn limits(limits: Opened<'_, raw::Limits>) -> Option<Limits> {
    let usual = usual_limits();
    let quota =
        |name, of: fn(&raw::Limits) -> &Node<Quota>, usual| limits.field(name, of).or(usual, zone_quota);
    let address = quota("address", |raw| &raw.address, usual.address);
    let device = quota("device", |raw| &raw.device, usual.device);
    let user = quota("user", |raw| &raw.user, usual.user);
    let source = quota("source", |raw| &raw.source, usual.source);
    let failure_cost =
        limits.field("failure_cost", |raw| &raw.failure_cost).or(usual.failure_cost, value::count);
    let concurrent = limits.field("concurrent", |raw| &raw.concurrent).or(usual.concurrent, value::capacity);
    let keys = limits.field("keys", |raw| &raw.keys).or(usual.keys, value::capacity);
    Some(Limits {
        address: address?,
        device: device?,
        user: user?,
        source: source?,
        failure_cost: failure_cost?,
        concurrent: concurrent?,
        keys: keys?,
    })
}

/// A budget, or the word `unlimited`: no limit at all has a name, so that it is never the result of an omission.
fn zone_quota(here: Here<'_, Quota>) -> Option<Option<Budget>> {
    match here.value {
        Quota::Short(scalar) if scalar.to_string() == "unlimited" => {
            here.spot.warn(
                "`unlimited` lets one caller take everything; write a rate unless something in front limits",
            );
            Some(None)
        }
        _ => quota(here).map(Some),
    }
}

/// `60/1m`, all of which may come at once, or `{ rate: 60/1m, burst: 100 }`.
pub(super) fn quota(here: Here<'_, Quota>) -> Option<Budget> {
    match here.value {
        Quota::Short(scalar) => {
            let rate = value::rate(Here { spot: here.spot, value: scalar })?;
            Some(Budget { rate, burst: rate.count })
        }
        Quota::Long(part) => {
            let budget = Here { spot: here.spot, value: part }.open();
            let rate = budget.field("rate", |raw| &raw.rate).required("rate: 60/1m", value::rate);
            let burst = budget.field("burst", |raw| &raw.burst).optional(value::count);
            let (rate, burst) = (rate?, burst?);
            Some(Budget { rate, burst: burst.unwrap_or(rate.count) })
        }
    }
}

fn defaults(defaults: Opened<'_, raw::Defaults>) -> Option<Defaults> {
    let usual = usual_defaults();
    let timeouts = defaults.field("timeouts", |raw| &raw.timeouts);
    let timeouts = timeouts.or(usual.timeouts, |here| self::timeouts(here.open(), usual.timeouts));
    let body = defaults.field("body", |raw| &raw.body).or(usual.body, value::size);
    let retention = defaults.field("retention", |raw| &raw.retention).optional(value::retention);
    Some(Defaults { timeouts: timeouts?, body: body?, retention: retention? })
}

/// Time-outs; those that are left out are the usual ones.
pub(super) fn timeouts(timeouts: Opened<'_, raw::Timeouts>, usual: Timeouts) -> Option<Timeouts> {
    let connect = timeouts.field("connect", |raw| &raw.connect).or(usual.connect, value::some_time);
    let read = timeouts.field("read", |raw| &raw.read).or(usual.read, value::some_time);
    let total = timeouts.field("total", |raw| &raw.total).or(usual.total, value::some_time);
    let checked = Timeouts { connect: connect?, read: read?, total: total? };
    if checked.connect.max(checked.read) > checked.total {
        timeouts.spot.fault("`total` is shorter than `connect` or `read`, which could never end; write more");
        return None;
    }
    Some(checked)
}
