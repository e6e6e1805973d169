//! The operators' file.

use std::{
    net::SocketAddr,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use poort_enforce::{data_subject::PseudonymKey, source::Demand};
use poort_identity::Trust;

use crate::{
    audit::tlog::Keys,
    config::{
        checked::{
            Identity, TlsVersion,
            deploy::{Assertion, Audit, AuditLog, Carrier, Connections, Deploy, Listener},
            zone::Rate,
        },
        quantity,
        raw::{Part, Scalar, deploy as raw},
    },
};

use super::{
    cursor::{Field, Here, Opened},
    desk::{Desk, path},
    devices::{self, Believed, Trusted},
    directory::writable,
    distinct::{distinct, distinct_by},
    material::Owner,
    name,
    report::File,
    sign_in,
    value::{self, many, plenty},
};

/// Held back for a full disk where the file does not say: some 20,000 records.
const RESERVE_BYTES: u64 = 64 << 20;

/// What came of the operators' file. Its parts are wanted even if others are wrong.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) deploy: Option<Deploy>,
    /// The directory of the policies, which exists.
    pub(super) policies: Option<File>,
    /// Whether assertions can be made; none if that part is wrong.
    pub(super) asserts: Option<bool>,
    /// The key for what stands for data subjects, if there is one; none if that part is wrong.
    pub(super) pseudonyms: Option<Option<PseudonymKey>>,
}

pub(super) fn check(desk: &Desk<'_>, whole: Field<'_, Part<raw::Deploy>>) -> Outcome {
    let Some(deploy) = whole.required("listeners:", |here| Some(here.open())) else {
        return Outcome::default();
    };
    let faces = faces(desk, deploy);
    let policies = deploy.field("policies", |raw| &raw.policies).required("policies: ../policies", |here| {
        let directory = path(here)?;
        let missing = desk.tree.names(&directory.path, &directory.shown).err();
        missing.iter().for_each(|fault| here.spot.fault(fault.to_string()));
        missing.is_none().then_some(directory)
    });
    let stores = stores(desk, deploy);
    let state = deploy.field("state", |raw| &raw.state);
    let shared = state.optional(|here| {
        let state = here.open();
        let redis = state.field("redis", |raw| &raw.redis);
        let redis = redis.optional(|here| super::redis::check(desk, here.open()));
        let seal = state.field("keys", |raw| &raw.keys).optional(|here| sign_in::seal(desk, here));
        Some((redis?, seal?))
    });
    let shared = shared.map(Option::unwrap_or_default);
    let assertion =
        deploy.field("assertion", |raw| &raw.assertion).optional(|here| assertion(desk, here.open()));
    let asserts = assertion.as_ref().map(Option::is_some);
    let pseudonyms = stores.as_ref().map(|(_, audit)| audit.pseudonyms.as_ref()?.first().cloned());
    let connections = deploy.field("connections", |raw| &raw.connections);
    let connections = connections.or(usual(), |here| self::connections(here.open()));
    let workers = deploy.field("workers", |raw| &raw.workers).optional(value::capacity);
    let drain = deploy.field("drain", |raw| &raw.drain).or(Duration::from_secs(30), value::some_time);
    let watch = deploy.field("watch", |raw| &raw.watch).or(false, value::switch);
    let directory = policies.as_ref().map(|policies| policies.path.clone());
    let build = || {
        let ((listeners, admin, service, console), (state, audit)) = (faces?, stores?);
        let (console, visitors) = console.unzip();
        let (redis, seal) = shared?;
        Some(Deploy {
            listeners,
            admin,
            service,
            console,
            visitors,
            policies: directory?,
            state,
            seal,
            redis,
            audit,
            assertion: assertion?,
            connections: connections?,
            workers: workers?,
            drain: drain?,
            watch: watch?,
        })
    };
    Outcome { deploy: build(), policies, asserts, pseudonyms }
}

