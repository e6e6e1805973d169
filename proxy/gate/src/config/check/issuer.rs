//! Whose tokens are believed, and what they may say.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use poort_identity::{Algorithm, ClaimMap, IssuerRules, Issuers, KeySet, Profile};

use crate::config::{
    checked::zone::{Discovery, Issuer, IssuerKeys},
    raw::{Block, Part, Scalar, zone as raw},
};

use super::{
    cursor::{Field, Here, Opened},
    desk::Desk,
    distinct::{distinct, distinct_by},
    entities::{Names, Vocabulary},
    name, suggest, value,
};

const PROFILES: [(&str, Profile); 4] = [
    ("generic", Profile::Generic),
    ("keycloak", Profile::Keycloak),
    ("entra-id", Profile::EntraId),
    ("ad-fs", Profile::AdFs),
];

/// Clocks that differ by more are broken; every second of leeway is one in which a revoked token still works.
const LONGEST_LEEWAY: Duration = Duration::from_secs(300);

pub(super) fn check(
    desk: &Desk<'_>,
    vocabulary: &Vocabulary<'_>,
    field: Field<'_, Vec<Block<raw::Issuer>>>,
) -> Option<Vec<Issuer>> {
    let read = field.items(|here| {
        let opened = here.open();
        let draft = issuer(desk, vocabulary, opened);
        let alias = opened.field("alias", |raw| &raw.alias).spot();
        let address = opened.field("issuer", |raw| &raw.issuer).spot();
        Some(((draft, address), alias))
    });
    let read = distinct_by(read, |(draft, _)| draft.alias.clone())?;
    let read = distinct_by(Some(read.into_iter().map(Some).collect()), |draft| draft.address.clone())?;
    let issuers: Vec<_> = read.into_iter().map(|draft| draft.issuer).collect::<Option<_>>()?;
    if issuers.is_empty() {
        field.spot().warn("no issuer is named, so nobody can sign in; add one unless only devices call");
    }
    Some(issuers)
}

/// What is compared between issuers, and the issuer if nothing of it is wrong.
struct Draft {
    alias: Option<String>,
    address: Option<String>,
    issuer: Option<Issuer>,
}

fn issuer(desk: &Desk<'_>, vocabulary: &Vocabulary<'_>, issuer: Opened<'_, raw::Issuer>) -> Draft {
    let alias = issuer.field("alias", |raw| &raw.alias).required("alias: zone", alias);
    let profile = issuer.field("profile", |raw| &raw.profile);
    let profile = profile.or(Profile::Generic, |here| value::word(here, &PROFILES));
    let address = issuer.field("issuer", |raw| &raw.issuer);
    let address = address.required("issuer: https://sso.zone.example/realms/zone", |here| {
        here.parse(|text| exact_issuer(text, profile))
    });
    let audiences = issuer.field("audiences", |raw| &raw.audiences);
    let audiences =
        distinct(audiences.some_items("audiences: [poort]", |here| Some((value::text(here)?, here.spot))));
    let algorithms = issuer.field("algorithms", |raw| &raw.algorithms);
    let algorithms =
        distinct(algorithms.some_items("algorithms: [ES256]", |here| Some((algorithm(here)?, here.spot))));
    let keys = issuer.field("keys", |raw| &raw.keys);
    let asked = issuer.field("discovery", |raw| &raw.discovery);
    // Who does not say where its keys are is asked.
    let is_asked = keys.is_absent() || !asked.is_absent();
    let keys = keys.or(IssuerKeys::Discovered, |here| keys_of(desk, here.open()));
    let discovery = asked.or(Discovery::default(), |here| discovery(desk, here.open()));
    let discovery = discovery.filter(|_| !is_asked || can_be_asked(issuer, address.as_deref()));
    let roles = claim(issuer.field("roles", |raw| &raw.roles), &vocabulary.roles);
    let units = claim(issuer.field("units", |raw| &raw.units), &vocabulary.units);
    let services = issuer.field("services", |raw| &raw.services);
    let services = distinct(services.items(|here| Some((value::text(here)?, here.spot))));
    let leeway = issuer.field("leeway", |raw| &raw.leeway).or(IssuerRules::LEEWAY, leeway);
    let max_age = issuer.field("max_age", |raw| &raw.max_age).optional(value::some_time);
    let pins = issuer.field("pin_tokens", |raw| &raw.pin_tokens).or(false, value::switch);
    let (known_alias, known_address) = (alias.clone(), address.clone());
    let build = || {
        let rules = IssuerRules {
            alias: alias?,
            issuer: address?,
            audiences: audiences?,
            algorithms: algorithms?,
            profile: profile?,
            roles: roles?,
            units: units?,
            services: services?,
            leeway: leeway?,
            max_age: max_age?,
        };
        let (keys, discovery, pins) = (keys?, discovery?, pins?);
        let discovery = is_asked.then_some(discovery);
        sound(issuer, &rules).then(|| Issuer { place: issuer.spot.place(), rules, keys, discovery, pins })
    };
    Draft { alias: known_alias, address: known_address, issuer: build() }
}

