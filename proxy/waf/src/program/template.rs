//! Text with macros: `%{tx.score}`, `%{REQUEST_HEADERS.Host}`, `%{rule.id}`.

use super::names::Names;
use crate::syntax::Variable;

/// A text with macros, cut into pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(Vec<u8>),
    Tx(u32),
    Variable(Variable, Option<String>),
}

impl Template {
    /// Cuts `text`.
    ///
    /// # Errors
    ///
    /// When a macro names no variable.
    pub(crate) fn parse(text: &str, names: &mut Names) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("%{") {
            let (before, tail) = rest.split_at_checked(start).unwrap_or((rest, ""));
            let inner = tail.get(2..).unwrap_or_default();
            let Some((name, after)) = inner.split_once('}') else { break };
            if !before.is_empty() {
                pieces.push(Piece::Literal(before.as_bytes().to_vec()));
            }
            pieces.push(piece(name.trim(), names)?);
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.as_bytes().to_vec()));
        }
        Ok(Self { pieces })
    }

    /// Whether `text` holds a macro. `%{2}` of a regular expression is none.
    pub(crate) fn has_macro(text: &str) -> bool {
        text.split("%{").skip(1).any(|rest| {
            let name = rest.split(['}', '.', ':']).next().unwrap_or_default();
            rest.contains('}') && Variable::parse(name.trim()).is_ok()
        })
    }

    /// The text, when it holds no macro.
    pub(crate) fn literal(&self) -> Option<&[u8]> {
        match self.pieces.as_slice() {
            [] => Some(b""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = Variable> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(variable, _) => Some(*variable),
            _ => None,
        })
    }
}

fn piece(name: &str, names: &mut Names) -> Result<Piece, String> {
    let (variable, member) = match name.split_once(['.', ':']) {
        Some((variable, member)) => (variable, Some(member.to_ascii_lowercase())),
        None => (name, None),
    };
    let variable = Variable::parse(variable).map_err(|why| format!("the macro `%{{{name}}}`: {why}"))?;
    Ok(match (variable, member) {
        (Variable::Tx, Some(member)) => Piece::Tx(names.slot(&member)),
        (variable, member) => Piece::Variable(variable, member),
    })
}
