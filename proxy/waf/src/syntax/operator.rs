//! Operators: `@rx …`, `!@within …`, and a bare pattern, which means `@rx`.

use super::line::Word;
use crate::fault::Place;

/// An operator as written.
#[derive(Debug, Clone)]
pub(crate) struct OperatorSyntax {
    /// The name without `@`, in lower case.
    pub(crate) name: String,
    pub(crate) argument: String,
    pub(crate) negated: bool,
    pub(crate) place: Place,
}

/// Parses an operator; it never fails, since anything without `@` is a pattern.
pub(crate) fn parse_operator(word: &Word) -> OperatorSyntax {
    let text = word.text.trim_start();
    let (negated, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    let place = word.place(0);
    let Some(named) = text.strip_prefix('@') else {
        return OperatorSyntax { name: "rx".to_owned(), argument: text.to_owned(), negated, place };
    };
    let (name, argument) = named.split_once(char::is_whitespace).unwrap_or((named, ""));
    OperatorSyntax {
        name: name.to_ascii_lowercase(),
        argument: argument.trim_start().to_owned(),
        negated,
        place,
    }
}
