//! `device`: the certificate and the posture.

use poort_enforce::{arrival::DeviceState, reason::Reason};

use crate::fixture::{Ask, CAR, Zone, accepted, expect};

#[test]
fn a_certificate_is_demanded_where_the_source_says_so() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    let ask = |host: &str| Ask::get(host, "/status").token(&token).device(DeviceState::Absent);
    expect(
        &zone,
        vec![
            ("required", ask("persons.example"), Some(Reason::DeviceMissing)),
            ("optional", ask("portal.example"), None),
            ("shown where optional", ask("portal.example").device(accepted(CAR)), None),
        ],
    );
}

#[test]
fn a_known_device_has_its_posture() {
    let zone = Zone::new();
    let answered = Ask::get("persons.example", "/status").token(&zone.issuer.officer()).put(&zone);
    let device = answered.exchange.device.as_ref().unwrap();
    assert_eq!((&*device.id, device.fleet.as_deref(), device.managed), (CAR, Some("cars"), true));
}

#[test]
fn a_device_that_nobody_inventoried_is_unmanaged_and_for_the_policies_to_judge() {
    let zone = Zone::new();
    let stranger = accepted("spiffe://zone.example/device/unheard-of");
    let answered =
        Ask::get("persons.example", "/status").token(&zone.issuer.officer()).device(stranger).put(&zone);
    let device = answered.exchange.device.as_ref().unwrap();
    assert!(!device.managed && !device.compliant && device.fleet.is_none());
    assert_eq!(answered.reason(), Some(&Reason::Policy));
}
