//! When certificates of the configuration end, by what they are for.

use std::{cmp::Reverse, time::SystemTime};

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::config::Checked;

/// When a certificate ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// What it is for: `server`, `device_ca`, `visitor_ca`, `upstream_client` or `upstream_ca`.
    pub role: &'static str,
    /// The first name in a server's; the source's id; empty for what is the zone's.
    pub name: String,
    /// When.
    pub at: SystemTime,
}

impl End {
    /// Of every certificate that a configuration names. Of several in one place the first to end comes last, and is what is said.
    #[must_use]
    pub fn all(checked: &Checked) -> Vec<Self> {
        let listeners = checked.deploy.tls_listeners().flat_map(|listener| &listener.certificates);
        let servers = listeners.map(|identity| {
            let name = identity.names.first().cloned().unwrap_or_default();
            Self { role: "server", name, at: identity.not_after }
        });
        let anchors = checked.zone.devices.anchors.expire();
        let anchors = anchors.map(|at| Self { role: "device_ca", name: String::new(), at });
        let visitors = checked.deploy.visitors.iter().flat_map(|trust| trust.anchors().expire());
        let visitors = visitors.map(|at| Self { role: "visitor_ca", name: String::new(), at });
        let sources =
            checked.sources.iter().filter_map(|source| Some((source, source.upstream.tls.as_ref()?)));
        let upstream = sources.flat_map(|(source, tls)| {
            let of = |role, at| Self { role, name: source.id.clone(), at };
            let client = tls.identity.as_ref().map(|identity| of("upstream_client", identity.not_after));
            let authorities = first_end(&tls.ca).map(|at| of("upstream_ca", at));
            client.into_iter().chain(authorities)
        });
        let mut ends: Vec<Self> = servers.chain(anchors).chain(visitors).chain(upstream).collect();
        ends.sort_by_key(|end| Reverse(end.at));
        ends
    }
}

fn first_end(certificates: &[CertificateDer<'_>]) -> Option<SystemTime> {
    let ends = certificates.iter().filter_map(|der| {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let seconds = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
        Some(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
    });
    ends.min()
}
