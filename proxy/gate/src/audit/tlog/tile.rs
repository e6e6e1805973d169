//! Tiles and entry bundles: what a log is stored in, and where (<https://c2sp.org/tlog-tiles>).

use std::{fmt::Write as _, path::PathBuf};

use super::merkle::Hash;

/// Hashes of a full tile, and entries of a full bundle.
pub(super) const WIDTH: u64 = 256;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// Entries, each behind its length as two bytes, high byte first.
    Entries,
    /// Hashes of perfect subtrees of 256 to the power of the level.
    Hashes(u32),
}

/// One file of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    pub(super) layer: Layer,
    pub(super) index: u64,
    /// How much it holds, 1 to [`WIDTH`].
    pub(super) width: u64,
}

impl Tile {
    /// The tile with this index in a tree of `size` entries; none when it holds nothing.
    pub(super) fn of(layer: Layer, index: u64, size: u64) -> Option<Self> {
        let items = match layer {
            Layer::Entries => size,
            Layer::Hashes(level) => size.checked_shr(8 * level).unwrap_or(0),
        };
        let width = items.saturating_sub(index.checked_mul(WIDTH)?).min(WIDTH);
        (width > 0).then_some(Self { layer, index, width })
    }

    /// Its path below the log's directory. The index is written in groups of three digits, all but the last behind an `x`, so that no
    /// directory gets more than a thousand names.
    pub(super) fn path(self) -> PathBuf {
        let mut path = String::from("tile/");
        // Writing to a String cannot fail.
        let _ = match self.layer {
            Layer::Entries => write!(path, "entries"),
            Layer::Hashes(level) => write!(path, "{level}"),
        };
        let digits = self.index.to_string();
        let digits = format!("{digits:0>width$}", width = digits.len().next_multiple_of(3));
        let groups = digits.len() / 3;
        for at in 0..groups {
            let group = digits.get(3 * at..3 * at + 3).unwrap_or_default();
            let _ = write!(path, "/{}{group}", if at + 1 < groups { "x" } else { "" });
        }
        if self.width < WIDTH {
            let _ = write!(path, ".p/{}", self.width);
        }
        path.into()
    }
}

/// The right edge of a tree: of each level, the hashes of the tile that is not full.
#[derive(Clone, Debug, Default)]
pub(super) struct Frontier {
    pub(super) size: u64,
    pub(super) levels: Vec<Vec<Hash>>,
}

impl Frontier {
    /// Adds an entry's hash; calls `full` with each tile that this fills.
    pub(super) fn push(&mut self, entry: Hash, mut full: impl FnMut(Tile, &[Hash])) {
        self.size += 1;
        let mut hash = entry;
        for level in 0.. {
            if self.levels.len() <= level {
                self.levels.push(Vec::with_capacity(WIDTH as usize));
            }
            let Some(hashes) = self.levels.get_mut(level) else { return };
            hashes.push(hash);
            if (hashes.len() as u64) < WIDTH {
                return;
            }
            let layer = Layer::Hashes(u32::try_from(level).unwrap_or(u32::MAX));
            let above = 8 * (u32::try_from(level).unwrap_or(u32::MAX) + 1);
            let index = self.size.checked_shr(above).unwrap_or(0).saturating_sub(1);
            full(Tile { layer, index, width: WIDTH }, hashes);
            hash = Hash::of_subtrees(hashes);
            hashes.clear();
        }
    }

    /// The edge of the tree over all entries.
    pub(super) fn edge(&self) -> Edge<'_> {
        Edge { size: self.size, lowest: 0, levels: &self.levels }
    }

    /// The edge of the tree over those entries that fill bundles: nothing of the lowest level is in it.
    pub(super) fn edge_of_bundles(&self) -> Edge<'_> {
        Edge {
            size: self.size - self.size % WIDTH,
            lowest: 1,
            levels: self.levels.get(1..).unwrap_or_default(),
        }
    }
}

/// The right edge of a tree, to look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge<'a> {
    pub(super) size: u64,
    /// The level that `levels` begin with.
    lowest: u32,
    levels: &'a [Vec<Hash>],
}

impl<'a> Edge<'a> {
    /// The root of the tree.
    pub(super) fn root(self) -> Hash {
        let mut peaks = Vec::new();
        for hashes in self.levels.iter().rev() {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                let (peak, after) = rest.split_at(1 << rest.len().ilog2());
                peaks.push(Hash::of_subtrees(peak));
                rest = after;
            }
        }
        Hash::of_peaks(peaks.into_iter())
    }

    /// The tiles that are not full, with what they hold.
    pub(super) fn partial(self) -> impl Iterator<Item = (Tile, &'a [Hash])> {
        (self.lowest..).zip(self.levels).filter_map(move |(level, hashes)| {
            let index = self.size.checked_shr(8 * (level + 1)).unwrap_or(0);
            let tile = Tile { layer: Layer::Hashes(level), index, width: hashes.len() as u64 };
            (!hashes.is_empty()).then_some((tile, hashes.as_slice()))
        })
    }
}

