//! Expressions that mean a few plain texts, such as `^(?:GET|HEAD)$`, `^$`, `^.*$` or a selector's `(?i)^x-`: they are asked by
//! comparing, which costs a fraction of what an automaton needs to start.

use regex_syntax::hir::{Class, ClassBytes, Hir, HirKind, Look, Repetition};

/// Texts that an expression may mean, and bytes of each.
const WORDS: usize = 8;
const WORD_BYTES: usize = 64;
/// Bytes of a value in which a text is looked for at every place; in a longer one the library is faster.
const SHORT: usize = 64;

/// An expression without groups that is plain.
#[derive(Debug)]
pub(super) enum Plain {
    /// Any value as a whole.
    Any,
    /// A value that is one of these.
    Is(Vec<Word>),
    /// One that starts with one of these; with the first of them that it does.
    Starts(Vec<Word>),
    /// One that holds this anywhere.
    Holds(Word),
}

/// A text, in lower case where case does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    text: Vec<u8>,
    any_case: bool,
}

impl Plain {
    /// What `hir` means, if it is plain.
    pub(super) fn of(hir: &Hir) -> Option<Self> {
        if hir.properties().explicit_captures_len() > 0 {
            return None;
        }
        let parts = match hir.kind() {
            HirKind::Concat(parts) => parts.as_slice(),
            _ => std::slice::from_ref(hir),
        };
        let is = |part: &Hir, look: Look| *part.kind() == HirKind::Look(look);
        match parts {
            [start, any, end] if is(start, Look::Start) && is(end, Look::End) && is_any(any) => {
                Some(Self::Any)
            }
            [start, rest @ .., end] if is(start, Look::Start) && is(end, Look::End) => {
                Some(Self::Is(words(rest)?))
            }
            [start, rest @ ..] if is(start, Look::Start) && !rest.is_empty() => {
                Some(Self::Starts(words(rest)?))
            }
            parts => match words(parts)?.as_slice() {
                [word] if !word.text.is_empty() => Some(Self::Holds(word.clone())),
                _ => None,
            },
        }
    }

    /// Where it matches in `value`; `None` of `Some` when nowhere, and `None` when the automaton is to be asked.
    pub(super) fn find(&self, value: &[u8]) -> Option<Option<(usize, usize)>> {
        let whole = (0, value.len());
        Some(match self {
            Self::Any => Some(whole),
            Self::Is(words) => words.iter().any(|word| word.is(value)).then_some(whole),
            Self::Starts(words) => {
                let starts = |word: &&Word| value.get(..word.text.len()).is_some_and(|head| word.is(head));
                words.iter().find(starts).map(|word| (0, word.text.len()))
            }
            Self::Holds(_) if value.len() > SHORT => return None,
            Self::Holds(word) => {
                let len = word.text.len();
                value.windows(len).position(|part| word.is(part)).map(|at| (at, at + len))
            }
        })
    }
}

impl Word {
    #[inline]
    fn is(&self, text: &[u8]) -> bool {
        if self.any_case { self.text.eq_ignore_ascii_case(text) } else { self.text == text }
    }
}

/// `.*`, greedy or not.
fn is_any(hir: &Hir) -> bool {
    let HirKind::Repetition(Repetition { min: 0, max: None, sub, .. }) = hir.kind() else { return false };
    matches!(sub.kind(), HirKind::Class(Class::Bytes(class)) if is_every_byte(class))
}

fn is_every_byte(class: &ClassBytes) -> bool {
    matches!(class.ranges(), [range] if (range.start(), range.end()) == (0, u8::MAX))
}

/// The texts that `parts` mean one after the other, in the order in which they are preferred.
fn words(parts: &[Hir]) -> Option<Vec<Word>> {
    let spelled = spell_all(parts)?;
    spelled.iter().map(|letters| word(letters)).collect()
}

/// A byte, and whether it stands for either case.
type Letter = (u8, bool);

fn spell_all(parts: &[Hir]) -> Option<Vec<Vec<Letter>>> {
    let mut all: Vec<Vec<Letter>> = vec![Vec::new()];
    for part in parts {
        let next = spell(part)?;
        all = all
            .iter()
            .flat_map(|head| next.iter().map(move |tail| [head.as_slice(), tail].concat()))
            .take(WORDS + 1)
            .collect();
        if all.len() > WORDS || all.iter().any(|letters| letters.len() > WORD_BYTES) {
            return None;
        }
    }
    Some(all)
}

