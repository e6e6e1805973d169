//! Refusals of callers that nobody knows, counted together, as one event.

use std::time::SystemTime;

use poort_enforce::reason::{Class, Reason};
use poort_enforce::record::Verdict;
use serde::Serialize;

use super::{
    event::{Endpoint, Event, Message, Metadata, STRANGERS},
    text::{Shown, timestamp},
    words,
};

/// Refusals of one address prefix for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stranger<'a> {
    /// The prefix, or `other`.
    pub(crate) prefix: &'a str,
    pub(crate) cause: Cause,
    pub(crate) count: u64,
    pub(crate) first: SystemTime,
    pub(crate) last: SystemTime,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// The reason's code.
    pub(crate) code: &'static str,
    pub(super) event: Caused,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caused {
    /// A request was answered by the gate.
    Answer,
    /// A request was refused.
    Refusal(Class),
    /// A handshake failed.
    Handshake,
}

impl Cause {
    /// The cause of a verdict; none for an allowed request, which is no stranger's business.
    pub(crate) fn of(verdict: &Verdict) -> Option<Self> {
        match verdict {
            Verdict::Allow => None,
            Verdict::Answer => Some(Self { code: verdict.outcome(), event: Caused::Answer }),
            Verdict::Refuse(reason) => {
                Some(Self { code: Reason::code(reason), event: Caused::Refusal(reason.class()) })
            }
        }
    }

    /// A handshake that failed with this code.
    pub(crate) const fn handshake(code: &'static str) -> Self {
        Self { code, event: Caused::Handshake }
    }
}

#[derive(Serialize)]
pub(super) struct Unmapped {}

pub(super) fn event<'a>(stranger: &Stranger<'a>) -> Event<'a, Unmapped> {
    let class = match stranger.cause.event {
        Caused::Refusal(class) => Some(class),
        Caused::Answer | Caused::Handshake => None,
    };
    let (action_id, status_id) = match class {
        None => (words::ACTION_ALLOWED, words::STATUS_SUCCESS),
        Some(_) => (words::ACTION_DENIED, words::STATUS_FAILURE),
    };
    Event {
        class_uid: words::CLASS,
        category_uid: words::CATEGORY,
        activity_id: 0,
        activity_name: None,
        type_uid: words::CLASS * 100,
        time: timestamp(stranger.last),
        start_time: Some(timestamp(stranger.first)),
        end_time: Some(timestamp(stranger.last)),
        duration: None,
        count: Some(stranger.count),
        severity_id: class.map_or(words::SEVERITY_INFORMATIONAL, words::severity),
        action_id,
        disposition_id: class.map_or(words::DISPOSITION_ALLOWED, words::disposition),
        is_alert: false,
        status_id,
        status_code: None,
        status_detail: Some(stranger.cause.code),
        message: Shown(Message { what: "requests of strangers", why: Some(stranger.cause.code) }),
        metadata: Metadata { log_name: "strangers", ..Metadata::new(STRANGERS, None) },
        actor: None,
        device: None,
        src_endpoint: Some(Endpoint::of_prefix(stranger.prefix)),
        dst_endpoint: Endpoint::of_source(None),
        http_request: None,
        http_response: None,
        traffic: None,
        tls: None,
        policy: None,
        authorizations: vec![],
        unmapped: Unmapped {},
    }
}
