//! Sieves: which rules of a phase may match, found at once for all that look at the same values.

use super::State;
use super::survey::has_bit;
use crate::program::{Mesh, Phase, Program};

/// The rules of the phase that runs, as far as they are sifted.
#[derive(Default)]
pub(crate) struct Sifted {
    /// Bits of the entries that may match, or have not been sifted.
    open: Vec<u64>,
    /// The sieves that were used.
    used: Vec<bool>,
}

impl Sifted {
    /// Starts a phase.
    pub(super) fn start(&mut self, phase: &Phase) {
        self.open.clear();
        self.open.resize(phase.entries.len().div_ceil(64), u64::MAX);
        self.used.clear();
        self.used.resize(phase.sieves.len(), false);
    }

    /// The first open entry from `start` on; it may be past the end.
    #[inline]
    pub(super) fn next(&self, start: usize) -> Option<usize> {
        let mut at = start >> 6;
        let mut word = *self.open.get(at)? & u64::MAX << (start & 63);
        while word == 0 {
            at += 1;
            word = *self.open.get(at)?;
        }
        Some(at << 6 | word.trailing_zeros() as usize)
    }

    #[inline]
    fn is_open(&self, entry: usize) -> bool {
        has_bit(&self.open, u32::try_from(entry).unwrap_or(u32::MAX))
    }

    fn close(&mut self, entry: u32) {
        if let Some(word) = self.open.get_mut((entry >> 6) as usize) {
            *word &= !(1 << (entry & 63));
        }
    }
}

impl State {
    /// Whether an entry passes its sieve.
    #[inline]
    pub(super) fn passes(&mut self, program: &Program, phase: &Phase, sieve: u32, entry: usize) -> bool {
        let Some(used) = self.sifted.used.get_mut(sieve as usize) else { return true };
        // What was closed before is not looked at.
        if std::mem::replace(used, true) {
            return true;
        }
        self.sift(program, phase, sieve);
        self.sifted.is_open(entry)
    }

    /// Closes the entries that no value of the sieve's group can match.
    #[inline(never)]
    fn sift(&mut self, program: &Program, phase: &Phase, sieve: u32) {
        let Some(sieve) = phase.sieves.get(sieve as usize) else { return };
        // INVARIANT: within a phase only volatile variables change, and no group of a sieve has any.
        let at = self.surveyed(program, sieve.group);
        let common = self.surveys.common(at);
        let is_met = |mesh: &Mesh| mesh.len <= common.longest && common.kinds.have(mesh.kinds);
        if sieve.meshes.iter().any(|mesh| mesh.bit.is_some() && is_met(mesh)) {
            self.unite_bits(program, at);
        }
        let bits = self.surveys.bits(at);
        let closed = |mesh: &&Mesh| !is_met(mesh) || mesh.bit.is_some_and(|bit| !has_bit(bits, bit));
        for mesh in sieve.meshes.iter().filter(closed) {
            self.sifted.close(mesh.entry);
        }
    }
}
