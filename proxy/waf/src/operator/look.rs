//! Look-around at the edge of a pattern, over finitely many words: `(?<!&amp|&lt);`, `<\?(?!xml)`.
//!
//! Such a condition needs no backtracking. "None of these words follows" is: the text ends; or a byte follows that starts
//! none of them; or one does, and what comes after it is none of the rests. What stands inside a pattern, or means infinitely
//! many words, stays refused.

use std::collections::BTreeMap;

use regex_syntax::hir::{Class, Hir, HirKind};

/// Words that one condition may mean.
const WORDS: usize = 4096;

/// Groups of these names hold what a look-around does not belong to.
const WHOLE: &str = "whole";

/// A pattern without look-around, when `text` has some and it can be said so. The match is then what the named group holds
/// that took part.
pub(super) fn rewrite(text: &str, parse: &dyn Fn(&str) -> Option<Hir>) -> Option<String> {
    if !["(?=", "(?!", "(?<=", "(?<!"].iter().any(|opening| text.contains(opening)) {
        return None;
    }
    let flags = flags(text);
    let mut out = flags.to_owned();
    for (at, alternative) in alternatives(text.get(flags.len()..)?).into_iter().enumerate() {
        let (before, rest) = leading(alternative).unwrap_or((None, alternative));
        let (rest, after) = trailing(rest).unwrap_or((rest, None));
        let words =
            |look: Look<'_>| Some((look.is_negative, words(&parse(&format!("{flags}{}", look.inner))?)?));
        if at > 0 {
            out.push('|');
        }
        if let Some(look) = before {
            let (is_negative, words) = words(look)?;
            out.push_str(&condition(is_negative, &words, Side::Behind));
        }
        out.push_str(&format!("(?P<{WHOLE}{at}>{rest})"));
        if let Some(look) = after {
            let (is_negative, words) = words(look)?;
            out.push_str(&condition(is_negative, &words, Side::Ahead));
        }
    }
    Some(out)
}

/// Whether a group of this name is the match.
pub(super) fn is_whole(name: &str) -> bool {
    name.starts_with(WHOLE)
}

/// What stands in a look-around.
#[derive(Clone, Copy)]
struct Look<'a> {
    inner: &'a str,
    is_negative: bool,
}

#[derive(Clone, Copy)]
enum Side {
    Behind,
    Ahead,
}

/// Flags for the whole pattern: `(?i)`.
fn flags(text: &str) -> &str {
    let inner = text.strip_prefix("(?").and_then(|rest| rest.split_once(')')).map(|(inner, _)| inner);
    match inner {
        Some(inner) if inner.bytes().all(|byte| byte.is_ascii_lowercase()) => {
            text.get(..inner.len() + 3).unwrap_or_default()
        }
        _ => "",
    }
}

/// Nesting depth before each byte that is syntax: `(`, `)` and `|` outside classes and escapes.
fn syntax(text: &str) -> Vec<(usize, u8, usize)> {
    let mut found = Vec::new();
    let (mut depth, mut in_class, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'[' if !in_class => in_class = true,
            b']' if in_class => in_class = false,
            b'(' if !in_class => {
                found.push((at, byte, depth));
                depth += 1;
            }
            b')' if !in_class => {
                depth = depth.saturating_sub(1);
                found.push((at, byte, depth));
            }
            b'|' if !in_class => found.push((at, byte, depth)),
            _ => {}
        }
    }
    found
}

fn alternatives(text: &str) -> Vec<&str> {
    let mut start = 0;
    let mut found = Vec::new();
    for (at, ..) in syntax(text).into_iter().filter(|(_, byte, depth)| (*byte, *depth) == (b'|', 0)) {
        found.extend(text.get(start..at));
        start = at + 1;
    }
    found.extend(text.get(start..));
    found
}

fn leading(text: &str) -> Option<(Option<Look<'_>>, &str)> {
    let is_negative = text.starts_with("(?<!");
    if !is_negative && !text.starts_with("(?<=") {
        return None;
    }
    let (end, ..) = syntax(text).into_iter().find(|(_, byte, depth)| (*byte, *depth) == (b')', 0))?;
    Some((Some(Look { inner: text.get(4..end)?, is_negative }), text.get(end + 1..)?))
}

