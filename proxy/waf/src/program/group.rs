//! What rules look at, interned: a list of targets with a chain of transformations. Rules with the same list and chain
//! share one group, whose values are found, transformed and scanned once for all of them.

use std::collections::HashMap;

use super::names::Names;
use crate::bytes::ByteSet;
use crate::operator::Pattern;
use crate::syntax::{Selector, Target, Variable};
use crate::transform::Transform;

/// Targets and transformations that rules share.
pub(crate) struct Group {
    pub(crate) targets: Vec<Place>,
    /// Members that are left out.
    pub(crate) excluded: Vec<Place>,
    pub(crate) chain: Vec<Transform>,
    /// The bytes that the chain acts on.
    pub(crate) touches: ByteSet,
    /// Whether what it looks at changes while a phase runs.
    pub(crate) is_volatile: bool,
    /// The rules look at each step of the chain.
    pub(crate) multi: bool,
}

/// One target, resolved.
pub(crate) struct Place {
    pub(crate) variable: Variable,
    pub(crate) select: Select,
    pub(crate) count: bool,
}

/// Which members of a collection, resolved.
pub(crate) enum Select {
    All,
    Name(Vec<u8>),
    /// A member of `TX` with its slot.
    Slot(u32),
    /// The pattern, and the slots whose names it matches when the variable is `TX`.
    Pattern(Box<Pattern>, Vec<u32>),
}

impl Select {
    /// Whether the member called `key` is meant.
    pub(crate) fn takes(&self, key: &[u8], names: &Names) -> bool {
        match self {
            Self::All => true,
            Self::Name(name) => key.eq_ignore_ascii_case(name),
            Self::Slot(slot) => key.eq_ignore_ascii_case(names.name(*slot).as_bytes()),
            Self::Pattern(pattern, _) => pattern.is_match(key),
        }
    }
}

/// Resolves one target.
///
/// # Errors
///
/// When its pattern cannot be compiled.
pub(crate) fn resolve(target: &Target, names: &mut Names, regex_bytes: usize) -> Result<Place, String> {
    let select = match &target.selector {
        Selector::All => Select::All,
        Selector::Name(name) if target.variable == Variable::Tx => Select::Slot(names.slot(name)),
        Selector::Name(name) => Select::Name(name.as_bytes().to_vec()),
        // Names of members are matched whatever their case, as names are.
        Selector::Pattern(pattern) => {
            Select::Pattern(Box::new(Pattern::new(&format!("(?i){pattern}"), regex_bytes)?), Vec::new())
        }
        Selector::XmlText => Select::Name(b"/*".to_vec()),
        Selector::XmlAttributes => Select::Name(b"//@*".to_vec()),
    };
    Ok(Place { variable: target.variable, select, count: target.count })
}

type Key = (Vec<Target>, Vec<Transform>, bool);

/// The groups of a program under construction.
pub(crate) struct Groups {
    known: HashMap<Key, u32>,
    pub(crate) groups: Vec<Group>,
    regex_bytes: usize,
}

impl Groups {
    pub(crate) fn new(regex_bytes: usize) -> Self {
        Self { known: HashMap::new(), groups: Vec::new(), regex_bytes }
    }

    /// The group of `targets` and `chain`, new when there is none yet.
    pub(crate) fn intern(
        &mut self,
        targets: &[Target],
        chain: &[Transform],
        multi: bool,
        names: &mut Names,
    ) -> Result<u32, String> {
        let key: Key = (targets.to_vec(), chain.to_vec(), multi);
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let mut group = Group {
            targets: Vec::new(),
            excluded: Vec::new(),
            chain: chain.to_vec(),
            touches: chain.iter().fold(ByteSet::NONE, |set, step| set.union(step.touches())),
            is_volatile: targets.iter().any(|target| target.variable.is_volatile()),
            multi,
        };
        for target in targets {
            let place = resolve(target, names, self.regex_bytes)?;
            if target.exclude { group.excluded.push(place) } else { group.targets.push(place) }
        }
        let at = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        self.groups.push(group);
        self.known.insert(key, at);
        Ok(at)
    }

    /// Ends construction: which slots of `TX` the patterns mean is settled now.
    pub(crate) fn finish(mut self, names: &Names) -> Vec<Group> {
        for place in
            self.groups.iter_mut().flat_map(|group| group.targets.iter_mut().chain(&mut group.excluded))
        {
            if let Select::Pattern(pattern, slots) = &mut place.select
                && place.variable == Variable::Tx
            {
                *slots = names
                    .iter()
                    .filter(|(_, name)| pattern.is_match(name.as_bytes()))
                    .map(|(slot, _)| slot)
                    .collect();
            }
        }
        self.groups
    }
}
