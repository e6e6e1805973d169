//! Which devices are ours: anchors, revocation lists, and the rule about missing ones.

use std::time::Duration;

use poort_identity::{Anchors, RevocationRule, Revocations};
use rustls::pki_types::CertificateDer;

use crate::config::raw::{Node, Part, Scalar, zone as raw};

use super::{
    cursor::{Field, Here, Opened},
    desk::Desk,
    report::Spot,
    value,
};

/// Lists are signed anew every day. Who needs more than another day for it has no list.
const LONG_GRACE: Duration = Duration::from_secs(24 * 3600);

/// Whose certificates are believed.
pub(super) struct Trusted {
    pub(super) anchors: Anchors,
    pub(super) revocations: Revocations,
    pub(super) rule: RevocationRule,
}

/// Where a file says that.
#[derive(Clone, Copy)]
pub(super) struct Believed<'a> {
    /// Who is believed: devices, or people who look.
    pub(super) whom: &'static str,
    pub(super) anchors: Field<'a, Vec<Node<Scalar>>>,
    pub(super) crls: Field<'a, Vec<Node<Scalar>>>,
    pub(super) revocation: Field<'a, Part<raw::Revocation>>,
}

impl<'a> Believed<'a> {
    pub(super) fn devices(devices: Opened<'a, raw::Devices>) -> Self {
        Self {
            whom: "device",
            anchors: devices.field("anchors", |raw| &raw.anchors),
            crls: devices.field("crls", |raw| &raw.crls),
            revocation: devices.field("revocation", |raw| &raw.revocation),
        }
    }
}

pub(super) fn check(desk: &Desk<'_>, believed: Believed<'_>) -> Option<Trusted> {
    let rule = rule(believed);
    let Believed { whom, anchors: field, .. } = believed;
    let example = format!("anchors: [certs/{whom}-ca.crt]");
    let files = field.some(&example, |here| Some((here.spot, desk.certificates(here)?)));
    let anchors = files.and_then(|files| anchors(desk, field.spot(), &files));
    let lists = believed.crls.each(|here| revocation_list(desk, here, (whom, rule)));
    let lists = lists.filter(|lists| !wanted_and_missing(believed, rule, lists.is_empty()));
    let (rule, anchors, lists) = (rule?, anchors?, lists?);
    let revocations = revocations(desk, &anchors, &lists)?;
    announce(desk, believed, rule, &revocations);
    Some(Trusted { anchors, revocations, rule })
}

fn rule(believed: Believed<'_>) -> Option<RevocationRule> {
    let strict = RevocationRule { required: true, grace: Duration::ZERO };
    let whom = believed.whom;
    believed.revocation.or(strict, |here| {
        let revocation = here.open();
        let required = revocation.field("required", |raw| &raw.required).or(true, value::switch);
        let grace = revocation.field("grace", |raw| &raw.grace).or(Duration::ZERO, |here| grace(whom, here));
        let rule = RevocationRule { required: required?, grace: grace? };
        if !rule.required {
            here.spot.warn(format!(
                "a {whom} whose authority has no revocation list is admitted; write `required: true`"
            ));
        }
        Some(rule)
    })
}

/// For how long a list is believed after its end.
fn grace(whom: &str, here: Here<'_, Scalar>) -> Option<Duration> {
    let grace = value::duration(here)?;
    if grace > LONG_GRACE {
        here.spot.warn(format!(
            "for `{}` after a revocation list has ended, a {whom} that is revoked meanwhile is admitted; write `1d` at most, and have \
             the list renewed before its end",
            here.value
        ));
    }
    Some(grace)
}

fn anchors(
    desk: &Desk<'_>,
    field: Spot<'_>,
    files: &[(Spot<'_>, Vec<CertificateDer<'static>>)],
) -> Option<Anchors> {
    let flat: Vec<_> =
        files.iter().flat_map(|(spot, ders)| ders.iter().map(move |der| (*spot, der.clone()))).collect();
    let ders: Vec<_> = flat.iter().map(|(_, der)| der.clone()).collect();
    match Anchors::new(&ders, desk.now) {
        Ok(anchors) => Some(anchors),
        Err(faults) => {
            for fault in faults {
                let spot = fault.index().and_then(|index| flat.get(index)).map_or(field, |(spot, _)| *spot);
                spot.fault(fault.to_string());
            }
            None
        }
    }
}

type List<'a> = (Spot<'a>, Vec<Vec<u8>>);

fn revocation_list<'a>(
    desk: &Desk<'_>,
    here: Here<'a, Scalar>,
    (whom, rule): (&'static str, Option<RevocationRule>),
) -> Option<List<'a>> {
    let required = rule.is_none_or(|rule| rule.required);
    let missing = super::desk::path(here).filter(|file| !desk.tree.has(&file.path));
    if let Some(file) = missing.filter(|_| required) {
        here.spot.fault(format!(
            "`{}` does not exist, and without it every {whom} is refused; fetch the list from the authority that issues \
             {whom} certificates",
            file.shown
        ));
        return None;
    }
    Some((here.spot, desk.revocation_lists(here)?))
}

fn wanted_and_missing(believed: Believed<'_>, rule: Option<RevocationRule>, none: bool) -> bool {
    let missing = none && rule.is_some_and(|rule| rule.required);
    if missing {
        let whom = believed.whom;
        believed.crls.spot().fault(format!(
            "no revocation list is named, and without one every {whom} is refused; add `crls: [certs/{whom}-ca.crl]`"
        ));
    }
    missing
}

fn revocations(desk: &Desk<'_>, anchors: &Anchors, files: &[List<'_>]) -> Option<Revocations> {
    let flat: Vec<_> =
        files.iter().flat_map(|(spot, lists)| lists.iter().map(move |list| (*spot, list.clone()))).collect();
    let lists: Vec<_> = flat.iter().map(|(_, list)| list.clone()).collect();
    match Revocations::new(&lists, anchors, desk.now) {
        Ok(revocations) => Some(revocations),
        Err(faults) => {
            for fault in faults {
                if let Some((spot, _)) = flat.get(fault.index()) {
                    spot.fault(fault.to_string());
                }
            }
            None
        }
    }
}

/// A list that is getting old is nobody's mistake yet, but somebody should know before anybody is refused. Nor is one that is too old a
/// fault: a gate that would not start because of it could not say so to whom it refuses.
fn announce(desk: &Desk<'_>, believed: Believed<'_>, rule: RevocationRule, revocations: &Revocations) {
    let (spot, whom) = (believed.crls.spot(), believed.whom);
    for age in revocations.ages(desk.now) {
        let issuer = age.issuer;
        let in_grace = age.next_update.checked_add(rule.grace).is_some_and(|end| desk.now < end);
        if age.stale && !in_grace {
            spot.warn(format!(
                "the revocation list of `{issuer}` is stale, and every {whom} is refused whose certificate is of that \
                 authority; fetch the next one"
            ));
        } else if age.stale {
            spot.warn(format!(
                "the revocation list of `{issuer}` is stale, and used for `grace` alone; then every {whom} is refused whose \
                 certificate is of that authority; fetch the next one"
            ));
        } else if age.half_life_passed {
            spot.warn(format!(
                "the revocation list of `{issuer}` is past half of its life; fetch the next one"
            ));
        }
    }
}