/// Where the gate can be reached.
fn faces(desk: &Desk<'_>, deploy: Opened<'_, raw::Deploy>) -> Option<Faces> {
    let example = "listeners: [{ address: 0.0.0.0:8443, certificates: […] }]";
    let listeners = deploy.field("listeners", |raw| &raw.listeners);
    let listeners = listeners.some(example, |here| listener(desk, here.open()));
    let usual = SocketAddr::from(([127, 0, 0, 1], 9900));
    let admin = deploy.field("admin", |raw| &raw.admin);
    let address = admin.or(usual, |here| {
        here.open().field("address", |raw| &raw.address).or(usual, |here| {
            let address = value::socket(here)?;
            if !address.ip().is_loopback() {
                here.spot.warn(format!("`{address}` is reached from elsewhere, and admin answers without credentials; use `127.0.0.1`"));
            }
            Some(address)
        })
    });
    let console = deploy.field("console", |raw| &raw.console).optional(|here| console(desk, here.open()));
    let service = deploy.field("service", |raw| &raw.service).optional(|here| service(desk, here.open()));
    let (listeners, address, service, console) = (listeners?, address?, service?, console?);
    let mut sound = true;
    let all = || listeners.iter().chain(&service).chain(console.as_ref().map(|(listener, _)| listener));
    for (index, listener) in all().enumerate() {
        let earlier = all().take(index).map(|other| other.address);
        if let Some(other) = earlier.chain([address]).find(|other| collide(*other, listener.address)) {
            let message =
                format!("`{}` collides with `{other}`; choose another address or port", listener.address);
            desk.report.fault(listener.place.clone(), message);
            sound = false;
        }
    }
    sound.then_some((listeners, address, service, console))
}

/// The listeners, the admin address, where machines ask, and where people look at the gate.
type Faces = (Vec<Listener>, SocketAddr, Option<Listener>, Option<(Listener, Trust)>);

/// Whether two sockets cannot be bound side by side. Port 0 is a different one each time.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (one.ip() == other.ip() || everywhere)
}

fn listener(desk: &Desk<'_>, listener: Opened<'_, raw::Listener>) -> Option<Listener> {
    let address = listener.field("address", |raw| &raw.address);
    let place = address.spot().place();
    let address = address.required("address: 0.0.0.0:8443", value::socket);
    let example = "certificates: [{ chain: certs/gate.crt, key: certs/gate.key }]";
    let certificates = listener.field("certificates", |raw| &raw.certificates);
    let certificates = certificates.some(example, |here| certificate(desk, here.open()));
    let client = listener.field("client_certificate", |raw| &raw.client_certificate);
    let client_certificate = client.or(Demand::Required, value::demand);
    let tls = listener.field("tls", |raw| &raw.tls).or(TlsVersion::V13, value::tls_version);
    let balancers = distinct(listener.field("balancers", |raw| &raw.balancers).items(|here| {
        let network = value::network(here)?;
        Some((network, here.spot))
    }));
    Some(Listener {
        place,
        address: address?,
        certificates: certificates?,
        client_certificate: client_certificate?,
        tls: tls?,
        balancers: balancers?,
    })
}

/// Where machines ask that have no device certificate.
fn service(desk: &Desk<'_>, service: Opened<'_, raw::Service>) -> Option<Listener> {
    let address = service.field("address", |raw| &raw.address);
    let place = address.spot().place();
    let address = address.required("address: 0.0.0.0:8444", value::socket);
    let certificates = service.field("certificates", |raw| &raw.certificates);
    let example = "certificates: [{ chain: certs/service.crt, key: certs/service.key }]";
    let certificates = certificates.some(example, |here| certificate(desk, here.open()));
    let tls = service.field("tls", |raw| &raw.tls).or(TlsVersion::V13, value::tls_version);
    let (client_certificate, balancers) = (Demand::Optional, Vec::new());
    Some(Listener {
        place,
        address: address?,
        certificates: certificates?,
        client_certificate,
        tls: tls?,
        balancers,
    })
}

/// Where people look at the gate. The listener is as strict as it can be: its clients are browsers of today.
fn console(desk: &Desk<'_>, console: Opened<'_, raw::Console>) -> Option<(Listener, Trust)> {
    let address = console.field("address", |raw| &raw.address);
    let place = address.spot().place();
    let address = address.required("address: 127.0.0.1:9443", value::socket);
    let certificates = console.field("certificates", |raw| &raw.certificates);
    let example = "certificates: [{ chain: certs/console.crt, key: certs/console.key }]";
    let certificates = certificates.some(example, |here| certificate(desk, here.open()));
    let believed = Believed {
        whom: "visitor",
        anchors: console.field("anchors", |raw| &raw.anchors),
        crls: console.field("crls", |raw| &raw.crls),
        revocation: console.field("revocation", |raw| &raw.revocation),
    };
    let Trusted { anchors, revocations, rule } = devices::check(desk, believed)?;
    let listener = Listener {
        place,
        address: address?,
        certificates: certificates?,
        client_certificate: Demand::Required,
        tls: TlsVersion::V13,
        balancers: Vec::new(),
    };
    Some((listener, Trust::new(anchors, revocations, rule)))
}

fn certificate(desk: &Desk<'_>, pair: Opened<'_, raw::ServerCertificate>) -> Option<Identity> {
    let chain = pair.field("chain", |raw| &raw.chain);
    let key = pair.field("key", |raw| &raw.key);
    desk.identity((chain, "chain: certs/gate.crt"), (key, "key: certs/gate.key"), Owner::Server)
}

