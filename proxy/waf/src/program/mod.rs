//! Programs: rules resolved once, then shared by every transaction.
//!
//! Loading turns directives into rules whose markers are positions, whose targets and transformation chains are
//! interned, whose `TX` names are slots, and whose literals are in one automaton per direction.

mod actions;
mod constant;
mod draft;
mod effects;
mod gate;
mod group;
mod kinds;
mod literals;
mod names;
mod need;
mod page;
mod phase;
mod rule;
mod settings;
mod template;
mod texts;
mod windows;

pub(crate) use gate::Gate;
pub(crate) use group::{Column, Group, Place as TargetPlace, Select, Source};
pub(crate) use kinds::{KindTable, Kinds};
pub(crate) use names::Names;
pub(crate) use phase::{Entry, Glance, Mesh, Phase};
pub use rule::Meta;
pub(crate) use rule::{
    Allowed, Argument, Before, Change, Control, Disruption, Effect, Excluded, Guard, Link, MANY, Need,
    Number, Processor, Rule, RuleSelector, Slot, Term,
};
pub use settings::{Engine, OverLimit, Settings};
pub(crate) use template::{Piece, Template};
pub(crate) use texts::Texts;

use std::cell::Cell;
use std::sync::Arc;

use constant::Aside;
use draft::Drafts;
use gate::GateBuilder;
use group::Groups;
use need::Wanted;

use crate::fault::{Fault, Place};
use crate::limits::LoadLimits;
use crate::operator::{Compile, Operator};
use crate::source::{self, RuleSource};
use crate::syntax::{self, Action, OperatorSyntax, RuleSyntax, Variable};
use crate::transform::CodePage;

/// Phases of a transaction: request headers, request body, response headers, response body, logging.
pub(crate) const PHASES: usize = 5;

/// A compiled set of rules. Immutable; share it behind an [`Arc`].
pub struct Program {
    pub(crate) rules: Vec<Rule>,
    pub(crate) phases: [Phase; PHASES],
    pub(crate) groups: Vec<Group>,
    pub(crate) columns: Vec<Column>,
    pub(crate) kinds: KindTable,
    /// What `%uhhhh` is read by.
    pub(crate) code_page: Option<CodePage>,
    pub(crate) names: Names,
    pub(crate) texts: Texts,
    /// Literals of the request phases, and of the response phases.
    pub(crate) gates: [Gate; 2],
    /// Variables that some rule looks at or prints.
    pub(crate) uses: [bool; Variable::COUNT],
    settings: Settings,
    warnings: Vec<Fault>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}

impl Program {
    /// Compiles what is otherwise compiled when a transaction first asks for it: for a thread that nobody waits for.
    pub fn warm(&self) {
        self.rules.iter().flat_map(|rule| &rule.links).for_each(|link| link.operator.warm());
    }

    /// Compiles the rule files `entries` of `source`, in this order, with all they include.
    ///
    /// Regular expressions are checked here, and compiled when first asked. Whoever wants no first request to wait for that puts an
    /// ordinary one through before.
    ///
    /// # Errors
    ///
    /// All faults found, each with file, line and column: what is malformed, what is refused, what exceeds `limits`.
    pub fn compile(
        source: &dyn RuleSource,
        entries: &[&str],
        limits: &LoadLimits,
    ) -> Result<Self, Vec<Fault>> {
        Self::compile_with(source, entries, limits, &[])
    }

