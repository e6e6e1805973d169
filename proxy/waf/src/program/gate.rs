//! The gate: one scan of a value names the rules whose required literals it holds.
//!
//! Literals are compared only where tables of hashes say that one may start: a look at the tables costs less than a nanosecond.

use super::literals::{Lengths, Literals};
use super::windows::{Dense, Sparse};

/// Under construction: literals with the bits they set.
#[derive(Default)]
pub(crate) struct GateBuilder {
    /// (literal, bit)
    literals: Vec<(Vec<u8>, u32)>,
    bits: u32,
}

impl GateBuilder {
    /// A new bit, set by any of `literals` (in lower case).
    pub(crate) fn bit(&mut self, literals: &[Vec<u8>]) -> u32 {
        let bit = self.bits;
        self.bits += 1;
        for literal in literals {
            // A literal within another makes the longer one redundant.
            let redundant = || {
                literals.iter().any(|other| {
                    other.len() < literal.len() && memchr::memmem::find(literal, other).is_some()
                })
            };
            if literals.len() > 64 || !redundant() {
                self.literals.push((literal.clone(), bit));
            }
        }
        bit
    }

    /// Ends construction. A scan for literals of at least [`Sparse::SHORTEST`] bytes looks at fewer places. `side` is 0 for
    /// requests, 1 for responses.
    pub(crate) fn build(mut self, side: usize) -> Gate {
        self.literals.sort();
        let mut words: Vec<&[u8]> = Vec::new();
        let mut meaning: Vec<Vec<u32>> = Vec::new();
        for (literal, bit) in &self.literals {
            if words.last() != Some(&literal.as_slice()) {
                words.push(literal);
                meaning.push(Vec::new());
            }
            if let Some(bits) = meaning.last_mut() {
                bits.push(*bit);
            }
        }
        let places = if words.iter().all(|word| word.len() >= Sparse::SHORTEST) {
            Places::Sparse(Sparse::new(&words))
        } else {
            Places::Dense(Dense::new(&words))
        };
        let literals = Literals::new(&words);
        Gate { side, literals, places, meaning, words: self.bits.div_ceil(64) as usize }
    }
}

/// Where literals may start.
enum Places {
    Dense(Dense),
    Sparse(Sparse),
}

/// The literals of one direction (request or response).
pub(crate) struct Gate {
    /// Which of the two it is.
    pub(crate) side: usize,
    literals: Literals,
    places: Places,
    /// Per literal, the bits it sets.
    meaning: Vec<Vec<u32>>,
    /// 64-bit words that hold all bits.
    pub(crate) words: usize,
}

impl Gate {
    /// Sets in `bits` (of [`Gate::words`] words) what `value` holds; whether anything was set.
    pub(crate) fn scan(&self, value: &[u8], bits: &mut [u64]) -> bool {
        let mut any = false;
        let look = |rest: &[u8], lengths| any |= self.mark(rest, lengths, bits);
        match &self.places {
            Places::Dense(dense) => dense.places(value, look),
            Places::Sparse(sparse) => sparse.places(value, look),
        }
        any
    }

    /// Marks the literals that `rest` starts with; whether there are any.
    #[inline(never)]
    fn mark(&self, rest: &[u8], lengths: Lengths, bits: &mut [u64]) -> bool {
        let mut any = false;
        self.literals.starting(rest, lengths, |literal| {
            any = true;
            for bit in self.meaning.get(literal).into_iter().flatten() {
                if let Some(word) = bits.get_mut((bit >> 6) as usize) {
                    *word |= 1 << (bit & 63);
                }
            }
        });
        any
    }

    pub(crate) fn memory(&self) -> usize {
        self.literals.memory()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::GateBuilder;

    /// A bit is set exactly when one of its literals is there.
    fn check(sets: &[Vec<String>], value: &str) -> Result<(), TestCaseError> {
        let mut builder = GateBuilder::default();
        for set in sets {
            builder.bit(&set.iter().map(|text| text.clone().into_bytes()).collect::<Vec<_>>());
        }
        let gate = builder.build(0);
        let mut bits = vec![0; gate.words];
        gate.scan(value.as_bytes(), &mut bits);
        let lower = value.to_ascii_lowercase();
        for (at, set) in sets.iter().enumerate() {
            let there = set.iter().any(|literal| lower.contains(literal));
            prop_assert_eq!(bits[at / 64] >> (at % 64) & 1 == 1, there, "{:?}", set);
        }
        Ok(())
    }

    fn sets(literal: &'static str) -> impl Strategy<Value = Vec<Vec<String>>> {
        proptest::collection::vec(proptest::collection::vec(literal, 1..4), 1..80)
    }

    proptest! {
        #[test]
        fn bits_tell_which_literals_are_there(sets in sets("[a-c<@`]{1,6}"), value in "[a-cA-C<@`]{0,40}") {
            check(&sets, &value)?;
        }

        #[test]
        fn bits_tell_which_long_literals_are_there(
            sets in sets("[ab@]{4,14}"),
            before in "[abAB@]{0,24}",
            (set, literal) in (0..80_usize, 0..4_usize),
            after in "[abAB@]{0,24}",
        ) {
            let set = &sets[set % sets.len()];
            let value = [&before, &set[literal % set.len()], &after].map(String::as_str).concat();
            check(&sets, &value)?;
        }
    }
}
