//! Attacks: classical payloads by family, in each of the places where such a payload arrives.

use super::carrier::Carrier;
use super::prose::Prose;
use super::random::Random;
use super::words::lines;
use crate::wire::Received;

/// A payload in a request.
#[derive(Debug, Clone)]
pub struct Attack {
    /// Of which family.
    pub family: &'static str,
    /// The payload as written.
    pub payload: &'static str,
    /// Where it is.
    pub carrier: Carrier,
    /// The request.
    pub request: Received,
}

/// All attacks. In their file `@ family: carrier...` starts a family; control characters are written as their pictures.
///
/// # Panics
/// When that file names no carrier, or one that there is not.
#[must_use]
pub fn attacks() -> Vec<Attack> {
    let prose = Prose::new();
    let mut random = Random::new(7);
    let mut found = Vec::new();
    let (mut family, mut carriers) = ("", Vec::new());
    for line in lines(include_str!("../../corpus/attacks.txt")) {
        if let Some((name, places)) = line.strip_prefix("@ ").and_then(|header| header.split_once(": ")) {
            family = name;
            let named = |name| Carrier::named(name).unwrap_or_else(|| unreachable!("carrier {name}"));
            carriers = places.split_whitespace().map(named).collect();
            continue;
        }
        let text: String = line.chars().map(control).collect();
        found.extend(carriers.iter().map(|carrier| Attack {
            family,
            payload: line,
            carrier: *carrier,
            request: carrier.carry(&text, &prose, &mut random),
        }));
    }
    found
}

/// The control character of a picture (U+2400 and on).
fn control(letter: char) -> char {
    let code = u32::from(letter).wrapping_sub(0x2400);
    if code < 0x20 { char::from_u32(code).unwrap_or(letter) } else { letter }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::attacks;

    #[test]
    fn attacks_are_many_and_of_every_family() {
        let attacks = attacks();
        let payloads: BTreeSet<_> = attacks.iter().map(|attack| attack.payload).collect();
        let families: BTreeSet<_> = attacks.iter().map(|attack| attack.family).collect();
        assert!(payloads.len() > 300, "{}", payloads.len());
        assert!(families.len() > 12, "{families:?}");
    }
}