    /// The same with constants: members of `TX` (names in lower case, each once) that hold these numbers in every transaction. What
    /// rules decide by them alone is decided now, and a rule that is then never come to costs nothing: with CRS's
    /// `detection_paranoia_level`, all rules of higher levels.
    ///
    /// # Errors
    ///
    /// The same, and a rule that is come to and sets a constant to another number.
    pub fn compile_with(
        source: &dyn RuleSource,
        entries: &[&str],
        limits: &LoadLimits,
        constants: &[(&str, i64)],
    ) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let loaded = syntax::load(source, entries, limits, &mut faults);
        let bytes = loaded.bytes;
        let drafts = Drafts::collect(loaded, limits, &mut faults);
        let mut builder = Builder {
            source,
            limits,
            faults,
            metas: drafts.rules.iter().map(|draft| draft.meta.clone()).collect(),
            names: Names::new(constants),
            texts: Texts::new(),
            groups: Groups::new(limits.regex_bytes),
            gates: [GateBuilder::default(), GateBuilder::default()],
            aside: Aside::new(limits.regex_bytes),
            wanted: Vec::new(),
            uses: [false; Variable::COUNT],
            phrases: 0,
            phrase_bytes: 0,
            bytes: Cell::new(bytes),
            regex_bytes: 0,
        };
        let mut rules = builder.rules(&drafts);
        let kinds = builder.settle_kinds(&mut rules);
        let phases = [1, 2, 3, 4, 5].map(|phase| {
            let rules = (0..).zip(&rules).filter(|(_, rule)| rule.phase == phase && !rule.links.is_empty());
            Phase::new(rules, &builder.groups)
        });
        builder.finish(drafts, rules, phases, kinds).map_err(|mut faults| {
            faults.truncate(limits.faults);
            faults
        })
    }

    /// The settings the rule files made.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is odd but no fault, such as an exclusion that matches no rule.
    #[must_use]
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// What each rule says about itself, in the order of the files.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Meta> {
        self.rules.iter().map(|rule| &*rule.meta)
    }

    /// The literals that a phase looks for.
    pub(crate) fn gate(&self, phase: u8) -> &Gate {
        let [request, response] = &self.gates;
        if is_request(phase) { request } else { response }
    }

    /// Bytes that the tables of literals take.
    #[must_use]
    pub fn gate_bytes(&self) -> usize {
        self.gates.iter().map(Gate::memory).sum()
    }
}

/// Whether a phase looks at the request, whose values are short: all literals are looked for in them.
fn is_request(phase: u8) -> bool {
    phase <= 2
}

/// The default actions in force where a rule stands.
#[derive(Clone, Default)]
pub(super) struct Defaults {
    pub(super) actions: Arc<[Action]>,
}

/// A program under construction.
pub(super) struct Builder<'a> {
    source: &'a dyn RuleSource,
    limits: &'a LoadLimits,
    faults: Vec<Fault>,
    metas: Vec<Arc<Meta>>,
    names: Names,
    texts: Texts,
    groups: Groups,
    gates: [GateBuilder; 2],
    aside: Aside,
    /// Per condition, the bytes that a match needs.
    wanted: Vec<Wanted>,
    uses: [bool; Variable::COUNT],
    phrases: usize,
    phrase_bytes: usize,
    /// Bytes of files read so far.
    bytes: Cell<usize>,
    /// Bytes of regular expressions compiled so far.
    regex_bytes: usize,
}

