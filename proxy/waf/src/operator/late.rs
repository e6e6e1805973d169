//! `@rx` with macros, such as `^%{tx.allowed_charsets}$`: compiled when their values are known, and kept while they stay.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Captures, Pattern};

/// Bytes that an expanded pattern may have, and that it may take compiled: it may hold what a client sent.
const TEXT_BYTES: usize = 4096;
const COMPILED_BYTES: usize = 1 << 20;

/// A pattern that is not known at load.
pub(crate) struct LatePattern {
    compiled_bytes: usize,
    last: Mutex<Option<Expansion>>,
}

/// A pattern's text, and the pattern; `None` when the text is none.
type Expansion = (Vec<u8>, Option<Arc<Pattern>>);

impl LatePattern {
    pub(super) fn new(regex_bytes: usize) -> Self {
        Self { compiled_bytes: regex_bytes.min(COMPILED_BYTES), last: Mutex::new(None) }
    }

    /// Whether the pattern `text` matches `value`. What is no pattern matches nothing, so that a `!@rx` rule still acts.
    pub(super) fn matches(&self, value: &[u8], text: &[u8], captures: Option<&mut Captures>) -> bool {
        self.pattern(text).is_some_and(|pattern| pattern.matches(value, captures))
    }

    fn pattern(&self, text: &[u8]) -> Option<Arc<Pattern>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, pattern)) = last.as_ref().filter(|(known, _)| known == text) {
            return pattern.clone();
        }
        let pattern = std::str::from_utf8(text)
            .ok()
            .filter(|text| text.len() <= TEXT_BYTES)
            .and_then(|text| Pattern::new(text, self.compiled_bytes).ok().map(Arc::new));
        *last = Some((text.to_vec(), pattern.clone()));
        pattern
    }
}
