//! Tables that tell where in a value a literal may start, from a hash of a few bytes. Bytes are folded by `| 0x20`, which
//! makes letters small and confuses some signs: that lets more through, never less.

use super::literals::Lengths;

/// A set of hashes: `WORDS` times 64 bits, so large that few of some thousands of literals share one, and so small that
/// it stays near.
struct Table<const WORDS: usize>(Box<[u64; WORDS]>);

impl<const WORDS: usize> Table<WORDS> {
    fn new() -> Self {
        Self(Box::new([0; WORDS]))
    }

    /// Whether the bits of a hash are set.
    #[inline]
    fn has(&self, Hash { place, bits: [one, other] }: Hash) -> bool {
        let word = self.0.get(place % WORDS).copied().unwrap_or(0);
        word.wrapping_shr(one) & word.wrapping_shr(other) & 1 == 1
    }

    fn add(&mut self, Hash { place, bits }: Hash) {
        if let Some(word) = self.0.get_mut(place % WORDS) {
            *word |= bits.iter().fold(0, |all, bit| all | 1_u64.wrapping_shl(*bit));
        }
    }

    /// Adds all that `other` has.
    fn unite(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(word, more)| *word |= more);
    }
}

/// Where in a table a window is.
#[derive(Clone, Copy)]
struct Hash {
    place: usize,
    /// Two bits of the word there, modulo 64; they may be the same.
    bits: [u32; 2],
}

const FOLD: u32 = 0x2020_2020;

// Multiplicative hashes (Knuth, The Art of Computer Programming, 6.4) of the first bytes of a window, read as a
// little-endian number: the high bits choose the word. Where there are many, two bits, as in a Bloom filter: with one, a place in
// forty would pass.

#[inline]
fn hash_two(window: u32) -> Hash {
    let folded = window | FOLD;
    Hash { place: (folded >> 6 & 0x3ff) as usize, bits: [folded; 2] }
}

#[inline]
fn hash_three(window: u32) -> Hash {
    let product = (window << 8 | FOLD).wrapping_mul(0x9e37_79b1);
    Hash { place: (product >> 21) as usize, bits: [product >> 15; 2] }
}

#[inline]
fn hash_four(window: u32) -> Hash {
    let product = (window | FOLD).wrapping_mul(0x9e37_79b1);
    Hash { place: (product >> 21) as usize, bits: [product >> 15, product >> 9] }
}

#[inline]
fn hash_eight(window: u64) -> Hash {
    let product = (window | 0x2020_2020_2020_2020).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Hash { place: (product >> 53) as usize, bits: [(product >> 47) as u32, (product >> 41) as u32] }
}

/// The first four bytes of `rest`, with zeros beyond its end.
#[inline]
fn read(rest: &[u8]) -> u32 {
    match rest.first_chunk() {
        Some(window) => u32::from_le_bytes(*window),
        None => rest.iter().rev().fold(0, |window, byte| window << 8 | u32::from(*byte)),
    }
}

/// Looks at every place, for literals of any length.
pub(super) struct Dense {
    /// The first four bytes of long literals.
    four: Table<2048>,
    /// The first two of shorter ones: exact.
    two: Table<1024>,
    /// All bytes of those of three.
    three: Table<512>,
    /// The first two of those of less: exact.
    less: Table<1024>,
}

impl Dense {
    pub(super) fn new(words: &[&[u8]]) -> Self {
        let mut tables =
            Self { four: Table::new(), two: Table::new(), three: Table::new(), less: Table::new() };
        for word in words {
            match word {
                [] => {}
                [a] => (0..=255).for_each(|b| tables.less.add(hash_two(read(&[*a, b])))),
                [_, _] => tables.less.add(hash_two(read(word))),
                [a, b, _] => {
                    tables.two.add(hash_two(read(&[*a, *b])));
                    tables.three.add(hash_three(read(word)));
                }
                _ => tables.four.add(hash_four(read(word))),
            }
        }
        tables.two.unite(&tables.less);
        tables
    }

