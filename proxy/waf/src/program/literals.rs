//! Literals in trees: all that a text starts with are found along one path.

use std::ops::Range;

/// A set of literals in lower case.
#[derive(Default)]
pub(super) struct Literals {
    /// One after the other, sorted.
    bytes: Vec<u8>,
    /// Where each starts, and where the last ends.
    starts: Vec<usize>,
    /// The trees by the first bytes of their literals: one, two, three, or four and more.
    heads: [Heads; HEAD],
    nodes: Vec<Node>,
    /// The bytes that the children of each node begin with.
    labels: Vec<u8>,
}

/// Bytes by which literals are looked up at once.
const HEAD: usize = 4;

/// Which literals are looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lengths {
    /// Of less than [`HEAD`] bytes.
    Short,
    /// Of [`HEAD`] bytes and more.
    Long,
    All,
}

/// Trees by the bytes that all their literals begin with. A table at most half full, searched from the place of the hash on.
#[derive(Default)]
struct Heads {
    /// Heads and their trees.
    places: Vec<(u32, u32)>,
    count: usize,
}

const NO_TREE: u32 = u32::MAX;

impl Heads {
    fn add(&mut self, head: u32, tree: u32) {
        if self.places.len() <= self.count * 2 {
            let grown = vec![(0, NO_TREE); (self.places.len() * 2).max(8)];
            let places = std::mem::replace(&mut self.places, grown).into_iter();
            places.filter(|(_, tree)| *tree != NO_TREE).for_each(|(head, tree)| self.put(head, tree));
        }
        self.count += 1;
        self.put(head, tree);
    }

    fn put(&mut self, head: u32, tree: u32) {
        let mut at = self.place(head);
        while self.places.get(at).is_some_and(|(_, other)| *other != NO_TREE) {
            at = self.after(at);
        }
        if let Some(place) = self.places.get_mut(at) {
            *place = (head, tree);
        }
    }

    #[inline]
    fn find(&self, head: u32) -> Option<u32> {
        let mut at = self.place(head);
        loop {
            match self.places.get(at) {
                None | Some((_, NO_TREE)) => return None,
                Some((other, tree)) if *other == head => return Some(*tree),
                _ => at = self.after(at),
            }
        }
    }

    /// The length is a power of two, or 0.
    #[inline]
    fn place(&self, head: u32) -> usize {
        (head.wrapping_mul(0x9e37_79b1) >> 12) as usize & self.places.len().wrapping_sub(1)
    }

    fn after(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.places.len().wrapping_sub(1)
    }
}

/// Literals that have their first `depth` bytes in common.
struct Node {
    /// The first of them.
    literal: u32,
    depth: u32,
    /// Whether the first has no more bytes.
    is_end: bool,
    /// Their labels, and with the same offset from `child` the nodes of the others by their next byte.
    labels: Range<u32>,
    child: u32,
}

impl Literals {
    /// Of `words`, which are sorted, distinct and not empty.
    pub(super) fn new(words: &[&[u8]]) -> Self {
        let mut literals = Self { starts: vec![0], ..Self::default() };
        for word in words {
            literals.bytes.extend_from_slice(word);
            literals.starts.push(literals.bytes.len());
        }
        let mut ranges = Vec::new();
        for alike in words.chunk_by(|one, other| head(one) == head(other)) {
            let first = ranges.last().map_or(0, |range: &Range<usize>| range.end);
            let head = alike.first().map_or(&[][..], |word| head(word));
            if let Some(heads) = head.len().checked_sub(1).and_then(|at| literals.heads.get_mut(at)) {
                heads.add(key(head), number(ranges.len()));
            }
            ranges.push(first..first + alike.len());
        }
        // Each range becomes a node, and its branches are appended.
        let mut at = 0;
        while let Some(range) = ranges.get(at).cloned() {
            let node = literals.node(words, range, &mut ranges);
            literals.nodes.push(node);
            at += 1;
        }
        literals
    }

    fn node(&mut self, words: &[&[u8]], range: Range<usize>, ranges: &mut Vec<Range<usize>>) -> Node {
        let alike = words.get(range.clone()).unwrap_or_default();
        let (first, last) =
            (alike.first().copied().unwrap_or_default(), alike.last().copied().unwrap_or_default());
        // Sorted, so that what these two share, all share.
        let depth = first.iter().zip(last).take_while(|(one, other)| one == other).count();
        let is_end = first.len() == depth;
        let (labels, child) = (number(self.labels.len()), number(ranges.len()));
        let branches = alike.get(usize::from(is_end)..).unwrap_or_default();
        let mut start = range.start + usize::from(is_end);
        for branch in branches.chunk_by(|one, other| one.get(depth) == other.get(depth)) {
            self.labels.extend(branch.first().and_then(|word| word.get(depth)));
            ranges.push(start..start + branch.len());
            start += branch.len();
        }
        let labels = labels..number(self.labels.len());
        Node { literal: number(range.start), depth: number(depth), is_end, labels, child }
    }

