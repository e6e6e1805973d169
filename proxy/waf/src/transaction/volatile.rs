//! Variables that rules change while a phase runs: laid out as members when a rule looks at them.

use super::values::Values;
use super::{State, expand};
use crate::program::Program;
use crate::syntax::Variable;

impl State {
    /// Brings the members of a volatile variable up to date; `TX` has a path of its own.
    pub(super) fn refresh(&mut self, program: &Program, variable: Variable) {
        match variable {
            Variable::MatchedVar => {
                self.store.empty(variable);
                if let Some(matched) = self.matched {
                    self.store.push(variable, Values::EMPTY, matched.value);
                }
            }
            Variable::MatchedVarName => {
                self.store.empty(variable);
                let mut name = Vec::new();
                expand::matched_name(self, program, &mut name);
                self.scalar(variable, &name);
            }
            Variable::MatchedVars | Variable::MatchedVarsNames => self.refresh_matched(program, variable),
            Variable::HighestSeverity => {
                self.store.empty(variable);
                self.scalar_number(variable, usize::from(self.highest_severity.unwrap_or(255)));
            }
            Variable::ReqbodyProcessor => {
                self.store.empty(variable);
                self.scalar(variable, self.processor.map_or("", |processor| processor.name()).as_bytes());
            }
            Variable::Rule => {
                self.store.empty(variable);
                for member in ["id", "msg", "severity", "rev", "ver"] {
                    let mut value = Vec::new();
                    expand::rule_member(self, program, member, &mut value);
                    let (key, value) = (self.values.add(member.as_bytes()), self.values.add(&value));
                    self.store.push(variable, key, value);
                }
            }
            variable if variable.is_persistent() => self.refresh_persistent(variable),
            _ => {}
        }
    }

    fn refresh_matched(&mut self, program: &Program, variable: Variable) {
        self.store.empty(variable);
        let mut name = std::mem::take(&mut self.expansion);
        for at in 0..self.matched_before.len() {
            let Some(matched) = self.matched_before.get(at).copied() else { break };
            name.clear();
            name.extend_from_slice(matched.variable.name().as_bytes());
            let key = self.key(program, matched.key);
            if !key.is_empty() {
                name.push(b':');
                name.extend_from_slice(key);
            }
            let name = self.values.add(&name);
            let value = if variable == Variable::MatchedVars { matched.value } else { name };
            self.store.push(variable, name, value);
        }
        self.expansion = name;
    }

    fn refresh_persistent(&mut self, variable: Variable) {
        let now = self.now;
        let live = |members: &crate::collections::Members| {
            let live = members.iter().filter(|(_, member)| member.expires.is_none_or(|end| end > now));
            live.map(|(name, member)| (name.clone(), member.value.clone())).collect::<Vec<_>>()
        };
        let members = self.persistent(variable).map(live).unwrap_or_default();
        self.store.empty(variable);
        for (name, value) in members {
            let (key, value) = (self.values.add(name.as_bytes()), self.values.add(&value));
            self.store.push(variable, key, value);
        }
    }
}
