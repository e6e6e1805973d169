//! The actions of one rule, sorted into what it says of itself, what it does, and how it looks at values.

use super::effects;
use super::rule::{Allowed, Disruption, Effect, Meta};
use super::template::Template;
use super::{Builder, Defaults};
use crate::fault::Fault;
use crate::syntax::{Action, RuleSyntax};
use crate::transform::Transform;

/// What one `SecRule` or `SecAction` of a chain does.
#[derive(Default)]
pub(super) struct LinkActions {
    pub(super) chain: Vec<Transform>,
    pub(super) multi: bool,
    pub(super) capture: bool,
    pub(super) effects: Vec<Effect>,
}

/// What the first of a chain says for all of it.
pub(super) struct RuleActions {
    pub(super) disruption: Disruption,
    pub(super) status: u16,
    pub(super) log: bool,
    pub(super) message: Option<Template>,
    pub(super) data: Option<Template>,
}

/// The last value of `name` among `actions`.
pub(super) fn last<'a>(actions: &'a [Action], name: &str) -> Option<&'a Action> {
    actions.iter().rev().find(|action| action.name == name)
}

/// What a rule says of itself, where it runs and what it does to the transaction is for the first of a chain to say; on
/// another it would have no effect. CRS 3 has `nolog` there.
pub(super) fn check_chained(actions: &[Action]) -> Result<(), Fault> {
    let first_only = |action: &&Action| {
        let harmless = ["auditlog", "block", "chain", "log", "noauditlog", "nolog", "pass"];
        is_rule_action(&action.name) && !harmless.contains(&action.name.as_str())
    };
    match actions.iter().find(first_only) {
        Some(action) => Err(action.fault(format!(
            "only the first rule of a chain has `{}`; move it there, or remove it",
            action.name
        ))),
        None => Ok(()),
    }
}

/// What rules do not inherit would have no effect in a default action, and a misspelt `deny` neither.
pub(super) fn check_default(actions: &[Action]) -> Result<(), Fault> {
    let own = ["chain", "id", "skipafter"];
    let inherited = |name: &str| name == "t" || (is_rule_action(name) && !own.contains(&name));
    match actions.iter().find(|action| !inherited(&action.name)) {
        Some(action) => Err(action.fault(format!(
            "rules do not inherit `{}`; give it to each that needs it, or correct it",
            action.name
        ))),
        None => Ok(()),
    }
}

/// The phase of a rule or default action; 2 unless said.
pub(super) fn phase(actions: &[Action]) -> Result<u8, Fault> {
    let Some(action) = last(actions, "phase") else { return Ok(2) };
    match action.text().to_ascii_lowercase().as_str() {
        "1" => Ok(1),
        "2" | "request" => Ok(2),
        "3" => Ok(3),
        "4" | "response" => Ok(4),
        "5" | "logging" => Ok(5),
        other => Err(action.fault(format!("`{other}` is no phase; write 1 to 5"))),
    }
}

/// What a rule says of itself.
pub(super) fn meta(syntax: &RuleSyntax) -> Result<Meta, Fault> {
    let actions = &syntax.actions;
    let number = |name: &str| match last(actions, name) {
        None => Ok(None),
        Some(action) => action
            .text()
            .parse::<u8>()
            .map(Some)
            .map_err(|_| action.fault(format!("`{name}` takes a number from 0 to 255"))),
    };
    let Some(id) = last(actions, "id") else {
        return Err(syntax.place.fault("the rule has no `id`; every rule needs one of its own"));
    };
    let text = |name: &str| last(actions, name).map(|action| action.text().to_owned());
    Ok(Meta {
        id: id
            .text()
            .trim()
            .parse()
            .map_err(|_| id.fault(format!("`{}` is no rule id; write a number", id.text())))?,
        tags: actions
            .iter()
            .filter(|action| action.name == "tag")
            .map(|action| action.text().to_owned())
            .collect(),
        severity: last(actions, "severity").map(severity).transpose()?,
        version: text("ver"),
        revision: text("rev"),
        accuracy: number("accuracy")?,
        maturity: number("maturity")?,
        message: text("msg").unwrap_or_default(),
        file: syntax.place.file.clone(),
        line: syntax.place.line,
    })
}

fn severity(action: &Action) -> Result<u8, Fault> {
    const NAMES: [&str; 8] =
        ["EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"];
    let text = action.text().to_ascii_uppercase();
    let named = NAMES.iter().position(|name| *name == text).and_then(|at| u8::try_from(at).ok());
    named.or_else(|| text.parse().ok().filter(|level| *level < 8)).ok_or_else(|| {
        action.fault(format!("`{text}` is no severity; write `CRITICAL` or a number from 0 to 7"))
    })
}

