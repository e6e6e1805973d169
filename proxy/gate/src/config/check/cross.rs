//! What several files say together.

use std::collections::{BTreeMap, BTreeSet};

use poort_enforce::source::Demand;
use poort_policy::PolicyFile;

use crate::config::{
    checked::{
        Identity,
        deploy::Deploy,
        zone::{InventoryDevice, Issuer, SignIn},
    },
    fault::Place,
};

use super::{desk::Desk, operation, source::Draft};

pub(super) fn check(
    desk: &Desk<'_>,
    deploy: Option<&Deploy>,
    inventory: Option<&[InventoryDevice]>,
    sign_in: Option<&SignIn>,
    drafts: &[Draft],
) {
    claims(desk, drafts);
    taken(desk, drafts);
    if let Some(sign_in) = sign_in {
        sign_in_host(desk, sign_in, drafts);
    }
    if let Some(inventory) = inventory {
        aggregators(desk, inventory, drafts);
    }
    if let Some(deploy) = deploy {
        unreachable(desk, deploy, drafts);
        let certificates = || deploy.listeners.iter().flat_map(|listener| &listener.certificates);
        uncovered(desk, certificates, drafts);
        if let Some(sign_in) =
            sign_in.filter(|sign_in| !certificates().any(|known| known.covers(&sign_in.host)))
        {
            let message =
                "no certificate of a listener is valid for the sign-in host, so browsers refuse it; add one";
            desk.report.warn(sign_in.place.clone(), message);
        }
        for certificate in certificates() {
            coalescing(desk, certificate, drafts);
        }
    }
}

/// A console that nobody may look at.
pub(super) fn closed_console(
    desk: &Desk<'_>,
    deploy: Option<&Deploy>,
    policies: Option<&Option<PolicyFile>>,
) {
    if let (Some(console), Some(None)) = (deploy.and_then(|deploy| deploy.console.as_ref()), policies) {
        desk.report.warn(
            console.place.clone(),
            "nobody sees anything of the console as long as there is no `console.cedar` beside `poort.yaml`; write one",
        );
    }
}

/// State that outlives the process is sealed: without a key each gate would keep its own, in memory alone, and say nothing.
pub(super) fn sealed(
    desk: &Desk<'_>,
    deploy: Option<&Deploy>,
    issuers: Option<&[Issuer]>,
    sign_in: Option<&Option<SignIn>>,
) {
    let (Some(deploy), Some(issuers), Some(sign_in)) = (deploy, issuers, sign_in) else { return };
    let report = |place: &Place, message: &str| desk.report.fault(place.clone(), message);
    match (sign_in, &deploy.seal) {
        (Some(sign_in), Some(_)) => report(
            &sign_in.place,
            "these `keys` seal what is kept, and so would `keys` of `state:` in the operators' file; leave those out, and put their lines below these",
        ),
        (Some(_), None) | (None, Some(_)) => {}
        (None, None) => {
            if let Some(redis) = &deploy.redis {
                report(
                    &redis.place,
                    "what gates share is sealed, and no key is there; where no browser signs in, add `keys: ../certs/state.keys` to `state:`, the same at every gate",
                );
            }
            for issuer in issuers.iter().filter(|issuer| issuer.pins) {
                report(
                    &issuer.place,
                    "to which devices tokens are pinned is kept sealed, and no key is there; where no browser signs in, add `keys: ../certs/state.keys` to `state:` in the operators' file",
                );
            }
        }
    }
}

/// A request belongs to one source.
fn claims(desk: &Desk<'_>, drafts: &[Draft]) {
    let mut claimed: BTreeMap<(&str, &str), (&str, &Place)> = BTreeMap::new();
    for draft in drafts {
        for (host, place) in &draft.hosts {
            for prefix in &draft.prefixes {
                match claimed.get(&(host, prefix)) {
                    Some((other, _)) if *other == draft.id => {}
                    Some((other, first)) => desk.report.fault(
                        place.clone(),
                        format!(
                            "`{host}` with prefix `{prefix}` is claimed by `{other}` already ({}:{}); give one of them another host or prefix",
                            first.file, first.line
                        ),
                    ),
                    None => {
                        claimed.insert((host, prefix), (&draft.id, place));
                    }
                }
            }
        }
    }
}

