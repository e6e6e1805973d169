//! Sieves: which rules of a phase may match, found at once for all that look at the same values.

use super::State;
use super::columns::Common;
use super::survey::{Present, has_bit};
use crate::program::{Mesh, Phase, Program};

/// The rules of the phase that runs, as far as they are sifted.
#[derive(Default)]
pub(crate) struct Sifted {
    /// Bits of the entries that may match, or have not been sifted.
    open: Vec<u64>,
    /// The sieves that were used.
    used: Vec<bool>,
    /// The gate bits that the values of the last sieve's group set, as far as they matter to it.
    bits: Vec<u64>,
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
        let is_met = |mesh: &Mesh| common.reaches(mesh_common(mesh));
        let with_bits =
            sieve.meshes.iter().filter(|mesh| mesh.bit.is_some() && is_met(mesh)).map(mesh_common);
        if let Some(least) = with_bits.reduce(Common::intersection) {
            self.unite_bits(program, at, least);
        }
        let Sifted { bits, open, .. } = &mut self.sifted;
        let closed = |mesh: &&Mesh| !is_met(mesh) || mesh.bit.is_some_and(|bit| !has_bit(bits, bit));
        for mesh in sieve.meshes.iter().filter(closed) {
            close(open, mesh.entry);
        }
    }

    /// Finds the gate bits that those values of group `at` set that are as long as `least` and have its kinds of bytes; of others too
    /// where they are known.
    fn unite_bits(&mut self, program: &Program, at: u32, least: Common) {
        let gate = program.gate(self.phase);
        let Self { surveys, columns, values, sifted, .. } = self;
        sifted.bits.clear();
        sifted.bits.resize(gate.words, 0);
        for Present { column, .. } in
            surveys.all_present(at).iter().filter(|found| found.common.reaches(least))
        {
            columns.add_bits(*column, values, gate, least, &mut sifted.bits);
        }
    }
}

/// What all values have that a mesh lets through.
fn mesh_common(mesh: &Mesh) -> Common {
    Common { kinds: mesh.kinds, longest: mesh.len }
}

fn close(open: &mut [u64], entry: u32) {
    if let Some(word) = open.get_mut((entry >> 6) as usize) {
        *word &= !(1 << (entry & 63));
    }
}
