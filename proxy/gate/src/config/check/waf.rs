//! How sources are inspected: the zone's rules and defaults, and what a source's file makes of them.

use std::{sync::Arc, time::Duration};

use poort_enforce::{
    inspect::{AnswerRules, Mode, Pass, Thresholds, Unframed},
    operations::PathPattern,
};

use crate::config::{
    checked::waf::{Exclusion, RuleFiles, Waf},
    raw::{Part, Scalar, source as raw_source, zone as raw},
};

use super::{
    cursor::{Field, Here, Opened},
    day::{self, Day},
    desk::Desk,
    operation, rule_files, value,
};

/// A source that only detects for longer than this is forgotten rather than tried out.
const LONGEST_TRIAL: Duration = Duration::from_secs(30 * 86_400);
/// An exclusion is announced so long before it ends.
const NOTICE: Duration = Duration::from_secs(14 * 86_400);

/// Above so many times the usual threshold an attack that is found passes all the same.
const HIGHEST_USUAL: u32 = 2;

/// What the zone's file says about inspection.
pub(super) struct Zone {
    /// None: what a source's file says nothing about is not inspected.
    mode: Option<Mode>,
    since: Option<Day>,
    level: u8,
    thresholds: Thresholds,
    body: u64,
    unframed: Unframed,
    answer: Option<AnswerRules>,
    records_data: bool,
    rules: Arc<RuleFiles>,
    pub(super) held: u64,
}

/// The answers of sources that say only that they are inspected.
const USUAL_ANSWER: AnswerRules =
    AnswerRules { limit: 1 << 20, larger: Pass::Refuse, other_types: Pass::Pass };

pub(super) fn zone(desk: &Desk<'_>, waf: Opened<'_, raw::Waf>) -> Option<Zone> {
    let rules = rule_files::read(desk, waf.field("rules", |raw| &raw.rules), "waf", waf.spot);
    let mode = waf.field("mode", |raw| &raw.mode).required("mode: block", mode);
    let since = waf.field("since", |raw| &raw.since);
    let since = mode.and_then(|mode| self::since(desk, since, mode));
    let level = waf.field("level", |raw| &raw.level).or(1, level);
    let thresholds = thresholds(waf.field("thresholds", |raw| &raw.thresholds), USUAL_THRESHOLDS);
    let body = waf.field("body", |raw| &raw.body).or(10 << 20, value::size);
    let unframed = waf.field("unframed", |raw| &raw.unframed).or(Unframed::Refuse, unframed);
    let answer = waf.field("response", |raw| &raw.response).or(None, |here| answer(here.open(), None));
    let held = waf.field("held", |raw| &raw.held).or(256 << 20, value::size);
    let records_data = waf.field("record_data", |raw| &raw.record_data).or(false, value::switch);
    Some(Zone {
        mode: mode?,
        since: since?,
        level: level?,
        thresholds: thresholds?,
        body: body?,
        unframed: unframed?,
        answer: answer?,
        held: held?,
        records_data: records_data?,
        rules: Arc::new(rules?),
    })
}

const USUAL_THRESHOLDS: Thresholds = Thresholds { inbound: 5, outbound: 4 };

/// How a source is inspected. Inside: none if it is not.
pub(super) fn source(
    desk: &Desk<'_>,
    zone: Option<Option<&Zone>>,
    field: Field<'_, Part<raw_source::Waf>>,
) -> Option<Option<Waf>> {
    // What is wrong in the zone's file is reported there.
    let Some(zone) = zone else { return Some(None) };
    let Some(zone) = zone else {
        return field.optional(|here| without_rules(here.open())).map(|_| None);
    };
    let waf = field.optional(|here| of_source(desk, zone, here.open()))?;
    Some(match waf {
        Some(waf) => waf,
        None => zone.mode.map(|mode| zone.inherited(field, mode)),
    })
}

fn without_rules(waf: Opened<'_, raw_source::Waf>) -> Option<()> {
    let mode = waf.field("mode", |raw| &raw.mode);
    // Whoever lost the zone's section must not be led to inspect nothing.
    let spot = if mode.is_absent() { waf.spot } else { mode.spot() };
    if !mode.is_absent() && mode.required("mode: block", self::mode)?.is_none() {
        return Some(());
    }
    spot.fault("the zone has no rules to inspect with; restore `waf:` in `poort.yaml`");
    None
}