/// Where the gate keeps things.
fn stores(desk: &Desk<'_>, deploy: Opened<'_, raw::Deploy>) -> Option<(PathBuf, Audit)> {
    let state = deploy.field("state", |raw| &raw.state);
    let directory = state.required("state: { directory: ./state }", |here| {
        here.open().field("directory", |raw| &raw.directory).required("directory: ./state", writable)
    });
    let audit = deploy.field("audit", |raw| &raw.audit).required("audit: { directory: ./audit }", |here| {
        let audit = here.open();
        let directory =
            audit.field("directory", |raw| &raw.directory).required("directory: ./audit", writable);
        let durable = audit.field("durable", |raw| &raw.durable).or(true, durable);
        let log = audit.field("log", |raw| &raw.log).optional(|here| log(desk, here.open()));
        let keys = audit.field("pseudonyms", |raw| &raw.pseudonyms).optional(|here| pseudonyms(desk, here));
        let spill = audit.field("spill", |raw| &raw.spill).optional(mounted);
        let reserve =
            audit.field("reserve", |raw| &raw.reserve).or(RESERVE_BYTES, |here| here.parse(quantity::size));
        let spill = spill.filter(|spill| apart(audit, spill.as_deref(), directory.as_deref()));
        Some(Audit {
            directory: directory?,
            durable: durable?,
            log: log?,
            spill: spill?,
            reserve: reserve?,
            pseudonyms: keys?,
        })
    });
    let (directory, audit) = (directory?, audit?);
    if directory == audit.directory {
        state.spot().fault("state and audit share a directory; give each its own");
        return None;
    }
    Some((directory, audit))
}

/// A directory that is there: one on a disk that is not mounted would be made on this one.
fn mounted(here: Here<'_, Scalar>) -> Option<PathBuf> {
    let directory = writable(here)?;
    if !directory.is_dir() {
        here.spot.fault(format!("`{}` does not exist; mount it, or make it", directory.display()));
        return None;
    }
    Some(directory)
}

/// Whether the second directory is another; one on the same disk is full when the first is.
fn apart(audit: Opened<'_, raw::Audit>, spill: Option<&Path>, directory: Option<&Path>) -> bool {
    let (Some(spill), Some(directory)) = (spill, directory) else { return true };
    let spot = audit.field("spill", |raw| &raw.spill).spot();
    if spill == directory {
        spot.fault("this is the audit directory itself; name one on another disk");
        return false;
    }
    let device = |path: &Path| path.metadata().map(|metadata| metadata.dev()).ok();
    if device(directory).is_some_and(|first| device(spill) == Some(first)) {
        spot.warn(
            "this is on the disk of the audit directory, and full when that is; name one on another disk",
        );
    }
    true
}

/// What stands for data subjects in the record.
fn pseudonyms(desk: &Desk<'_>, here: Here<'_, Scalar>) -> Option<Vec<PseudonymKey>> {
    let keys = PseudonymKey::from_lines(&desk.secret(here)?);
    keys.map_err(|fault| here.spot.fault(format!("this file is not fit for pseudonyms: {fault}"))).ok()
}

/// What proves that the record was not changed.
fn log(desk: &Desk<'_>, log: Opened<'_, raw::AuditLog>) -> Option<AuditLog> {
    let keys = log.field("key", |raw| &raw.key).required("key: certs/audit.key", |here| {
        let keys = Keys::parse(&desk.secret(here)?).and_then(|keys| {
            keys.signer()?;
            Ok(keys)
        });
        keys.map_err(|fault| here.spot.fault(format!("this file is not fit to sign the log: {fault}"))).ok()
    });
    let anchor = log.field("anchor", |raw| &raw.anchor).optional(mounted);
    Some(AuditLog { keys: Arc::new(keys?), anchor: anchor? })
}

/// Whether decisions are on disk before an answer leaves: art. 25 asks who saw what, power cut or not.
fn durable(here: Here<'_, Scalar>) -> Option<bool> {
    let durable = value::switch(here)?;
    if !durable {
        here.spot.warn("a power cut then loses decisions whose answers are out already; write `true`");
    }
    Some(durable)
}

fn assertion(desk: &Desk<'_>, assertion: Opened<'_, raw::Assertion>) -> Option<Assertion> {
    let key = assertion.field("key", |raw| &raw.key);
    let place = key.spot().place();
    let key = key.required("key: certs/assertion.key", |here| desk.private_key(here));
    let issuer = assertion.field("issuer", |raw| &raw.issuer);
    let issuer = issuer.required("issuer: https://gate.example", |here| {
        here.parse(|text| name::secure_url(text).map(|_| text.to_owned()))
    });
    Some(Assertion { place, key: key?, issuer: issuer? })
}

