//! Somebody or something a request is about, as a part of an event.

use poort_enforce::data_subject::{DataSubject, KeyId};
use serde::Serialize;

use super::text::{Hex, Shown};

/// What it was named by, and what stands for it.
#[derive(Serialize)]
pub(super) struct About {
    kind: &'static str,
    pseudonym: Hex,
    key: Shown<KeyId>,
}

impl About {
    pub(super) fn of(subject: &DataSubject) -> Self {
        Self { kind: subject.kind.as_str(), pseudonym: Hex::of(&subject.pseudonym), key: Shown(subject.key) }
    }
}
