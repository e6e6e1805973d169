//! Somebody or something a request is about, as a part of an event.

use poort_enforce::data_subject::{DataSubject, KeyId, Named};
use serde::Serialize;

use super::{
    Form,
    text::{Hex, Shown},
};

/// What it was named by, and what stands for it.
#[derive(Serialize)]
pub(super) struct About {
    kind: &'static str,
    pseudonym: Hex,
    key: Shown<KeyId>,
}

impl About {
    fn of(subject: &DataSubject) -> Self {
        Self { kind: subject.kind.as_str(), pseudonym: Hex::of(&subject.pseudonym), key: Shown(subject.key) }
    }
}

/// Those that a record in such a form has, and how many more there are.
pub(super) fn about(named: &Named, form: Form) -> (Vec<About>, usize) {
    if form.has_lists() {
        (named.subjects.iter().map(About::of).collect(), named.more)
    } else {
        (vec![], named.subjects.len().saturating_add(named.more))
    }
}
