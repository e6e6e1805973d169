//! The literals that every match of an expression has one of, from those of its parts.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

use super::literals::{JOINED, LITERALS, Literals, better, cross, joins, lends, members, usable};
use crate::bytes::ByteSet;

/// Ends of what is not joined whole that go before what follows.
const BEFORE: usize = 8;

/// What is known of one expression.
pub(super) struct Needs {
    /// All it can match, when that is few.
    exact: Option<Literals>,
    /// One of these is in every match.
    literals: Option<Literals>,
    /// Every match starts with one of these.
    prefix: Option<Literals>,
    /// Every match ends with one of these.
    suffix: Option<Literals>,
}

impl Needs {
    const UNKNOWN: Self = Self { exact: None, literals: None, prefix: None, suffix: None };

    pub(super) fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Self::exactly(Some(vec![Vec::new()])),
            HirKind::Literal(literal) => Self::exactly(Some(vec![literal.0.to_ascii_lowercase()])),
            HirKind::Class(class) => Self::class(class),
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Repetition(repetition) => Self::repetition(repetition),
            HirKind::Concat(parts) => Self::concat(parts),
            HirKind::Alternation(branches) => Self::alternation(branches),
        }
    }

    fn exactly(exact: Option<Literals>) -> Self {
        Self { exact, ..Self::UNKNOWN }
    }

    fn class(class: &Class) -> Self {
        let Class::Bytes(class) = class else { return Self::UNKNOWN };
        let mut set = ByteSet::NONE;
        class.iter().for_each(|range| set.insert_range(range.start(), range.end()));
        Self::exactly(members(set))
    }

    fn repetition(repetition: &Repetition) -> Self {
        let inner = Self::of(&repetition.sub);
        if repetition.min == 0 {
            if repetition.max == Some(1)
                && let Some(mut exact) = inner.exact.filter(|exact| exact.len() < JOINED)
            {
                exact.push(Vec::new());
                return Self::exactly(Some(exact));
            }
            return Self::UNKNOWN;
        }
        if repetition.max == Some(1) {
            return inner;
        }
        let (prefix, suffix) = (inner.starts(), inner.ends());
        Self { exact: None, literals: inner.into_literals(), prefix, suffix }
    }

    fn concat(parts: &[Hir]) -> Self {
        let mut joined: Literals = vec![Vec::new()];
        let mut best: Option<Literals> = None;
        let mut prefix: Option<Literals> = None;
        for part in parts {
            let needs = Self::of(part);
            let starts = needs.starts();
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
        let Some(prefix) = prefix else { return Self::exactly(Some(joined)) };
        let suffix = Some(joined.clone());
        Self { exact: None, literals: better(best, Some(joined)), prefix: Some(prefix), suffix }
    }

    /// What every match ends with.
    fn ends(&self) -> Option<Literals> {
        self.exact.clone().or_else(|| self.suffix.clone())
    }

    /// What every match starts with.
    fn starts(&self) -> Option<Literals> {
        self.exact.clone().or_else(|| self.prefix.clone())
    }

    fn alternation(branches: &[Hir]) -> Self {
        let needs: Vec<Self> = branches.iter().map(Self::of).collect();
        let count: usize = needs.iter().map(|needs| needs.exact.as_ref().map_or(LITERALS, Vec::len)).sum();
        if count < LITERALS && needs.iter().all(|needs| needs.exact.is_some()) {
            let mut exact: Literals = needs.into_iter().filter_map(|needs| needs.exact).flatten().collect();
            exact.sort();
            exact.dedup();
            return Self::exactly(Some(exact));
        }
        let prefix = needs.iter().map(Self::starts).collect::<Option<Vec<_>>>().map(|starts| starts.concat());
        let prefix = prefix.filter(|prefix| prefix.len() <= JOINED);
        let suffix = needs.iter().map(Self::ends).collect::<Option<Vec<_>>>().map(|ends| ends.concat());
        let suffix = suffix.filter(|suffix| suffix.len() <= JOINED);
        let mut literals = Vec::new();
        for branch in needs {
            let Some(mut set) = branch.into_literals() else {
                return Self { exact: None, literals: None, prefix, suffix };
            };
            literals.append(&mut set);
        }
        literals.sort();
        literals.dedup();
        Self { exact: None, literals: usable(literals), prefix, suffix }
    }

    /// The best literals that every match has one of, if any are usable.
    pub(super) fn into_literals(self) -> Option<Literals> {
        better(better(self.literals, self.exact), better(self.prefix, self.suffix))
    }
}
