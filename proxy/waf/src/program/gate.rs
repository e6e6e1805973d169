//! The gate: one scan of a value names the rules whose required literals it holds.

use aho_corasick::automaton::Automaton;
use aho_corasick::{Anchored, nfa::contiguous::NFA};

use crate::bytes::ByteSet;

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

    pub(crate) fn build(mut self) -> Result<Gate, String> {
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
        let mut starts = Starts::default();
        words.iter().for_each(|word| starts.add(word));
        let automaton = if words.is_empty() {
            None
        } else {
            let built =
                NFA::builder().ascii_case_insensitive(true).prefilter(false).dense_depth(3).build(&words);
            Some(built.map_err(|error| format!("the rules' literals are too many: {error}"))?)
        };
        Ok(Gate { automaton, starts, meaning, words: self.bits.div_ceil(64) as usize })
    }
}

/// Which byte sequences a literal may start with. Bytes are folded by `| 0x20`, which makes letters small and confuses
/// some signs: that lets more through, never less.
struct Starts {
    /// By hash of four bytes: literals of four bytes and more.
    four: Box<[u64; 1024]>,
    /// By two bytes: shorter literals.
    two: Box<[u64; 1024]>,
    /// By one byte: literals of one byte.
    one: ByteSet,
}

impl Default for Starts {
    fn default() -> Self {
        Self { four: Box::new([0; 1024]), two: Box::new([0; 1024]), one: ByteSet::NONE }
    }
}

const FOLD: u32 = 0x2020_2020;

fn bit_of(table: &[u64; 1024], index: u32) -> bool {
    table.get((index >> 6 & 1023) as usize).is_some_and(|word| word >> (index & 63) & 1 == 1)
}

fn set_bit(table: &mut [u64; 1024], index: u32) {
    if let Some(word) = table.get_mut((index >> 6 & 1023) as usize) {
        *word |= 1 << (index & 63);
    }
}

fn hash(window: u32) -> u32 {
    window.wrapping_mul(0x9e37_79b1) >> 16
}

impl Starts {
    fn add(&mut self, word: &[u8]) {
        match *word {
            [] => {}
            [a] => self.one.insert(a | 0x20),
            [a, b, c, d, ..] => set_bit(&mut self.four, hash(u32::from_le_bytes([a, b, c, d]) | FOLD)),
            [a, b, ..] => set_bit(&mut self.two, (u32::from_le_bytes([a, b, 0, 0]) | FOLD) & 0xffff),
        }
    }

    #[inline]
    fn may_start(&self, window: [u8; 4]) -> bool {
        let window = u32::from_le_bytes(window) | FOLD;
        bit_of(&self.four, hash(window))
            | bit_of(&self.two, window & 0xffff)
            | self.one.contains((window & 0xff) as u8)
    }
}

/// The literals of one direction (request or response).
pub(crate) struct Gate {
    automaton: Option<NFA>,
    starts: Starts,
    /// Per literal, the bits it sets.
    meaning: Vec<Vec<u32>>,
    /// 64-bit words that hold all bits.
    pub(crate) words: usize,
}

impl Gate {
    /// Sets in `bits` (of [`Gate::words`] words) what `value` holds; whether anything was set.
    ///
    /// Where no literal may start, the automaton is not asked: a walk through it costs four nanoseconds a byte, a look
    /// at the tables one.
    pub(crate) fn scan(&self, value: &[u8], bits: &mut [u64]) -> bool {
        let Some(automaton) = &self.automaton else { return false };
        let mut any = false;
        for (at, window) in value.windows(4).enumerate() {
            if let [a, b, c, d] = *window
                && self.starts.may_start([a, b, c, d])
            {
                any |= self.walk(automaton, value.get(at..).unwrap_or_default(), bits);
            }
        }
        // The last three bytes; a zero byte beyond the end starts nothing that is not checked again.
        for at in value.len().saturating_sub(3)..value.len() {
            any |= self.walk(automaton, value.get(at..).unwrap_or_default(), bits);
        }
        any
    }

    /// Marks the literals that `rest` starts with; whether there are any.
    #[inline(never)]
    fn walk(&self, automaton: &NFA, rest: &[u8], bits: &mut [u64]) -> bool {
        let Ok(mut state) = automaton.start_state(Anchored::Yes) else { return false };
        let mut any = false;
        for byte in rest {
            state = automaton.next_state(Anchored::Yes, state, *byte);
            if automaton.is_special(state) {
                if automaton.is_dead(state) {
                    break;
                }
                if automaton.is_match(state) {
                    any = true;
                    self.mark(automaton, state, bits);
                }
            }
        }
        any
    }

    #[inline(never)]
    fn mark(&self, automaton: &NFA, state: aho_corasick::automaton::StateID, bits: &mut [u64]) {
        for at in 0..automaton.match_len(state) {
            let literal = automaton.match_pattern(state, at).as_usize();
            for bit in self.meaning.get(literal).into_iter().flatten() {
                if let Some(word) = bits.get_mut((bit >> 6) as usize) {
                    *word |= 1 << (bit & 63);
                }
            }
        }
    }

    pub(crate) fn memory(&self) -> usize {
        self.automaton.as_ref().map_or(0, Automaton::memory_usage)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::GateBuilder;

    proptest! {
        /// A bit is set exactly when one of its literals is there.
        #[test]
        fn bits_tell_what_is_there(
            sets in proptest::collection::vec(proptest::collection::vec("[a-c<@`]{1,6}", 1..4), 1..80),
            value in "[a-cA-C<@`]{0,40}",
        ) {
            let mut builder = GateBuilder::default();
            let literals: Vec<Vec<Vec<u8>>> = sets.iter().map(|set| set.iter().map(|text| text.clone().into_bytes()).collect()).collect();
            for set in &literals {
                builder.bit(set);
            }
            let gate = builder.build().unwrap();
            let mut bits = vec![0; gate.words];
            gate.scan(value.as_bytes(), &mut bits);
            let lower = value.to_ascii_lowercase();
            for (at, set) in literals.iter().enumerate() {
                let there = set.iter().any(|literal| memchr::memmem::find(lower.as_bytes(), literal).is_some());
                prop_assert_eq!(bits[at / 64] >> (at % 64) & 1 == 1, there, "{:?}", set);
            }
        }
    }
}