/// A longer prefix of another source takes requests from a source, and what its operations say of them holds no longer.
fn taken(desk: &Desk<'_>, drafts: &[Draft]) {
    for (draft, (path, place)) in
        drafts.iter().flat_map(|draft| draft.paths.iter().map(move |path| (draft, path)))
    {
        let Some(own) = longest(draft, |prefix| operation::reaches(prefix, path)) else { continue };
        let taken = |other: &Draft| {
            let below = |prefix: &str| format!("{}/**", prefix.trim_end_matches('/'));
            longest(other, |prefix| operation::takes(&below(prefix), path)) > Some(own)
        };
        let takers = draft.hosts.iter().map(|(host, _)| {
            drafts.iter().find(|other| other.hosts.iter().any(|(known, _)| known == host) && taken(other))
        });
        if let Some(Some(first)) = takers.collect::<Option<Vec<_>>>().map(|takers| takers.first().copied()) {
            desk.report.warn(
                place.clone(),
                format!(
                    "no request has this path here, since `{}` takes it by a longer prefix of the same host; say it there, or give that another prefix",
                    first.id
                ),
            );
        }
    }
}

/// The length of the longest prefix of a source of which something holds.
fn longest(draft: &Draft, holds: impl Fn(&str) -> bool) -> Option<usize> {
    draft.prefixes.iter().filter(|prefix| holds(prefix)).map(String::len).max()
}

/// The sign-in host is the gate's own: an application there could act in its name.
fn sign_in_host(desk: &Desk<'_>, sign_in: &SignIn, drafts: &[Draft]) {
    for (host, place) in
        drafts.iter().flat_map(|draft| &draft.hosts).filter(|(host, _)| *host == sign_in.host)
    {
        desk.report
            .fault(place.clone(), format!("`{host}` is where people sign in; give this source another host"));
    }
}

/// An aggregator is held to its posture, which is that of the inventory.
fn aggregators(desk: &Desk<'_>, inventory: &[InventoryDevice], drafts: &[Draft]) {
    let known: BTreeSet<&str> = inventory.iter().map(|device| device.name.as_str()).collect();
    for (name, place) in drafts.iter().flat_map(|draft| &draft.on_behalf_of) {
        if !known.contains(name.as_str()) {
            desk.report.warn(
                place.clone(),
                format!("`{name}` is not in the inventory, so it is refused; add it there"),
            );
        }
    }
}

/// A source that wants no certificate, behind listeners that all do.
fn unreachable(desk: &Desk<'_>, deploy: &Deploy, drafts: &[Draft]) {
    if deploy.listeners.iter().any(|listener| listener.client_certificate == Demand::Optional) {
        return;
    }
    let optional = drafts.iter().filter_map(|draft| draft.device.as_ref());
    for (_, place) in optional.filter(|(device, _)| *device == Demand::Optional) {
        desk.report.warn(
            place.clone(),
            "no listener lets anybody in without a certificate; write `client_certificate: optional` on one, or `required` here",
        );
    }
}

/// A host that no certificate is valid for.
fn uncovered<'a, I: Iterator<Item = &'a Identity>>(
    desk: &Desk<'_>,
    certificates: impl Fn() -> I,
    drafts: &[Draft],
) {
    for (host, place) in drafts.iter().flat_map(|draft| &draft.hosts) {
        if !certificates().any(|certificate| certificate.covers(host)) {
            desk.report.warn(
                place.clone(),
                format!("no certificate of a listener is valid for `{host}`, so clients refuse it; add one"),
            );
        }
    }
}

/// Browsers send requests for every host that a certificate is valid for over one connection (RFC 9113, 9.1.1).
/// Where the device rules differ, the gate must refuse some of those with 421, and each costs a round trip.
fn coalescing(desk: &Desk<'_>, certificate: &Identity, drafts: &[Draft]) {
    let mut rules: BTreeMap<bool, &str> = BTreeMap::new();
    for draft in drafts {
        let Some((device, _)) = &draft.device else { continue };
        if draft.hosts.iter().any(|(host, _)| certificate.covers(host)) {
            rules.entry(*device == Demand::Required).or_insert(&draft.id);
        }
    }
    if let (Some(strict), Some(lenient)) = (rules.get(&true), rules.get(&false)) {
        desk.report.warn(
            certificate.place.clone(),
            format!(
                "this certificate is valid for `{strict}` and `{lenient}`, whose device rules differ, and browsers use one connection for both; \
                 give each a certificate of its own"
            ),
        );
    }
}
