//! Refusals of callers that nobody knows, counted together, as one event.

use std::time::SystemTime;

use poort_enforce::reason::{Class, Reason};
use poort_enforce::record::Verdict;
use serde::Serialize;

use super::{
    event::{Endpoint, Event, Message, Metadata, STRANGERS},
    text::{Shown, name, timestamp},
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
    class: Option<Class>,
}

impl Cause {
    /// The cause of a verdict; none for an allowed request, which is no stranger's business.
    pub(crate) fn of(verdict: &Verdict) -> Option<Self> {
        match verdict {
            Verdict::Allow => None,
            Verdict::Answer => Some(Self { code: verdict.outcome(), class: None }),
            Verdict::Refuse(reason) => Some(Self { code: Reason::code(reason), class: Some(reason.class()) }),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Unmapped {}

pub(super) fn event<'a>(stranger: &Stranger<'a>) -> Event<'a, Unmapped> {
    let class = stranger.cause.class;
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
        src_endpoint: Some(Endpoint {
            name: name(stranger.prefix),
            ip: None,
            subnet_uid: Some(name(stranger.prefix)),
            hostname: None,
            svc_name: None,
        }),
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
