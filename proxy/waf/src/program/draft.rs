//! Drafts: rules gathered from directives, chains joined, removals and updates applied, before anything is compiled.

use std::collections::HashMap;
use std::sync::Arc;

use super::actions;
use super::page::PageDraft;
use super::rule::{MANY, Meta, RuleSelector, place_of};
use super::settings::Settings;
use super::{Defaults, PHASES};
use crate::fault::{Fault, Place};
use crate::limits::LoadLimits;
use crate::syntax::{Action, DirectiveKind, Loaded, RuleSyntax, Selector, Target};

/// A rule with the rules chained to it, as written.
pub(super) struct Draft {
    /// INVARIANT: never empty.
    pub(super) parts: Vec<RuleSyntax>,
    pub(super) meta: Arc<Meta>,
    pub(super) phase: u8,
    pub(super) defaults: Defaults,
    /// Its place among rules and markers.
    pub(super) order: u32,
}

impl Draft {
    fn change_actions(&mut self, part: usize, changes: &[Action]) -> Result<(), Fault> {
        let fixed = |action: &&Action| matches!(action.name.as_str(), "id" | "phase" | "chain");
        if let Some(action) = changes.iter().find(fixed) {
            return Err(action.fault(format!("`{}` of a rule cannot be changed", action.name)));
        }
        if part > 0 {
            actions::check_chained(changes)?;
        }
        if let Some(rule) = self.parts.get_mut(part) {
            rule.actions.extend(changes.iter().cloned());
        }
        if let Some(first) = self.parts.first().filter(|_| part == 0) {
            self.meta = Arc::new(actions::meta(first)?);
        }
        Ok(())
    }

    fn last(&self, action: &str) -> Option<&Action> {
        self.parts.first().and_then(|first| actions::last(&first.actions, action))
    }
}

/// All drafts of a load.
pub(super) struct Drafts {
    pub(super) rules: Vec<Draft>,
    pub(super) settings: Settings,
    pub(super) warnings: Vec<Fault>,
    pub(super) page: PageDraft,
    /// Orders of markers by name, ascending.
    markers: HashMap<String, Vec<u32>>,
    /// Orders of rules by id.
    ids: HashMap<u64, u32>,
}

fn no_marker(jump: &Action) -> Fault {
    jump.fault(format!("no SecMarker or rule `{}` follows; add it, or correct the name", jump.text()))
}

impl Drafts {
    pub(super) fn collect(loaded: Loaded, limits: &LoadLimits, faults: &mut Vec<Fault>) -> Self {
        let mut collector = Collector {
            limits,
            faults,
            drafts: Self {
                rules: Vec::new(),
                settings: Settings::default(),
                warnings: Vec::new(),
                page: PageDraft::default(),
                markers: HashMap::new(),
                ids: HashMap::new(),
            },
            defaults: Default::default(),
            open: None,
            order: 0,
            count: 0,
            removals: Vec::new(),
            updates: Vec::new(),
            without_bodies: None,
        };
        for directive in loaded.directives {
            collector.directive(&directive.place, directive.kind);
        }
        collector.finish()
    }

    /// Where its phase goes on after a match of rule `at`, unless with the next: the order of what stands there.
    pub(super) fn target(&self, at: usize) -> Option<Result<u32, Fault>> {
        let draft = self.rules.get(at)?;
        if let Some(jump) = draft.last("skipafter") {
            return Some(self.position(jump, draft).ok_or_else(|| no_marker(jump)));
        }
        let skip = draft.last("skip").or_else(|| actions::last(&draft.defaults.actions, "skip"));
        let count = skip?.text().parse::<usize>().ok()?;
        let rest = self.rules.get(at + 1..).unwrap_or_default();
        let last = rest.iter().filter(|other| other.phase == draft.phase).nth(count.checked_sub(1)?);
        Some(Ok(last.map_or(u32::MAX, |last| last.order + 1)))
    }

    /// Where a jump from `draft` goes: the order of what stands after the marker.
    fn position(&self, jump: &Action, draft: &Draft) -> Option<u32> {
        let name = jump.text().trim();
        let follows = |order: &&u32| **order > draft.order;
        if let Some(marker) = self.markers.get(name).and_then(|orders| orders.iter().find(follows)) {
            return Some(*marker);
        }
        self.ids.get(&name.parse().ok()?).filter(follows).map(|order| order + 1)
    }
}

