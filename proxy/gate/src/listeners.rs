//! Listeners as the configuration has them, in the connection layer's terms.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use poort_enforce::source::Demand;
use rustls::crypto::aws_lc_rs::default_provider;

use crate::{
    config::{
        Fault, Faults,
        checked::{
            TlsVersion as Version,
            deploy::{Connections, Deploy, Listener},
            zone,
        },
    },
    listen::{
        Budget, Budgets, Certificates, ClientCertificate, KeyPair, ListenSettings, LiveTls, LiveTrust, Rate,
        TlsVersion,
    },
    live::one_fault,
};

/// How a listener is set up.
#[must_use]
pub fn settings(listener: &Listener, connections: &Connections) -> ListenSettings {
    let mut settings = ListenSettings::new(listener.address);
    settings.client_certificate = match listener.client_certificate {
        Demand::Required => ClientCertificate::Required,
        Demand::Optional => ClientCertificate::Optional,
    };
    settings.minimum_tls = match listener.tls {
        Version::V12 => TlsVersion::V12,
        Version::V13 => TlsVersion::V13,
    };
    settings.balancers = listener.balancers.clone();
    settings.deadlines.head = connections.head;
    settings.deadlines.keep_alive = connections.keep_alive;
    settings
}

/// How many connections are admitted.
#[must_use]
pub fn budgets(deploy: &Deploy) -> Budgets {
    let connections = &deploy.connections;
    let rate = |rate: zone::Rate| Rate::new(rate.count.get(), rate.per);
    let carriers = connections.carriers.iter().map(|carrier| {
        let handshakes = rate(carrier.handshakes);
        (carrier.network, Budget { connections: carrier.connections.get(), handshakes })
    });
    Budgets {
        total: connections.total.get(),
        prefix_v4: connections.prefix_v4,
        prefix_v6: connections.prefix_v6,
        ordinary: Budget {
            connections: connections.per_prefix.get(),
            handshakes: rate(connections.handshakes_per_prefix),
        },
        carriers: carriers.collect(),
        ..Budgets::default()
    }
}

/// Every listener's certificates.
///
/// # Errors
/// Every fault of every certificate.
pub fn certificates(deploy: &Deploy) -> Result<HashMap<SocketAddr, Arc<Certificates>>, Faults> {
    let provider = default_provider();
    let mut faults = Vec::new();
    let mut tables = HashMap::new();
    for listener in deploy.tls_listeners() {
        let pairs = listener
            .certificates
            .iter()
            .map(|identity| KeyPair { chain: identity.chain.clone(), key: identity.key.der().clone_key() })
            .collect();
        match Certificates::new(pairs, &provider) {
            Ok(table) => {
                tables.insert(listener.address, Arc::new(table));
            }
            Err(found) => faults.extend(found.iter().map(|fault| {
                let place = fault
                    .place
                    .and_then(|place| listener.certificates.get(place))
                    .map_or(&listener.place, |identity| &identity.place);
                Fault { place: place.clone(), message: fault.kind.to_string() }
            })),
        }
    }
    if faults.is_empty() { Ok(tables) } else { Err(Faults::new(faults)) }
}

/// Every listener's TLS. Clients of the console are believed by a trust of its own, those of all others by the devices'.
///
/// # Errors
/// As [`certificates`].
pub fn tls(
    deploy: &Deploy,
    trust: &Arc<LiveTrust>,
    visitors: Option<&Arc<LiveTrust>>,
) -> Result<HashMap<SocketAddr, Arc<LiveTls>>, Faults> {
    let mut tables = certificates(deploy)?;
    let mut listeners = HashMap::new();
    let console = deploy.console.as_ref().map(|listener| listener.address);
    for listener in deploy.tls_listeners() {
        let trust = visitors.filter(|_| console == Some(listener.address)).unwrap_or(trust);
        let Some(certificates) = tables.remove(&listener.address) else { continue };
        let settings = settings(listener, &deploy.connections);
        let tls = LiveTls::new(&settings, certificates, Arc::clone(trust), Arc::new(default_provider()));
        listeners.insert(listener.address, Arc::new(tls.map_err(|fault| one_fault(fault.to_string()))?));
    }
    Ok(listeners)
}
