//! What a value must have for an operator to match it: some literal out of a set, some byte out of each of a few sets,
//! a length. Derived from the expression itself; a value that lacks it cannot match, so the expression is not run.
//!
//! Literals are kept in lower case and searched without regard to case, which can only let more through.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

use crate::bytes::ByteSet;

/// Literals a set may hold.
const LITERALS: usize = 1500;
/// Literals kept exact while they are being joined.
const JOINED: usize = 250;
/// Bytes of a literal that are kept; more add nothing.
const LITERAL_BYTES: usize = 24;
/// Byte sets kept.
const SETS: usize = 6;

/// What a match needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requirement {
    /// At least one of these, in lower case; empty: no such need.
    pub(crate) literals: Vec<Vec<u8>>,
    /// At least one byte of each.
    pub(crate) sets: Vec<ByteSet>,
    /// Bytes.
    pub(crate) len: usize,
    /// Whether having a literal is the match itself.
    pub(crate) is_exact: bool,
}

impl Requirement {
    pub(crate) const NOTHING: Self = Self { literals: Vec::new(), sets: Vec::new(), len: 0, is_exact: false };

    pub(super) fn of_pattern(hir: &Hir) -> Self {
        let needs = Needs::of(hir);
        let literals = needs.into_best();
        Self {
            literals: literals.literals.filter(|set| gates(set)).unwrap_or_default(),
            sets: smallest(literals.sets),
            len: hir.properties().minimum_len().unwrap_or(0),
            is_exact: false,
        }
    }

    pub(super) fn phrases(words: &[Vec<u8>]) -> Self {
        let len = words.iter().map(Vec::len).min().unwrap_or(0);
        Self { literals: words.to_vec(), sets: Vec::new(), len, is_exact: true }
    }

    pub(super) fn one_of(set: ByteSet) -> Self {
        Self { literals: Vec::new(), sets: vec![set], len: 1, is_exact: false }
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

/// What is known of one expression.
struct Needs {
    /// All it can match, when that is few.
    exact: Option<Vec<Vec<u8>>>,
    /// One of these is in every match.
    literals: Option<Vec<Vec<u8>>>,
    sets: Vec<ByteSet>,
}

impl Needs {
    const UNKNOWN: Self = Self { exact: None, literals: None, sets: Vec::new() };

    fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Self { exact: Some(vec![Vec::new()]), ..Self::UNKNOWN },
            HirKind::Literal(literal) => Self {
                exact: Some(vec![literal.0.to_ascii_lowercase()]),
                literals: None,
                sets: literal.0.iter().map(|byte| ByteSet::of(&[*byte])).collect(),
            },
            HirKind::Class(class) => Self::class(class),
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Repetition(repetition) => Self::repetition(repetition),
            HirKind::Concat(parts) => Self::concat(parts),
            HirKind::Alternation(branches) => Self::alternation(branches),
        }
    }

    fn class(class: &Class) -> Self {
        let mut set = ByteSet::NONE;
        match class {
            Class::Bytes(class) => {
                class.iter().for_each(|range| (range.start()..=range.end()).for_each(|byte| set.insert(byte)));
            }
            Class::Unicode(_) => return Self::UNKNOWN,
        }
        let mut members: Vec<Vec<u8>> =
            (0..=255_u8).filter(|byte| set.contains(*byte)).map(|byte| vec![byte.to_ascii_lowercase()]).collect();
        members.sort();
        members.dedup();
        Self { exact: (members.len() <= 12).then_some(members), literals: None, sets: vec![set] }
    }

    fn repetition(repetition: &Repetition) -> Self {
        let inner = Self::of(&repetition.sub);
        if repetition.min == 0 {
            if repetition.max == Some(1)
                && let Some(mut exact) = inner.exact.filter(|exact| exact.len() < JOINED)
            {
                exact.push(Vec::new());
                return Self { exact: Some(exact), ..Self::UNKNOWN };
            }
            return Self::UNKNOWN;
        }
        if repetition.max == Some(1) {
            return inner;
        }
        let best = inner.into_best();
        Self { exact: None, literals: best.literals, sets: best.sets }
    }

    fn concat(parts: &[Hir]) -> Self {
        let mut joined: Vec<Vec<u8>> = vec![Vec::new()];
        let mut exact = true;
        let mut best: Option<Vec<Vec<u8>>> = None;
        let mut sets = Vec::new();
        for part in parts {
            let needs = Self::of(part);
            sets.extend(needs.sets);
            match needs.exact {
                Some(next) if joins(&joined, &next) => {
                    joined = joined.iter().flat_map(|head| next.iter().map(move |tail| [head.as_slice(), tail].concat())).collect();
                }
                next => {
                    exact = false;
                    best = better(best, Some(std::mem::replace(&mut joined, vec![Vec::new()])));
                    best = better(best, needs.literals);
                    joined = next.unwrap_or_else(|| vec![Vec::new()]);
                }
            }
        }
        if exact {
            return Self { exact: Some(joined), literals: None, sets };
        }
        Self { exact: None, literals: better(best, Some(joined)), sets }
    }

