//! A tree as its tiles on disk have it: any subtree's hash, and so any proof.

use std::{
    cell::RefCell,
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    merkle::{Hash, split},
    tile::{self, Frontier, Layer, Tile, WIDTH},
};

/// Why a file of a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TileFault {
    /// It cannot be read.
    #[error("{path}: {cause}; a file of the log is missing or unreadable", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It holds more or less than the log's size says.
    #[error("{path}: it does not hold what a log of {size} entries has there; it was changed or cut", path = path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// Of the whole log.
        size: u64,
    },
}

/// The tiles of a tree of one size.
pub(super) struct Tree {
    directory: PathBuf,
    pub(super) size: u64,
    /// The tiles read last.
    known: RefCell<HashMap<(u32, u64), Vec<Hash>>>,
}

/// Tiles that are kept in memory, at 8 KiB each.
const KNOWN: usize = 64;

impl Tree {
    pub(super) fn new(directory: &Path, size: u64) -> Self {
        Self { directory: directory.to_owned(), size, known: RefCell::default() }
    }

    /// A tile's hashes.
    pub(super) fn tile(&self, tile: Tile) -> Result<Vec<Hash>, TileFault> {
        self.file(tile, tile::hashes)
    }

    /// What `read` makes of a bundle, with no more entries than the tree has.
    pub(super) fn bundle<T>(&self, index: u64, read: impl Fn(&[&[u8]]) -> T) -> Result<T, TileFault> {
        match Tile::of(Layer::Entries, index, self.size) {
            Some(tile) => self.file(tile, |bytes, width| Some(read(&tile::entries(bytes, width)?))),
            None => Ok(read(&[])),
        }
    }

    /// The hashes of a bundle's entries.
    pub(super) fn entries(&self, index: u64) -> Result<Vec<Hash>, TileFault> {
        Tile::of(Layer::Hashes(0), index, self.size).map_or(Ok(Vec::new()), |tile| self.tile(tile))
    }

    /// Reads a file of the tree. A log that has grown may have a full tile where this tree has a part of it.
    fn file<T>(&self, tile: Tile, read: impl Fn(&[u8], u64) -> Option<T>) -> Result<T, TileFault> {
        let (part, full) = (tile.path(), Tile { width: WIDTH, ..tile }.path());
        let (path, bytes) = match fs::read(self.directory.join(&part)) {
            Ok(bytes) => Ok((part, bytes)),
            Err(_) if tile.width < WIDTH && self.directory.join(&full).exists() => {
                fs::read(self.directory.join(&full)).map(|bytes| (full, bytes))
            }
            Err(cause) => Err(cause),
        }
        .map_err(|cause| TileFault::File { path: self.directory.join(tile.path()), cause })?;
        let fault = || TileFault::Content { path: self.directory.join(&path), size: self.size };
        read(&bytes, tile.width).ok_or_else(fault)
    }

    /// The hash of an entry, which is within the size.
    pub(super) fn entry(&self, index: u64) -> Result<Hash, TileFault> {
        self.subtrees(0, index, 1, |hashes| hashes.first().copied().unwrap_or_else(Hash::of_nothing))
    }

    /// What tile `first / WIDTH` of a level has from `first` on.
    fn subtrees<T>(
        &self,
        level: u32,
        first: u64,
        count: u64,
        read: impl FnOnce(&[Hash]) -> T,
    ) -> Result<T, TileFault> {
        let index = first / WIDTH;
        let missing = || {
            let tile = Tile { layer: Layer::Hashes(level), index, width: WIDTH };
            TileFault::Content { path: self.directory.join(tile.path()), size: self.size }
        };
        let mut known = self.known.borrow_mut();
        if !known.contains_key(&(level, index)) {
            if known.len() >= KNOWN {
                known.clear();
            }
            let tile = Tile::of(Layer::Hashes(level), index, self.size).ok_or_else(missing)?;
            known.insert((level, index), self.tile(tile)?);
        }
        let from = usize::try_from(first % WIDTH).unwrap_or(usize::MAX);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let hashes = known.get(&(level, index)).and_then(|hashes| hashes.get(from..from.checked_add(count)?));
        hashes.map(read).ok_or_else(missing)
    }

    /// The hash of the entries from `start` up to `end`, where RFC 6962 has such a subtree.
    pub(super) fn subtree(&self, start: u64, end: u64) -> Result<Hash, TileFault> {
        let size = end.saturating_sub(start);
        if size == 0 {
            return Ok(Hash::of_nothing());
        }
        if size.is_power_of_two() {
            let (level, count) = (size.ilog2() / 8, 1 << (size.ilog2() % 8));
            return self.subtrees(level, start >> (8 * level), count, Hash::of_subtrees);
        }
        let middle = start + split(size);
        Ok(Hash::of_peaks([self.subtree(start, middle)?, self.subtree(middle, end)?].into_iter()))
    }

    /// The siblings on the way from an entry to the root, lowest first.
    pub(super) fn path(&self, index: u64) -> Result<Vec<Hash>, TileFault> {
        let (mut start, mut end, mut path) = (0, self.size, Vec::new());
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                path.push(self.subtree(middle, end)?);
                end = middle;
            } else {
                path.push(self.subtree(start, middle)?);
                start = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// The right edge, to go on from.
    pub(super) fn frontier(&self) -> Result<Frontier, TileFault> {
        let mut frontier = Frontier { size: self.size, levels: Vec::new() };
        for level in (0..).take_while(|level| self.size.checked_shr(8 * level).unwrap_or(0) > 0) {
            let last = self.size.checked_shr(8 * (level + 1)).unwrap_or(0);
            let partial = Tile::of(Layer::Hashes(level), last, self.size);
            frontier.levels.push(partial.map_or(Ok(Vec::new()), |tile| self.tile(tile))?);
        }
        Ok(frontier)
    }
}