/// What holds where the file says nothing.
fn usual() -> Connections {
    Connections {
        total: plenty(20_000),
        per_prefix: plenty(2_000),
        handshakes_per_prefix: Rate { count: many(200), per: Duration::from_secs(1) },
        head: Duration::from_secs(10),
        body: Duration::from_secs(30),
        keep_alive: Duration::from_secs(60),
        prefix_v4: 32,
        prefix_v6: 64,
        carriers: Vec::new(),
    }
}

fn connections(connections: Opened<'_, raw::Connections>) -> Option<Connections> {
    let usual = usual();
    let total = connections.field("total", |raw| &raw.total).or(usual.total, value::capacity);
    let per_prefix = connections.field("per_prefix", |raw| &raw.per_prefix);
    let per_prefix = per_prefix.or(usual.per_prefix, value::capacity);
    let handshakes = connections.field("handshakes_per_prefix", |raw| &raw.handshakes_per_prefix);
    let handshakes_per_prefix = handshakes.or(usual.handshakes_per_prefix, value::rate);
    let head = connections.field("head", |raw| &raw.head).or(usual.head, value::some_time);
    let body = connections.field("body", |raw| &raw.body).or(usual.body, value::some_time);
    let keep_alive = connections.field("keep_alive", |raw| &raw.keep_alive);
    let keep_alive = keep_alive.or(usual.keep_alive, value::some_time);
    let v4 = connections.field("prefix_v4", |raw| &raw.prefix_v4);
    let prefix_v4 = v4.or(usual.prefix_v4, |here| value::bits(here, 8..=32));
    let v6 = connections.field("prefix_v6", |raw| &raw.prefix_v6);
    let prefix_v6 = v6.or(usual.prefix_v6, |here| value::bits(here, 32..=128));
    let carriers = connections.field("carriers", |raw| &raw.carriers);
    let carriers = carriers.items(|here| Some((carrier(here.open(), (prefix_v4, prefix_v6))?, here.spot)));
    Some(Connections {
        total: total?,
        per_prefix: per_prefix?,
        handshakes_per_prefix: handshakes_per_prefix?,
        head: head?,
        body: body?,
        keep_alive: keep_alive?,
        prefix_v4: prefix_v4?,
        prefix_v6: prefix_v6?,
        carriers: distinct_by(carriers, |carrier| Some(carrier.network))?,
    })
}

/// How long prefixes that share a budget are, of IPv4 and of IPv6.
type Shared = (Option<u8>, Option<u8>);

fn carrier(carrier: Opened<'_, raw::Carrier>, shared: Shared) -> Option<Carrier> {
    let network = carrier.field("network", |raw| &raw.network);
    let network = network.required("network: 100.64.0.0/10", |here| of_whole_prefixes(here, shared));
    let connections =
        carrier.field("connections", |raw| &raw.connections).required("connections: 10000", value::capacity);
    let handshakes =
        carrier.field("handshakes", |raw| &raw.handshakes).required("handshakes: 2000/10s", value::rate);
    Some(Carrier { network: network?, connections: connections?, handshakes: handshakes? })
}

/// A network of whole prefixes. In any other whoever comes first of a prefix would have all of it counted by their own budget.
fn of_whole_prefixes(here: Here<'_, Scalar>, (v4, v6): Shared) -> Option<IpNet> {
    let network = value::network(here)?;
    let (key, shared) = if network.addr().is_ipv4() { ("prefix_v4", v4) } else { ("prefix_v6", v6) };
    let length = network.prefix_len();
    if shared.is_none_or(|shared| length <= shared) {
        return Some(network);
    }
    here.spot.fault(format!(
        "`{network}` is only a part of the addresses that share a budget; name all of them, or write `{key}: {length}`"
    ));
    None
}

/// The state directory alone, from a file of which anything else may be wrong.
pub(super) fn state(whole: Field<'_, Part<raw::Deploy>>) -> Option<PathBuf> {
    let state = whole.optional(|here| Some(here.open()))??.field("state", |raw| &raw.state);
    let state = state.optional(|here| Some(here.open()))??;
    let directory = state.field("directory", |raw| &raw.directory).optional(path)??;
    Some(directory.path)
}

/// The directory of the policies alone, likewise.
pub(super) fn policies(whole: Field<'_, Part<raw::Deploy>>) -> Option<PathBuf> {
    let deploy = whole.optional(|here| Some(here.open()))??;
    let directory = deploy.field("policies", |raw| &raw.policies).optional(path)??;
    Some(directory.path)
}