impl Zone {
    /// What holds for a source whose file says nothing.
    fn inherited(&self, field: Field<'_, Part<raw_source::Waf>>, mode: Mode) -> Waf {
        Waf {
            place: field.spot().place(),
            mode,
            since: self.since.map(|day| day.begin),
            level: self.level,
            thresholds: self.thresholds,
            body: self.body,
            unframed: self.unframed,
            answer: self.answer,
            streams: false,
            records_data: self.records_data,
            rules: Arc::clone(&self.rules),
            exclusions: Vec::new(),
        }
    }
}

fn of_source(desk: &Desk<'_>, zone: &Zone, waf: Opened<'_, raw_source::Waf>) -> Option<Option<Waf>> {
    let said = waf.field("mode", |raw| &raw.mode);
    let mode = said.or(zone.mode, mode);
    let since = waf.field("since", |raw| &raw.since);
    let since = match (said.is_absent() && since.is_absent(), mode) {
        (true, _) => Some(zone.since),
        (false, Some(mode)) => self::since(desk, since, mode),
        (false, None) => None,
    };
    let level = waf.field("level", |raw| &raw.level).or(zone.level, level);
    let thresholds = thresholds(waf.field("thresholds", |raw| &raw.thresholds), zone.thresholds);
    let body = waf.field("body", |raw| &raw.body).or(zone.body, value::size);
    let unframed = waf.field("unframed", |raw| &raw.unframed).or(zone.unframed, unframed);
    let answer = waf.field("response", |raw| &raw.response);
    let answer = answer.or(zone.answer, |here| self::answer(here.open(), zone.answer));
    let streams = waf.field("streams", |raw| &raw.streams).or(false, value::switch);
    let own = waf.field("rules", |raw| &raw.rules);
    let rules = match own.is_absent() {
        true => Some(Arc::clone(&zone.rules)),
        false => rule_files::before(desk, own, &zone.rules, waf.spot).map(Arc::new),
    };
    let exclusions = exclusions(desk, waf);
    let Some(mode) = mode? else { return Some(None) };
    Some(Some(Waf {
        place: waf.spot.place(),
        mode,
        since: since?.map(|day| day.begin),
        level: level?,
        thresholds: thresholds?,
        body: body?,
        unframed: unframed?,
        answer: answer?,
        streams: streams?,
        records_data: zone.records_data,
        rules: rules?,
        exclusions: exclusions?,
    }))
}

/// `off`, which YAML may read as false, `detect` or `block`.
fn mode(here: Here<'_, Scalar>) -> Option<Option<Mode>> {
    if *here.value == Scalar::Bool(false) {
        return Some(None);
    }
    value::word(here, &[("off", None), ("detect", Some(Mode::Detect)), ("block", Some(Mode::Block))])
}

/// Since when a source only detects: to be said where it does, and nowhere else.
fn since(desk: &Desk<'_>, field: Field<'_, Scalar>, mode: Option<Mode>) -> Option<Option<Day>> {
    if mode != Some(Mode::Detect) {
        return match field.optional(day::day)? {
            None => Some(None),
            Some(_) => {
                field.spot().fault("`since` is for `mode: detect`; remove it");
                None
            }
        };
    }
    let day = field.required("since: 2026-01-31", day::day)?;
    match desk.since(day.begin) {
        None => field.spot().fault(format!("`{day}` is still to come; write the day on which this began")),
        Some(length) if length > LONGEST_TRIAL => field.spot().warn(format!(
            "attacks are let through and only recorded, since `{day}`, which is more than 30 days; write `mode: block`"
        )),
        Some(_) => return Some(Some(day)),
    }
    desk.since(day.begin).map(|_| Some(day))
}

fn level(here: Here<'_, Scalar>) -> Option<u8> {
    value::bits(here, 1..=4)
}

