//! Macros, expanded.

use super::State;
use crate::program::{Piece, Processor, Program, Template};
use crate::syntax::Variable;

/// Appends the expanded template to `out`. What has no value expands to nothing.
pub(super) fn expand(state: &State, program: &Program, template: &Template, out: &mut Vec<u8>) {
    fill(state, program, template, &mut Sink { out, most: usize::MAX });
}

/// The expanded template as text, as long as a match may keep.
pub(super) fn text(state: &State, program: &Program, template: &Template) -> String {
    let mut out = Vec::new();
    fill(state, program, template, &mut Sink { out: &mut out, most: state.limits.match_bytes });
    String::from_utf8_lossy(&out).into_owned()
}

/// Takes bytes up to a number.
struct Sink<'a> {
    out: &'a mut Vec<u8>,
    most: usize,
}

impl Sink<'_> {
    fn push(&mut self, bytes: &[u8]) {
        let room = self.most.saturating_sub(self.out.len());
        self.out.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

fn fill(state: &State, program: &Program, template: &Template, sink: &mut Sink<'_>) {
    for piece in &template.pieces {
        match piece {
            Piece::Literal(text) => sink.push(text),
            Piece::Tx(slot) => {
                sink.push(state.tx.get(*slot).map(|value| state.values.get(value)).unwrap_or_default());
            }
            Piece::Variable(variable, member) => {
                fill_variable(state, program, *variable, member.as_deref(), sink);
            }
        }
    }
}

fn fill_variable(
    state: &State,
    program: &Program,
    variable: Variable,
    member: Option<&str>,
    sink: &mut Sink<'_>,
) {
    match variable {
        Variable::MatchedVar => {
            sink.push(state.matched.map(|matched| state.values.get(matched.value)).unwrap_or_default());
        }
        Variable::MatchedVarName => {
            let mut name = Vec::new();
            matched_name(state, program, &mut name);
            sink.push(&name);
        }
        Variable::Rule => {
            let mut value = Vec::new();
            rule_member(state, program, member.unwrap_or("id"), &mut value);
            sink.push(&value);
        }
        Variable::ReqbodyProcessor => {
            sink.push(state.processor.map_or("", Processor::name).as_bytes());
        }
        Variable::HighestSeverity => sink.push(state.highest_severity.unwrap_or(255).to_string().as_bytes()),
        variable if variable.is_persistent() => {
            if let Some(member) = state.persistent(variable).and_then(|members| members.get(member?)) {
                sink.push(&member.value);
            }
        }
        variable => {
            let found = state.store.entries(variable).iter().find(|entry| {
                member
                    .is_none_or(|member| state.values.get(entry.key).eq_ignore_ascii_case(member.as_bytes()))
            });
            sink.push(found.map(|entry| state.values.get(entry.value)).unwrap_or_default());
        }
    }
}

/// Appends the name of the variable that matched last, such as `ARGS:id`.
pub(super) fn matched_name(state: &State, program: &Program, out: &mut Vec<u8>) {
    let Some(matched) = state.matched else { return };
    out.extend_from_slice(matched.variable.name().as_bytes());
    let key = state.key(program, matched.key);
    if !key.is_empty() {
        out.push(b':');
        out.extend_from_slice(key.get(..state.limits.match_bytes).unwrap_or(key));
    }
}

/// Appends a property of the rule that runs.
pub(super) fn rule_member(state: &State, program: &Program, member: &str, out: &mut Vec<u8>) {
    let Some(rule) = program.rules.get(state.current as usize) else { return };
    let meta = &rule.meta;
    match member {
        "id" => out.extend_from_slice(meta.id.to_string().as_bytes()),
        "msg" => out.extend_from_slice(meta.message.as_bytes()),
        "severity" => out.extend(meta.severity.map(|level| level.to_string()).unwrap_or_default().as_bytes()),
        "rev" => out.extend(meta.revision.as_deref().unwrap_or_default().as_bytes()),
        "ver" => out.extend(meta.version.as_deref().unwrap_or_default().as_bytes()),
        _ => {}
    }
}
