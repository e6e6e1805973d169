//! A phase's rules in order, each with what decides at a glance that it does not match: most rules look at values that
//! lack what a match needs, and are not touched at all.

use super::group::Groups;
use super::kinds::Kinds;
use super::rule::{Guard, Rule};

/// A rule in its phase.
pub(crate) struct Entry {
    pub(crate) rule: u32,
    pub(crate) glance: Glance,
}

/// What a match of a rule needs.
pub(crate) enum Glance {
    /// Nothing that shows at a glance.
    Nothing,
    /// This condition.
    Guard(Guard),
    /// Values that have something.
    Values(Hint),
}

/// What some value of a group must have.
pub(crate) struct Hint {
    pub(crate) group: u32,
    /// Bytes.
    pub(crate) len: u32,
    /// A bit of the gate.
    pub(crate) bit: Option<u32>,
    /// Bytes of these kinds.
    pub(crate) kinds: Kinds,
}

impl Entry {
    pub(super) fn new(at: u32, rule: &Rule, groups: &Groups) -> Self {
        Self { rule: at, glance: Glance::of(rule, groups).unwrap_or(Glance::Nothing) }
    }
}

impl Glance {
    fn of(rule: &Rule, groups: &Groups) -> Option<Self> {
        let first = rule.links.first()?;
        if let Some(guard) = first.guard {
            return Some(Self::Guard(guard));
        }
        let at = first.group?;
        let group = groups.groups.get(at as usize)?;
        if first.negated || group.is_volatile {
            return None;
        }
        let need = &first.need;
        let bit = need.bit.filter(|_| need.instead.is_empty());
        Some(Self::Values(Hint { group: at, len: need.len, bit, kinds: need.kinds }))
    }
}
