//! The gate: one scan of a value names the rules whose required literals it holds.

use aho_corasick::automaton::Automaton;
use aho_corasick::{Anchored, nfa::contiguous::NFA};

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
            let redundant = || literals.iter().any(|other| other.len() < literal.len() && memchr::memmem::find(literal, other).is_some());
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
        let automaton = if words.is_empty() {
            None
        } else {
            // A full DFA is a third faster on long text, and fifty times larger.
            let built = NFA::builder().ascii_case_insensitive(true).prefilter(false).dense_depth(8).build(&words);
            Some(built.map_err(|error| format!("the rules' literals are too many: {error}"))?)
        };
        Ok(Gate { automaton, meaning, words: self.bits.div_ceil(64) as usize })
    }
}

/// The literals of one direction (request or response).
pub(crate) struct Gate {
    automaton: Option<NFA>,
    /// Per literal, the bits it sets.
    meaning: Vec<Vec<u32>>,
    /// 64-bit words that hold all bits.
    pub(crate) words: usize,
}

impl Gate {
    /// Sets in `bits` (of [`Gate::words`] words) what `value` holds; whether anything was set.
    pub(crate) fn scan(&self, value: &[u8], bits: &mut [u64]) -> bool {
        let Some(automaton) = &self.automaton else { return false };
        let Ok(mut state) = automaton.start_state(Anchored::No) else { return false };
        let mut any = false;
        for byte in value {
            state = automaton.next_state(Anchored::No, state, *byte);
            if automaton.is_special(state) && automaton.is_match(state) {
                any = true;
                self.mark(automaton, state, bits);
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
