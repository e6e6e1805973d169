//! The parts of OCSF 1.8 that records use, in its own words.

use std::{fmt, net::IpAddr};

use serde::Serialize;

use super::{
    Form,
    text::{Cut, Hex, Shown, name},
};

/// `metadata.event_code` of a decision.
pub(crate) const DECISION: &str = "decision";
/// `metadata.event_code` of an outcome.
pub(crate) const OUTCOME: &str = "outcome";
/// `metadata.event_code` of strangers' refusals.
pub(super) const STRANGERS: &str = "strangers";

/// What HTTP Activity (4002) has beside the envelope. `U` is what OCSF has no word for.
#[derive(Serialize)]
pub(super) struct HttpActivity<'a, U> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actor: Option<Actor<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device: Option<Device<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) src_endpoint: Option<Endpoint<'a>>,
    pub(super) dst_endpoint: Endpoint<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http_request: Option<HttpRequest<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http_response: Option<HttpResponse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) traffic: Option<Traffic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<Tls<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<Policy<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) authorizations: Vec<Authorization<'a>>,
    pub(super) unmapped: U,
}

impl<'a, U> HttpActivity<'a, U> {
    /// At an endpoint; of the rest nothing is known.
    pub(super) fn at(dst_endpoint: Endpoint<'a>, unmapped: U) -> Self {
        Self {
            actor: None,
            device: None,
            src_endpoint: None,
            dst_endpoint,
            http_request: None,
            http_response: None,
            traffic: None,
            tls: None,
            policy: None,
            authorizations: vec![],
            unmapped,
        }
    }
}

/// Why something happened, in somebody's own words, is written up to here.
const REASON_BYTES: usize = 2048;

/// What people read first.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) what: &'static str,
    pub(super) why: Option<&'a str>,
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        self.why.map_or(Ok(()), |why| write!(f, ": {}", Cut(why, REASON_BYTES)))
    }
}

#[derive(Serialize)]
pub(super) struct Metadata<'a> {
    pub(super) version: &'static str,
    pub(super) product: Product,
    pub(super) profiles: [&'static str; 2],
    pub(super) log_name: &'static str,
    pub(super) event_code: &'static str,
    /// The request id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) correlation_uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uid: Option<Shown<Uid<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_truncated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) untruncated_size: Option<usize>,
}

/// Names one record: the request and which of its two.
#[derive(Clone, Copy)]
pub(super) struct Uid<'a>(&'a str, &'static str);

impl fmt::Display for Uid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

impl<'a> Metadata<'a> {
    /// The metadata of one of a request's records, or of one that belongs to no request.
    pub(super) fn new(event_code: &'static str, request: Option<&'a str>) -> Self {
        Self {
            version: "1.8.0",
            product: Product { name: "Poort", vendor_name: "Poort", version: env!("CARGO_PKG_VERSION") },
            profiles: ["host", "security_control"],
            log_name: "audit",
            event_code,
            correlation_uid: request,
            uid: request.map(|request| Shown(Uid(request, event_code))),
            is_truncated: None,
            untruncated_size: None,
        }
    }

    /// The same of a record in such a form.
    pub(super) fn in_form(self, form: Form) -> Self {
        let untruncated_size = form.untruncated();
        Self { is_truncated: untruncated_size.map(|_| true), untruncated_size, ..self }
    }

    /// The metadata of what callers did whom nobody knows, counted together.
    pub(super) fn of_strangers(event_code: &'static str) -> Self {
        Self { log_name: "strangers", ..Self::new(event_code, None) }
    }
}

#[derive(Serialize)]
pub(super) struct Product {
    pub(super) name: &'static str,
    pub(super) vendor_name: &'static str,
    pub(super) version: &'static str,
}

#[derive(Serialize)]
pub(super) struct Actor<'a> {
    pub(super) user: User<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<Session<'a>>,
    /// The client that the token was issued to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app_uid: Option<Cut<'a>>,
    /// The workload or service that acts for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) invoked_by: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) idp: Option<Named<'a>>,
}

impl<'a> Actor<'a> {
    /// Somebody of whom no more is known.
    pub(super) fn of(user: User<'a>) -> Self {
        Self { user, session: None, app_uid: None, invoked_by: None, idp: None }
    }
}

