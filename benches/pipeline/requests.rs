//! Requests of officers in cars, each over a connection of its own.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use http::{Request, request::Parts};
use poort_enforce::{
    arrival::{Arrival, Connection, DeviceState},
    exchange::{Exchange, RequestId},
    pipeline::{Admission, Pipeline},
    ports::Ports,
};
use poort_identity::device::{Certificate, NameKind};

use crate::{
    officers::Issuer,
    zone::{DEVICES, device_name, host},
};

/// One request, ready to be decided any number of times.
pub(crate) struct Asked {
    head: Parts,
    target: &'static [u8],
    connection: Connection,
}

impl Asked {
    /// A request for source `number`, by one of `officers` officers.
    pub(crate) fn new(issuer: &Issuer, number: usize, source: usize) -> Self {
        let target = "/vehicles/1-ABC-123/owners?name=peeters&page=2";
        let (head, ()) = Request::get(target)
            .header("host", host(source))
            .header("authorization", format!("Bearer {}", issuer.token(number)))
            .header("accept", "application/json")
            .header("accept-language", "nl-BE,nl;q=0.9,fr;q=0.8")
            .header("accept-encoding", "gzip, br")
            .header("user-agent", "zone-tablet/4.2 (Android 15)")
            .body(())
            .unwrap()
            .into_parts();
        let certificate = Certificate {
            name: device_name(number % DEVICES),
            kind: NameKind::Spiffe,
            serial: "4f2a9c".to_owned(),
            sha256: [7; 32],
            issuer: "CN=Devices,O=Zone".to_owned(),
            not_before: SystemTime::UNIX_EPOCH,
            not_after: SystemTime::now() + Duration::from_secs(86_400),
        };
        let connection = Connection {
            id: number as u64,
            address: [10, 1, 2, 3].into(),
            tls: "1.3",
            sni: Some(host(source).into()),
            device: DeviceState::Accepted(Arc::new(certificate)),
        };
        Self { head, target: target.as_bytes(), connection }
    }

    /// Opens an exchange and decides it.
    pub(crate) fn decide<P: Ports>(&self, pipeline: &Pipeline<P>) -> (Exchange, Admission) {
        let mut exchange = Exchange::open(RequestId([7; 16]), SystemTime::now(), self.connection.clone());
        let mut arrival = Arrival { head: &self.head, target: self.target, fault: None };
        let admission = ready(pipeline.admit(&mut arrival, &mut exchange));
        (exchange, admission)
    }
}

/// Nothing here waits: the one thing that may is a fetch of keys, and they are all there.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a decision waited"),
    }
}