fn trailing(text: &str) -> Option<(&str, Option<Look<'_>>)> {
    let syntax = syntax(text);
    let (end, ..) = syntax.last().copied().filter(|(at, byte, _)| *byte == b')' && at + 1 == text.len())?;
    let opens = |(_, byte, depth): &(usize, u8, usize)| (*byte, *depth) == (b'(', 0);
    let (start, ..) = syntax.into_iter().rfind(opens)?;
    let group = text.get(start..end)?;
    let is_negative = group.starts_with("(?!");
    if !is_negative && !group.starts_with("(?=") {
        return None;
    }
    Some((text.get(..start)?, Some(Look { inner: group.get(3..)?, is_negative })))
}

/// All words that a pattern means; `None` when they are too many or depend on what stands around.
fn words(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let found = match hir.kind() {
        HirKind::Empty => vec![Vec::new()],
        HirKind::Literal(literal) => vec![literal.0.to_vec()],
        HirKind::Class(Class::Bytes(class)) => {
            class.iter().flat_map(|range| range.start()..=range.end()).map(|byte| vec![byte]).collect()
        }
        // Alternatives of one character each.
        HirKind::Class(Class::Unicode(class)) => {
            let chars = class.iter().flat_map(|range| range.start()..=range.end()).take(WORDS + 1);
            chars.map(|char| char.encode_utf8(&mut [0; 4]).as_bytes().to_vec()).collect()
        }
        HirKind::Capture(capture) => words(&capture.sub)?,
        HirKind::Alternation(parts) => {
            parts.iter().map(words).collect::<Option<Vec<_>>>()?.into_iter().flatten().collect()
        }
        HirKind::Concat(parts) => {
            let mut found = vec![Vec::new()];
            for part in parts {
                let ends = words(part)?;
                if found.len().saturating_mul(ends.len()) > WORDS {
                    return None;
                }
                found = found
                    .iter()
                    .flat_map(|start| ends.iter().map(move |end| [start.as_slice(), end].concat()))
                    .collect();
            }
            found
        }
        _ => return None,
    };
    (found.len() <= WORDS).then_some(found)
}

fn condition(is_negative: bool, words: &[Vec<u8>], side: Side) -> String {
    if !is_negative {
        let words: Vec<String> = words.iter().map(|word| word.iter().copied().map(byte).collect()).collect();
        return format!("(?:{})", words.join("|"));
    }
    let mut words: Vec<Vec<u8>> = words.to_vec();
    if matches!(side, Side::Behind) {
        words.iter_mut().for_each(|word| word.reverse());
    }
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    none_of(&words, side)
}

/// None of `words` starts here, going outwards.
fn none_of(words: &[&[u8]], side: Side) -> String {
    let mut rests: BTreeMap<u8, Vec<&[u8]>> = BTreeMap::new();
    for word in words {
        match word.split_first() {
            Some((first, rest)) => rests.entry(*first).or_default().push(rest),
            // The empty word stands everywhere.
            None => return "[^\\x00-\\xFF]".to_owned(),
        }
    }
    let firsts: String = rests.keys().copied().map(byte).collect();
    let mut out = format!("(?:{}|[^{firsts}]", if matches!(side, Side::Ahead) { "\\z" } else { "\\A" });
    for (first, rest) in &rests {
        if rest.iter().any(|rest| rest.is_empty()) {
            continue;
        }
        let rest = none_of(rest, side);
        out.push('|');
        out.push_str(&match side {
            Side::Ahead => format!("{}{rest}", byte(*first)),
            Side::Behind => format!("{rest}{}", byte(*first)),
        });
    }
    out.push(')');
    out
}

fn byte(byte: u8) -> String {
    format!("\\x{byte:02X}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Pattern;

    proptest! {
        /// A look-around asks just what it says.
        #[test]
        fn agrees_with_its_definition(
            text in "[abc]{0,8}",
            before in prop::collection::vec("[abc]{1,3}", 1..4),
            after in prop::collection::vec("[abc]{1,3}", 1..4),
            negative in any::<(bool, bool)>(),
        ) {
            let open = |negative: bool| if negative { '!' } else { '=' };
            let pattern = format!(
                "(?<{}{})b(?{}{})",
                open(negative.0),
                before.join("|"),
                open(negative.1),
                after.join("|")
            );
            let expected = text.match_indices('b').any(|(at, found)| {
                let (left, right) = (text.as_bytes()[..at].to_vec(), text.as_bytes()[at + found.len()..].to_vec());
                before.iter().any(|word| left.ends_with(word.as_bytes())) != negative.0
                    && after.iter().any(|word| right.starts_with(word.as_bytes())) != negative.1
            });
            let compiled = Pattern::new(&pattern, 1 << 20).unwrap();
            prop_assert_eq!(compiled.is_match(text.as_bytes()), expected, "{} on {}", pattern, text);
        }
    }
}
