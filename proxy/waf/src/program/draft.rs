//! Drafts: rules gathered from directives, chains joined, removals and updates applied, before anything is compiled.

use std::collections::HashMap;
use std::sync::Arc;

use super::actions;
use super::rule::{Meta, RuleSelector, place_of};
use super::settings::Settings;
use super::{Defaults, PHASES};
use crate::fault::{Fault, Place};
use crate::limits::LoadLimits;
use crate::syntax::{Action, DirectiveKind, Loaded, RuleSyntax, Target};

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
    pub(super) fn jump(&self) -> Option<&Action> {
        self.parts.first().and_then(|first| actions::last(&first.actions, "skipafter"))
    }
}

/// All drafts of a load.
pub(super) struct Drafts {
    pub(super) rules: Vec<Draft>,
    pub(super) settings: Settings,
    pub(super) warnings: Vec<Fault>,
    /// (name, order) of markers, ascending.
    markers: Vec<(String, u32)>,
}

pub(super) fn no_marker(jump: &Action) -> Fault {
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
                markers: Vec::new(),
            },
            defaults: Default::default(),
            open: None,
            order: 0,
            count: 0,
            removals: Vec::new(),
            updates: Vec::new(),
        };
        for directive in loaded.directives {
            collector.directive(&directive.place, directive.kind);
        }
        collector.finish()
    }

    /// Where a jump from `draft` goes: the order of what stands after the marker.
    pub(super) fn position(&self, jump: &Action, draft: &Draft) -> Option<u32> {
        let name = jump.text().trim();
        let marker = self
            .markers
            .iter()
            .find(|(marker, order)| *order > draft.order && marker == name)
            .map(|(_, order)| *order);
        marker.or_else(|| {
            let id: u64 = name.parse().ok()?;
            self.rules
                .iter()
                .find(|rule| rule.order > draft.order && rule.meta.id == id)
                .map(|rule| rule.order + 1)
        })
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
    updates: Vec<(Place, RuleSelector, String, Update)>,
}

enum Update {
    Targets(Vec<Target>),
    Actions(Vec<Action>),
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
                self.drafts.markers.push((name, self.order));
            }
            DirectiveKind::DefaultAction(actions) => self.default_action(place, actions),
            DirectiveKind::Remove { by, what } => {
                for what in what {
                    self.select(place, &by, &what, |this, place, selector, what| {
                        this.removals.push((place, selector, what));
                    });
                }
            }
            DirectiveKind::UpdateTarget { by, what, targets } => {
                self.select(place, &by, &what, |this, place, selector, what| {
                    this.updates.push((place, selector, what, Update::Targets(targets)));
                });
            }
            DirectiveKind::UpdateAction { what, actions } => {
                self.select(place, "id", &what, |this, place, selector, what| {
                    this.updates.push((place, selector, what, Update::Actions(actions)));
                });
            }
            DirectiveKind::Setting { name, values } => {
                if let Err(message) = self.drafts.settings.apply(&name, &values) {
                    self.faults.push(place.fault(message));
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
        match RuleSelector::parse(by, what, self.limits.regex_bytes) {
            Ok(selector) => keep(self, place.clone(), selector, what.to_owned()),
            Err(message) => self.faults.push(place.fault(message)),
        }
    }

    fn default_action(&mut self, place: &Place, found: Vec<Action>) {
        if actions::last(&found, "phase").is_none() {
            return self.faults.push(place.fault("the default action names no phase; add `phase:2`"));
        }
        match actions::phase(&found) {
            Ok(phase) => {
                if let Some(slot) = self.defaults.get_mut(usize::from(phase) - 1) {
                    slot.actions = found.into();
                }
            }
            Err(fault) => self.faults.push(fault),
        }
    }

    fn rule(&mut self, rule: RuleSyntax) {
        self.count += 1;
        if self.count > self.limits.rules {
            if self.count == self.limits.rules + 1 {
                self.faults
                    .push(rule.place.fault(format!("more than {} rules; load fewer", self.limits.rules)));
            }
            return;
        }
        let chained = actions::last(&rule.actions, "chain").is_some();
        let mut parts = self.open.take().unwrap_or_default();
        if let (false, Some(id)) = (parts.is_empty(), actions::last(&rule.actions, "id")) {
            self.faults.push(id.fault("only the first rule of a chain has an `id`; remove this one"));
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
            if self.drafts.rules.len() == before {
                self.drafts.warnings.push(place.fault(format!("`{what}` removes no rule")));
            }
        }
        for (place, selector, what, update) in std::mem::take(&mut self.updates) {
            self.update(&place, &selector, &what, &update);
        }
        for part in self.drafts.rules.iter_mut().flat_map(|draft| &mut draft.parts) {
            self.faults.append(&mut part.faults);
        }
        self.drafts
    }

    fn update(&mut self, place: &Place, selector: &RuleSelector, what: &str, update: &Update) {
        let mut any = false;
        for draft in self.drafts.rules.iter_mut().filter(|draft| selector.takes(&draft.meta)) {
            any = true;
            let Some(first) = draft.parts.first_mut() else { continue };
            match update {
                Update::Targets(targets) => first.targets.extend(targets.iter().cloned()),
                Update::Actions(changes) => {
                    let fixed = changes
                        .iter()
                        .find(|action| matches!(action.name.as_str(), "id" | "phase" | "chain"));
                    if let Some(action) = fixed {
                        self.faults
                            .push(action.fault(format!("`{}` of a rule cannot be changed", action.name)));
                        continue;
                    }
                    first.actions.extend(changes.iter().cloned());
                    match actions::meta(first) {
                        Ok(meta) => draft.meta = Arc::new(meta),
                        Err(fault) => self.faults.push(fault),
                    }
                }
            }
        }
        if !any {
            self.drafts.warnings.push(place.fault(format!("`{what}` updates no rule")));
        }
    }
}
