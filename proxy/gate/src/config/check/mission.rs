//! What requests are for: the zone's purposes and case numbers, missions, broken glasses; and what a source's file demands of it.

use std::{sync::Arc, time::Duration};

use http::HeaderName;
use poort_enforce::stated::{
    CasePattern, Demands, LONGEST_GLASS, LONGEST_MISSION, Purpose, Purposes, StatedBy,
};
use poort_identity::{Algorithm, ClaimMap, IssuerRules, KeySet, Profile};

use crate::config::{
    checked::zone::{Dispatch, Missions, SignIn},
    raw::{Node, Part, Scalar, Table, source as raw_source, zone as raw},
};

use super::{
    cursor::{Field, Here, Opened},
    desk::Desk,
    distinct::distinct,
    identity, inventory, issuer, name, value,
};

/// A patrol, from the briefing on.
const USUAL_MISSION: Duration = Duration::from_secs(8 * 3600);
/// One look, and what follows from it.
const USUAL_GLASS: Duration = Duration::from_secs(15 * 60);
/// More than fit on a page for a thumb, and each is asked of the policies when a refusal might be for want of one.
const MOST_PURPOSES: usize = 24;

pub(super) fn purposes(
    named: Field<'_, Table<Part<raw::Purpose>>>,
    case: Field<'_, Scalar>,
) -> Option<Purposes> {
    let spot = named.spot();
    let all = named.or(Vec::new(), |table| {
        table.each(|key, spot, here| {
            let opened = here.open();
            let label = |language: &'static str, of: fn(&raw::Purpose) -> &Node<Scalar>| {
                opened.field(language, of).required(&format!("{language}: …"), label)
            };
            let labels = [label("nl", |raw| &raw.nl), label("fr", |raw| &raw.fr), label("en", |raw| &raw.en)];
            let [nl, fr, en] = labels;
            if !is_word(key) {
                spot.fault(format!(
                    "`{key}` is no name of a purpose; use at most 64 of `a-z`, `0-9` and `-`"
                ));
                return None;
            }
            Some(Purpose { name: key.into(), labels: [nl?, fr?, en?] })
        })
    });
    let case =
        case.optional(|here| here.parse(|text| CasePattern::new(text).map_err(|why| no_pattern(text, &why))));
    let (all, case) = (all?, case?);
    if all.len() > MOST_PURPOSES {
        spot.fault(format!(
            "these are {} purposes, of which nobody chooses; keep {MOST_PURPOSES} at most",
            all.len()
        ));
        return None;
    }
    Some(Purposes::new(all, case))
}

fn no_pattern(text: &str, why: &str) -> String {
    format!("`{text}` is no pattern of case numbers: {why}; write one such as `[0-9]{{4}}/[0-9]{{1,6}}`")
}

fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn label(here: Here<'_, Scalar>) -> Option<String> {
    let label = value::text(here)?;
    if label.chars().count() > 64 {
        here.spot.fault("this is too long for a button; write at most 64 characters");
        return None;
    }
    Some(label)
}

/// How long missions and broken glasses last, and who may fill in the form of a mission.
pub(super) fn missions(
    desk: &Desk<'_>,
    sign_in: Option<&SignIn>,
    mission: Field<'_, Part<raw::Mission>>,
    glass: Field<'_, Part<raw::BreakGlass>>,
) -> Option<Missions> {
    let usual = || Some((USUAL_MISSION, None));
    let mission = match mission.optional(|here| {
        let opened = here.open();
        let lifetime = opened.field("lifetime", |raw| &raw.lifetime);
        let lifetime = lifetime.or(USUAL_MISSION, |here| at_most(here, LONGEST_MISSION, "a mission"));
        let dispatch = opened.field("dispatch", |raw| &raw.dispatch);
        let dispatch = dispatch.optional(|here| self::dispatch(desk, sign_in, here.open()));
        Some((lifetime?, dispatch?))
    }) {
        Some(None) => usual(),
        Some(given) => given,
        None => None,
    };
    let glass = glass.or(USUAL_GLASS, |here| {
        let lifetime = here.open().field("lifetime", |raw| &raw.lifetime);
        lifetime.or(USUAL_GLASS, |here| at_most(here, LONGEST_GLASS, "a broken glass"))
    });
    let (lifetime, dispatch) = mission?;
    Some(Missions { lifetime, dispatch, glass: glass? })
}

