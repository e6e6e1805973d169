//! What a value must have for an operator to match it: some literal out of a set, some byte out of each of a few sets,
//! a length. Derived from the expression itself; a value that lacks it cannot match, so the expression is not run.
//!
//! Literals are kept in lower case and searched without regard to case, which can only let more through.

mod bytes;
mod literals;
mod needs;

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use self::bytes::{Bytes, Choices};
use self::literals::{LITERALS, Literals, gates};
use self::needs::Needs;
use crate::bytes::ByteSet;

/// Bytes of literals for which even a large value is scanned.
pub(crate) const LONG: usize = 4;

/// What a match needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requirement {
    /// At least one of these, in lower case; empty: no such need.
    pub(crate) literals: Literals,
    /// Or, instead of a literal, at least one byte of each of one of these.
    pub(crate) instead: Choices,
    /// At least one byte of each.
    pub(crate) sets: Vec<ByteSet>,
    /// At least one byte of each of one of these; empty: no such need. Only where there are no literals.
    pub(crate) choices: Choices,
    /// Bytes.
    pub(crate) len: usize,
    /// Whether having a literal is the match itself.
    pub(crate) is_exact: bool,
}

impl Requirement {
    pub(crate) const NOTHING: Self = Self {
        literals: Vec::new(),
        instead: Vec::new(),
        sets: Vec::new(),
        choices: Vec::new(),
        len: 0,
        is_exact: false,
    };

    pub(super) fn of_pattern(hir: &Hir) -> Self {
        let (literals, bytes) = (Needs::of(hir).into_literals(), Bytes::of(hir));
        let len = hir.properties().minimum_len().unwrap_or(0);
        let sets = bytes.sets();
        if let Some(literals) = literals.filter(|set| gates(set)) {
            return Self { literals, sets, len, ..Self::NOTHING };
        }
        let (literals, instead) = branches(hir).unwrap_or_default();
        let choices = if literals.is_empty() { bytes.choices() } else { Vec::new() };
        Self { literals, instead, sets, choices, len, is_exact: false }
    }

    /// Whether its literals are looked for in every value, whatever the phase.
    pub(crate) fn has_long_literals(&self) -> bool {
        !self.literals.is_empty() && self.literals.iter().all(|literal| literal.len() >= LONG)
    }

    pub(super) fn phrases(words: &[Vec<u8>]) -> Self {
        let len = words.iter().map(Vec::len).min().unwrap_or(0);
        Self { literals: words.to_vec(), len, is_exact: true, ..Self::NOTHING }
    }

    pub(super) fn one_of(set: ByteSet) -> Self {
        Self { sets: vec![set], len: 1, ..Self::NOTHING }
    }

    /// One token is no injection: no single class is a fingerprint, and a run of word characters without a leading
    /// digit is one token.
    pub(super) fn sqli() -> Self {
        Self::one_of(ByteSet::that(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_')))
    }

    /// A tag or comment needs `<`; an attribute needs a value, which needs `=`, or it stands in a tag.
    pub(super) fn xss() -> Self {
        Self::one_of(ByteSet::of(b"<="))
    }
}

/// The bytes that a text starts with which an expression matches: of one that matches at the start alone, and never nothing.
pub(super) fn starts(hir: &Hir) -> Option<ByteSet> {
    match hir.kind() {
        HirKind::Capture(capture) => starts(&capture.sub),
        HirKind::Alternation(branches) => {
            branches.iter().map(starts).try_fold(ByteSet::NONE, |all, set| Some(all.union(set?)))
        }
        HirKind::Concat(parts) => match parts.as_slice() {
            [start, first, ..] if *start.kind() == HirKind::Look(Look::Start) => first_bytes(first),
            [first, ..] => starts(first),
            [] => None,
        },
        _ => None,
    }
}

/// The first bytes of what an expression matches, if that is never empty.
fn first_bytes(hir: &Hir) -> Option<ByteSet> {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.first().map(|byte| ByteSet::of(&[*byte])),
        HirKind::Class(class) => {
            let bytes = match class {
                Class::Bytes(class) => class.clone(),
                Class::Unicode(class) => class.to_byte_class()?,
            };
            let mut set = ByteSet::NONE;
            bytes.iter().for_each(|range| set.insert_range(range.start(), range.end()));
            Some(set)
        }
        HirKind::Repetition(Repetition { min: 1.., sub, .. }) => first_bytes(sub),
        HirKind::Capture(capture) => first_bytes(&capture.sub),
        HirKind::Concat(parts) => parts.first().and_then(first_bytes),
        HirKind::Alternation(branches) => {
            branches.iter().map(first_bytes).try_fold(ByteSet::NONE, |all, set| Some(all.union(set?)))
        }
        _ => None,
    }
}

/// For alternatives of which some have rare literals and the others rare bytes: both.
fn branches(hir: &Hir) -> Option<(Literals, Choices)> {
    const RARE: u32 = 24;
    let branches: &[Hir] = match hir.kind() {
        HirKind::Alternation(branches) => branches,
        HirKind::Capture(capture) => return branches(&capture.sub),
        _ => return None,
    };
    let (mut literals, mut instead) = (Vec::new(), Vec::new());
    for branch in branches {
        match Needs::of(branch).into_literals().filter(|set| gates(set)) {
            Some(mut set) => literals.append(&mut set),
            None => {
                let sets = Bytes::of(branch).sets();
                if !sets.iter().any(|set| set.len() <= RARE) {
                    return None;
                }
                instead.push(sets);
            }
        }
    }
    literals.sort();
    literals.dedup();
    (!literals.is_empty() && literals.len() <= LITERALS && instead.len() <= 4).then_some((literals, instead))
}

#[cfg(test)]
mod tests;
