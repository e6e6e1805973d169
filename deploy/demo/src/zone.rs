//! The whole police zone but the gate: certificates, issuers, sources, the search application, and a layout to start a gate on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::aggregator::{Aggregator, AggregatorOptions};
use crate::client::Caller;
use crate::issuer::{Issuer, IssuerOptions, Profile};
use crate::layout::{Layout, LayoutOptions, Posture};
use crate::pki::{Leaf, Pki, Signed};
use crate::sources::{Register, Source, SourceOptions, Vouched};
use crate::wire::ServedOver;
use crate::{DemoError, ports};

/// Whether ports are the same every time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// Those a person can remember, unless they are taken: the gate on 8443, its admin listener on 9900.
    Friendly,
    /// Whatever is free.
    Free,
}

impl Ports {
    fn choose(self, wish: u16) -> Result<SocketAddr, DemoError> {
        match self {
            Self::Friendly => ports::friendly(wish),
            Self::Free => ports::free(),
        }
    }
}

/// A zone to be put up.
pub struct ZoneOptions {
    /// Where everything is written; `certs`, `deploy` and `policies` in it are replaced.
    pub directory: PathBuf,
    /// The shipped policies.
    pub policies: PathBuf,
    /// Which ports.
    pub ports: Ports,
}

impl ZoneOptions {
    /// The policies of this repository, free ports, everything below `directory`.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), policies: shipped_policies(), ports: Ports::Free }
    }
}

/// Where this repository keeps its policies.
pub fn shipped_policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies")
}

/// A running zone. [`crate::gate::Gate::start`] on its layout completes it.
pub struct Zone {
    /// Its certificates.
    pub pki: Pki,
    /// Its own issuer: alias `zone`, shaped like Keycloak.
    pub zone: Issuer,
    /// The federal issuer: alias `federal`, RFC 9068.
    pub federal: Issuer,
    /// Plain HTTP below `/app`.
    pub persons: Source,
    /// TLS 1.2 and nothing newer.
    pub vehicles: Source,
    /// TLS with a client certificate; verifies assertions.
    pub firearms: Source,
    /// The search application.
    pub aggregator: Aggregator,
    /// What the gate runs on.
    pub layout: Layout,
}

impl Zone {
    /// Starts everything but the gate and writes the layout.
    ///
    /// # Errors
    /// When a file cannot be written, a port is taken, or the policies cannot be read.
    pub fn start(options: &ZoneOptions) -> Result<Self, DemoError> {
        let pki = Pki::create(&options.directory.join("certs"))?;
        let ports = options.ports;
        let zone = start_issuer(&pki, "zone", Profile::Keycloak, ports.choose(9443)?)?;
        let federal = start_issuer(&pki, "federal", Profile::Generic, ports.choose(9444)?)?;
        let [persons, vehicles, firearms] = source_options(&pki, ports)?.map(Source::start);
        let (persons, vehicles, firearms) = (persons?, vehicles?, firearms?);
        let layout = Layout::write(&LayoutOptions {
            directory: &options.directory,
            policies: &options.policies,
            pki: &pki,
            address: ports.choose(8443)?,
            admin: ports.choose(9900)?,
            console: Some(ports.choose(9445)?),
            issuers: &[&zone, &federal],
            sources: &[&persons, &vehicles, &firearms],
            devices: &Posture::demo(),
        })?;
        let search = pki.issued("search");
        let caller = Caller::new(layout.address(), pki.gate.certificate().der(), search.as_ref())?;
        let hosts = Register::ALL.map(|register| (register.id().to_owned(), Layout::host(register.id())));
        let address = ports.choose(9480)?;
        let aggregator = Aggregator::start(AggregatorOptions { caller, sources: hosts.to_vec(), address })?;
        Ok(Self { pki, zone, federal, persons, vehicles, firearms, aggregator, layout })
    }

    /// A caller with the certificate of that name below `certs/devices`; without one when there is none of that name.
    ///
    /// # Errors
    /// When the certificate is not accepted by the TLS library.
    pub fn caller(&self, device: &str) -> Result<Caller, DemoError> {
        let device = self.pki.issued(device);
        Caller::new(self.layout.address(), self.pki.gate.certificate().der(), device.as_ref())
    }

    /// Somebody at the console, with this certificate or none.
    ///
    /// # Errors
    /// As [`Zone::caller`], or when there is no console.
    pub fn visitor(&self, certificate: Option<&Signed>) -> Result<Caller, DemoError> {
        let address = self.layout.console().ok_or(DemoError::NoConsole)?;
        Caller::new(address, self.pki.gate.certificate().der(), certificate)
    }

    /// Every source.
    pub fn sources(&self) -> [&Source; 3] {
        [&self.persons, &self.vehicles, &self.firearms]
    }
}

fn start_issuer(pki: &Pki, alias: &str, profile: Profile, address: SocketAddr) -> Result<Issuer, DemoError> {
    let over = ServedOver::tls(&pki.internal.issue(&Leaf::server(&["localhost", "127.0.0.1"]))?);
    let options = IssuerOptions::new(alias, &format!("https://localhost:{}", address.port()), profile);
    Issuer::start(IssuerOptions { over, address, ..options })
}

/// One source of each kind of upstream that is found in the field.
fn source_options(pki: &Pki, ports: Ports) -> Result<[SourceOptions; 3], DemoError> {
    let over = |register: Register, mutual: bool| -> Result<ServedOver, DemoError> {
        let certificate =
            Box::new(pki.internal.issue(&Leaf::server(&[&format!("{}.internal", register.id())]))?);
        let clients = mutual.then(|| pki.internal.certificate().der().clone());
        Ok(ServedOver::Tls { certificate, clients, only_tls12: !mutual })
    };
    let persons = SourceOptions::new(Register::Persons);
    let vehicles = SourceOptions::new(Register::Vehicles);
    let firearms = SourceOptions::new(Register::Firearms);
    Ok([
        SourceOptions { prefix: "/app".to_owned(), address: ports.choose(9001)?, ..persons },
        SourceOptions { over: over(Register::Vehicles, false)?, address: ports.choose(9002)?, ..vehicles },
        SourceOptions {
            over: over(Register::Firearms, true)?,
            vouched: Some(Vouched::by(&pki.path("assertion.key"))?),
            address: ports.choose(9003)?,
            ..firearms
        },
    ])
}
