//! What a value must have for an operator to match it: some literal out of a set, some byte out of each of a few sets,
//! a length. Derived from the expression itself; a value that lacks it cannot match, so the expression is not run.
//!
//! Literals are kept in lower case and searched without regard to case, which can only let more through.

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use crate::bytes::ByteSet;

/// Literals a set may hold.
const LITERALS: usize = 1500;
/// Literals kept exact while they are being joined.
const JOINED: usize = 250;
/// Ends of what is not joined whole that go before what follows.
const BEFORE: usize = 8;
/// Bytes of a literal that are kept; more add nothing.
const LITERAL_BYTES: usize = 24;
/// A set of literals.
type Literals = Vec<Vec<u8>>;

/// Bytes of literals for which even a large value is scanned.
pub(crate) const LONG: usize = 4;

/// Byte sets kept.
const SETS: usize = 6;

/// What a match needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requirement {
    /// At least one of these, in lower case; empty: no such need.
    pub(crate) literals: Vec<Vec<u8>>,
    /// Or, instead of a literal, at least one byte of each of one of these.
    pub(crate) instead: Vec<Vec<ByteSet>>,
    /// At least one byte of each.
    pub(crate) sets: Vec<ByteSet>,
    /// Bytes.
    pub(crate) len: usize,
    /// Whether having a literal is the match itself.
    pub(crate) is_exact: bool,
}

impl Requirement {
    pub(crate) const NOTHING: Self =
        Self { literals: Vec::new(), instead: Vec::new(), sets: Vec::new(), len: 0, is_exact: false };

    pub(super) fn of_pattern(hir: &Hir) -> Self {
        let needs = Needs::of(hir).into_best();
        let len = hir.properties().minimum_len().unwrap_or(0);
        let sets = smallest(needs.sets);
        if let Some(literals) = needs.literals.filter(|set| gates(set)) {
            return Self { literals, instead: Vec::new(), sets, len, is_exact: false };
        }
        let (literals, instead) = branches(hir).unwrap_or_default();
        Self { literals, instead, sets, len, is_exact: false }
    }

    /// Whether its literals are looked for in every value, whatever the phase.
    pub(crate) fn has_long_literals(&self) -> bool {
        !self.literals.is_empty() && self.literals.iter().all(|literal| literal.len() >= LONG)
    }

    pub(super) fn phrases(words: &[Vec<u8>]) -> Self {
        let len = words.iter().map(Vec::len).min().unwrap_or(0);
        Self { literals: words.to_vec(), instead: Vec::new(), sets: Vec::new(), len, is_exact: true }
    }

