//! `@contains`, `@streq`, `@within` and their like: plain text, case-sensitive.

use memchr::memmem::{self, Finder};

use super::Captures;
use crate::bytes::is_space_or_nbsp;

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
            Self::Within => is_within(value, argument).then_some((0, value.len())),
        };
        if let (Some(span), Some(captures)) = (found, captures) {
            captures.spans.push(Some(span));
        }
        found.is_some()
    }
}

/// `@contains` of a text that was prepared.
pub(super) fn contains(text: &Finder<'_>, value: &[u8], captures: Option<&mut Captures>) -> bool {
    let found = text.find(value);
    if let (Some(at), Some(captures)) = (found, captures) {
        captures.spans.push(Some((at, at + text.needle().len())));
    }
    found.is_some()
}

/// Whether `value` would contain `text` without its white space, whatever the case of either: as much as
/// `t:removeWhitespace,t:lowercase` can let `@contains` find, and no copy of the value is made.
pub(crate) fn contains_spaced(value: &[u8], text: &[u8]) -> bool {
    let Some((first, rest)) = text.split_first() else { return true };
    let starts = memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), value);
    starts.into_iter().any(|at| {
        let after = value.get(at + 1..).unwrap_or_default();
        let mut bytes = after.iter().filter(|byte| !is_space_or_nbsp(**byte));
        rest.iter().all(|wanted| bytes.next().is_some_and(|byte| byte.eq_ignore_ascii_case(wanted)))
    })
}

/// Whether `text` holds `part`. A searcher for a short part costs more to make than a list of names to look through.
fn is_within(part: &[u8], text: &[u8]) -> bool {
    /// So many bytes may be compared at each place.
    const SHORT: usize = 64;
    // The byte in the middle: lists have the same around each name.
    let middle = part.len() / 2;
    let Some(byte) = part.get(middle).filter(|_| part.len() <= SHORT) else {
        return memmem::find(text, part).is_some();
    };
    let places = memchr::memchr_iter(*byte, text.get(middle..).unwrap_or_default());
    places.into_iter().any(|at| text.get(at..at + part.len()) == Some(part))
}

/// Where `word` stands in `text` with no word character on either side.
fn word(text: &[u8], word: &[u8]) -> Option<usize> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let finder = Finder::new(word);
    let mut from = 0;
    loop {
        let at = from + finder.find(text.get(from..)?)?;
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        if !before.is_some_and(is_word) && !text.get(at + word.len()).is_some_and(is_word) {
            return Some(at);
        }
        // The next may begin in this one.
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{contains_spaced, is_within};
    use crate::transform::Transform;

    proptest! {
        #[test]
        fn a_part_is_found_wherever_it_stands(part in "[/ab]{0,5}", text in "[/ab ]{0,12}", long in 0..80_usize) {
            let part = format!("{part}{}", "a".repeat(if long > 60 { long } else { 0 }));
            for text in [text.clone(), format!("{text}{part}"), format!("{part}{text}"), format!("{text}{part}{text}")] {
                prop_assert_eq!(is_within(part.as_bytes(), text.as_bytes()), text.contains(&part), "{} {}", part, text);
            }
        }

        #[test]
        fn what_is_found_without_white_space_is_found_in_between(value in "[<tTe \\n\\x0b]{0,16}", text in "[<te]{0,4}") {
            let (mut dense, mut small) = (Vec::new(), Vec::new());
            Transform::RemoveWhitespace.apply(value.as_bytes(), &mut dense, None);
            Transform::Lowercase.apply(&dense, &mut small, None);
            let found = memchr::memmem::find(&small, text.as_bytes()).is_some();
            prop_assert_eq!(contains_spaced(value.as_bytes(), text.as_bytes()), found);
        }
    }
}
