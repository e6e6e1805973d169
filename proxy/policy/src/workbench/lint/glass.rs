//! `@unbreakable` promises that a policy stands even when somebody breaks the glass. It is kept by what the policy says, so it can be broken there.

use crate::reads::Reads;

use super::{Lint, Workbench};

pub(super) fn all(bench: &Workbench, found: &mut Vec<Lint>) {
    for sheet in bench.sheets.iter().filter(|sheet| sheet.annotation("unbreakable").is_some()) {
        let looks = Reads::of(&sheet.parsed.policy.condition()).any(Reads::BREAK_GLASS);
        let (message, help) = match (sheet.permits, looks) {
            (true, _) => (
                format!("permit `{}` is `@unbreakable`, and a permit stops nobody", sheet.id),
                "only a forbid can stand against a broken glass: move the annotation to one",
            ),
            (false, true) => (
                format!("forbid `{}` is `@unbreakable`, and asks for a broken glass", sheet.id),
                "take `context.break_glass` out of its conditions, or take the annotation away",
            ),
            (false, false) => continue,
        };
        let (place, help) = (sheet.place.clone(), help.to_owned());
        found.push(Lint { place, length: 0, name: "not-unbreakable", message, help });
    }
}
