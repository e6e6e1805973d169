//! Bytes that every match has, and choices of such: `(?:a.*b|c)` needs an `a` and a `b`, or a `c`.

use regex_syntax::hir::{Class, ClassBytes, Hir, HirKind};

use crate::bytes::ByteSet;

/// Sets kept.
const SETS: usize = 6;
/// Sets kept while they are being joined.
const JOINED_SETS: usize = 12;
/// Letters and digits in a set: of digits there are ten.
const MANY: u32 = 10;
/// The same in one of a choice.
const FEW: u32 = 3;
/// Choices kept.
const CHOICES: usize = 32;

/// Ways to match, each with sets of which every match that goes this way has a byte each.
pub(crate) type Choices = Vec<Vec<ByteSet>>;

/// What bytes every match of an expression has.
#[derive(Default)]
pub(super) struct Bytes {
    /// One of each.
    sets: Vec<ByteSet>,
    /// Where there are several ways to match, one of each of one of these.
    choices: Choices,
}

impl Bytes {
    pub(super) fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Repetition(repetition) if repetition.min == 0 => Self::default(),
            HirKind::Repetition(repetition) => Self::of(&repetition.sub),
            HirKind::Concat(parts) => Self::all_of(parts),
            HirKind::Alternation(branches) => {
                Self::any_of(&branches.iter().map(Self::of).collect::<Vec<_>>())
            }
            _ => Self::all_of(std::slice::from_ref(hir)),
        }
    }

    /// What parts that follow each other have together: the choices of the one that tells most, and the sets of the others.
    fn all_of(parts: &[Hir]) -> Self {
        let (mut sets, mut branching) = (Vec::new(), Vec::new());
        for part in parts {
            match part.kind() {
                HirKind::Literal(literal) => sets.extend(literal.0.iter().map(|byte| ByteSet::of(&[*byte]))),
                HirKind::Class(Class::Bytes(class)) => sets.push(members(class)),
                HirKind::Empty | HirKind::Look(_) | HirKind::Class(Class::Unicode(_)) => {}
                _ => {
                    let part = Self::of(part);
                    if part.choices.is_empty() { sets.extend(part.sets) } else { branching.push(part) }
                }
            }
        }
        let chosen = (0..branching.len()).max_by_key(|at| branching.get(*at).map(Self::least));
        let chosen = chosen.map(|at| branching.swap_remove(at)).unwrap_or_default();
        sets.extend(branching.into_iter().flat_map(|part| part.sets));
        let mut sets = fewer(sets);
        let with_others = |way: Vec<ByteSet>| rarest([way.as_slice(), &sets].concat());
        let choices = chosen.choices.into_iter().map(with_others).collect();
        sets.extend(chosen.sets);
        Self { sets: fewer(sets), choices }
    }

    /// How much the weakest choice tells beyond the sets.
    fn least(&self) -> u32 {
        let more = |way: &Vec<ByteSet>| -> u32 {
            let is_more = |set: &&ByteSet| !self.sets.iter().any(|known| known.is_within(**set));
            way.iter().filter(is_more).map(|set| rarity(*set)).sum()
        };
        self.choices.iter().map(more).min().unwrap_or(0)
    }

    /// What alternatives have: each its own. Where that is too much to keep, less of each.
    fn any_of(branches: &[Self]) -> Self {
        let sets = unions(branches);
        let count: usize = branches.iter().map(|branch| branch.choices.len().max(1)).sum();
        if branches.len() > CHOICES {
            return Self { sets, choices: Vec::new() };
        }
        let mut choices = Choices::new();
        for branch in branches {
            if count > CHOICES || branch.choices.is_empty() {
                choices.push(rarest(branch.sets.clone()));
            } else {
                choices.extend_from_slice(&branch.choices);
            }
        }
        choices.sort_unstable();
        choices.dedup();
        // Of a single set each, they are no more than the union.
        if choices.iter().all(|sets| sets.len() < 2) || choices.iter().any(Vec::is_empty) {
            choices.clear();
        }
        Self { sets, choices }
    }

    /// The sets of which every match has a byte each, those that tell most.
    pub(super) fn sets(&self) -> Vec<ByteSet> {
        let mut sets = self.sets.clone();
        sets.sort_by_key(|set| set.len());
        kept(sets)
    }

    /// The choices; none where each value has one.
    pub(super) fn choices(self) -> Choices {
        /// As much as three letters.
        const WORTH: u32 = 3;
        if self.choices.len() > 1 && self.least() >= WORTH { self.choices } else { Vec::new() }
    }
}

fn members(class: &ClassBytes) -> ByteSet {
    let mut set = ByteSet::NONE;
    class.iter().for_each(|range| set.insert_range(range.start(), range.end()));
    set
}

/// Sets of which any of these alternatives has a byte each: for each set of one, what is the smallest with one of each other.
fn unions(branches: &[Bytes]) -> Vec<ByteSet> {
    let Some(fewest) = branches.iter().map(|branch| &branch.sets).min_by_key(|sets| sets.len()) else {
        return Vec::new();
    };
    let union = |seed: &ByteSet| {
        branches.iter().try_fold(*seed, |all, branch| {
            let all = branch.sets.iter().map(|set| all.union(*set)).min_by_key(|set| set.len())?;
            tells(all).then_some(all)
        })
    };
    fewer(fewest.iter().filter_map(union).collect())
}

/// The smallest of some sets, as many as are worth their time.
fn fewer(mut sets: Vec<ByteSet>) -> Vec<ByteSet> {
    sets.retain(|set| tells(*set));
    sets.sort_unstable_by_key(|set| (set.len(), *set));
    sets.dedup();
    sets.truncate(JOINED_SETS);
    sets
}

/// The sets that tell most: signs before letters, small ones before large ones.
fn rarest(mut sets: Vec<ByteSet>) -> Vec<ByteSet> {
    sets.retain(|set| letters(*set) <= FEW);
    sets.sort_unstable_by_key(|set| (letters(*set) > 0, set.len(), *set));
    kept(sets)
}

/// How rare a value is that has a byte of a set.
fn rarity(set: ByteSet) -> u32 {
    if letters(set) > 0 { 1 } else { 4 }
}

/// Letters and digits in a set, in either case.
fn letters(set: ByteSet) -> u32 {
    set.any_case().intersection(ByteSet::LOWER_AND_DIGITS).len()
}

/// Whether a byte of a set is more than most values have.
fn tells(set: ByteSet) -> bool {
    set.len() < 200 && letters(set) <= MANY
}

/// The first few of some sets that are not implied by those before.
fn kept(sets: Vec<ByteSet>) -> Vec<ByteSet> {
    let mut kept: Vec<ByteSet> = Vec::new();
    for set in sets.into_iter().filter(|set| tells(*set)) {
        if kept.len() < SETS && !kept.iter().any(|smaller| smaller.is_within(set)) {
            kept.push(set);
        }
    }
    kept
}
