//! The bundles of a log in which entries are retired.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    log::replace,
    tile::{self, Layer, Tile, WIDTH},
    tombstone,
};

/// The full bundles of a log.
pub(in crate::audit) struct Bundles {
    directory: PathBuf,
}

impl Bundles {
    pub(in crate::audit) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Puts tombstones in the place of entries, which are in full bundles. Each bundle is replaced whole.
    pub(in crate::audit) fn retire(&self, ranges: &[(u64, u64)]) -> Result<(), (PathBuf, io::Error)> {
        let mut bundles: BTreeMap<u64, Vec<(u64, u64)>> = BTreeMap::new();
        for (first, last) in ranges {
            for bundle in first / WIDTH..=last / WIDTH {
                let within = (*first.max(&(bundle * WIDTH)), *last.min(&(bundle * WIDTH + WIDTH - 1)));
                bundles.entry(bundle).or_default().push(within);
            }
        }
        bundles.iter().try_for_each(|(bundle, ranges)| self.replace(*bundle, ranges))
    }

    fn replace(&self, bundle: u64, ranges: &[(u64, u64)]) -> Result<(), (PathBuf, io::Error)> {
        let tile = Tile { layer: Layer::Entries, index: bundle, width: WIDTH };
        let path = self.directory.join(tile.path());
        let fault = |cause| (path.clone(), cause);
        let bytes = fs::read(&path).map_err(fault)?;
        let short = || fault(io::Error::new(io::ErrorKind::InvalidData, "the bundle is not full"));
        let entries = tile::entries(&bytes, WIDTH).ok_or_else(short)?;
        let mut new = Vec::with_capacity(bytes.len());
        for (index, entry) in (bundle * WIDTH..).zip(entries) {
            let retired = ranges.iter().any(|(first, last)| (*first..=*last).contains(&index));
            match retired && tombstone::read(entry).is_none() {
                true => tile::bundle(&mut new, &tombstone::of_entry(entry)),
                false => tile::bundle(&mut new, entry),
            }
        }
        if new == bytes { Ok(()) } else { replace(&path, &new).map_err(fault) }
    }
}