fn thresholds(field: Field<'_, Part<raw::Thresholds>>, usual: Thresholds) -> Option<Thresholds> {
    field.or(usual, |here| {
        let thresholds = here.open();
        let inbound = thresholds.field("inbound", |raw| &raw.inbound);
        let inbound = inbound.or(usual.inbound, |here| threshold(here, USUAL_THRESHOLDS.inbound));
        let outbound = thresholds.field("outbound", |raw| &raw.outbound);
        let outbound = outbound.or(usual.outbound, |here| threshold(here, USUAL_THRESHOLDS.outbound));
        Some(Thresholds { inbound: inbound?, outbound: outbound? })
    })
}

/// A grave finding scores as much as is `usual`.
fn threshold(here: Here<'_, Scalar>, usual: u32) -> Option<u32> {
    let spot = here.spot;
    let threshold = u32::from(value::count(here)?);
    if threshold > HIGHEST_USUAL * usual {
        spot.warn(format!(
            "nothing is refused below `{threshold}`, which takes {} grave findings at once, and few attacks have so many; write `{usual}`, and leave out by `exclusions` what is in the way",
            threshold.div_ceil(usual)
        ));
    }
    Some(threshold)
}

fn unframed(here: Here<'_, Scalar>) -> Option<Unframed> {
    value::word(here, &[("refuse", Unframed::Refuse), ("withhold", Unframed::Withhold)])
}

/// How answers are inspected. Inside: none if they are not.
fn answer(answer: Opened<'_, raw::Response>, zone: Option<AnswerRules>) -> Option<Option<AnswerRules>> {
    let usual = zone.unwrap_or(USUAL_ANSWER);
    let inspect = answer.field("inspect", |raw| &raw.inspect).or(true, value::switch);
    let limit = answer.field("limit", |raw| &raw.limit).or(usual.limit, value::size);
    let larger = answer.field("larger", |raw| &raw.larger).or(usual.larger, pass);
    let other_types = answer.field("other_types", |raw| &raw.other_types).or(usual.other_types, pass);
    let rules = AnswerRules { limit: limit?, larger: larger?, other_types: other_types? };
    Some(inspect?.then_some(rules))
}

fn pass(here: Here<'_, Scalar>) -> Option<Pass> {
    value::word(here, &[("pass", Pass::Pass), ("refuse", Pass::Refuse)])
}

/// What a source's rules leave alone.
pub(super) fn exclusions(desk: &Desk<'_>, waf: Opened<'_, raw_source::Waf>) -> Option<Vec<Exclusion>> {
    waf.field("exclusions", |raw| &raw.exclusions).each(|here| exclusion(desk, here.open()))
}

fn exclusion(desk: &Desk<'_>, exclusion: Opened<'_, raw_source::Exclusion>) -> Option<Exclusion> {
    let rule = exclusion.field("rule", |raw| &raw.rule).required("rule: 942100", |here| rule(here));
    let target = exclusion.field("target", |raw| &raw.target).optional(value::text);
    let path = exclusion.field("path", |raw| &raw.path).optional(operation::path_pattern);
    let reason = exclusion.field("reason", |raw| &raw.reason).required("reason: \"…\"", value::text);
    let expires = exclusion.field("expires", |raw| &raw.expires);
    let spot = expires.spot();
    let expires = expires.required("expires: 2026-12-31", day::day);
    let (rule, expires) = (rule?, expires?);
    match expires.end.duration_since(desk.now) {
        Err(_) => spot.warn(format!(
            "this ended on `{expires}` and does not hold any more; remove it, or write a later day"
        )),
        Ok(left) if left <= NOTICE => {
            spot.warn(format!("this ends on `{expires}`; what it lets through will be refused from then on"));
        }
        Ok(_) => {}
    }
    Some(Exclusion {
        place: exclusion.spot.place(),
        rule,
        target: target?,
        path: path?.map(|path| PathPattern::new(&path)),
        reason: reason?,
        ends: expires.end,
    })
}

/// `942100` or `"942100-942199"`.
fn rule(here: Here<'_, Scalar>) -> Option<String> {
    here.parse(|text| {
        let id =
            |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()) && (1..=18).contains(&part.len());
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        match id(low) && id(high) {
            true => Ok(text.to_owned()),
            false => Err(format!(
                "`{text}` is no rule; write its id, such as `942100`, or a range: `942100-942199`"
            )),
        }
    })
}
