//! The demo's zone with forty sources; the gate and the bare proxies in front of one that answers at once.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use poort_demo::{
    client::Caller,
    gate::Gate,
    issuer::Token,
    layout::Layout,
    zone::{Zone, ZoneOptions},
};
use serde_yaml::Value;

use crate::{answers, bare::Bare};

/// Threads of either server.
pub(crate) const WORKERS: usize = 2;
/// Sources of the gate.
pub(crate) const SOURCES: usize = 40;
/// The one that is asked.
pub(crate) const HOST: &str = "persons.localhost";

/// Everything that is measured, running.
pub(crate) struct Ground {
    /// An officer in a car.
    pub(crate) caller: Caller,
    /// The officer's token.
    pub(crate) token: String,
    pub(crate) gate: Gate,
    pub(crate) bare: Bare,
    /// A bare proxy that does nothing more than to write to the disk before each answer.
    pub(crate) bare_to_disk: Bare,
    /// The gate's state directory.
    pub(crate) state: PathBuf,
    _zone: Zone,
}

impl Ground {
    pub(crate) async fn start(directory: &Path) -> Self {
        let zone = Zone::start(&ZoneOptions::new(directory)).unwrap();
        let source = answers::start().await;
        write_sources(&zone.layout, source);
        let token =
            zone.zone.mint(&Token::officer("an.janssens").lifetime(Duration::from_secs(3600))).unwrap();
        let caller = zone.caller("car-12").unwrap();
        let bare = Bare::start(&zone, source, None).await;
        let bare_to_disk = Bare::start(&zone, source, Some(&directory.join("bare-record"))).await;
        let mut gate = Gate::spawn(&std::env::current_exe().unwrap(), &zone.layout).unwrap();
        gate.wait_until_ready().await.unwrap();
        let state = zone.layout.path("deploy/state");
        Self { caller, token, gate, bare, bare_to_disk, state, _zone: zone }
    }
}

/// Forty sources like the shipped one, with limits that are counted and never reached.
fn write_sources(layout: &Layout, source: SocketAddr) {
    let endless: Value = serde_yaml::from_str("{ rate: 1000000/1s, burst: 1000000 }").unwrap();
    layout
        .edit("policies/poort.yaml", |zone| {
            for budget in ["address", "device", "user", "source"] {
                zone["limits"][budget] = endless.clone();
            }
            // A bench of its own measures inspection; here it would hide the rest.
            zone["waf"]["mode"] = "off".into();
        })
        .unwrap();
    layout
        .edit("policies/sources/persons.yaml", |persons| {
            persons["upstream"] = serde_yaml::from_str(&format!("{{ addresses: [\"{source}\"] }}")).unwrap();
            persons["limits"]["user"] = endless.clone();
        })
        .unwrap();
    let persons: Value =
        serde_yaml::from_str(&layout.read_file("policies/sources/persons.yaml").unwrap()).unwrap();
    let shipped = 3;
    for number in shipped..SOURCES {
        let mut other = persons.clone();
        other["title"] = format!("Register {number}").into();
        other["hosts"] = vec![format!("register-{number}.localhost")].into();
        let text = serde_yaml::to_string(&other).unwrap();
        layout.write_file(&format!("policies/sources/register-{number}.yaml"), &text).unwrap();
    }
}
