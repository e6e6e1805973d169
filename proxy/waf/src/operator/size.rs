//! How much a regular expression takes at most when it is compiled.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Bytes of a state of the automaton, with its place in the lists that are made of it.
const STATE: usize = 96;
/// Bytes of one of its transitions.
const TRANSITION: usize = 16;

/// Bytes of one without any.
const EMPTY: usize = 2048;

/// Bytes that the automaton of an expression over bytes takes at most, in one direction; `None` when that is not known.
pub(super) fn most_bytes(hir: &Hir) -> Option<usize> {
    part(hir)?.checked_add(EMPTY)
}

fn part(hir: &Hir) -> Option<usize> {
    let inner = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => literal.0.len().checked_mul(STATE)?,
        HirKind::Class(Class::Bytes(class)) => class.ranges().len().checked_mul(TRANSITION)?,
        HirKind::Class(Class::Unicode(_)) => return None,
        HirKind::Capture(capture) => part(&capture.sub)?.checked_add(2 * STATE)?,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.checked_add(1)?);
            part(&repetition.sub)?.checked_add(2 * STATE)?.checked_mul(usize::try_from(times).ok()?)?
        }
        HirKind::Concat(parts) => sum(parts)?,
        HirKind::Alternation(parts) => sum(parts)?.checked_add(parts.len().checked_mul(STATE)?)?,
    };
    inner.checked_add(2 * STATE)
}

fn sum(parts: &[Hir]) -> Option<usize> {
    parts.iter().try_fold(0_usize, |sum, one| sum.checked_add(part(one)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex_automata::nfa::thompson::{Config, NFA, WhichCaptures};
    use regex_syntax::ParserBuilder;

    use super::most_bytes;

    const PARTS: [&str; 8] = ["a", "abcabcab", "[a-m]", "[b-cx-z]", "[^;]", "(x|yy|[0-9])", "^", "."];
    const TIMES: [&str; 9] = ["", "?", "*", "+", "{3}", "{2,}", "{2,9}", "{40}", "{0,30}?"];

    proptest! {
        /// No automaton of either direction takes more.
        #[test]
        fn is_the_most(
            parts in prop::collection::vec((0..PARTS.len(), 0..TIMES.len()), 1..9),
            is_alternation: bool,
        ) {
            let part = |(part, times): &(usize, usize)| format!("(?:{}){}", PARTS[*part], TIMES[*times]);
            let parts: Vec<String> = parts.iter().map(part).collect();
            let text = format!("(?i)(?:{})+", parts.join(if is_alternation { "|" } else { "" }));
            let hir = ParserBuilder::new().unicode(false).utf8(false).build().parse(&text).unwrap();
            for reverse in [false, true] {
                let which_captures = if reverse { WhichCaptures::None } else { WhichCaptures::All };
                let config = Config::new().utf8(false).reverse(reverse).which_captures(which_captures);
                let nfa = NFA::compiler().configure(config).build_from_hir(&hir).unwrap();
                prop_assert!(nfa.memory_usage() <= most_bytes(&hir).unwrap(), "{}", text);
            }
        }
    }
}
