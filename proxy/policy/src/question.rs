//! The question put to the policies: who, with which device, on whose behalf, does what to which source, in
//! which circumstances.
//!
//! A [`Question`] is embedded whole in the decision record and put again by replay, so it holds every fact that a
//! decision may depend on, no reference to anything live, and as few bytes as it can: what is absent or false is not
//! written. It never holds a query string, a body or a token; what a policy needs of those arrives as a named capture.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::operation::Operation;
use crate::shift::ShiftFacts;
use crate::time::TimeFacts;

/// One request, as the policies see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Who asks.
    pub principal: Principal,
    /// The device the principal sits at, when known and verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceFacts>,
    /// The workload that asks on the principal's behalf, such as the search aggregator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// What is done.
    pub operation: Operation,
    /// Id of the source (the stem of its file) it is done to.
    pub source: Arc<str>,
    /// The circumstances.
    pub context: Context,
}

/// What kind of principal asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A person, known by a token or a session: `Poort::User`.
    User,
    /// A service account: `Poort::Service`.
    Service,
    /// A device on its own account, without a subject: `Poort::Device`.
    Device,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// The kind of principal.
    pub kind: PrincipalKind,
    /// `issuer-alias|sub` for a user or service, the device's name for a device.
    pub id: String,
    /// Alias of the issuer that vouches for it; none for a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Arc<str>>,
    /// Roles the issuer may assert and did. A role that is not in the corpus grants nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Arc<str>>,
    /// Units the issuer may assert and did. A unit that is not in the corpus grants nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<Arc<str>>,
}

/// A device, named by its verified certificate and described by the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceFacts {
    /// Name from the certificate: SPIFFE id, else URI, else DNS name.
    pub id: String,
    /// Fleet it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<Arc<str>>,
    /// Unit it is issued to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Arc<str>>,
    /// Under the zone's device management. Absent from the inventory means false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub managed: bool,
    /// Meets the zone's rules for devices (patched, encrypted, screen lock). Absent means false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub compliant: bool,
}

/// The workload that asks on somebody's behalf (RFC 8693, section 4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The workload's own certificate and posture: a workload is a device too.
    pub device: DeviceFacts,
    /// Id of the service account in the token's `act` claim; none when the source's list names the workload instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// The circumstances of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// The request itself, in the gate's one normal form.
    pub request: RequestContext,
    /// Purpose of the consultation (Directive (EU) 2016/680, art. 25), when stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Case number, when stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// A broken glass, when there is a live grant for this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
    /// What inspection found so far.
    #[serde(default, skip_serializing_if = "Inspection::is_clean")]
    pub inspection: Inspection,
    /// How the subject signed in.
    #[serde(default, skip_serializing_if = "SessionFacts::is_empty")]
    pub session: SessionFacts,
    /// What the principal has come to in its shift.
    #[serde(default, skip_serializing_if = "ShiftFacts::is_empty")]
    pub shift: ShiftFacts,
    /// When it is asked.
    pub time: TimeFacts,
}

/// The request as routed: normal form, no query string.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestContext {
    /// HTTP method, upper case.
    pub method: String,
    /// Host, lower case, without port.
    pub host: String,
    /// Path in normal form, without query.
    pub path: String,
    /// Address of the client, behind any trusted balancer.
    pub address: IpAddr,
    /// Named captures from the path and the query, as the source's file names them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub captures: BTreeMap<String, String>,
}

impl RequestContext {
    /// Methods that requests may have (RFC 9110, 9.3; RFC 5789; RFC 4918): not TRACE, which echoes credentials, nor CONNECT, which is for
    /// forward proxies.
    pub const METHODS: [&str; 14] = [
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
        "OPTIONS",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "LOCK",
        "UNLOCK",
    ];
}

/// A grant to look despite a refusal: context only, policies decide what it opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// The officer's own words.
    pub reason: String,
    /// The case it is for.
    pub case: String,
}

/// What inspection of the request found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inspection {
    /// Inbound anomaly score; 0 before a body is read.
    pub score: u32,
}

impl Inspection {
    fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// How and when the subject signed in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionFacts {
    /// Authentication context class (OpenID Connect Core 1.0, section 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// Authentication methods (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// Seconds since the subject actively signed in, when the issuer says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_age: Option<u64>,
    /// The sign-in counts as strong under the zone's own list.
    #[serde(default, skip_serializing_if = "is_false")]
    pub strong: bool,
}

impl SessionFacts {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
