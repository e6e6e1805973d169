//! Bytes that every match has, and choices of such: `(?:a.*b|c)` needs an `a` and a `b`, or a `c`.

use super::needs::Needs;
use crate::bytes::ByteSet;

/// Byte sets kept.
const SETS: usize = 6;
/// Byte sets kept while they are being joined.
const JOINED_SETS: usize = 24;
/// Choices of byte sets kept.
const CHOICES: usize = 32;

/// Ways to match, each with sets of which every match that goes this way has a byte each.
pub(crate) type Choices = Vec<Vec<ByteSet>>;

/// Sets of which any of these alternatives has a byte each: for each set of one, what is the smallest with one of each other.
pub(super) fn unions(needs: &[Needs]) -> Vec<ByteSet> {
    let Some(fewest) = needs.iter().map(|needs| &needs.sets).min_by_key(|sets| sets.len()) else {
        return Vec::new();
    };
    let union = |seed: &ByteSet| {
        needs.iter().try_fold(*seed, |all, needs| {
            needs.sets.iter().map(|set| all.union(*set)).min_by_key(|set| set.len())
        })
    };
    fewer(fewest.iter().filter_map(union).collect())
}

/// The smallest of some sets, as many as are worth their time.
pub(super) fn fewer(mut sets: Vec<ByteSet>) -> Vec<ByteSet> {
    sets.sort_unstable_by_key(|set| (set.len(), *set));
    sets.dedup();
    sets.truncate(JOINED_SETS);
    sets
}

/// What the alternatives need: each its own. Where that is too much to keep, less of each.
pub(super) fn any_of(needs: &[Needs]) -> Choices {
    if needs.iter().any(|needs| needs.choices.is_empty()) {
        return Vec::new();
    }
    let mut all: Choices = needs.iter().flat_map(|needs| needs.choices.iter().cloned()).collect();
    if all.len() > CHOICES {
        all = needs.iter().map(|needs| rarest(needs.sets.clone())).collect();
    }
    all.sort_unstable();
    all.dedup();
    if all.len() > CHOICES {
        all = vec![rarest(unions(needs))];
    }
    if all.iter().any(Vec::is_empty) { Vec::new() } else { all }
}

/// What parts that follow each other need together, each with its choices and its sets: the choices of one, and the sets of the others.
pub(super) fn all_of(mut parts: Vec<(Choices, Vec<ByteSet>)>) -> Choices {
    let weakest = |choices: &Choices| choices.iter().map(|sets| rarity(sets)).min();
    let chosen = (0..parts.len()).max_by_key(|at| parts.get(*at).and_then(|(choices, _)| weakest(choices)));
    let choices = chosen.map(|at| parts.swap_remove(at).0).unwrap_or_default();
    let others: Vec<ByteSet> = parts.into_iter().flat_map(|(_, sets)| sets).collect();
    choices.into_iter().map(|sets| rarest([sets, others.clone()].concat())).collect()
}

/// How rare a value is that has a byte of each of these.
fn rarity(sets: &[ByteSet]) -> u32 {
    sets.iter().map(|set| if set.iter().any(|byte| byte.is_ascii_alphanumeric()) { 1 } else { 4 }).sum()
}

/// The sets that tell most: signs before letters, small ones before large ones.
pub(super) fn rarest(mut sets: Vec<ByteSet>) -> Vec<ByteSet> {
    sets.sort_unstable_by_key(|set| (rarity(&[*set]) == 1, set.len(), *set));
    kept(sets)
}

pub(super) fn smallest(mut sets: Vec<ByteSet>) -> Vec<ByteSet> {
    sets.sort_by_key(|set| set.len());
    kept(sets)
}

/// Whether a byte of a set is more than most values have: there are at most so many letters and digits in it, in either case.
fn tells(set: ByteSet) -> bool {
    const MANY: usize = 16;
    let letters = set.any_case().iter().filter(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    set.len() < 200 && letters.count() <= MANY
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
