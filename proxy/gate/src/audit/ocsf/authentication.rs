//! Signing in and out as Authentication (3002).

use serde::Serialize;

use super::{
    envelope::{Envelope, Event},
    event::{Device, Endpoint, Message, Metadata, User},
    stranger::Stranger,
    text::{Cut, name},
    words,
};
use crate::audit::authentication::{Act, Authentication};

/// `metadata.event_code` of signing in and out.
pub(super) const AUTHENTICATION: &str = "authentication";

const LOGON: u32 = 1;
const LOGOFF: u32 = 2;
const OPENID: u32 = 4;
const OTHER: u32 = 99;
/// Who it is, where that is not known.
const NOBODY: &str = "unknown";
/// Where somebody signs in whose issuer is not known.
const GATE: &str = "poort";

/// What Authentication has beside the envelope.
#[derive(Serialize)]
pub(super) struct Authenticated<'a> {
    auth_protocol_id: u32,
    auth_protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_mfa: Option<bool>,
    user: User<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Session<'a>>,
    service: Service<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Device<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_endpoint: Option<Endpoint<'a>>,
    unmapped: Unmapped,
}

#[derive(Serialize)]
struct Session<'a> {
    uid: Cut<'a>,
}

#[derive(Serialize)]
struct Service<'a> {
    name: Cut<'a>,
}

#[derive(Serialize)]
struct Unmapped {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// How many sessions were ended.
    #[serde(skip_serializing_if = "is_zero")]
    ended: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The event of an authentication; `id` is its request's name as text.
pub(super) fn event<'a>(
    authentication: &'a Authentication,
    id: Option<&'a str>,
) -> Event<'a, Authenticated<'a>> {
    let act = authentication.act;
    let (activity_id, failed, what) = match act {
        Act::SignedIn { .. } => (LOGON, false, "signed in"),
        Act::Failed { .. } => (LOGON, true, "sign-in failed"),
        Act::SignedOut | Act::SignedOutByIssuer | Act::TakenOver => (LOGOFF, false, "signed out"),
    };
    let who = authentication.who.as_ref();
    let message = Message { what, why: Some(act.code()) };
    let metadata = Metadata::new(AUTHENTICATION, id);
    let done = Envelope {
        status_detail: Some(act.code()),
        ..Envelope::new(words::AUTHENTICATION, activity_id, authentication.time, message, metadata)
    };
    Event {
        envelope: if failed { done.unauthorized() } else { done },
        body: Authenticated {
            auth_protocol_id: OPENID,
            auth_protocol: "OpenID",
            is_mfa: match act {
                Act::SignedIn { strong } => Some(strong),
                _ => None,
            },
            user: User::person(who.map_or(NOBODY, |who| &who.id), who.and_then(|who| who.name.as_deref())),
            session: authentication.session.as_deref().map(|session| Session { uid: name(session) }),
            service: Service { name: name(who.map_or(GATE, |who| &who.issuer)) },
            device: authentication.device.as_deref().map(Device::named),
            src_endpoint: None,
            unmapped: Unmapped {
                code: authentication.request.map(|request| request.code()),
                ended: authentication.ended,
            },
        },
    }
}

/// The event of handshakes that failed, counted together.
pub(super) fn handshakes<'a>(stranger: &Stranger<'a>) -> Event<'a, Authenticated<'a>> {
    let code = stranger.cause.code;
    let message = Message { what: "handshakes failed", why: Some(code) };
    let metadata = Metadata::of_strangers(AUTHENTICATION);
    let failed = Envelope::new(words::AUTHENTICATION, LOGON, stranger.last, message, metadata)
        .between(stranger.first, stranger.last)
        .unauthorized();
    Event {
        envelope: Envelope { count: Some(stranger.count), status_detail: Some(code), ..failed },
        body: Authenticated {
            auth_protocol_id: OTHER,
            auth_protocol: "TLS",
            is_mfa: None,
            user: User::person(NOBODY, None),
            session: None,
            service: Service { name: name(GATE) },
            device: None,
            src_endpoint: Some(Endpoint::of_prefix(stranger.prefix)),
            unmapped: Unmapped { code: None, ended: 0 },
        },
    }
}
