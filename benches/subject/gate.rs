//! The gate's decision on the real world, as a reload builds it, without the network in front.

use std::{
    fs,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{Request, request::Parts};
use poort::{
    carry_over::{CarryOver, Persisted},
    config, listen,
    metrics::Metrics,
    signin::Store,
    snapshot::{self, Built, Snapshot},
};
use poort_demo::zone::Zone;
use poort_enforce::{
    arrival::{Arrival, Connection, DeviceState},
    exchange::{Exchange, RequestId},
    pipeline::{Admission, Check},
};
use poort_identity::{
    device::{Certificate, NameKind},
    session::Seal,
};
use prometheus::Registry;

/// The host that is asked.
pub(crate) const HOST: &str = "persons.localhost";
const TARGET: &str = "/persons/85073100190";

/// One generation of a gate's configuration, and a car in front of it.
pub(crate) struct Gate {
    snapshot: Snapshot,
    carry: CarryOver,
    seal: Arc<Seal>,
    connection: Connection,
}

impl Gate {
    /// From the zone's files.
    pub(crate) fn load(zone: &Zone) -> Self {
        listen::install_provider().unwrap();
        let checked = config::load(&zone.layout.path("deploy/poort.yaml")).unwrap();
        let seal = Arc::clone(&checked.zone.sign_in.as_ref().unwrap().seal);
        let metrics = Arc::new(Metrics::register(&Registry::new()).unwrap());
        fs::create_dir_all(&checked.deploy.state).unwrap();
        let persisted = Persisted::open(&checked.deploy, Some(&seal)).unwrap();
        let carry = CarryOver::new(metrics, persisted, checked.zone.limits.keys.get());
        let digest = snapshot::digest(&checked);
        let snapshot = Snapshot::build(Built::of(&checked, &digest), &carry, 1).unwrap();
        snapshot.bind();
        let certificate = Certificate {
            name: snapshot
                .pipeline
                .rules
                .inventory
                .keys()
                .find(|name| name.contains("car-12"))
                .unwrap()
                .clone(),
            kind: NameKind::Spiffe,
            serial: "4f2a9c".to_owned(),
            sha256: [7; 32],
            issuer: "CN=Devices,O=Zone".to_owned(),
            not_before: SystemTime::UNIX_EPOCH,
            not_after: SystemTime::now() + Duration::from_secs(86_400),
        };
        let connection = Connection {
            id: 1,
            address: [10, 1, 2, 3].into(),
            tls: "1.3",
            sni: Some(HOST.into()),
            device: DeviceState::Accepted(Arc::new(certificate)),
        };
        Self { snapshot, carry, seal, connection }
    }

    pub(crate) fn sessions(&self) -> &Store {
        &self.carry.sessions
    }

    pub(crate) fn seal(&self) -> &Seal {
        &self.seal
    }

    /// The name in the car's certificate.
    pub(crate) fn device(&self) -> &str {
        &self.connection.device.accepted().unwrap().name
    }

    /// Microseconds that the check of who asks takes, for a request with this header.
    pub(crate) async fn subject_took(&self, (name, value): &(&'static str, String)) -> f64 {
        let (head, ()) = request(name, value);
        let mut exchange = Exchange::open(RequestId([7; 16]), SystemTime::now(), self.connection.clone());
        let mut arrival = Arrival { head: &head, target: TARGET.as_bytes(), fault: None };
        let admission = self.snapshot.pipeline.admit(&mut arrival, &mut exchange).await;
        let step = exchange.steps.iter().find(|step| step.check == Check::Subject && step.passed);
        let refused = match &admission {
            Admission::Refusal(refusal) => Some(&refusal.reason),
            _ => None,
        };
        step.unwrap_or_else(|| panic!("nobody: {refused:?}")).took.as_secs_f64() * 1e6
    }
}

fn request(name: &str, value: &str) -> (Parts, ()) {
    Request::get(TARGET)
        .header("host", HOST)
        .header("accept", "application/json")
        .header("accept-language", "nl-BE,nl;q=0.9,fr;q=0.8")
        .header("user-agent", "zone-tablet/4.2 (Android 15)")
        .header(name, value)
        .body(())
        .unwrap()
        .into_parts()
}