fn at_most(here: Here<'_, Scalar>, longest: Duration, what: &str) -> Option<Duration> {
    let length = value::some_time(here)?;
    if length > longest {
        let hours = longest.as_secs() / 3600;
        here.spot.fault(format!("{what} lasts `{hours}h` at most; write less"));
        return None;
    }
    Some(length)
}

fn dispatch(desk: &Desk<'_>, sign_in: Option<&SignIn>, at: Opened<'_, raw::Dispatch>) -> Option<Dispatch> {
    let address = at.field("issuer", |raw| &raw.issuer);
    let address = address.required("issuer: https://dispatch.zone.example", |here| {
        here.parse(|text| name::secure_url(text).map(|_| text.to_owned()))
    });
    let algorithms = at.field("algorithms", |raw| &raw.algorithms);
    let algorithms = distinct(
        algorithms.some_items("algorithms: [ES256]", |here| Some((issuer::algorithm(here)?, here.spot))),
    );
    let keys = at.field("keys", |raw| &raw.keys).required("keys: certs/dispatch.jwks", |here| {
        let (file, read) = desk.material(here)?;
        match KeySet::parse(&read.bytes) {
            Ok(keys) => Some(Arc::new(keys)),
            Err(fault) => {
                here.spot.fault(format!("`{}`: {fault}", file.shown));
                None
            }
        }
    });
    if sign_in.is_none() {
        at.spot.warn("browsers do not sign in, so nobody follows a link from dispatch; add `sign_in`");
    }
    Some(Dispatch { rules: rules(address?, algorithms?), keys: keys? })
}

/// A signer of links is an issuer whose tokens say nothing of anybody.
fn rules(address: String, algorithms: Vec<Algorithm>) -> IssuerRules {
    IssuerRules {
        alias: Dispatch::ALIAS.to_owned(),
        issuer: address,
        // The link's own check holds it against the sign-in host.
        audiences: vec![Dispatch::ALIAS.to_owned()],
        algorithms,
        profile: Profile::Generic,
        roles: ClaimMap::default(),
        units: ClaimMap::default(),
        services: Vec::new(),
        leeway: IssuerRules::LEEWAY,
        max_age: None,
    }
}

/// `purpose:` and `case:`, as a file or a line of it has them; inside: none where it does not say.
pub(super) fn demanded(purpose: Field<'_, Scalar>, case: Field<'_, Scalar>) -> Option<[Option<bool>; 2]> {
    let read = |field: Field<'_, Scalar>| {
        field.optional(|here| value::word(here, &[("required", true), ("optional", false)]))
    };
    let (purpose, case) = (read(purpose), read(case));
    Some([purpose?, case?])
}

/// What a source's file demands where a line of it does not say.
pub(super) fn usual_demands(source: Opened<'_, raw_source::Source>) -> Option<Demands> {
    let [purpose, case] =
        demanded(source.field("purpose", |raw| &raw.purpose), source.field("case", |raw| &raw.case))?;
    Some(Demands { purpose: purpose.unwrap_or(false), case: case.unwrap_or(false) })
}

/// Applications that state in headers what their requests are for.
pub(super) fn stated_by(by: Opened<'_, raw_source::StatedBy>) -> Option<StatedBy> {
    let workloads = by.field("workloads", |raw| &raw.workloads);
    let example = "workloads: [\"spiffe://zone.example/workload/search\"]";
    let workloads =
        distinct(workloads.some_items(example, |here| Some((inventory::certified_name(here)?, here.spot))));
    let header = |here: Here<'_, Scalar>| -> Option<HeaderName> {
        let text = value::text(here)?;
        identity::header(&text, here.spot)
    };
    let purpose = by.field("purpose", |raw| &raw.purpose).required("purpose: X-Purpose", header);
    let case = by.field("case", |raw| &raw.case).optional(header);
    let (workloads, purpose, case) = (workloads?, purpose?, case?);
    if case.as_ref() == Some(&purpose) {
        by.spot.fault(format!(
            "`{purpose}` cannot be both the purpose and the case; name another header for one"
        ));
        return None;
    }
    Some(StatedBy::new(workloads, purpose, case))
}
