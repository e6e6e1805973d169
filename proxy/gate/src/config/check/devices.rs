//! Which devices are ours: anchors, revocation lists, and the rule about missing ones.

use std::time::Duration;

use poort_identity::{Anchors, RevocationRule, Revocations};
use rustls::pki_types::CertificateDer;

use crate::config::raw::{Scalar, zone as raw};

use super::{
    cursor::{Field, Here, Opened},
    desk::Desk,
    report::Spot,
    value,
};

/// Devices of ours, apart from the inventory.
pub(super) struct Trusted {
    pub(super) anchors: Anchors,
    pub(super) revocations: Revocations,
    pub(super) rule: RevocationRule,
}

pub(super) fn check(desk: &Desk<'_>, devices: Opened<'_, raw::Devices>) -> Option<Trusted> {
    let rule = rule(devices);
    let field = devices.field("anchors", |raw| &raw.anchors);
    let files =
        field.some("anchors: [certs/device-ca.crt]", |here| Some((here.spot, desk.certificates(here)?)));
    let anchors = files.and_then(|files| anchors(desk, field.spot(), &files));
    let lists = devices.field("crls", |raw| &raw.crls).each(|here| revocation_list(desk, here, rule));
    let lists = lists.filter(|lists| !wanted_and_missing(devices, rule, lists.is_empty()));
    let (rule, anchors, lists) = (rule?, anchors?, lists?);
    let revocations = revocations(desk, &anchors, &lists)?;
    announce(desk, devices, &revocations);
    Some(Trusted { anchors, revocations, rule })
}

fn rule(devices: Opened<'_, raw::Devices>) -> Option<RevocationRule> {
    let strict = RevocationRule { required: true, grace: Duration::ZERO };
    let field = devices.field("revocation", |raw| &raw.revocation);
    field.or(strict, |here| {
        let revocation = here.open();
        let required = revocation.field("required", |raw| &raw.required).or(true, value::switch);
        let grace = revocation.field("grace", |raw| &raw.grace).or(Duration::ZERO, value::duration);
        let rule = RevocationRule { required: required?, grace: grace? };
        if !rule.required {
            here.spot
                .warn("a device whose authority has no revocation list is admitted; write `required: true`");
        }
        Some(rule)
    })
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
    rule: Option<RevocationRule>,
) -> Option<List<'a>> {
    let required = rule.is_none_or(|rule| rule.required);
    let missing = super::desk::path(here).filter(|file| !desk.tree.has(&file.path));
    if let Some(file) = missing.filter(|_| required) {
        here.spot.fault(format!(
            "`{}` does not exist, and without it every device is refused; fetch the list from the authority that issues \
             device certificates, or write `revocation: {{ required: false }}`",
            file.shown
        ));
        return None;
    }
    Some((here.spot, desk.revocation_lists(here)?))
}

fn wanted_and_missing(devices: Opened<'_, raw::Devices>, rule: Option<RevocationRule>, none: bool) -> bool {
    let missing = none && rule.is_some_and(|rule| rule.required);
    if missing {
        let crls: Field<'_, _> = devices.field("crls", |raw| &raw.crls);
        crls.spot().fault(
            "no revocation list is named, and without one every device is refused; add `crls: [certs/device-ca.crl]`, \
             or write `revocation: { required: false }`",
        );
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

/// A list that is getting old is nobody's mistake yet, but somebody should know before devices are refused.
fn announce(desk: &Desk<'_>, devices: Opened<'_, raw::Devices>, revocations: &Revocations) {
    let spot = devices.field("crls", |raw| &raw.crls).spot();
    for age in revocations.ages(desk.now) {
        let issuer = age.issuer;
        if age.stale {
            spot.warn(format!("the revocation list of `{issuer}` is stale; fetch the next one"));
        } else if age.half_life_passed {
            spot.warn(format!(
                "the revocation list of `{issuer}` is past half of its life; fetch the next one"
            ));
        }
    }
}