    fn alternation(branches: &[Hir]) -> Self {
        let needs: Vec<Self> = branches.iter().map(Self::of).collect();
        let sets = needs.iter().map(|needs| needs.sets.iter().copied().min_by_key(|set| set.len())).collect::<Option<Vec<_>>>();
        let sets = sets.map(|sets| sets.into_iter().fold(ByteSet::NONE, ByteSet::union)).into_iter().collect();
        let count: usize = needs.iter().map(|needs| needs.exact.as_ref().map_or(LITERALS, Vec::len)).sum();
        if count < LITERALS && needs.iter().all(|needs| needs.exact.is_some()) {
            let mut exact: Vec<Vec<u8>> = needs.into_iter().filter_map(|needs| needs.exact).flatten().collect();
            exact.sort();
            exact.dedup();
            return Self { exact: Some(exact), literals: None, sets };
        }
        let mut literals = Vec::new();
        for branch in needs {
            let Some(mut set) = branch.into_best().literals else { return Self { exact: None, literals: None, sets } };
            literals.append(&mut set);
        }
        literals.sort();
        literals.dedup();
        Self { exact: None, literals: usable(literals), sets }
    }

    /// With the exact matches turned into literals.
    fn into_best(self) -> Self {
        let literals = better(self.literals, self.exact);
        Self { exact: None, literals, sets: self.sets }
    }
}

/// Whether appending `next` makes better literals: what is long enough is not multiplied.
fn joins(joined: &[Vec<u8>], next: &[Vec<u8>]) -> bool {
    let shortest = joined.iter().map(Vec::len).min().unwrap_or(0);
    joined.len() * next.len() <= JOINED
        && joined.iter().all(|head| head.len() < LITERAL_BYTES)
        && (next.len() <= 3 || shortest < 4)
}

fn usable(set: Vec<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
    (!set.is_empty() && set.len() <= LITERALS && set.iter().all(|literal| !literal.is_empty())).then_some(set)
}

fn better(one: Option<Vec<Vec<u8>>>, other: Option<Vec<Vec<u8>>>) -> Option<Vec<Vec<u8>>> {
    match (one.and_then(usable), other.and_then(usable)) {
        (Some(one), Some(other)) => Some(if worth(&other) > worth(&one) { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// Longer literals are rarer; many of them are not.
fn worth(set: &[Vec<u8>]) -> i64 {
    let rarity = |literal: &Vec<u8>| {
        let odd = literal.iter().filter(|byte| !byte.is_ascii_alphanumeric() && **byte != b' ').count();
        (literal.len().min(8) * 2 + odd.min(3)) as i64
    };
    let least = set.iter().map(rarity).min().unwrap_or(0);
    least * 10 - i64::from(set.len().ilog2()) * 4
}

/// Whether the set is rare enough to be worth a scan: three bytes, or two of which one is no letter.
fn gates(set: &[Vec<u8>]) -> bool {
    set.iter().all(|literal| {
        literal.len() >= 3 || (literal.len() == 2 && literal.iter().any(|byte| !byte.is_ascii_alphanumeric() && *byte != b' '))
    })
}

fn smallest(mut sets: Vec<ByteSet>) -> Vec<ByteSet> {
    sets.retain(|set| set.len() < 200);
    sets.sort_by_key(|set| set.len());
    let mut kept: Vec<ByteSet> = Vec::new();
    for set in sets {
        if kept.len() < SETS && !kept.iter().any(|smaller| smaller.is_within(set)) {
            kept.push(set);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Pattern;
    use crate::bytes::ByteSet;

    #[test]
    fn literals_are_found_inside() {
        for (pattern, expected) in [
            ("[0-9]+union[0-9]", &["union"][..]),
            ("(?i)(?:foo|bar)\\s+x", &["bar", "foo"]),
            ("a?bcd", &["abcd", "bcd"]),
            ("(?:[a-z]+select|x)y+", &[]),
            ("a[bB]c", &["abc"]),
        ] {
            let found = Pattern::new(pattern, 1 << 20).unwrap().requirement();
            let found: Vec<String> = found.literals.iter().map(|literal| String::from_utf8_lossy(literal).into_owned()).collect();
            assert_eq!(found, expected, "{pattern}");
        }
    }

    proptest! {
        /// What matches has what is required.
        #[test]
        fn requirement_is_necessary(at in 0..PATTERNS.len(), value in "[abcxyzABC<>=';\\-/ 0-9]{0,24}") {
            let pattern = Pattern::new(PATTERNS[at], 1 << 20).unwrap();
            if !pattern.is_match(value.as_bytes()) {
                return Ok(());
            }
            let need = pattern.requirement();
            let lower = value.to_ascii_lowercase();
            prop_assert!(value.len() >= need.len);
            prop_assert!(need.sets.iter().all(|set| set.meets(ByteSet::of(value.as_bytes()))));
            let has = need.literals.iter().any(|literal| memchr::memmem::find(lower.as_bytes(), literal).is_some());
            prop_assert!(need.literals.is_empty() || has);
        }
    }

    const PATTERNS: [&str; 8] = [
        "a(b|c)+x?", "(?i)abc|xyz", "[<>]=|;.*-", "(a|bc|xyz)(1|2)?", "a{2,3}[0-9]", "^a.*c$", "(?:ab?c)+[xyz]", "(|a)b(c|)",
    ];
}
