//! `flood`: the first budget, by device or by address, and the number in flight.

use http::Method;
use poort_enforce::{
    arrival::DeviceState,
    normal::TargetFault,
    pipeline::Admission,
    reason::{Budget, ProtocolFault, Reason},
};
use poort_identity::device::DeviceFault;

use crate::fixture::{Ask, CAR, Zone, accepted, expect, rejected};

const PREFIX: &str = "prefix of 192.0.2.7";

#[test]
fn a_verified_device_has_a_bucket_of_its_own() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    for (name, device, budget, holder) in [
        ("accepted", None, Budget::Device, CAR),
        ("absent", Some(DeviceState::Absent), Budget::Address, PREFIX),
        ("rejected", Some(rejected(DeviceFault::Expired)), Budget::Address, PREFIX),
    ] {
        zone.ports.forget();
        let ask = Ask::get("portal.example", "/").token(&token);
        let ask = device.map_or(ask.clone(), |device| ask.device(device));
        ask.put(&zone);
        assert_eq!(zone.ports.taken(budget).first(), Some(&(holder.to_owned(), 1)), "{name}");
        let other = if budget == Budget::Device { Budget::Address } else { Budget::Device };
        assert!(zone.ports.taken(other).is_empty(), "{name}");
    }
}

#[test]
fn an_empty_bucket_refuses_and_says_for_how_long() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    zone.ports.leave(Budget::Device, CAR, "", 1);
    let ask = Ask::get("persons.example", "/status").token(&token);
    let stranger = Ask::get("portal.example", "/").token(&token).device(DeviceState::Absent);
    zone.ports.leave(Budget::Address, PREFIX, "", 0);
    expect(
        &zone,
        vec![
            ("the last one", ask.clone(), None),
            ("one more", ask.clone(), Some(Reason::Limit(Budget::Device))),
            ("a stranger", stranger, Some(Reason::Limit(Budget::Address))),
        ],
    );
    let Admission::Refusal(refusal) = ask.put(&zone).admission else { panic!("admitted") };
    assert_eq!(refusal.retry_after, Some(std::time::Duration::from_millis(1_500)));
}

#[test]
fn a_head_with_two_readings_is_paid_for_and_refused_no_more_often_than_any_other() {
    let zone = Zone::new();
    let ask = |device: DeviceState| Ask::get("persons.example", "/a/%2e%2e/b").device(device);
    let revoked = || rejected(DeviceFault::Revoked);
    let two_readings = Reason::Protocol(ProtocolFault::Target(TargetFault::DotSegment));
    for (name, device, budget, holder) in [
        ("a device", accepted(CAR), Budget::Device, CAR),
        ("a stranger", DeviceState::Absent, Budget::Address, PREFIX),
        ("a revoked device", revoked(), Budget::Address, PREFIX),
    ] {
        zone.ports.forget();
        zone.ports.leave(budget, holder, "", 5);
        assert_eq!(ask(device.clone()).put(&zone).reason(), Some(&two_readings), "{name}");
        let five = [(holder.to_owned(), 1), (holder.to_owned(), 4)];
        assert_eq!(zone.ports.taken(budget), five, "{name}: its own, and four for its failure");
        assert_eq!(ask(device).put(&zone).reason(), Some(&Reason::Limit(budget)), "{name}: nothing is left");
    }
}

#[test]
fn so_many_are_in_flight_and_places_are_given_back() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    let ask = Ask::get("persons.example", "/status").token(&token);
    zone.in_flight.resize(2);
    let (first, second) = (ask.put(&zone), ask.put(&zone));
    assert!(first.permit().is_some() && second.permit().is_some());
    assert_eq!(ask.put(&zone).reason(), Some(&Reason::Limit(Budget::Concurrency)));
    drop(first);
    assert!(ask.put(&zone).permit().is_some());
    drop(second);
    assert_eq!((zone.in_flight.current(), zone.source("persons").in_flight.current()), (0, 0));
}

#[test]
fn a_refused_request_gives_its_places_back_too() {
    let zone = Zone::new();
    let refused =
        Ask::get("persons.example", "/persons").method(Method::POST).token(&zone.issuer.officer()).put(&zone);
    assert_eq!(refused.reason(), Some(&Reason::Policy));
    assert_eq!((zone.in_flight.current(), zone.source("persons").in_flight.current()), (1, 1));
    drop(refused);
    assert_eq!((zone.in_flight.current(), zone.source("persons").in_flight.current()), (0, 0));
}