    pub(super) fn one_of(set: ByteSet) -> Self {
        Self { literals: Vec::new(), instead: Vec::new(), sets: vec![set], len: 1, is_exact: false }
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
fn branches(hir: &Hir) -> Option<(Literals, Vec<Vec<ByteSet>>)> {
    const RARE: u32 = 24;
    let branches: &[Hir] = match hir.kind() {
        HirKind::Alternation(branches) => branches,
        HirKind::Capture(capture) => return branches(&capture.sub),
        _ => return None,
    };
    let (mut literals, mut instead) = (Vec::new(), Vec::new());
    for branch in branches {
        let needs = Needs::of(branch).into_best();
        match needs.literals.filter(|set| gates(set)) {
            Some(mut set) => literals.append(&mut set),
            None => {
                let sets = smallest(needs.sets);
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

/// What is known of one expression.
struct Needs {
    /// All it can match, when that is few.
    exact: Option<Vec<Vec<u8>>>,
    /// One of these is in every match.
    literals: Option<Vec<Vec<u8>>>,
    /// Every match starts with one of these.
    prefix: Option<Vec<Vec<u8>>>,
    /// Every match ends with one of these.
    suffix: Option<Vec<Vec<u8>>>,
    sets: Vec<ByteSet>,
}

impl Needs {
    const UNKNOWN: Self = Self { exact: None, literals: None, prefix: None, suffix: None, sets: Vec::new() };

    fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Self { exact: Some(vec![Vec::new()]), ..Self::UNKNOWN },
            HirKind::Literal(literal) => Self {
                exact: Some(vec![literal.0.to_ascii_lowercase()]),
                literals: None,
                prefix: None,
                suffix: None,
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
                class.iter().for_each(|range| set.insert_range(range.start(), range.end()));
            }
            Class::Unicode(_) => return Self::UNKNOWN,
        }
        Self { exact: members(set), literals: None, prefix: None, suffix: None, sets: vec![set] }
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
        let (prefix, suffix) = (inner.starts(), inner.ends());
        let best = inner.into_best();
        Self { exact: None, literals: best.literals, prefix, suffix, sets: best.sets }
    }

    fn concat(parts: &[Hir]) -> Self {
        let mut joined: Vec<Vec<u8>> = vec![Vec::new()];
        let mut best: Option<Vec<Vec<u8>>> = None;
        let mut prefix: Option<Vec<Vec<u8>>> = None;
        let mut sets = Vec::new();
        for part in parts {
            let needs = Self::of(part);
            let starts = needs.starts();
            sets.extend(needs.sets);
            if let Some(next) = needs.exact.as_ref().filter(|next| joins(&joined, next)) {
                joined = cross(&joined, next);
                continue;
            }
            // What is not joined whole may still lend its start.
            let head = std::mem::replace(&mut joined, vec![Vec::new()]);
            let longer = starts
                .filter(|starts| lends(&head, starts))
                .map(|starts| cross(&head, &starts))
                .unwrap_or(head);
            prefix.get_or_insert_with(|| longer.clone());
            best = better(best, Some(longer));
            best = better(best, needs.literals);
            let end = needs.exact.or(needs.suffix.filter(|ends| ends.len() <= BEFORE));
            joined = end.unwrap_or_else(|| vec![Vec::new()]);
        }
        let Some(prefix) = prefix else {
            return Self { exact: Some(joined), sets, ..Self::UNKNOWN };
        };
        let suffix = Some(joined.clone());
        Self { exact: None, literals: better(best, Some(joined)), prefix: Some(prefix), suffix, sets }
    }

    /// What every match ends with.
    fn ends(&self) -> Option<Vec<Vec<u8>>> {
        self.exact.clone().or_else(|| self.suffix.clone())
    }

    /// What every match starts with.
    fn starts(&self) -> Option<Vec<Vec<u8>>> {
        self.exact.clone().or_else(|| self.prefix.clone())
    }

    fn alternation(branches: &[Hir]) -> Self {
        let needs: Vec<Self> = branches.iter().map(Self::of).collect();
        let sets = needs
            .iter()
            .map(|needs| needs.sets.iter().copied().min_by_key(|set| set.len()))
            .collect::<Option<Vec<_>>>();
        let sets =
            sets.map(|sets| sets.into_iter().fold(ByteSet::NONE, ByteSet::union)).into_iter().collect();
        let count: usize = needs.iter().map(|needs| needs.exact.as_ref().map_or(LITERALS, Vec::len)).sum();
        if count < LITERALS && needs.iter().all(|needs| needs.exact.is_some()) {
            let mut exact: Vec<Vec<u8>> =
                needs.into_iter().filter_map(|needs| needs.exact).flatten().collect();
            exact.sort();
            exact.dedup();
            return Self { exact: Some(exact), sets, ..Self::UNKNOWN };
        }
        let prefix = needs.iter().map(Self::starts).collect::<Option<Vec<_>>>().map(|starts| starts.concat());
        let prefix = prefix.filter(|prefix| prefix.len() <= JOINED);
        let suffix = needs.iter().map(Self::ends).collect::<Option<Vec<_>>>().map(|ends| ends.concat());
        let suffix = suffix.filter(|suffix| suffix.len() <= JOINED);
        let mut literals = Vec::new();
        for branch in needs {
            let Some(mut set) = branch.into_best().literals else {
                return Self { exact: None, literals: None, prefix, suffix, sets };
            };
            literals.append(&mut set);
        }
        literals.sort();
        literals.dedup();
        Self { exact: None, literals: usable(literals), prefix, suffix, sets }
    }

    /// With the exact matches turned into literals.
    fn into_best(self) -> Self {
        let literals = better(better(self.literals, self.exact), better(self.prefix, self.suffix));
        Self { literals, sets: self.sets, ..Self::UNKNOWN }
    }
}

/// The bytes of a set in lower case, each as a literal, when they are few.
fn members(set: ByteSet) -> Option<Vec<Vec<u8>>> {
    const FEW: usize = 12;
    // Each in either case.
    if set.len() as usize > 2 * FEW {
        return None;
    }
    let mut members: Vec<u8> = set.iter().collect();
    members.make_ascii_lowercase();
    members.sort_unstable();
    members.dedup();
    (members.len() <= FEW).then(|| members.into_iter().map(|byte| vec![byte]).collect())
}

fn cross(heads: &[Vec<u8>], tails: &[Vec<u8>]) -> Vec<Vec<u8>> {
    heads.iter().flat_map(|head| tails.iter().map(move |tail| [head.as_slice(), tail].concat())).collect()
}

/// Whether appending `next` makes better literals: what is long enough is not multiplied.
fn joins(joined: &[Vec<u8>], next: &[Vec<u8>]) -> bool {
    let shortest = joined.iter().map(Vec::len).min().unwrap_or(0);
    joined.len() * next.len() <= JOINED
        && joined.iter().all(|head| head.len() < LITERAL_BYTES)
        && (next.len() <= 3 || shortest < 4)
}

/// Whether the start of what is not joined whole is worth having: alone, or when it multiplies little.
fn lends(head: &[Vec<u8>], starts: &[Vec<u8>]) -> bool {
    joins(head, starts) && (starts.len() <= 4 || head.iter().all(Vec::is_empty))
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
        (literal.len().min(16) * 2 + odd.min(3)) as i64
    };
    let least = set.iter().map(rarity).min().unwrap_or(0);
    least * 10 - i64::from(set.len().ilog2()) * 4
}

/// Whether the set is rare enough to be worth a scan: three bytes, or two of which one is no letter.
fn gates(set: &[Vec<u8>]) -> bool {
    set.iter().all(|literal| {
        literal.len() >= 3
            || (literal.len() == 2
                && literal.iter().any(|byte| !byte.is_ascii_alphanumeric() && *byte != b' '))
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
            let found: Vec<String> =
                found.literals.iter().map(|literal| String::from_utf8_lossy(literal).into_owned()).collect();
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
            let instead = need.instead.iter().any(|sets| sets.iter().all(|set| set.meets(ByteSet::of(value.as_bytes()))));
            prop_assert!(need.literals.is_empty() || has || instead);
        }
    }

    proptest! {
        /// What matches starts as it must.
        #[test]
        fn starts_are_necessary(at in 0..STARTS.len(), value in "[abcxyzABC<>=';\\-/ 0-9]{0,6}") {
            let pattern = Pattern::new(STARTS[at], 1 << 20).unwrap();
            let plain = regex_automata::meta::Regex::new(STARTS[at]).unwrap();
            prop_assert_eq!(pattern.is_match(value.as_bytes()), plain.is_match(value.as_bytes()), "{}", STARTS[at]);
        }
    }

    #[test]
    fn starts_are_known_where_the_start_must_match() {
        let known: Vec<&str> = STARTS
            .into_iter()
            .filter(|text| {
                let mut parser = regex_syntax::ParserBuilder::new();
                let hir = parser.unicode(false).utf8(false).build().parse(text).unwrap();
                super::starts(&hir).is_some()
            })
            .collect();
        assert_eq!(known, STARTS[..6]);
    }

    const STARTS: [&str; 11] = [
        "^(?:ab|[c-x])+",
        "^abc$",
        "(?i)^a(?:b|$)",
        "^a|^[0-9]",
        "(?:^<|^>)",
        "(?:^a|^b+)x",
        "(^=)+b|x",
        "^(a|b*)c",
        "^a?b",
        "^a|b",
        "^$",
    ];

    const PATTERNS: [&str; 11] = [
        "abc[^x]*y|['-][a-z]*;",
        "x(?:ab.*|c[0-9]+)z",
        "(?:a+bc|<[a-z]*>)[xyz]",
        "a(b|c)+x?",
        "(?i)abc|xyz",
        "[<>]=|;.*-",
        "(a|bc|xyz)(1|2)?",
        "a{2,3}[0-9]",
        "^a.*c$",
        "(?:ab?c)+[xyz]",
        "(|a)b(c|)",
    ];
}
