//! Sources and operations that are permitted to nobody, and actions that are no operation.

use cedar_policy_core::validator::ValidatorSchema;

use crate::names::Kind;
use crate::operation::Operation;

use super::scope::includes;
use super::{Lint, SourceUse, Surroundings, Workbench};

pub(super) fn all(bench: &Workbench, around: &Surroundings, found: &mut Vec<Lint>) {
    for source in &around.sources {
        found.extend(reachable(bench, source));
    }
    actions(bench, found);
}

fn reachable(bench: &Workbench, source: &SourceUse) -> Vec<Lint> {
    let (open, closed): (Vec<_>, Vec<_>) =
        source.operations.iter().partition(|(operation, _)| is_permitted(bench, &source.id, *operation));
    if open.is_empty() && !closed.is_empty() {
        return vec![Lint {
            place: source.place.clone(),
            length: 0,
            name: "unreachable-source",
            message: format!("nobody can reach source `{}`: no policy permits anything there", source.id),
            help: "write a `permit` for it in access/".to_owned(),
        }];
    }
    let lint = |(operation, place): &(Operation, _)| Lint {
        place: Clone::clone(place),
        length: 0,
        name: "unreachable-source",
        message: format!("`{operation}` of source `{}` is permitted to nobody", source.id),
        help: "permit it to somebody, or remove the line: what no line matches is refused too".to_owned(),
    };
    closed.into_iter().map(lint).collect()
}

fn is_permitted(bench: &Workbench, source: &str, operation: Operation) -> bool {
    let slices = &bench.engine.slices;
    let Some(slice) = slices.find(source, operation) else { return true };
    let of = |number: u32| slices.principals().get(number as usize);
    let forbids: Vec<_> =
        slice.rules.iter().filter(|rule| !rule.permits && rule.condition.is_none()).collect();
    let overruled = |permit: u32| {
        forbids.iter().any(|forbid| {
            of(forbid.principal)
                .zip(of(permit))
                .is_some_and(|(wide, narrow)| includes(&bench.engine.registry, wide, narrow))
        })
    };
    slice.rules.iter().any(|rule| rule.permits && !overruled(rule.principal))
}

/// Actions that the schema declares beside the operations, and that are no group of them.
fn actions(bench: &Workbench, found: &mut Vec<Lint>) {
    let Ok((schema, _)) = cedar_policy::Schema::from_cedarschema_str(&bench.corpus.schema.text) else {
        return;
    };
    let declared = AsRef::<ValidatorSchema>::as_ref(&schema).action_entities();
    let Ok(declared) = declared else { return };
    for action in declared.iter() {
        let name: &str = action.uid().eid().as_ref();
        let is_ours = Kind::of(action.uid()) == Some(Kind::Action) && name.parse::<Operation>().is_ok();
        let is_group = Operation::ALL.iter().any(|operation| {
            let uid = Kind::Action.uid(operation.as_str());
            bench.engine.registry.find(&uid).is_some_and(|one| one.is_descendant_of(action.uid()))
        });
        if !is_ours && !is_group {
            let (line, column) = position(&bench.corpus.schema.text, name);
            found.push(Lint {
                place: crate::corpus::Place { file: bench.corpus.schema.name.as_str().into(), line, column },
                length: name.len(),
                name: "unknown-action",
                message: format!("action `{name}` is no operation: no request is ever it"),
                help: format!(
                    "the operations are {}",
                    Operation::ALL.map(|one| format!("`{one}`")).join(", ")
                ),
            });
        }
    }
}

/// Where a word stands in a schema, its comments aside; 0 where it does not.
fn position(text: &str, word: &str) -> (usize, usize) {
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let hit = code.match_indices(word).find(|(at, _)| {
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            let before = code.get(..*at).and_then(|text| text.chars().next_back());
            let after = code.get(at + word.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        });
        if let Some((at, _)) = hit {
            return (number + 1, code.get(..at).unwrap_or_default().chars().count() + 1);
        }
    }
    (0, 0)
}