    /// Calls `found` with what begins at each place where a literal may start, and of which lengths.
    #[inline]
    pub(super) fn places(&self, value: &[u8], mut found: impl FnMut(&[u8], Lengths)) {
        for (at, window) in (0..value.len()).zip(value.windows(4)) {
            let window = read(window);
            if self.may_have(window)
                && let Some(lengths) = self.at(window)
            {
                found(value.get(at..).unwrap_or_default(), lengths);
            }
        }
        // The last windows, with zeros beyond the end.
        let (start, mut window) = match value.last_chunk() {
            Some(last) => (value.len() - 3, u32::from_le_bytes(*last) >> 8),
            None => (0, read(value)),
        };
        for at in start..value.len() {
            if let Some(lengths) = self.at(window) {
                found(value.get(at..).unwrap_or_default(), lengths);
            }
            window >>= 8;
        }
    }

    /// Whether any literal may start with a window. Both tables are always asked, and most places are in neither: one branch,
    /// which is foretold.
    #[inline]
    fn may_have(&self, window: u32) -> bool {
        self.four.has(hash_four(window)) | self.two.has(hash_two(window))
    }

    /// The lengths of literals that may start with a window.
    #[inline(never)]
    fn at(&self, window: u32) -> Option<Lengths> {
        let (is_long, two) = (self.four.has(hash_four(window)), hash_two(window));
        match (is_long, self.two.has(two) && (self.three.has(hash_three(window)) || self.less.has(two))) {
            (true, true) => Some(Lengths::All),
            (true, false) => Some(Lengths::Long),
            (false, true) => Some(Lengths::Short),
            (false, false) => None,
        }
    }
}

/// Looks at every fourth place for long literals, which are known by each of their first four windows of eight bytes, and
/// at every second for shorter ones, known by two windows of three.
pub(super) struct Sparse {
    eight: Table<2048>,
    three: Table<512>,
    /// The first four bytes of all.
    starts: Table<2048>,
}

impl Sparse {
    /// Bytes a literal must have.
    pub(super) const SHORTEST: usize = crate::operator::LONG;
    const LONG: usize = 8 + 4 - 1;

    pub(super) fn new(words: &[&[u8]]) -> Self {
        let mut tables = Self { eight: Table::new(), three: Table::new(), starts: Table::new() };
        for word in words {
            tables.starts.add(hash_four(read(word)));
            if word.len() >= Self::LONG {
                let eights = word.windows(8).take(4).filter_map(<[u8]>::first_chunk);
                eights.for_each(|window| tables.eight.add(hash_eight(u64::from_le_bytes(*window))));
            } else {
                word.windows(3).take(2).for_each(|window| tables.three.add(hash_three(read(window))));
            }
        }
        tables
    }

    /// Calls `found` with what begins at each place where a literal may start.
    #[inline]
    pub(super) fn places(&self, value: &[u8], mut found: impl FnMut(&[u8], Lengths)) {
        let (chunks, _) = value.as_chunks::<4>();
        let numbers = chunks.iter().map(|chunk| u32::from_le_bytes(*chunk));
        for (index, (low, high)) in numbers.clone().zip(numbers.skip(1)).enumerate() {
            let both = u64::from(low) | u64::from(high) << 32;
            if self.eight.has(hash_eight(both)) {
                self.check(value, index * 4, 3, &mut found);
            }
            if self.three.has(hash_three(low)) {
                self.check(value, index * 4, 1, &mut found);
            }
            if self.three.has(hash_three((both >> 16) as u32)) {
                self.check(value, index * 4 + 2, 1, &mut found);
            }
        }
        // Windows of what starts here may reach into bytes that were not read.
        self.check(value, value.len(), 16, &mut found);
    }

    /// Calls `found` for the literals that may start at `at` or up to `before` bytes before.
    #[inline(never)]
    fn check(&self, value: &[u8], at: usize, before: usize, found: &mut impl FnMut(&[u8], Lengths)) {
        let mut rest = value.get(at.saturating_sub(before)..).unwrap_or_default();
        for _ in 0..=before.min(at) {
            if self.starts.has(hash_four(read(rest))) {
                found(rest, Lengths::Long);
            }
            rest = rest.get(1..).unwrap_or_default();
        }
    }
}
