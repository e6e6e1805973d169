//! Literals of which every match has one, and which are worth looking for.

use crate::bytes::ByteSet;

/// Literals a set may hold.
pub(super) const LITERALS: usize = 1500;
/// Literals kept exact while they are being joined.
pub(super) const JOINED: usize = 250;
/// Bytes of a literal that are kept; more add nothing.
const LITERAL_BYTES: usize = 24;

/// A set of literals.
pub(super) type Literals = Vec<Vec<u8>>;

/// The bytes of a set in lower case, each as a literal, when they are few.
pub(super) fn members(set: ByteSet) -> Option<Literals> {
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

pub(super) fn cross(heads: &[Vec<u8>], tails: &[Vec<u8>]) -> Literals {
    heads.iter().flat_map(|head| tails.iter().map(move |tail| [head.as_slice(), tail].concat())).collect()
}

/// Whether appending `next` makes better literals: what is long enough is not multiplied.
pub(super) fn joins(joined: &[Vec<u8>], next: &[Vec<u8>]) -> bool {
    let shortest = joined.iter().map(Vec::len).min().unwrap_or(0);
    joined.len() * next.len() <= JOINED
        && joined.iter().all(|head| head.len() < LITERAL_BYTES)
        && (next.len() <= 3 || shortest < 4)
}

/// Whether the start of what is not joined whole is worth having: alone, or when it multiplies little.
pub(super) fn lends(head: &[Vec<u8>], starts: &[Vec<u8>]) -> bool {
    joins(head, starts) && (starts.len() <= 4 || head.iter().all(Vec::is_empty))
}

pub(super) fn usable(set: Vec<Vec<u8>>) -> Option<Literals> {
    (!set.is_empty() && set.len() <= LITERALS && set.iter().all(|literal| !literal.is_empty())).then_some(set)
}

pub(super) fn better(one: Option<Literals>, other: Option<Literals>) -> Option<Literals> {
    match (one.and_then(usable), other.and_then(usable)) {
        (Some(one), Some(other)) => Some(if worth(&other) > worth(&one) { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// Longer literals are rarer; many of them are not.
pub(super) fn worth(set: &[Vec<u8>]) -> i64 {
    let rarity = |literal: &Vec<u8>| {
        let odd = literal.iter().filter(|byte| !byte.is_ascii_alphanumeric() && **byte != b' ').count();
        (literal.len().min(16) * 2 + odd.min(3)) as i64
    };
    let least = set.iter().map(rarity).min().unwrap_or(0);
    least * 10 - i64::from(set.len().ilog2()) * 4
}

/// Whether the set is rare enough to be worth a scan: three bytes, or two of which one is no letter.
pub(super) fn gates(set: &[Vec<u8>]) -> bool {
    set.iter().all(|literal| {
        literal.len() >= 3
            || (literal.len() == 2
                && literal.iter().any(|byte| !byte.is_ascii_alphanumeric() && *byte != b' '))
    })
}
