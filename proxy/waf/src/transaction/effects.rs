//! Effects of a match, carried out.

use std::sync::Arc;

use super::values::{ValueId, Values};
use super::{State, expand};
use crate::bytes::integer;
use crate::collections::{Member, Members};
use crate::program::{Change, Control, Effect, Number, Program, Slot, Template, Term};
use crate::syntax::Variable;

impl State {
    pub(super) fn apply_effects(&mut self, program: &Program, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Set { place, change } => self.set_variable(program, place, change),
                Effect::Expire { place, seconds } => self.expire_variable(program, place, seconds),
                Effect::Attach { collection, key } => self.attach(program, *collection, key),
                Effect::Environment { name, value } => self.set_environment(program, name, value.as_ref()),
                Effect::Control(control) => self.control(program, control),
            }
        }
    }

    fn expanded(&mut self, program: &Program, template: &Template) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.expansion);
        out.clear();
        expand::expand(self, program, template, &mut out);
        out
    }

    fn set_variable(&mut self, program: &Program, place: &Slot, change: &Change) {
        match change {
            Change::Unset => self.put_variable(program, place, None),
            Change::Text(text, number) => match place {
                Slot::Tx(slot) => self.tx.set_number(*slot, Values::text(*text), *number),
                place @ Slot::Member(..) => self.put_variable(program, place, Some(Values::text(*text))),
            },
            Change::To(template) => {
                let text = self.expanded(program, template);
                let value = self.values.add(&text);
                self.expansion = text;
                self.put_variable(program, place, Some(value));
            }
            Change::Add(term) => {
                let term = self.term(program, term);
                self.add_to_variable(program, place, term);
            }
            Change::Subtract(term) => {
                let term = self.term(program, term).saturating_neg();
                self.add_to_variable(program, place, term);
            }
        }
    }

    fn term(&mut self, program: &Program, term: &Term) -> i64 {
        match term {
            Term::Number(number) => self.number(*number),
            Term::Text(template) => {
                let text = self.expanded(program, template);
                let number = integer(&text);
                self.expansion = text;
                number
            }
        }
    }

    pub(super) fn number(&self, number: Number) -> i64 {
        match number {
            Number::Fixed(number) => number,
            Number::Tx(slot) => self.tx.number(slot).unwrap_or(0),
        }
    }

    fn add_to_variable(&mut self, program: &Program, place: &Slot, term: i64) {
        let sum = self.number_at(program, place).saturating_add(term);
        let value = self.values.add_number(sum);
        match place {
            Slot::Tx(slot) => self.tx.set_number(*slot, value, sum),
            place @ Slot::Member(..) => self.put_variable(program, place, Some(value)),
        }
    }

    fn number_at(&mut self, program: &Program, place: &Slot) -> i64 {
        match place {
            Slot::Tx(slot) => self.tx.number(*slot).unwrap_or(0),
            Slot::Member(variable, name) => {
                let name = self.member_name(program, name);
                let number = if *variable == Variable::Tx {
                    let value = self.tx.find(&name, &program.names, &self.values);
                    value.map(|value| integer(self.values.get(value)))
                } else {
                    let members = self.persistent(*variable);
                    let member = members.and_then(|members| members.get(&*String::from_utf8_lossy(&name)));
                    member.map(|member| integer(&member.value))
                };
                self.name = name;
                number.unwrap_or(0)
            }
        }
    }

    fn put_variable(&mut self, program: &Program, place: &Slot, value: Option<ValueId>) {
        match place {
            Slot::Tx(slot) => self.tx.set(*slot, value, &self.values),
            Slot::Member(variable, name) => {
                let name = self.member_name(program, name);
                if *variable == Variable::Tx {
                    self.tx.put(&name, value, &program.names, &mut self.values);
                } else {
                    let value = value.map(|value| self.values.get(value).to_vec());
                    self.put_member(*variable, &String::from_utf8_lossy(&name), value);
                }
                self.name = name;
            }
        }
    }

    /// The name of a member, expanded, in a buffer to be given back.
    fn member_name(&mut self, program: &Program, name: &Template) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.name);
        out.clear();
        expand::expand(self, program, name, &mut out);
        out.make_ascii_lowercase();
        out
    }

    fn put_member(&mut self, collection: Variable, name: &str, value: Option<Vec<u8>>) {
        let Some(members) = self.persistent_mut(collection) else { return };
        match value {
            None => drop(members.remove(name)),
            Some(value) => {
                let expires = members.get(name).and_then(|member| member.expires);
                members.insert(name.to_owned(), Member { value, expires });
            }
        }
    }

    fn expire_variable(&mut self, program: &Program, place: &Slot, seconds: &Template) {
        let Slot::Member(variable, name) = place else { return };
        let seconds = self.expanded(program, seconds);
        let end = self.now.saturating_add_signed(integer(&seconds));
        self.expansion = seconds;
        let name = expand::text(self, program, name).to_ascii_lowercase();
        if let Some(member) = self.persistent_mut(*variable).and_then(|members| members.get_mut(&name)) {
            member.expires = Some(end);
        }
    }

    fn attach(&mut self, program: &Program, collection: Variable, key: &Template) {
        let key = self.expanded(program, key);
        let (now, timeout) = (self.now, program.settings().collection_timeout);
        let members = self.collections.members_mut(collection, &key);
        members.retain(|_, member| member.expires.is_none_or(|end| end > now));
        if !members.contains_key("key") {
            let member = |value: Vec<u8>| Member { value, expires: Some(now.saturating_add(timeout)) };
            members.insert("key".to_owned(), member(key.clone()));
            members.insert("create_time".to_owned(), member(now.to_string().into_bytes()));
        }
        self.attached.retain(|(attached, _)| *attached != collection);
        self.attached.push((collection, key));
        match collection {
            Variable::User => self.set_scalar_key(Variable::UserId, collection),
            Variable::Session => self.set_scalar_key(Variable::SessionId, collection),
            _ => {}
        }
    }

    fn set_scalar_key(&mut self, variable: Variable, collection: Variable) {
        let key =
            self.attached.iter().find(|(attached, _)| *attached == collection).map(|(_, key)| key.clone());
        if let Some(key) = key {
            self.store.empty(variable);
            self.scalar(variable, &key);
        }
    }

    pub(super) fn persistent(&self, collection: Variable) -> Option<&Members> {
        let (_, key) = self.attached.iter().find(|(attached, _)| *attached == collection)?;
        self.collections.members(collection, key)
    }

    fn persistent_mut(&mut self, collection: Variable) -> Option<&mut Members> {
        let (_, key) = self.attached.iter().find(|(attached, _)| *attached == collection)?;
        Some(self.collections.members_mut(collection, key))
    }

    fn set_environment(&mut self, program: &Program, name: &Template, value: Option<&Template>) {
        let name = self.expanded(program, name);
        let value = value.map(|value| expand::text(self, program, value).into_bytes());
        let kept: Vec<_> = self
            .store
            .entries(Variable::Env)
            .iter()
            .copied()
            .filter(|entry| self.values.get(entry.key) != name.as_slice())
            .collect();
        self.store.empty(Variable::Env);
        for entry in kept {
            self.store.push(Variable::Env, entry.key, entry.value);
        }
        if let Some(value) = value {
            let (key, value) = (self.values.add(&name), self.values.add(&value));
            self.store.push(Variable::Env, key, value);
        }
        self.expansion = name;
    }

    pub(crate) fn control(&mut self, program: &Program, control: &Control) {
        match control {
            Control::Engine(engine) => self.engine = *engine,
            Control::RequestBody(on) => self.request_body_access = *on,
            Control::ResponseBody(on) => self.response_body_access = *on,
            Control::RequestBodyLimit(bytes) => self.request_body_limit = *bytes,
            Control::ResponseBodyLimit(bytes) => self.response_body_limit = *bytes,
            Control::ForceRequestBody(on) => self.force_request_body = *on,
            Control::ParseXmlIntoArgs(on) => self.xml_into_args = *on,
            Control::BodyProcessor(processor) => self.processor = *processor,
            Control::RemoveRules(rules) => {
                self.removed.resize(program.rules.len().div_ceil(64), 0);
                for rule in rules.iter() {
                    if let Some(word) = self.removed.get_mut((rule >> 6) as usize) {
                        *word |= 1 << (rule & 63);
                    }
                }
            }
            Control::RemoveTarget(rules, target) => {
                let known = self
                    .exclusions
                    .iter()
                    .any(|(kept, place)| Arc::ptr_eq(kept, rules) && Arc::ptr_eq(place, target));
                if !known {
                    self.exclusions.push((rules.clone(), target.clone()));
                    self.excludes_tx |= target.0.variable == Variable::Tx;
                }
            }
        }
    }
}
