//! Where a source is.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU16,
};

use crate::config::{
    checked::{
        TlsVersion,
        source::{Authentication, Upstream, UpstreamAddress, UpstreamHost, UpstreamTls},
        zone::Timeouts,
    },
    raw::{Scalar, source as raw},
};

use super::{
    cursor::{Here, Opened},
    desk::Desk,
    distinct::distinct_by,
    material::Owner,
    name, value, zone,
};

pub(super) fn check(
    desk: &Desk<'_>,
    usual: Timeouts,
    upstream: Opened<'_, raw::Upstream>,
) -> Option<Upstream> {
    let field = upstream.field("addresses", |raw| &raw.addresses);
    let addresses =
        field.some_items("addresses: [\"10.0.0.5:443\"]", |here| Some((address(here)?, here.spot)));
    let addresses = distinct_by(addresses, |address| Some(address.to_string()));
    let secure = upstream.field("tls", |raw| &raw.tls);
    let tls = secure.optional(|here| tls(desk, here.open()));
    if let Some(address) = addresses.iter().flatten().find(|address| secure.is_absent() && !is_local(address))
    {
        field.spot().warn(format!(
            "`{address}` is another machine, and what goes there can be read and changed on the way; add `tls: {{ ca: …, name: … }}`"
        ));
    }
    let host = upstream.field("host", |raw| &raw.host).optional(host);
    let prefix = upstream.field("prefix", |raw| &raw.prefix).optional(name::prefix);
    let authentication = upstream.field("authentication", |raw| &raw.authentication);
    let authentication = authentication.or(Authentication::None, self::authentication);
    let timeouts = upstream.field("timeouts", |raw| &raw.timeouts);
    let timeouts = timeouts.or(usual, |here| zone::timeouts(here.open(), usual));
    Some(Upstream {
        place: upstream.spot.place(),
        addresses: addresses?,
        tls: tls?,
        host: host?,
        prefix: prefix?,
        authentication: authentication?,
        timeouts: timeouts?,
    })
}

pub(super) fn is_local(address: &UpstreamAddress) -> bool {
    match &address.host {
        UpstreamHost::Address(address) => address.is_loopback(),
        UpstreamHost::Name(name) => name == "localhost" || name.ends_with(".localhost"),
    }
}

/// `host:port`, `address:port` or `[address]:port`.
pub(super) fn address(here: Here<'_, Scalar>) -> Option<UpstreamAddress> {
    here.parse(|text| {
        let wanted = |why: &str| format!("`{text}` {why}; write an address such as `10.0.0.5:443` or `\"[::1]:443\"`, or `persons.internal:443`");
        if text.contains("://") {
            return Err(wanted("is a URL"));
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            let port = NonZeroU16::new(address.port()).ok_or_else(|| wanted("has port 0"))?;
            if address.ip().is_unspecified() {
                return Err(wanted("is every address and none"));
            }
            return Ok(UpstreamAddress { host: UpstreamHost::Address(address.ip()), port });
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| wanted("has no port"))?;
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().and_then(NonZeroU16::new).filter(|_| digits);
        let port = port.ok_or_else(|| wanted("has no port from 1 to 65535"))?;
        let name = name::dns_name(host)?;
        Ok(UpstreamAddress { host: UpstreamHost::Name(name.to_owned()), port })
    })
}

/// What is sent as Host: a name or an address, perhaps with a port.
fn host(here: Here<'_, Scalar>) -> Option<String> {
    here.parse(|text| {
        let is_address =
            text.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4()) || text.parse::<SocketAddr>().is_ok();
        let name = match text.rsplit_once(':') {
            Some((name, port)) if port.parse::<NonZeroU16>().is_ok() => name,
            _ => text,
        };
        if !is_address {
            name::dns_name(name)?;
        }
        Ok(text.to_owned())
    })
}

/// The pool gives one client's connection to the next, and NTLM has signed the first one in on it.
fn authentication(here: Here<'_, Scalar>) -> Option<Authentication> {
    here.parse(|text| match text {
        "none" => Ok(Authentication::None),
        "connection" => Ok(Authentication::Connection),
        "ntlm" | "negotiate" | "kerberos" | "NTLM" | "Negotiate" => Err(format!(
            "`{text}` signs in a connection, and shared ones would swap users; write `connection`, which gives each client its own"
        )),
        _ => Err(format!("`{text}` is not known here; use one of `none`, `connection`")),
    })
}

fn tls(desk: &Desk<'_>, tls: Opened<'_, raw::Tls>) -> Option<UpstreamTls> {
    let ca =
        tls.field("ca", |raw| &raw.ca).required("ca: certs/internal-ca.crt", |here| desk.authorities(here));
    let certificate = tls.field("certificate", |raw| &raw.certificate);
    let key = tls.field("key", |raw| &raw.key);
    let identity = match (certificate.is_absent(), key.is_absent()) {
        (true, true) => Some(None),
        _ => {
            let certificate = (certificate, "certificate: certs/upstream.crt");
            desk.identity(certificate, (key, "key: certs/upstream.key"), Owner::Client).map(Some)
        }
    };
    let name = tls.field("name", |raw| &raw.name).required("name: persons.internal", server_name);
    let minimum = tls.field("minimum", |raw| &raw.minimum).or(TlsVersion::V13, value::tls_version);
    Some(UpstreamTls { ca: ca?, identity: identity?, name: name?, minimum: minimum? })
}

fn server_name(here: Here<'_, Scalar>) -> Option<String> {
    here.parse(|text| {
        if text.parse::<IpAddr>().is_err() {
            name::dns_name(text)?;
        }
        Ok(text.to_owned())
    })
}
