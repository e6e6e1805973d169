//! How every event begins: what happened, when, what came of it, and who writes it down. Its class says how it goes on.

use std::time::SystemTime;

use poort_enforce::reason::Class;
use serde::Serialize;

use super::{
    event::{Message, Metadata},
    text::{Cut, Shown, timestamp},
    words,
};

/// An event: what all have, then `B`, what its class has beside it.
#[derive(Serialize)]
pub(super) struct Event<'a, B> {
    #[serde(flatten)]
    pub(super) envelope: Envelope<'a>,
    #[serde(flatten)]
    pub(super) body: B,
}

/// What all events have (OCSF's Base Event, with the profile `security_control`).
#[derive(Serialize)]
pub(super) struct Envelope<'a> {
    pub(super) class_uid: u32,
    pub(super) category_uid: u32,
    pub(super) activity_id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) activity_name: Option<Cut<'a>>,
    pub(super) type_uid: u32,
    pub(super) time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_time: Option<i64>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<u64>,
    pub(super) severity_id: u32,
    pub(super) action_id: u32,
    pub(super) disposition_id: u32,
    pub(super) is_alert: bool,
    pub(super) status_id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status_code: Option<Shown<u16>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status_detail: Option<&'a str>,
    pub(super) message: Shown<Message<'a>>,
    pub(super) metadata: Metadata<'a>,
}

impl<'a> Envelope<'a> {
    /// Of something that was let happen, went well, and is for information.
    pub(super) fn new(
        class_uid: u32,
        activity_id: u32,
        time: SystemTime,
        message: Message<'a>,
        metadata: Metadata<'a>,
    ) -> Self {
        Self {
            class_uid,
            category_uid: words::category(class_uid),
            activity_id,
            activity_name: None,
            type_uid: class_uid * 100 + activity_id,
            time: timestamp(time),
            start_time: None,
            end_time: None,
            duration: None,
            count: None,
            severity_id: words::SEVERITY_INFORMATIONAL,
            action_id: words::ACTION_ALLOWED,
            disposition_id: words::DISPOSITION_ALLOWED,
            is_alert: false,
            status_id: words::STATUS_SUCCESS,
            status_code: None,
            status_detail: None,
            message: Shown(message),
            metadata,
        }
    }

    /// The same of a request that was refused.
    pub(super) fn refused(self, class: Class) -> Self {
        let severity_id = words::severity(class);
        Self {
            severity_id,
            action_id: words::ACTION_DENIED,
            disposition_id: words::disposition(class),
            is_alert: severity_id >= words::SEVERITY_HIGH,
            status_id: words::STATUS_FAILURE,
            ..self
        }
    }

    /// The same of something that was not let happen, as who wanted it may not.
    pub(super) fn unauthorized(self) -> Self {
        Self {
            severity_id: words::SEVERITY_LOW,
            action_id: words::ACTION_DENIED,
            disposition_id: words::DISPOSITION_UNAUTHORIZED,
            status_id: words::STATUS_FAILURE,
            ..self
        }
    }

    /// The same of something that lasted.
    pub(super) fn between(self, first: SystemTime, last: SystemTime) -> Self {
        Self { start_time: Some(timestamp(first)), end_time: Some(timestamp(last)), ..self }
    }
}
