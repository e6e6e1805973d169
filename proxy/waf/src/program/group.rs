//! What rules look at, interned: members of variables and what transformations make of them are columns, and a rule looks
//! at a group of columns. Rules with like targets and chains share them, so that all is found, transformed and scanned
//! once; chains share their beginnings.

use std::collections::HashMap;

use super::kinds::{KindSets, Kinds};
use super::names::Names;
use super::rule::Before;
use crate::operator::Pattern;
use crate::syntax::{Selector, Target, Variable};
use crate::transform::Transform;

/// Transformations a rule may have. Eight are usual; a limit keeps the way from a column to its members short.
const CHAIN: usize = 100;

/// The columns that some rules look at.
pub(crate) struct Group {
    /// In the order of the targets, [`stages`](Self::stages) of each.
    pub(crate) columns: Vec<u32>,
    /// The bytes that the transformations of each column act on.
    pub(crate) touches: Vec<Kinds>,
    /// Columns per target: one, or with `multiMatch` one more than transformations, as the rules look at each step.
    pub(crate) stages: usize,
    /// Whether what it looks at changes while a phase runs.
    pub(crate) is_volatile: bool,
    /// The groups that it is made of, each with the bytes that the transformations between act on: that of the same members
    /// without transformations, and that before the last.
    pub(crate) made_of: Vec<(u32, Kinds)>,
}

/// Members of a variable, or what a transformation makes of another column.
pub(crate) struct Column {
    pub(crate) variable: Variable,
    /// Whether rules change it while a phase runs.
    pub(crate) is_volatile: bool,
    /// One value: how many members there are.
    pub(crate) count: bool,
    /// The column of members that it comes from, or itself.
    pub(crate) members: u32,
    /// The bytes that the transformations between act on.
    pub(crate) touches: Kinds,
    pub(crate) source: Source,
}

/// Where a column comes from.
pub(crate) enum Source {
    Members {
        select: Select,
        /// Members that are left out.
        excluded: Vec<Select>,
    },
    Step {
        of: u32,
        transform: Transform,
        /// The bytes that it acts on.
        touches: Kinds,
    },
}

/// A target by itself, resolved.
pub(crate) struct Place {
    pub(crate) variable: Variable,
    pub(crate) select: Select,
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

/// Resolves the selector of a target.
///
/// # Errors
///
/// When its pattern cannot be compiled.
pub(crate) fn resolve(
    variable: Variable,
    selector: &Selector,
    names: &mut Names,
    regex_bytes: usize,
) -> Result<Select, String> {
    Ok(match selector {
        Selector::All => Select::All,
        Selector::Name(name) if variable == Variable::Tx => Select::Slot(names.slot(name)),
        Selector::Name(name) => Select::Name(name.as_bytes().to_vec()),
        // Names of members are matched whatever their case, as names are.
        Selector::Pattern(pattern) => {
            Select::Pattern(Box::new(Pattern::new(&format!("(?i){pattern}"), regex_bytes)?), Vec::new())
        }
        Selector::XmlText => Select::Name(b"/*".to_vec()),
        Selector::XmlAttributes => Select::Name(b"//@*".to_vec()),
    })
}

/// A target with what is left out of it.
type MembersKey = (Target, Vec<Selector>);

/// The groups of a program under construction.
pub(crate) struct Groups {
    pub(crate) groups: Vec<Group>,
    pub(crate) columns: Vec<Column>,
    known: HashMap<(Vec<u32>, usize), u32>,
    members: HashMap<MembersKey, u32>,
    steps: HashMap<(u32, Transform), u32>,
    /// What transformations act on.
    kinds: KindSets,
    regex_bytes: usize,
}

impl Groups {
    pub(crate) fn new(regex_bytes: usize) -> Self {
        Self {
            groups: Vec::new(),
            columns: Vec::new(),
            known: HashMap::new(),
            members: HashMap::new(),
            steps: HashMap::new(),
            kinds: KindSets::new(HashMap::new()),
            regex_bytes,
        }
    }

    /// The group of `targets` and `chain`, new when there is none yet.
    ///
    /// # Errors
    ///
    /// When a selector's pattern cannot be compiled, or the chain is too long.
    pub(crate) fn intern(
        &mut self,
        targets: &[Target],
        chain: &[Transform],
        multi: bool,
        names: &mut Names,
    ) -> Result<u32, String> {
        if chain.len() > CHAIN {
            return Err(format!("more than {CHAIN} transformations; none does more than once what it does"));
        }
        // The columns after each transformation.
        let mut stages: Vec<Vec<u32>> = vec![Vec::new(); chain.len() + 1];
        for target in targets.iter().filter(|target| !target.exclude) {
            let excluded = targets
                .iter()
                .filter(|other| other.exclude && other.variable == target.variable)
                .map(|other| other.selector.clone())
                .collect();
            let mut column = self.members(target, excluded, names)?;
            let transforms = chain.iter().copied().map(Some);
            for (transform, columns) in std::iter::once(None).chain(transforms).zip(&mut stages) {
                column = transform.map_or(column, |transform| self.step(column, transform));
                columns.push(column);
            }
        }
        if multi { Ok(self.multi(targets, stages)) } else { Ok(self.chain(stages, chain)) }
    }