/// Hashes as a tile's file has them.
pub(super) fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// So many hashes of a tile's file; none when it holds less, or is no tile.
pub(super) fn hashes(bytes: &[u8], width: u64) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<{ Hash::BYTES }>();
    let hashes = hashes.get(..usize::try_from(width).ok()?)?;
    rest.is_empty().then(|| hashes.iter().copied().map(Hash).collect())
}

/// Adds an entry to a bundle's bytes. What is longer than 65,535 bytes is cut there; the record makes none.
pub(super) fn bundle(bytes: &mut Vec<u8>, entry: &[u8]) {
    let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(entry.get(..usize::from(length)).unwrap_or(entry));
}

/// So many entries of a bundle; none when it holds less.
pub(super) fn entries(mut bytes: &[u8], width: u64) -> Option<Vec<&[u8]>> {
    let next = |_| {
        let (length, rest) = bytes.split_first_chunk()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        bytes = rest;
        Some(entry)
    };
    (0..width).map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        for (tile, path) in [
            (Tile { layer: Layer::Hashes(0), index: 1_234_067, width: 256 }, "tile/0/x001/x234/067"),
            (Tile { layer: Layer::Hashes(0), index: 273, width: 112 }, "tile/0/273.p/112"),
            (Tile { layer: Layer::Hashes(1), index: 1, width: 17 }, "tile/1/001.p/17"),
            (Tile { layer: Layer::Entries, index: 1000, width: 256 }, "tile/entries/x001/000"),
            (Tile { layer: Layer::Entries, index: 0, width: 1 }, "tile/entries/000.p/1"),
        ] {
            assert_eq!(tile.path().to_str(), Some(path));
        }
    }

    #[test]
    fn a_tile_holds_what_its_tree_has() {
        for (layer, index, size, width) in [
            (Layer::Hashes(0), 273, 70_000, Some(112)),
            (Layer::Hashes(1), 0, 70_000, Some(256)),
            (Layer::Hashes(1), 1, 70_000, Some(17)),
            (Layer::Hashes(2), 0, 70_000, Some(1)),
            (Layer::Hashes(3), 0, 70_000, None),
            (Layer::Entries, 0, 0, None),
            (Layer::Hashes(9), 0, u64::MAX, None),
        ] {
            assert_eq!(
                Tile::of(layer, index, size).map(|tile| tile.width),
                width,
                "{layer:?} {index} {size}"
            );
        }
    }

    #[test]
    fn the_right_edge_has_the_root_of_the_whole() {
        let (mut frontier, mut all, mut tiles) = (Frontier::default(), Vec::new(), Vec::new());
        for number in 0_u32..70_000 {
            let hash = Hash::of_entry(&number.to_be_bytes());
            all.push(hash);
            frontier.push(hash, |tile, hashes| tiles.push((tile, hashes.to_vec())));
            if number < 1000 || number % 977 == 0 || number > 69_990 {
                assert_eq!(frontier.edge().root(), Hash::of_subtrees(&all), "{number}");
                let bundles = frontier.edge_of_bundles();
                assert_eq!(bundles.root(), Hash::of_subtrees(&all[..bundles.size as usize]), "{number}");
            }
        }
        for (tile, hashes) in &tiles {
            assert_eq!(Some(*tile), Tile::of(tile.layer, tile.index, 70_000));
            if tile.layer == Layer::Hashes(0) {
                assert_eq!(hashes, &all[tile.index as usize * 256..][..256]);
            }
        }
        assert_eq!(tiles.len(), 273 + 1);
        let partial = |edge: Edge<'_>| edge.partial().map(|(tile, _)| tile.path()).collect::<Vec<_>>();
        assert_eq!(
            partial(frontier.edge()),
            ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"].map(PathBuf::from)
        );
        assert_eq!(
            partial(frontier.edge_of_bundles()),
            ["tile/1/001.p/17", "tile/2/000.p/1"].map(PathBuf::from)
        );
    }

    #[test]
    fn bundles_read_back() {
        let mut bytes = Vec::new();
        let written: [&[u8]; 3] = [b"", b"one", &[7; 65_535]];
        written.iter().for_each(|entry| bundle(&mut bytes, entry));
        assert_eq!(entries(&bytes, 3), Some(written.to_vec()));
        assert_eq!(entries(&bytes, 2), Some(written[..2].to_vec()));
        assert_eq!(entries(&bytes, 4), None);
        assert_eq!(entries(&bytes[..bytes.len() - 1], 3), None);
    }
}
