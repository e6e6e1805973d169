//! Signing in and out as Authentication (3002).

use serde::Serialize;

use super::{
    event::{Device, Endpoint, Message, Metadata, User},
    stranger::Stranger,
    text::{Cut, Shown, name, timestamp},
    words,
};
use crate::audit::authentication::{Act, Authentication};

/// `metadata.event_code` of signing in and out.
pub(super) const AUTHENTICATION: &str = "authentication";

const CLASS: u32 = 3002;
/// Identity and Access Management.
const CATEGORY: u32 = 3;
const LOGON: u32 = 1;
const LOGOFF: u32 = 2;
const OPENID: u32 = 4;
const OTHER: u32 = 99;

#[derive(Serialize)]
pub(super) struct Event<'a> {
    class_uid: u32,
    category_uid: u32,
    activity_id: u32,
    type_uid: u32,
    time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    severity_id: u32,
    action_id: u32,
    disposition_id: u32,
    is_alert: bool,
    status_id: u32,
    status_detail: &'static str,
    message: Shown<Message<'a>>,
    metadata: Metadata<'a>,
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
pub(super) fn event<'a>(authentication: &'a Authentication, id: Option<&'a str>) -> Event<'a> {
    let act = authentication.act;
    let (activity_id, failed, what) = match act {
        Act::SignedIn { .. } => (LOGON, false, "signed in"),
        Act::Failed { .. } => (LOGON, true, "sign-in failed"),
        Act::SignedOut | Act::SignedOutByIssuer | Act::TakenOver => (LOGOFF, false, "signed out"),
    };
    let who = authentication.who.as_ref();
    Event {
        message: Shown(Message { what, why: Some(act.code()) }),
        metadata: Metadata::new(AUTHENTICATION, id),
        is_mfa: match act {
            Act::SignedIn { strong } => Some(strong),
            _ => None,
        },
        user: User::person(who.map_or("unknown", |who| &who.id), who.and_then(|who| who.name.as_deref())),
        session: authentication.session.as_deref().map(|session| Session { uid: name(session) }),
        service: Service { name: name(who.map_or("poort", |who| &who.issuer)) },
        device: authentication.device.as_deref().map(Device::named),
        unmapped: Unmapped {
            code: authentication.request.map(|request| request.code()),
            ended: authentication.ended,
        },
        ..plain(activity_id, failed, act.code(), timestamp(authentication.time))
    }
}

/// The event of handshakes that failed, counted together.
pub(super) fn handshakes<'a>(stranger: &Stranger<'a>) -> Event<'a> {
    let code = stranger.cause.code;
    Event {
        start_time: Some(timestamp(stranger.first)),
        end_time: Some(timestamp(stranger.last)),
        count: Some(stranger.count),
        message: Shown(Message { what: "handshakes failed", why: Some(code) }),
        metadata: Metadata { log_name: "strangers", ..Metadata::new(AUTHENTICATION, None) },
        auth_protocol_id: OTHER,
        auth_protocol: "TLS",
        src_endpoint: Some(Endpoint::of_prefix(stranger.prefix)),
        ..plain(LOGON, true, code, timestamp(stranger.last))
    }
}

fn plain<'a>(activity_id: u32, failed: bool, code: &'static str, time: i64) -> Event<'a> {
    let (status_id, action_id) = match failed {
        false => (words::STATUS_SUCCESS, words::ACTION_ALLOWED),
        true => (words::STATUS_FAILURE, words::ACTION_DENIED),
    };
    Event {
        class_uid: CLASS,
        category_uid: CATEGORY,
        activity_id,
        type_uid: CLASS * 100 + activity_id,
        time,
        start_time: None,
        end_time: None,
        count: None,
        severity_id: if failed { words::SEVERITY_LOW } else { words::SEVERITY_INFORMATIONAL },
        action_id,
        disposition_id: if failed { words::DISPOSITION_UNAUTHORIZED } else { words::DISPOSITION_ALLOWED },
        is_alert: false,
        status_id,
        status_detail: code,
        message: Shown(Message { what: "", why: None }),
        metadata: Metadata::new(AUTHENTICATION, None),
        auth_protocol_id: OPENID,
        auth_protocol: "OpenID",
        is_mfa: None,
        user: User::person("unknown", None),
        session: None,
        service: Service { name: name("poort") },
        device: None,
        src_endpoint: None,
        unmapped: Unmapped { code: None, ended: 0 },
    }
}