struct Collector<'a> {
    limits: &'a LoadLimits,
    faults: &'a mut Vec<Fault>,
    drafts: Drafts,
    defaults: [Defaults; PHASES],
    /// A chain that waits for its next rule.
    open: Option<Vec<RuleSyntax>>,
    order: u32,
    count: usize,
    removals: Vec<(Place, RuleSelector, String)>,
    updates: Vec<Update>,
    /// Where it is said that bodies of requests are not looked into.
    without_bodies: Option<Place>,
}

/// A change to rules that a directive asks for.
struct Update {
    place: Place,
    selector: RuleSelector,
    /// As written.
    what: String,
    /// Which rule of a chain, from 0.
    part: usize,
    change: Change,
}

enum Change {
    Targets { added: Vec<Target>, replaced: Vec<Target> },
    Actions(Vec<Action>),
}

impl Change {
    /// Whether it takes all members of some target away.
    fn takes_all(&self) -> bool {
        let Self::Targets { added, .. } = self else { return false };
        added.iter().any(|target| target.exclude && target.selector == Selector::All)
    }
}

impl Collector<'_> {
    fn directive(&mut self, place: &Place, kind: DirectiveKind) {
        if self.open.is_some() && !matches!(kind, DirectiveKind::Rule(_)) {
            self.open = None;
            self.faults
                .push(place.fault("the chain before this has no next rule; add it, or remove `chain`"));
        }
        match kind {
            DirectiveKind::Rule(rule) => self.rule(rule),
            DirectiveKind::Marker(name) => {
                self.order += 1;
                if self.counts(place) {
                    self.drafts.markers.entry(name).or_default().push(self.order);
                }
            }
            DirectiveKind::DefaultAction(actions) => self.default_action(place, actions),
            DirectiveKind::Remove { by, what } => {
                for what in what {
                    self.select(place, &by, &what, |this, place, selector, what| {
                        this.removals.push((place, selector, what));
                    });
                }
            }
            DirectiveKind::UpdateTarget { by, what, targets, replaced } => {
                self.updates(place, &by, &what, Change::Targets { added: targets, replaced });
            }
            DirectiveKind::UpdateAction { what, actions } => {
                self.updates(place, "id", &what, Change::Actions(actions));
            }
            DirectiveKind::Setting { name, values } => {
                let obeyed = match name.as_str() {
                    "unicodemapfile" => self.drafts.page.name_file(place, &values),
                    "unicodecodepage" => self.drafts.page.choose(values.first()),
                    _ => self.drafts.settings.apply(&name, &values),
                };
                if let Err(message) = obeyed {
                    self.faults.push(place.fault(message));
                }
                if name == "requestbodyaccess" {
                    self.without_bodies = (!self.drafts.settings.request_body).then(|| place.clone());
                }
            }
            DirectiveKind::Include { .. } => {}
        }
    }

    fn select(
        &mut self,
        place: &Place,
        by: &str,
        what: &str,
        keep: impl FnOnce(&mut Self, Place, RuleSelector, String),
    ) {
        if !self.counts(place) {
            return;
        }
        match RuleSelector::parse(by, what, self.limits.regex_bytes) {
            Ok(selector) => keep(self, place.clone(), selector, what.to_owned()),
            Err(message) => self.faults.push(place.fault(message)),
        }
    }

    /// Keeps an update for when all rules are known. `1234:2` names the third rule of a chain.
    fn updates(&mut self, place: &Place, by: &str, what: &str, change: Change) {
        let offset = what.split_once(':').filter(|_| by == "id");
        let (rules, part) = match offset.map(|(rules, part)| (rules, part.trim().parse())) {
            None => (what, 0),
            Some((rules, Ok(part))) => (rules, part),
            Some((_, Err(_))) => {
                let message = format!("`{what}` is no rule of a chain; write `1234:1`");
                return self.faults.push(place.fault(message));
            }
        };
        self.select(place, by, rules, |this, place, selector, _| {
            this.updates.push(Update { place, selector, what: what.to_owned(), part, change });
        });
    }

    fn default_action(&mut self, place: &Place, found: Vec<Action>) {
        if actions::last(&found, "phase").is_none() {
            return self.faults.push(place.fault("the default action names no phase; add `phase:2`"));
        }
        match actions::check_default(&found).and_then(|()| actions::phase(&found)) {
            Ok(phase) => {
                if let Some(slot) = self.defaults.get_mut(usize::from(phase) - 1) {
                    slot.actions = found.into();
                }
            }
            Err(fault) => self.faults.push(fault),
        }
    }

    /// Counts a rule, marker, removal or update; whether there may be one more.
    fn counts(&mut self, place: &Place) -> bool {
        self.count += 1;
        if self.count == self.limits.rules + 1 {
            let message =
                format!("more than {} rules, markers and changes to rules; load fewer", self.limits.rules);
            self.faults.push(place.fault(message));
        }
        self.count <= self.limits.rules
    }

    fn rule(&mut self, rule: RuleSyntax) {
        if !self.counts(&rule.place) {
            return;
        }
        let chained = actions::last(&rule.actions, "chain").is_some();
        let mut parts = self.open.take().unwrap_or_default();
        if !parts.is_empty() {
            self.faults.extend(actions::check_chained(&rule.actions).err());
        }
        parts.push(rule);
        if chained {
            self.open = Some(parts);
            return;
        }
        self.order += 1;
        let Some(first) = parts.first() else { return };
        match (actions::meta(first), actions::phase(&first.actions)) {
            (Ok(meta), Ok(phase)) => {
                let defaults = self.defaults.get(usize::from(phase) - 1).cloned().unwrap_or_default();
                self.drafts.rules.push(Draft {
                    parts,
                    meta: Arc::new(meta),
                    phase,
                    defaults,
                    order: self.order,
                });
            }
            (meta, phase) => self.faults.extend([meta.err(), phase.err()].into_iter().flatten()),
        }
    }

    fn finish(mut self) -> Drafts {
        if let Some(place) = self.open.take().and_then(|parts| parts.first().map(|part| part.place.clone())) {
            self.faults
                .push(place.fault("the chain that starts here has no last rule; add it, or remove `chain`"));
        }
        let mut ids: HashMap<u64, Place> = HashMap::new();
        for draft in &self.drafts.rules {
            let place = place_of(&draft.meta);
            if let Some(other) = ids.insert(draft.meta.id, place.clone()) {
                self.faults.push(place.fault(format!(
                    "rule id `{}` is taken by {}:{}; choose another",
                    draft.meta.id, other.file, other.line
                )));
            }
        }
        for (place, selector, what) in std::mem::take(&mut self.removals) {
            let before = self.drafts.rules.len();
            self.drafts.rules.retain(|draft| !selector.takes(&draft.meta));
            let message = match before - self.drafts.rules.len() {
                0 => format!("`{what}` removes no rule"),
                1..=MANY => continue,
                count => format!("`{what}` removes {count} rules; remove only those that are in the way"),
            };
            self.drafts.warnings.push(place.fault(message));
        }
        self.drafts.ids = self.drafts.rules.iter().map(|draft| (draft.meta.id, draft.order)).collect();
        for update in std::mem::take(&mut self.updates) {
            self.update(&update);
        }
        let without_bodies = self.without_bodies.take();
        self.drafts.warnings.extend(without_bodies.map(|place| {
            place.fault("what stands in bodies of requests is not inspected; write `SecRequestBodyAccess On`")
        }));
        for part in self.drafts.rules.iter_mut().flat_map(|draft| &mut draft.parts) {
            self.faults.append(&mut part.faults);
        }
        self.drafts
    }

    fn update(&mut self, update: &Update) {
        let mut count = 0;
        let takes =
            |draft: &&mut Draft| update.selector.takes(&draft.meta) && draft.parts.len() > update.part;
        for draft in self.drafts.rules.iter_mut().filter(takes) {
            count += 1;
            let result = match &update.change {
                Change::Targets { added, replaced } => {
                    draft.parts.get_mut(update.part).into_iter().for_each(|part| {
                        part.targets.retain(|target| !replaced.contains(target));
                        part.targets.extend(added.iter().cloned());
                    });
                    Ok(())
                }
                Change::Actions(changes) => draft.change_actions(update.part, changes),
            };
            self.faults.extend(result.err());
        }
        let warnings = &mut self.drafts.warnings;
        if count == 0 {
            warnings.push(update.place.fault(format!("`{}` updates no rule", update.what)));
        }
        if count > MANY && update.change.takes_all() {
            warnings.push(update.place.fault(format!(
                "`{}` makes {count} rules look at nothing of a target; name a member, such as `!ARGS:note`",
                update.what
            )));
        }
    }
}