fn spell(hir: &Hir) -> Option<Vec<Vec<Letter>>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![Vec::new()]),
        HirKind::Literal(literal) => Some(vec![literal.0.iter().map(|byte| (*byte, false)).collect()]),
        HirKind::Class(Class::Bytes(class)) => Some(vec![vec![(either_case(class)?, true)]]),
        HirKind::Concat(parts) => spell_all(parts),
        HirKind::Alternation(branches) if branches.len() <= WORDS => {
            let spelled: Vec<_> = branches.iter().map(spell).collect::<Option<Vec<_>>>()?.concat();
            (spelled.len() <= WORDS).then_some(spelled)
        }
        _ => None,
    }
}

/// The letter that a class means in either case, in lower case.
fn either_case(class: &ClassBytes) -> Option<u8> {
    let [upper, lower] = class.ranges() else { return None };
    let single = upper.start() == upper.end() && lower.start() == lower.end();
    let same = upper.start().is_ascii_uppercase() && upper.start().to_ascii_lowercase() == lower.start();
    (single && same).then_some(lower.start())
}

/// The word of some letters, unless case matters for some of them only.
fn word(letters: &[Letter]) -> Option<Word> {
    let any_case = letters.iter().any(|(_, either)| *either);
    let is_like = |(byte, either): &Letter| !any_case || *either || !byte.is_ascii_alphabetic();
    letters
        .iter()
        .all(is_like)
        .then(|| Word { text: letters.iter().map(|(byte, _)| *byte).collect(), any_case })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Captures, Pattern};
    use super::Plain;

    fn parse(text: &str) -> regex_syntax::hir::Hir {
        let mut parser = regex_syntax::ParserBuilder::new();
        parser.unicode(false).utf8(false).dot_matches_new_line(true).build().parse(text).unwrap()
    }

    const PLAIN: [&str; 14] = [
        "^$",
        "^.*$",
        "^.*?$",
        "^(?:ab|abc|c)$",
        "^a(?:b|)c?$",
        "(?i)^a-b",
        "^(?i)ab",
        "^(?:a|ab)",
        "^(?:ab|a|)",
        "ab",
        "(?i)-ab",
        "^\\.a",
        "(?i)^[a-c]$",
        "(?:a|b)c",
    ];

    #[test]
    fn plain_ones_are_known() {
        let known: Vec<bool> = PLAIN.iter().map(|text| Plain::of(&parse(text)).is_some()).collect();
        let not = [4, 12, 13];
        let expected: Vec<bool> = (0..PLAIN.len()).map(|at| !not.contains(&at)).collect();
        assert_eq!(known, expected);
        for text in ["^(a)$", "^a", "a|^b", "^a|b$", "(?i)a(?-i)b", "(?m)^a$", "^a+", "\\ba", ""] {
            let plain = Plain::of(&parse(text));
            assert!(plain.is_none() || text == "^a", "{text}: {plain:?}");
        }
    }

    proptest! {
        /// What is asked by comparing answers as the library does, and captures the same.
        #[test]
        fn agrees_with_the_library(at in 0..PLAIN.len(), value in "[abcABC.\n-]{0,5}", far in 0..3_usize) {
            let value = format!("{}{value}", "-".repeat(far * 40));
            let pattern = Pattern::new(PLAIN[at], 1 << 20).unwrap();
            let library = regex_automata::meta::Regex::builder();
            let library = library.build_from_hir(&parse(PLAIN[at])).unwrap();
            let found = library.find(value.as_bytes()).map(|found| Some((found.start(), found.end())));
            let mut captures = Captures::default();
            prop_assert_eq!(pattern.is_match(value.as_bytes()), found.is_some(), "{} {:?}", PLAIN[at], value);
            prop_assert_eq!(pattern.matches(value.as_bytes(), Some(&mut captures)), found.is_some());
            prop_assert_eq!(captures.spans.first().copied(), found, "{} {:?}", PLAIN[at], value);
        }
    }
}
