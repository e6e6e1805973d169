//! The inventory: what is known of each device.

use crate::config::{
    checked::zone::InventoryDevice,
    raw::{Part, Scalar, inventory as raw},
};

use super::{
    cursor::{Field, Here, Opened},
    distinct::distinct_by,
    entities::Vocabulary,
    name, value,
};

pub(super) fn check(
    vocabulary: &Vocabulary<'_>,
    whole: Field<'_, Part<raw::Inventory>>,
) -> Option<Vec<InventoryDevice>> {
    let inventory = whole.required("devices:", |here| Some(here.open()))?;
    let devices = inventory.field("devices", |raw| &raw.devices);
    let read = devices.required("devices: []", |_| {
        devices.items(|here| {
            let device = here.open();
            let name = device.field("name", |raw| &raw.name);
            let (read, device) = self::device(vocabulary, device, name);
            Some(((read, device), name.spot()))
        })
    });
    let read = distinct_by(read, |(name, _)| name.clone())?;
    let read: Vec<_> = read.into_iter().map(|(_, device)| device).collect::<Option<_>>()?;
    if read.is_empty() {
        devices.spot().warn("no device is in the inventory, so none is managed; add those of the zone");
    }
    Some(read)
}

/// Its name, and the device if nothing of it is wrong.
fn device(
    vocabulary: &Vocabulary<'_>,
    device: Opened<'_, raw::Device>,
    name: Field<'_, Scalar>,
) -> (Option<String>, Option<InventoryDevice>) {
    let name = name.required("name: spiffe://zone.example/device/car-12", certified_name);
    let managed = device.field("managed", |raw| &raw.managed).required("managed: true", value::switch);
    let compliant =
        device.field("compliant", |raw| &raw.compliant).required("compliant: true", value::switch);
    let fleet = device.field("fleet", |raw| &raw.fleet).optional(|here| vocabulary.fleets.read(here));
    let unit = device.field("unit", |raw| &raw.unit).optional(|here| vocabulary.units.read(here));
    let known = name.clone();
    let build = || {
        Some(InventoryDevice {
            name: name?,
            managed: managed?,
            compliant: compliant?,
            fleet: fleet?,
            unit: unit?,
        })
    };
    (known, build())
}

/// A name as certificates carry it: a SPIFFE id or another URI, or a lower-case DNS name.
pub(super) fn certified_name(here: Here<'_, Scalar>) -> Option<String> {
    let text = value::text(here)?;
    match certified_name_objection(&text) {
        Some(objection) => {
            here.spot.fault(objection);
            None
        }
        None => Some(text),
    }
}

/// Why a text is no name as certificates carry it.
pub(in crate::config) fn certified_name_objection(text: &str) -> Option<String> {
    match text.split_once("://") {
        Some((scheme, rest)) => uri_objection(text, scheme, rest),
        None if text.starts_with("urn:") => None,
        None => name::dns_name(text).err(),
    }
}

/// SPIFFE-ID, 2: a trust domain in lower case, then a path whose segments are neither empty nor dots.
fn uri_objection(text: &str, scheme: &str, rest: &str) -> Option<String> {
    let (domain, path) = rest.split_once('/').unwrap_or((rest, ""));
    let domain_is_sound = !domain.is_empty()
        && domain
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_'));
    let path_is_sound = path
        .split('/')
        .all(|segment| !matches!(segment, "" | "." | "..") && segment.bytes().all(|b| b.is_ascii_graphic()));
    let is_sound = match scheme {
        "spiffe" => domain_is_sound && path_is_sound && !path.contains(['?', '#', '%']),
        _ => !scheme.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()),
    };
    (!is_sound).then(|| format!("`{text}` is no name of a certificate; write it as in subjectAltName, such as `spiffe://zone.example/device/car-12`"))
}
