//! Sets of byte values, and small predicates on bytes that several parts share.

/// A set of byte values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(crate) const NONE: Self = Self([0; 4]);
    pub(crate) const ALL: Self = Self([u64::MAX; 4]);
    pub(crate) const LOWER_AND_DIGITS: Self = Self([0x03ff << 48, 0x03ff_ffff << 33, 0, 0]);

    /// The bytes that occur in `bytes`.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut set = Self::NONE;
        bytes.iter().for_each(|byte| set.insert(*byte));
        set
    }

    /// The bytes for which `belongs` holds.
    pub(crate) fn that(belongs: impl Fn(u8) -> bool) -> Self {
        let mut set = Self::NONE;
        for byte in 0..=255_u8 {
            if belongs(byte) {
                set.insert(byte);
            }
        }
        set
    }

    pub(crate) fn insert(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    #[inline]
    /// Adds the bytes from `first` to `last`.
    pub(crate) fn insert_range(&mut self, first: u8, last: u8) {
        for (word, start) in self.0.iter_mut().zip((0..=u8::MAX).step_by(64)) {
            let (low, high) = (first.max(start), last.min(start | 63));
            if low <= high {
                *word |= u64::MAX >> (63 - (high - low)) << (low & 63);
            }
        }
    }

    /// The bytes in it, in order.
    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        let words = self.0.into_iter().zip((0..=u8::MAX).step_by(64));
        words.flat_map(|(mut word, start)| {
            std::iter::from_fn(move || {
                let bit = u8::try_from(word.trailing_zeros()).ok().filter(|bit| *bit < 64)?;
                word &= word - 1;
                Some(start + bit)
            })
        })
    }

    pub(crate) fn contains(self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|word| word >> (byte & 63) & 1 == 1)
    }

    pub(crate) fn union(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a | e, b | f, c | g, d | h])
    }

    /// With each letter in both cases.
    pub(crate) fn any_case(self) -> Self {
        // Upper case is bits 1 to 26 of the second word, lower case 32 bits further.
        const LETTERS: u64 = 0x07ff_fffe;
        let [a, b, c, d] = self.0;
        let letters = (b | b >> 32) & LETTERS;
        Self([a, b | letters | letters << 32, c, d])
    }

    pub(crate) fn intersection(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a & e, b & f, c & g, d & h])
    }

    #[cfg(test)]
    pub(crate) fn meets(self, other: Self) -> bool {
        self.intersection(other) != Self::NONE
    }

    pub(crate) fn is_within(self, other: Self) -> bool {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        (a & !e) | (b & !f) | (c & !g) | (d & !h) == 0
    }

    pub(crate) fn len(self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

/// Hashes short keys fast (FNV-1a). For tables whose keys are settled at load only: whoever chooses the keys could make
/// them collide.
#[derive(Clone, Copy)]
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl std::hash::Hasher for Fnv {
    fn finish(&self) -> u64 {
        // The table takes its tag from the high bits, which the last byte has hardly reached.
        self.0 ^ self.0.rotate_left(32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn write_usize(&mut self, _: usize) {}
}

/// Makes [`Fnv`] hashers.
pub(crate) type BuildFnv = std::hash::BuildHasherDefault<Fnv>;

/// C's `isspace`.
#[inline]
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// `isspace`, or a Latin-1 no-break space, as several transformations have it.
#[inline]
pub(crate) fn is_space_or_nbsp(byte: u8) -> bool {
    is_space(byte) || byte == 0xa0
}

/// The value of a hexadecimal digit.
pub(crate) fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The byte that two hexadecimal digits spell.
pub(crate) fn hex_pair(high: Option<&u8>, low: Option<&u8>) -> Option<u8> {
    Some(hex(*high?)? << 4 | hex(*low?)?)
}

/// The number at the start of `bytes`, as C's `atoi` reads it; what does not fit saturates.
pub(crate) fn integer(bytes: &[u8]) -> i64 {
    let bytes = bytes.trim_ascii_start();
    let (negative, digits) = match bytes.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, bytes),
    };
    let value = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0_i64, |value, byte| value.saturating_mul(10).saturating_add(i64::from(byte - b'0')));
    if negative { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::{ByteSet, integer};

    #[test]
    fn sets() {
        let set = ByteSet::of(b"a\xff");
        assert!(set.contains(b'a') && set.contains(0xff) && !set.contains(b'b'));
        assert_eq!(set.len(), 2);
        assert!(set.is_within(ByteSet::ALL) && !ByteSet::ALL.is_within(set));
        assert!(!set.meets(ByteSet::of(b"bc")));
        let expected = ByteSet::that(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        assert_eq!(ByteSet::LOWER_AND_DIGITS, expected);
    }

    #[test]
    fn letters_in_both_cases() {
        for first in 0..=255_u8 {
            let both = [first.to_ascii_lowercase(), first.to_ascii_uppercase()];
            assert_eq!(
                ByteSet::of(&[first, b'1']).any_case(),
                ByteSet::of(&both).union(ByteSet::of(b"1")),
                "{first}"
            );
        }
    }

    #[test]
    fn ranges() {
        for (first, last) in [(0, 255), (0, 0), (255, 255), (63, 64), (b'a', b'z'), (10, 200), (9, 8)] {
            let mut set = ByteSet::of(b"b");
            set.insert_range(first, last);
            assert!(set.iter().eq((0..=255).filter(|byte| set.contains(*byte))), "{first} {last}");
            assert_eq!(
                set,
                ByteSet::that(|byte| byte == b'b' || (first..=last).contains(&byte)),
                "{first} {last}"
            );
        }
    }

    #[test]
    fn integers() {
        for (text, expected) in [
            (&b"12"[..], 12),
            (b"-3x", -3),
            (b"", 0),
            (b"x", 0),
            (b" 7", 7),
            (b"99999999999999999999", i64::MAX),
        ] {
            assert_eq!(integer(text), expected);
        }
    }
}
