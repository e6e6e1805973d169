//! `@contains`, `@streq`, `@within` and their like: plain text, case-sensitive.

use memchr::memmem;

use super::Captures;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Search {
    Contains,
    ContainsWord,
    Begins,
    Ends,
    Equals,
    Within,
}

impl Search {
    pub(super) fn matches(self, value: &[u8], argument: &[u8], captures: Option<&mut Captures>) -> bool {
        let found = match self {
            Self::Contains => memmem::find(value, argument).map(|at| (at, at + argument.len())),
            Self::ContainsWord => word(value, argument).map(|at| (at, at + argument.len())),
            Self::Begins => value.starts_with(argument).then_some((0, argument.len())),
            Self::Ends => {
                value.ends_with(argument).then_some((value.len().saturating_sub(argument.len()), value.len()))
            }
            Self::Equals => (value == argument).then_some((0, value.len())),
            Self::Within => {
                (value.is_empty() || memmem::find(argument, value).is_some()).then_some((0, value.len()))
            }
        };
        if let (Some(span), Some(captures)) = (found, captures) {
            captures.spans.push(Some(span));
        }
        found.is_some()
    }
}

/// Where `word` stands in `text` with no word character on either side.
fn word(text: &[u8], word: &[u8]) -> Option<usize> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    memmem::find_iter(text, word).find(|at| {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        !before.is_some_and(is_word) && !text.get(at + word.len()).is_some_and(is_word)
    })
}