/// Whether the verifier of tokens agrees.
fn sound(issuer: Opened<'_, raw::Issuer>, rules: &IssuerRules) -> bool {
    let faults = Issuers::new(vec![rules.clone()]).err().unwrap_or_default();
    faults.iter().for_each(|fault| issuer.spot.fault(fault.to_string()));
    faults.is_empty()
}

/// It stands before `|` in a subject's id.
fn alias(here: Here<'_, Scalar>) -> Option<String> {
    here.parse_text(|text| {
        let sound = (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let wanted = || format!("`{text}` is no alias; use at most 32 of `a-z`, `0-9` and `-`");
        sound.then(|| text.to_owned()).ok_or_else(wanted)
    })
}

/// The exact `iss`. It is a name and is not fetched; AD FS names itself with `http` unless told otherwise.
fn exact_issuer(text: &str, profile: Option<Profile>) -> Result<String, String> {
    match profile {
        Some(Profile::AdFs) => name::plain_url(text)?,
        _ => name::secure_url(text)?,
    };
    Ok(text.to_owned())
}

pub(super) fn algorithm(here: Here<'_, Scalar>) -> Option<Algorithm> {
    let algorithm = here.parse(|text| {
        let usual = Algorithm::ALL.into_iter().filter(|algorithm| !is_old(*algorithm)).map(Algorithm::as_str);
        let unknown = || {
            format!("`{text}` is no algorithm that tokens are verified with{}", suggest::instead(text, usual))
        };
        text.parse::<Algorithm>().map_err(|_| unknown())
    })?;
    if is_old(algorithm) {
        here.spot.warn(format!(
            "`{algorithm}` is for issuers that can do no better; let it sign with `ES256` or `PS256`"
        ));
    }
    Some(algorithm)
}

/// RSASSA-PKCS1-v1_5: its padding has been forged before, and RFC 8725, 3.2 has moved on.
fn is_old(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512)
}

fn keys_of(desk: &Desk<'_>, keys: Opened<'_, raw::Keys>) -> Option<IssuerKeys> {
    let (url, ca) = (keys.field("url", |raw| &raw.url), keys.field("ca", |raw| &raw.ca));
    let file = keys.field("file", |raw| &raw.file);
    let authorities = ca.optional(|here| desk.authorities(here));
    let address = url.optional(|here| here.parse(|text| name::secure_url(text).map(|_| text.to_owned())));
    let set = file.optional(|here| {
        let (file, read) = desk.material(here)?;
        match KeySet::parse(&read.bytes) {
            Ok(keys) => Some((file, Arc::new(keys))),
            Err(fault) => {
                here.spot.fault(format!("`{}`: {fault}", file.shown));
                None
            }
        }
    });
    if !ca.is_absent() && url.is_absent() {
        ca.key_spot().fault("`ca` vouches for the server of a `url`, and there is none; remove it");
    }
    match (address?, set?) {
        (Some(url), None) => Some(IssuerKeys::Url { url, ca: authorities? }),
        (None, Some((file, keys))) => ca.is_absent().then_some(IssuerKeys::File { path: file.path, keys }),
        (Some(_), Some(_)) => {
            keys.spot.fault("there is both a `url` and a `file`; keep one of them");
            None
        }
        (None, None) => {
            keys.spot.fault("there is neither a `url` nor a `file`; add one of them");
            None
        }
    }
}

/// An issuer is asked at its own name, so that has to be an address.
fn can_be_asked(issuer: Opened<'_, raw::Issuer>, address: Option<&str>) -> bool {
    let Some(Err(cause)) = address.map(name::secure_url) else { return true };
    let spot = issuer.field("issuer", |raw| &raw.issuer).spot();
    spot.fault(format!("{cause}, so the issuer cannot be asked what it says of itself; add `keys: {{ url: https://…/certs }}`"));
    false
}

fn discovery(desk: &Desk<'_>, asked: Opened<'_, raw::Discovery>) -> Option<Discovery> {
    let ca = asked.field("ca", |raw| &raw.ca).optional(|here| desk.authorities(here));
    let origins = asked.field("origins", |raw| &raw.origins).each(|here| {
        here.parse(|text| {
            let url = name::secure_url(text)?;
            let bare = url.path() == "/" && url.query().is_none();
            bare.then_some(url).ok_or_else(|| {
                format!("`{text}` is no origin; leave out what comes behind the host and port")
            })
        })
    });
    Some(Discovery { ca: ca?, origins: origins? })
}

fn claim(field: Field<'_, Part<raw::Claim>>, names: &Names<'_>) -> Option<ClaimMap> {
    field.or(ClaimMap::default(), |here| {
        let map = here.open();
        let claim = map.field("claim", |raw| &raw.claim).required("claim: realm_access.roles", value::text);
        let grants =
            map.field("grants", |raw| &raw.grants).required("grants: { officer: officer }", |table| {
                table.each(|said, _, here| Some((said.to_owned(), names.read(here)?)))
            });
        Some(ClaimMap { claim: claim?, grants: BTreeMap::from_iter(grants?) })
    })
}

fn leeway(here: Here<'_, Scalar>) -> Option<Duration> {
    let leeway = value::duration(here)?;
    if leeway > LONGEST_LEEWAY {
        here.spot.fault("a leeway above `5m` keeps expired tokens alive; correct the clocks instead");
        return None;
    }
    Some(leeway)
}
