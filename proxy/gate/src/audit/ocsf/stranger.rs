//! Refusals of callers that nobody knows, counted together, as one event.

use std::time::SystemTime;

use poort_enforce::reason::{Class, Reason};
use poort_enforce::record::Verdict;
use serde::Serialize;

use super::{
    envelope::{Envelope, Event},
    event::{Endpoint, HttpActivity, Message, Metadata, STRANGERS},
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

/// The event of requests of strangers.
pub(super) fn event<'a>(stranger: &Stranger<'a>) -> Event<'a, HttpActivity<'a, Unmapped>> {
    let code = stranger.cause.code;
    let message = Message { what: "requests of strangers", why: Some(code) };
    let metadata = Metadata::of_strangers(STRANGERS);
    let asked = Envelope {
        count: Some(stranger.count),
        status_detail: Some(code),
        ..Envelope::new(words::HTTP_ACTIVITY, 0, stranger.last, message, metadata)
    };
    let asked = asked.between(stranger.first, stranger.last);
    let src_endpoint = Some(Endpoint::of_prefix(stranger.prefix));
    Event {
        envelope: match stranger.cause.event {
            // What is counted together alarms by its number, not one by one.
            Caused::Refusal(class) => Envelope { is_alert: false, ..asked.refused(class) },
            Caused::Answer | Caused::Handshake => asked,
        },
        body: HttpActivity { src_endpoint, ..HttpActivity::at(Endpoint::of_source(None), Unmapped {}) },
    }
}