    /// Calls `found` with the number of each literal of these lengths that `text` starts with, whatever its case. Takes time
    /// linear in the longest.
    pub(super) fn starting(&self, text: &[u8], lengths: Lengths, mut found: impl FnMut(usize)) {
        if lengths != Lengths::Short
            && let Some(first) = text.first_chunk::<HEAD>()
            && let [.., heads] = &self.heads
            && let Some(tree) = heads.find(u32::from_be_bytes(first.map(|byte| byte.to_ascii_lowercase())))
        {
            self.descend(tree, HEAD, text, &mut found);
        }
        if lengths == Lengths::Long {
            return;
        }
        let mut head = 0;
        for ((byte, heads), depth) in text.iter().zip(&self.heads).zip(1..HEAD) {
            head = head << 8 | u32::from(byte.to_ascii_lowercase());
            if let Some(tree) = heads.find(head) {
                self.descend(tree, depth, text, &mut found);
            }
        }
    }

    /// The same from a node on, whose first `depth` bytes `text` has.
    fn descend(&self, root: u32, mut depth: usize, text: &[u8], found: &mut impl FnMut(usize)) {
        let mut at = root;
        while let Some(node) = self.nodes.get(at as usize) {
            let (start, end) = (depth, node.depth as usize);
            if start < end {
                let shared = self.get(node.literal as usize).get(start..end).unwrap_or_default();
                if !text.get(start..end).is_some_and(|part| part.eq_ignore_ascii_case(shared)) {
                    return;
                }
            }
            if node.is_end {
                found(node.literal as usize);
            }
            let Some(byte) = text.get(end).map(u8::to_ascii_lowercase) else { return };
            let labels = self.labels.get(node.labels.start as usize..node.labels.end as usize);
            let Some(branch) = labels.unwrap_or_default().iter().position(|label| *label == byte) else {
                return;
            };
            at = node.child.saturating_add(number(branch));
            depth = end + 1;
        }
    }

    #[inline]
    fn get(&self, at: usize) -> &[u8] {
        let bounds = self.starts.get(at).zip(self.starts.get(at + 1));
        bounds.and_then(|(start, end)| self.bytes.get(*start..*end)).unwrap_or_default()
    }

    /// Bytes that it takes, about.
    pub(super) fn memory(&self) -> usize {
        self.bytes.len()
            + self.labels.len()
            + self.starts.len() * size_of::<usize>()
            + self.nodes.len() * size_of::<Node>()
            + self.heads.iter().map(|heads| heads.places.len() * size_of::<(u32, u32)>()).sum::<usize>()
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn head<'a>(word: &&'a [u8]) -> &'a [u8] {
    word.get(..HEAD).unwrap_or(word)
}

/// A head as a number.
fn key(head: &[u8]) -> u32 {
    head.iter().fold(0, |key, byte| key << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Lengths, Literals};

    proptest! {
        #[test]
        fn finds_what_a_text_starts_with(
            words in prop::collection::btree_set("[ab\\x00]{1,7}", 0..40),
            text in "[abAB\\x00]{0,9}",
        ) {
            let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
            let mut found = Vec::new();
            let literals = Literals::new(&words);
            literals.starting(text.as_bytes(), Lengths::All, |literal| found.push(literal));
            found.sort_unstable();
            let mut apart = Vec::new();
            for lengths in [Lengths::Short, Lengths::Long] {
                let before = apart.len();
                literals.starting(text.as_bytes(), lengths, |literal| apart.push(literal));
                let is_short = |literal: &usize| words[*literal].len() < 4;
                prop_assert!(apart[before..].iter().all(|literal| is_short(literal) == (lengths == Lengths::Short)));
            }
            apart.sort_unstable();
            prop_assert_eq!(&apart, &found);
            let lower = text.to_ascii_lowercase();
            let expected: Vec<usize> =
                (0..words.len()).filter(|at| lower.as_bytes().starts_with(words[*at])).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn long_literals_need_no_deep_tree() {
        let long = [b'a'; 100_000];
        let words: Vec<&[u8]> = vec![&long[..99_999], &long];
        let literals = Literals::new(&words);
        assert_eq!(literals.nodes.len(), 2);
        let mut found = Vec::new();
        literals.starting(&long, Lengths::All, |literal| found.push(literal));
        assert_eq!(found, [0, 1]);
    }
}
