//! The hashes of RFC 6962, section 2.1.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

const LEAF: u8 = 0;
const NODE: u8 = 1;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hash(pub(crate) [u8; 32]);

impl Hash {
    /// Bytes of a hash.
    pub(super) const BYTES: usize = 32;

    /// Of an entry.
    pub(super) fn of_entry(entry: &[u8]) -> Self {
        Self::of(&[&[LEAF], entry])
    }

    /// Of two subtrees side by side.
    fn of_node(left: Self, right: Self) -> Self {
        Self::of(&[&[NODE], &left.0, &right.0])
    }

    /// Of a tree without entries.
    pub(super) fn of_nothing() -> Self {
        Self::of(&[])
    }

    fn of(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        parts.iter().for_each(|part| context.update(part));
        let mut hash = [0; Self::BYTES];
        hash.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self(hash)
    }

    /// Of a tree over subtrees of one size, at least one: the left part is the largest power of two that is smaller than the whole.
    pub(super) fn of_subtrees(subtrees: &[Self]) -> Self {
        match subtrees {
            [] => Self::of_nothing(),
            [one] => *one,
            _ => {
                let (left, right) = subtrees.split_at(split(subtrees.len() as u64) as usize);
                Self::of_node(Self::of_subtrees(left), Self::of_subtrees(right))
            }
        }
    }

    /// Of a tree over perfect subtrees whose sizes fall.
    pub(super) fn of_peaks(peaks: impl DoubleEndedIterator<Item = Self>) -> Self {
        let whole = peaks.rev().reduce(|right, left| Self::of_node(left, right));
        whole.unwrap_or_else(Self::of_nothing)
    }

    /// Of a tree with an entry, from the hash of the entry and the siblings on its way up (RFC 9162, 2.1.3.2); none when the proof is
    /// not of that shape.
    pub(super) fn of_path(self, index: u64, size: u64, path: &[Self]) -> Option<Self> {
        fn climb(entry: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
            if size == 1 {
                return path.is_empty().then_some(entry);
            }
            let (sibling, path) = path.split_last()?;
            let left = split(size);
            if index < left {
                Some(Hash::of_node(climb(entry, index, left, path)?, *sibling))
            } else {
                Some(Hash::of_node(*sibling, climb(entry, index - left, size - left, path)?))
            }
        }
        (index < size).then(|| climb(self, index, size, path))?
    }
}

/// The largest power of two that is smaller than `size`, which is at least 2.
pub(super) fn split(size: u64) -> u64 {
    size.div_ceil(2).next_power_of_two()
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: Hash) -> String {
        format!("{hash:?}")
    }

    #[test]
    fn hashes_are_those_of_certificate_transparency() {
        // The test vectors of the reference implementation of RFC 6962.
        let entries: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let hashes = entries.map(Hash::of_entry);
        for (size, root) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(hex(Hash::of_subtrees(&hashes[..size])), root, "{size}");
        }
    }

    #[test]
    fn a_size_is_split_below_itself() {
        for (size, left) in [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8), (1 << 40, 1 << 39)] {
            assert_eq!(split(size), left, "{size}");
        }
    }
}
