//! Macros, expanded.

use super::State;
use crate::program::{Piece, Program, Template};
use crate::syntax::Variable;

/// Appends the expanded template to `out`. What has no value expands to nothing.
pub(super) fn expand(state: &State, program: &Program, template: &Template, out: &mut Vec<u8>) {
    for piece in &template.pieces {
        match piece {
            Piece::Literal(text) => out.extend_from_slice(text),
            Piece::Tx(slot) => {
                out.extend(state.tx.get(*slot).map(|value| state.values.get(value)).unwrap_or_default());
            }
            Piece::Variable(variable, member) => {
                expand_variable(state, program, *variable, member.as_deref(), out);
            }
        }
    }
}

/// The expanded template as text.
pub(super) fn text(state: &State, program: &Program, template: &Template) -> String {
    let mut out = Vec::new();
    expand(state, program, template, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn expand_variable(
    state: &State,
    program: &Program,
    variable: Variable,
    member: Option<&str>,
    out: &mut Vec<u8>,
) {
    match variable {
        Variable::MatchedVar => {
            out.extend(state.matched.map(|matched| state.values.get(matched.value)).unwrap_or_default());
        }
        Variable::MatchedVarName => matched_name(state, program, out),
        Variable::Rule => rule_member(state, program, member.unwrap_or("id"), out),
        Variable::HighestSeverity => out.extend(state.highest_severity.unwrap_or(255).to_string().as_bytes()),
        variable if variable.is_persistent() => {
            if let Some(member) = state.persistent(variable).and_then(|members| members.get(member?)) {
                out.extend_from_slice(&member.value);
            }
        }
        variable => {
            let found = state.store.entries(variable).iter().find(|entry| {
                member
                    .is_none_or(|member| state.values.get(entry.key).eq_ignore_ascii_case(member.as_bytes()))
            });
            out.extend(found.map(|entry| state.values.get(entry.value)).unwrap_or_default());
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
        out.extend_from_slice(key);
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