impl Builder<'_> {
    /// Sorts the actions that the first part of a rule has for all of it.
    pub(super) fn rule_actions(&mut self, parts: &[RuleSyntax], defaults: &Defaults) -> RuleActions {
        let own = parts.first().map_or(&[][..], |first| first.actions.as_slice());
        let mut sorted =
            RuleActions { disruption: Disruption::None, status: 403, log: true, message: None, data: None };
        for action in defaults.actions.iter().filter(|action| action.name != "phase") {
            self.rule_action(action, defaults, &mut sorted, true);
        }
        for action in own {
            self.rule_action(action, defaults, &mut sorted, false);
        }
        sorted
    }

    fn rule_action(
        &mut self,
        action: &Action,
        defaults: &Defaults,
        sorted: &mut RuleActions,
        inherited: bool,
    ) {
        match action.name.as_str() {
            "deny" => sorted.disruption = Disruption::Deny,
            "drop" => sorted.disruption = Disruption::Drop,
            "pass" => sorted.disruption = Disruption::None,
            "block" if inherited => {
                self.fault(action.fault("`block` means the default action; name another one here"));
            }
            "block" => sorted.disruption = self.default_disruption(defaults),
            "redirect" => {
                sorted.disruption = self.template(action).map_or(Disruption::Deny, Disruption::Redirect);
            }
            "allow" => match action.text().to_ascii_lowercase().as_str() {
                "" => sorted.disruption = Disruption::Allow(Allowed::All),
                "phase" => sorted.disruption = Disruption::Allow(Allowed::Phase),
                "request" => sorted.disruption = Disruption::Allow(Allowed::Request),
                other => self.fault(action.fault(format!(
                    "`allow:{other}` is unknown; write `allow`, `allow:phase` or `allow:request`"
                ))),
            },
            "status" => match action.text().parse() {
                Ok(status @ 100..=599) => sorted.status = status,
                _ => self.fault(action.fault("`status` takes a number from 100 to 599")),
            },
            "skip" => match action.text().parse() {
                Ok::<u32, _>(_) => {}
                Err(_) => self.fault(action.fault("`skip` takes a number of rules")),
            },
            "log" | "nolog" => sorted.log = action.name == "log",
            "msg" => sorted.message = self.template(action),
            "logdata" => sorted.data = self.template(action),
            _ => {}
        }
    }

    fn default_disruption(&mut self, defaults: &Defaults) -> Disruption {
        let found = defaults.actions.iter().rev().find(|action| is_disruptive(&action.name)).cloned();
        match found {
            Some(action) if action.name == "deny" => Disruption::Deny,
            Some(action) if action.name == "drop" => Disruption::Drop,
            Some(action) if action.name == "redirect" => {
                self.template(&action).map_or(Disruption::Deny, Disruption::Redirect)
            }
            _ => Disruption::None,
        }
    }

    /// Sorts the actions of any part of a chain.
    pub(super) fn link_actions(&mut self, syntax: &RuleSyntax, defaults: &Defaults) -> LinkActions {
        let mut sorted = LinkActions::default();
        for action in defaults.actions.iter().filter(|action| action.name == "t") {
            self.transformation(action, &mut sorted.chain);
        }
        for action in &syntax.actions {
            match action.name.as_str() {
                "t" => self.transformation(action, &mut sorted.chain),
                "multimatch" => sorted.multi = true,
                "capture" => sorted.capture = true,
                name if is_rule_action(name) => {}
                _ => match effects::compile(self, action) {
                    Ok(effect) => sorted.effects.extend(effect),
                    Err(fault) => self.fault(fault),
                },
            }
        }
        sorted
    }

    fn transformation(&mut self, action: &Action, chain: &mut Vec<Transform>) {
        let name = action.text().trim();
        if name.eq_ignore_ascii_case("none") {
            return chain.clear();
        }
        match Transform::parse(name) {
            Some(transform) => chain.push(transform),
            None => self
                .fault(action.fault(format!(
                    "unknown transformation `{name}`; see the list in the SecLang reference"
                ))),
        }
    }

    pub(super) fn template(&mut self, action: &Action) -> Option<Template> {
        match Template::parse(action.text(), &mut self.names) {
            Ok(template) => Some(template),
            Err(message) => {
                self.fault(action.fault(message));
                None
            }
        }
    }
}

fn is_disruptive(name: &str) -> bool {
    matches!(name, "allow" | "block" | "deny" | "drop" | "pass" | "redirect")
}

fn is_rule_action(name: &str) -> bool {
    is_disruptive(name)
        || matches!(
            name,
            "id" | "phase"
                | "msg"
                | "logdata"
                | "tag"
                | "severity"
                | "ver"
                | "rev"
                | "accuracy"
                | "maturity"
                | "status"
                | "chain"
                | "skip"
                | "skipafter"
                | "log"
                | "nolog"
                | "auditlog"
                | "noauditlog"
        )
}
