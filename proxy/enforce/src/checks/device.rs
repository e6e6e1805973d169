//! `device`: the client certificate, judged once per connection, and the device's posture.

use std::ops::ControlFlow::Continue;

use poort_policy::DeviceFacts;

use crate::{
    arrival::DeviceState,
    exchange::Exchange,
    pipeline::{Flow, Pipeline, refuse},
    ports::Ports,
    reason::Reason,
    source::Demand,
};

pub(crate) fn check<P: Ports>(pipeline: &Pipeline<P>, exchange: &mut Exchange) -> Flow {
    let demand = match (exchange.source(), exchange.own) {
        (Some(source), _) => source.device,
        // A session is bound to a device: without one there is nothing to begin or end.
        (None, Some(_)) => Demand::Required,
        (None, None) => return refuse(Reason::Internal),
    };
    match &exchange.connection.device {
        DeviceState::Rejected(rejected) => refuse(Reason::Device(rejected.fault)),
        DeviceState::Absent if demand == Demand::Required => refuse(Reason::DeviceMissing),
        DeviceState::Absent => Continue(()),
        DeviceState::Accepted(certificate) => {
            if pipeline.ports.is_blocked(&certificate.name, exchange.received) {
                return refuse(Reason::DeviceBlocked);
            }
            let posture = pipeline.rules.inventory.get(&certificate.name).cloned();
            // A device that nobody inventoried is unmanaged, which is for the policies to judge.
            exchange.device = Some(posture.unwrap_or_else(|| unmanaged(&certificate.name)));
            Continue(())
        }
    }
}

fn unmanaged(name: &str) -> DeviceFacts {
    DeviceFacts { id: name.to_owned(), fleet: None, unit: None, managed: false, compliant: false }
}