impl Builder<'_> {
    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < self.limits.faults {
            self.faults.push(fault);
        }
    }

    fn rule(&mut self, draft: &draft::Draft) -> Rule {
        let actions = self.rule_actions(&draft.parts, &draft.defaults);
        let links: Vec<Link> = draft.parts.iter().map(|part| self.link(part, draft)).collect();
        for template in [&actions.message, &actions.data].into_iter().flatten() {
            self.note(template);
        }
        if let Disruption::Redirect(location) = &actions.disruption {
            self.note(location);
        }
        let jumps_only = !actions.log && actions.disruption == Disruption::None;
        let is_jump = jumps_only
            && matches!(links.as_slice(), [link] if link.effects.is_empty() && link.guard.is_some());
        Rule {
            meta: draft.meta.clone(),
            phase: draft.phase,
            links,
            disruption: actions.disruption,
            status: actions.status,
            jump: None,
            log: actions.log,
            message: actions.message,
            data: actions.data,
            is_jump,
        }
    }

    fn link(&mut self, part: &RuleSyntax, draft: &draft::Draft) -> Link {
        let actions = self.link_actions(part, &draft.defaults);
        for effect in &actions.effects {
            self.note_effect(effect);
        }
        let Some(written) = &part.operator else {
            self.wanted.push(Wanted::default());
            return Link {
                group: None,
                operator: Operator::Always,
                negated: false,
                argument: Argument::Literal(Vec::new()),
                need: Need::NOTHING,
                capture: false,
                guard: None,
                effects: actions.effects,
            };
        };
        for target in &part.targets {
            self.use_variable(target.variable);
        }
        let group = match self.groups.intern(&part.targets, &actions.chain, actions.multi, &mut self.names) {
            Ok(group) => group,
            Err(message) => {
                self.fault(part.place.fault(message));
                0
            }
        };
        let (operator, argument) = self.operator(written, draft.phase);
        let mut need = self.need(&operator, group, draft.phase, written.negated);
        if let Operator::Contains(text) = &operator
            && !is_request(draft.phase)
            && !written.negated
        {
            need.before = self.groups.spaced(group, &actions.chain, text.needle()).map(Arc::new);
        }
        let mut link = Link {
            group: Some(group),
            operator,
            negated: written.negated,
            argument,
            need,
            capture: actions.capture,
            guard: None,
            effects: actions.effects,
        };
        link.guard = self.guard(&link);
        link
    }

    /// Adds up what an operator takes.
    fn count(&mut self, operator: &Operator, written: &OperatorSyntax) {
        self.regex_bytes = self.regex_bytes.saturating_add(operator.regex_bytes());
        if let Operator::Phrases(phrases) = operator {
            self.phrases = self.phrases.saturating_add(phrases.count());
            self.phrase_bytes = self.phrase_bytes.saturating_add(phrases.bytes());
        }
        let LoadLimits { regex_total_bytes, phrases, .. } = self.limits;
        if self.regex_bytes > *regex_total_bytes {
            let message =
                format!("regular expressions of more than {regex_total_bytes} bytes in all; load fewer");
            self.fault(written.place.fault(message));
        }
        if self.phrases > *phrases {
            self.fault(written.place.fault(format!("more than {phrases} phrases in all; shorten the lists")));
        }
    }

    fn is_full(&self) -> bool {
        self.regex_bytes > self.limits.regex_total_bytes || self.phrases > self.limits.phrases
    }

    /// Reads a data file that is named at `place`.
    fn read(&self, place: &Place, name: &str) -> Result<Vec<u8>, String> {
        let path = source::resolve(&place.file, name)
            .ok_or_else(|| format!("`{name}` leaves the directory of rules"))?;
        let bytes = self.source.read(&path).ok_or_else(|| {
            format!("there is no file `{path}`; check the path, which is relative to this file")
        })?;
        self.bytes.set(self.bytes.get().saturating_add(bytes.len()));
        if bytes.len() > self.limits.file_bytes || self.bytes.get() > self.limits.total_bytes {
            return Err(format!(
                "`{path}` makes the rules larger than allowed ({} bytes a file, {} in all)",
                self.limits.file_bytes, self.limits.total_bytes
            ));
        }
        Ok(bytes.into_owned())
    }

    fn operator(&mut self, written: &OperatorSyntax, phase: u8) -> (Operator, Argument) {
        if self.is_full() {
            return (Operator::Never, Argument::Literal(Vec::new()));
        }
        let read = |name: &str| self.read(&written.place, name);
        let compile = Compile {
            read: &read,
            regex_bytes: self.limits.regex_bytes,
            is_gated: is_request(phase),
            phrase_bytes: self.limits.phrase_bytes.saturating_sub(self.phrase_bytes),
        };
        let operator = match Operator::compile(&written.name, &written.argument, &compile) {
            Ok(operator) => operator,
            Err(message) => {
                self.fault(written.place.fault(message));
                return (Operator::Never, Argument::Literal(Vec::new()));
            }
        };
        self.count(&operator, written);
        if !operator.expands_argument() {
            return (operator, Argument::Literal(Vec::new()));
        }
        match Template::parse(&written.argument, &mut self.names) {
            Ok(template) => {
                self.note(&template);
                let Some(literal) = template.literal().map(<[u8]>::to_vec) else {
                    return (operator, Argument::Template(template));
                };
                let (operator, argument) = operator.with_literal(literal);
                (operator, Argument::Literal(argument))
            }
            Err(message) => {
                self.fault(written.place.fault(message));
                (operator, Argument::Literal(Vec::new()))
            }
        }
    }

    fn guard(&self, link: &Link) -> Option<Guard> {
        if link.capture {
            return None;
        }
        let mut columns = self.groups.columns_of(link.group?);
        let (column, None) = (columns.next()?, columns.next()) else { return None };
        let Source::Members { select: Select::Slot(slot), excluded } = &column.source else { return None };
        let Operator::Number(comparison) = link.operator else { return None };
        let number = match &link.argument {
            Argument::Literal(number) => Number::Fixed(crate::bytes::integer(number)),
            Argument::Template(template) => Number::of(template)?,
        };
        excluded.is_empty().then_some(Guard {
            slot: *slot,
            count: column.count,
            negated: link.negated,
            comparison,
            number,
        })
    }

    fn use_variable(&mut self, variable: Variable) {
        if let Some(used) = self.uses.get_mut(variable as usize) {
            *used = true;
        }
    }

    fn note(&mut self, template: &Template) {
        for variable in template.variables() {
            self.use_variable(variable);
        }
    }

    fn note_place(&mut self, place: &Slot) {
        if let Slot::Member(_, name) = place {
            self.note(name);
        }
    }

    fn note_effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Set { place, change } => {
                self.note_place(place);
                if let Change::To(value)
                | Change::Add(Term::Text(value))
                | Change::Subtract(Term::Text(value)) = change
                {
                    self.note(value);
                }
            }
            Effect::Expire { place, seconds } => {
                self.note_place(place);
                self.note(seconds);
            }
            Effect::Attach { key, .. } => self.note(key),
            Effect::Environment { name, value } => {
                self.note(name);
                value.iter().for_each(|value| self.note(value));
            }
            Effect::Control(_) => {}
        }
    }

    fn finish(
        mut self,
        drafts: Drafts,
        mut rules: Vec<Rule>,
        phases: [Phase; PHASES],
        kinds: KindTable,
    ) -> Result<Program, Vec<Fault>> {
        for (at, rule) in rules.iter_mut().enumerate() {
            match drafts.target(at) {
                None => {}
                Some(Ok(position)) => {
                    let phase = phases.get(usize::from(rule.phase) - 1);
                    let entries = phase.map_or(&[][..], |phase| &phase.entries);
                    let after = entries.partition_point(|entry| {
                        drafts.rules.get(entry.rule as usize).is_some_and(|other| other.order < position)
                    });
                    rule.jump = u32::try_from(after).ok();
                }
                Some(Err(fault)) => self.faults.push(fault),
            }
        }
        let page = drafts.page.load(|place, name| self.read(place, name));
        let code_page = page.unwrap_or_else(|fault| {
            self.faults.push(fault);
            None
        });
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        crate::detect::warm();
        let (groups, columns) = self.groups.finish(&self.names);
        let [request, response] = self.gates;
        Ok(Program {
            rules,
            phases,
            groups,
            columns,
            kinds,
            code_page,
            names: self.names,
            texts: self.texts,
            gates: [request.build(0), response.build(1)],
            uses: self.uses,
            settings: drafts.settings,
            warnings: drafts.warnings,
        })
    }
}