    /// The group after the last of `stages`, made of those before.
    fn chain(&mut self, stages: Vec<Vec<u32>>, chain: &[Transform]) -> u32 {
        let mut stages = stages.into_iter();
        let plain = self.group(stages.next().unwrap_or_default(), 1, Vec::new());
        let (mut group, mut all) = (plain, Kinds::NONE);
        for (columns, transform) in stages.zip(chain) {
            let touches = self.kinds.touches(*transform);
            all = all.union(touches);
            let before = (group != plain).then_some((group, touches));
            group = self.group(columns, 1, std::iter::once((plain, all)).chain(before).collect());
        }
        group
    }

    /// The group that looks at each of `stages`.
    fn multi(&mut self, targets: &[Target], stages: Vec<Vec<u32>>) -> u32 {
        let counts = targets.iter().filter(|target| !target.exclude).map(|target| target.count);
        let last = stages.last().cloned().unwrap_or_default();
        let mut columns = Vec::new();
        for (at, (last, count)) in last.iter().zip(counts).enumerate() {
            // How many there are is looked at once.
            let column = |stage: &Vec<u32>| if count { Some(*last) } else { stage.get(at).copied() };
            columns.extend(stages.iter().filter_map(column));
        }
        let (count, members) = (stages.len(), stages.into_iter().next().unwrap_or_default());
        let plain = self.group(members, 1, Vec::new());
        let touched = columns.iter().filter_map(|at| self.columns.get(*at as usize));
        let touches = touched.fold(Kinds::NONE, |all, column| all.union(column.touches));
        self.group(columns, count, vec![(plain, touches)])
    }

    fn group(&mut self, columns: Vec<u32>, stages: usize, made_of: Vec<(u32, Kinds)>) -> u32 {
        let key = (columns, stages);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let at = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        let columns = || key.0.iter().filter_map(|at| self.columns.get(*at as usize));
        self.groups.push(Group {
            is_volatile: columns().any(|column| column.is_volatile),
            touches: columns().map(|column| column.touches).collect(),
            made_of,
            columns: key.0.clone(),
            stages,
        });
        self.known.insert(key, at);
        at
    }

    fn members(
        &mut self,
        target: &Target,
        excluded: Vec<Selector>,
        names: &mut Names,
    ) -> Result<u32, String> {
        let key = (target.clone(), excluded);
        if let Some(known) = self.members.get(&key) {
            return Ok(*known);
        }
        let mut resolve = |selector| resolve(target.variable, selector, names, self.regex_bytes);
        let source = Source::Members {
            select: resolve(&target.selector)?,
            excluded: key.1.iter().map(resolve).collect::<Result<_, _>>()?,
        };
        let at = self.push(Column {
            variable: target.variable,
            is_volatile: target.variable.is_volatile(),
            count: target.count,
            members: u32::try_from(self.columns.len()).unwrap_or(u32::MAX),
            touches: Kinds::NONE,
            source,
        });
        self.members.insert(key, at);
        Ok(at)
    }

    fn step(&mut self, of: u32, transform: Transform) -> u32 {
        if let Some(known) = self.steps.get(&(of, transform)) {
            return *known;
        }
        let Some(from) = self.columns.get(of as usize) else { return of };
        let touches = self.kinds.touches(transform);
        let column = Column {
            touches: from.touches.union(touches),
            source: Source::Step { of, transform, touches },
            ..*from
        };
        let at = self.push(column);
        self.steps.insert((of, transform), at);
        at
    }

    fn push(&mut self, column: Column) -> u32 {
        self.columns.push(column);
        u32::try_from(self.columns.len() - 1).unwrap_or(u32::MAX)
    }

    /// What the members of group `at` have that is `text` once `chain` took their white space: it can be seen before.
    pub(super) fn spaced(&self, at: u32, chain: &[Transform], text: &[u8]) -> Option<Before> {
        let only = [Transform::RemoveWhitespace, Transform::Lowercase];
        let group = self.groups.get(at as usize).filter(|group| !group.is_volatile && group.stages == 1)?;
        let takes_space = chain.contains(&Transform::RemoveWhitespace);
        let is_spaced = takes_space && chain.iter().all(|transform| only.contains(transform));
        let counts = self.columns_of(at).any(|column| column.count);
        let group = group.made_of.first().filter(|_| is_spaced && !counts).map(|(plain, _)| *plain)?;
        Some(Before { group, text: text.to_vec() })
    }

    /// The columns of a group.
    pub(crate) fn columns_of(&self, group: u32) -> impl Iterator<Item = &Column> {
        let columns = self.groups.get(group as usize).map_or(&[][..], |group| &group.columns);
        columns.iter().filter_map(|at| self.columns.get(*at as usize))
    }

    /// Ends construction: which slots of `TX` the patterns mean is settled now.
    pub(crate) fn finish(mut self, names: &Names) -> (Vec<Group>, Vec<Column>) {
        for column in self.columns.iter_mut().filter(|column| column.variable == Variable::Tx) {
            if let Source::Members { select: Select::Pattern(pattern, slots), .. } = &mut column.source {
                let meant = names.iter().filter(|(_, name)| pattern.is_match(name.as_bytes()));
                *slots = meant.map(|(slot, _)| slot).collect();
            }
        }
        (self.groups, self.columns)
    }
}
