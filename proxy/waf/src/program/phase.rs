//! A phase's rules in order, each with what decides at a glance that it does not match: most rules look at values that
//! lack what a match needs, and are not touched at all.

use std::collections::HashMap;
use std::sync::Arc;

use super::group::Groups;
use super::kinds::Kinds;
use super::rule::{Before, Guard, Rule};

/// The rules of a phase.
#[derive(Default)]
pub(crate) struct Phase {
    pub(crate) entries: Vec<Entry>,
    pub(crate) sieves: Vec<Sieve>,
}

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
    /// To pass the sieve of this number, and before it values that have this before their white space goes: then no such value need
    /// be made.
    Sieve(u32, Option<Arc<Before>>),
}

/// The rules of a phase that look at the same group: which of them may match is found for all at once.
pub(crate) struct Sieve {
    pub(crate) group: u32,
    pub(crate) meshes: Vec<Mesh>,
}

/// What some value must have for a rule to match.
pub(crate) struct Mesh {
    /// Which entry of the phase.
    pub(crate) entry: u32,
    /// Bytes.
    pub(crate) len: u32,
    /// A bit of the gate.
    pub(crate) bit: Option<u32>,
    /// Bytes of these kinds.
    pub(crate) kinds: Kinds,
}

impl Phase {
    /// Of rules by number, in order.
    pub(super) fn new<'a>(rules: impl Iterator<Item = (u32, &'a Rule)>, groups: &Groups) -> Self {
        let mut phase = Self::default();
        let mut sieves = HashMap::new();
        for (rule, compiled) in rules {
            let glance = phase.glance(compiled, groups, &mut sieves).unwrap_or(Glance::Nothing);
            phase.entries.push(Entry { rule, glance });
        }
        phase
    }

    /// What shows of the rule that is entered next; `sieves` has those there are, by group.
    fn glance(&mut self, rule: &Rule, groups: &Groups, sieves: &mut HashMap<u32, u32>) -> Option<Glance> {
        let first = rule.links.first()?;
        if let Some(guard) = first.guard {
            return Some(Glance::Guard(guard));
        }
        let group = first.group?;
        if first.negated || groups.groups.get(group as usize)?.is_volatile {
            return None;
        }
        let sieve = *sieves.entry(group).or_insert_with(|| {
            self.sieves.push(Sieve { group, meshes: Vec::new() });
            number(self.sieves.len() - 1)
        });
        let need = &first.need;
        let bit = need.bit.filter(|_| need.instead.is_empty());
        let mesh = Mesh { entry: number(self.entries.len()), len: need.len, bit, kinds: need.kinds };
        self.sieves.get_mut(sieve as usize)?.meshes.push(mesh);
        Some(Glance::Sieve(sieve, need.before.clone()))
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
