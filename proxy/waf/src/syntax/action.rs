//! Actions: `id:1,phase:2,deny,msg:'it\'s here',setvar:'tx.score=+5'`.

use super::line::Word;
use crate::fault::{Fault, Place};

/// One action as written.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    /// In lower case.
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    pub(crate) place: Place,
}

impl Action {
    pub(crate) fn fault(&self, message: impl Into<String>) -> Fault {
        self.place.fault(message)
    }

    /// The value, or an empty text.
    pub(crate) fn text(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }
}

/// Parses a comma-separated list.
pub(crate) fn parse_actions(word: &Word, faults: &mut Vec<Fault>) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut rest = word.text.as_str();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',', '\n']);
        if rest.is_empty() {
            return actions;
        }
        let place = word.place(word.text.len() - rest.len());
        let end = rest.find([':', ',']).unwrap_or(rest.len());
        let (name, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let name = name.trim().to_ascii_lowercase();
        let Some(tail) = tail.strip_prefix(':') else {
            actions.push(Action { name, value: None, place });
            rest = tail;
            continue;
        };
        let tail = tail.trim_start();
        let (value, tail) = match tail.strip_prefix('\'') {
            Some(quoted) => {
                let Some((value, tail)) = unquote(quoted) else {
                    faults.push(place.fault(format!("the quote in `{name}` is never closed; add `'`")));
                    return actions;
                };
                (value, tail)
            }
            None => {
                let (value, tail) =
                    tail.split_at_checked(tail.find(',').unwrap_or(tail.len())).unwrap_or((tail, ""));
                (value.trim_end().to_owned(), tail)
            }
        };
        if !tail.trim_start().is_empty() && !tail.trim_start().starts_with(',') {
            faults.push(
                place.fault(format!("text follows the closing quote of `{name}`; separate actions with `,`")),
            );
            return actions;
        }
        actions.push(Action { name, value: Some(value), place });
        rest = tail;
    }
}

/// The text up to a bare `'`, with `\'` unescaped, and what follows.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\'' => return Some((value, text.get(at + 1..)?)),
            '\\' if text.get(at + 1..)?.starts_with('\'') => {
                value.push('\'');
                chars.next();
            }
            char => value.push(char),
        }
    }
    None
}