#[derive(Serialize)]
pub(super) struct User<'a> {
    pub(super) uid: Cut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Cut<'a>>,
    pub(super) type_id: u32,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<Group<'a>>,
}

impl<'a> User<'a> {
    /// A person, and what people call them.
    pub(super) fn person(uid: &'a str, called: Option<&'a str>) -> Self {
        Self { uid: name(uid), name: called.map(name), type_id: 1, kind: "User", groups: vec![] }
    }
}

#[derive(Serialize)]
pub(super) struct Group<'a> {
    pub(super) name: Cut<'a>,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

#[derive(Serialize)]
pub(super) struct Named<'a> {
    pub(super) name: Cut<'a>,
}

#[derive(Serialize)]
pub(super) struct Session<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) credential_uid: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_time: Option<i64>,
    pub(super) expiration_time: i64,
    pub(super) issuer: Cut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_mfa: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct Device<'a> {
    pub(super) uid: Cut<'a>,
    pub(super) name: Cut<'a>,
    pub(super) type_id: u32,
    pub(super) is_trusted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_managed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_compliant: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<Group<'a>>,
}

impl<'a> Device<'a> {
    /// A device that its certificate names.
    pub(super) fn named(uid: &'a str) -> Self {
        Self {
            uid: name(uid),
            name: name(uid),
            type_id: 0,
            is_trusted: true,
            is_managed: None,
            is_compliant: None,
            groups: vec![],
        }
    }
}

#[derive(Serialize)]
pub(super) struct Endpoint<'a> {
    pub(super) name: Cut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ip: Option<Shown<IpAddr>>,
    /// An address prefix, for what is counted together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subnet_uid: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hostname: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) svc_name: Option<Cut<'a>>,
}

impl<'a> Endpoint<'a> {
    /// Callers of an address prefix.
    pub(super) fn of_prefix(prefix: &'a str) -> Self {
        let subnet_uid = Some(name(prefix));
        Self { name: name(prefix), ip: None, subnet_uid, hostname: None, svc_name: None }
    }

    /// The gate's own machine.
    pub(super) fn here() -> Self {
        Self { name: name("localhost"), ip: None, subnet_uid: None, hostname: None, svc_name: None }
    }

    /// A source; the gate itself where there is none.
    pub(super) fn of_source(source: Option<&'a str>) -> Self {
        let svc_name = source.map(name);
        Self { name: name(source.unwrap_or("poort")), ip: None, subnet_uid: None, hostname: None, svc_name }
    }
}

#[derive(Serialize)]
pub(super) struct HttpRequest<'a> {
    pub(super) uid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http_method: Option<&'a str>,
    pub(super) version: &'static str,
    pub(super) url: Url<'a>,
}

/// There is no `query_string`, on purpose.
#[derive(Serialize)]
pub(super) struct Url<'a> {
    pub(super) scheme: &'static str,
    pub(super) hostname: Cut<'a>,
    pub(super) path: Cut<'a>,
}

#[derive(Serialize)]
pub(super) struct HttpResponse {
    pub(super) code: u16,
}

#[derive(Serialize)]
pub(super) struct Traffic {
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
}

#[derive(Serialize)]
pub(super) struct Tls<'a> {
    pub(super) version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sni: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) certificate: Option<Certificate<'a>>,
}

#[derive(Serialize)]
pub(super) struct Certificate<'a> {
    pub(super) issuer: Cut<'a>,
    pub(super) serial_number: Cut<'a>,
    pub(super) created_time: i64,
    pub(super) expiration_time: i64,
    pub(super) fingerprints: [Fingerprint; 1],
    pub(super) sans: [San<'a>; 1],
}

#[derive(Serialize)]
pub(super) struct Fingerprint {
    pub(super) algorithm_id: u32,
    pub(super) value: Hex,
}

#[derive(Serialize)]
pub(super) struct San<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) name: Cut<'a>,
}

#[derive(Serialize)]
pub(super) struct Policy<'a> {
    pub(super) uid: Cut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_applied: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct Authorization<'a> {
    pub(super) decision: &'static str,
    pub(super) policy: Policy<'a>,
}
