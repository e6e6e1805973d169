//! The write-ahead log: where a batch is durable first.
//!
//! Syncing a file that grows waits for the file system's own journal, and for whatever else that has on its way to the disk. So a batch that
//! somebody waits for is written here as well, over blocks that are on the disk already and past the page cache: one write, and nothing
//! else. The record's file takes the same lines at once, for everybody to read, and is synced once this is full, which then begins anew.
//! What a power cut takes from that file until then is brought back from here at the next start.
//!
//! - [`batch`]: the form on disk;
//! - [`replay`]: what is done at a start.

mod batch;
mod replay;
#[cfg(test)]
mod tests;

use std::{io, path::Path};

use rustls::crypto::aws_lc_rs::default_provider;

use super::disk::{self, BLOCK, Blocks, Disk};
use batch::{Batch, HEAD_BYTES, Written};
pub(super) use batch::{Held, held};
pub(super) use replay::replay;

/// Its name, in the record's directory.
pub(super) const FILE: &str = "audit.wal";
/// A batch of more bytes is as well synced where it belongs: many share that, and writing them twice costs more.
const LARGEST: usize = 128 << 10;

/// The open write-ahead log.
pub(super) struct Wal {
    blocks: Box<dyn Blocks>,
    /// Its size.
    bytes: u64,
    /// Names this round: what is left of former ones is not this one's.
    round: u64,
    /// Batches in this round.
    number: u64,
    /// Where the next one goes.
    at: u64,
    written: Written,
}

impl Wal {
    /// Makes the one of a directory. What a former one held must be on the disk elsewhere, and is overwritten: it may be past its
    /// retention.
    pub(super) fn make(disk: &dyn Disk, directory: &Path, bytes: u64) -> io::Result<Self> {
        let path = directory.join(FILE);
        if !path.exists() && !has_room(directory, bytes) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let blocks = disk.make_blocks(&path, bytes)?;
        let mut wal = Self { blocks, bytes, round: 0, number: 0, at: 0, written: Written::default() };
        wal.begin()?;
        Ok(wal)
    }

    /// What it held until now is on the disk elsewhere.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        if self.number > 1 { self.begin() } else { Ok(()) }
    }

    /// Begins a round.
    fn begin(&mut self) -> io::Result<()> {
        let mut round = [0; 8];
        default_provider().secure_random.fill(&mut round).map_err(|_| io::Error::other("no randomness"))?;
        (self.round, self.number, self.at) = (u64::from_ne_bytes(round), 0, 0);
        self.put("", 0, &[])
    }

    /// Whether a batch of so many bytes fits in this round.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let blocks = (HEAD_BYTES + bytes).next_multiple_of(BLOCK) as u64;
        bytes <= LARGEST && self.at + blocks <= self.bytes
    }

    /// Makes lines durable that are at `offset` of a file of the record.
    pub(super) fn put(&mut self, file: &str, offset: u64, lines: &[u8]) -> io::Result<()> {
        let batch = Batch { round: self.round, number: self.number, file: file.into(), offset, lines };
        let blocks = self.written.blocks(&batch)?;
        self.blocks.write(self.at, blocks)?;
        self.at += blocks.len() as u64;
        self.number += 1;
        Ok(())
    }

    /// Whether it is still where the next start looks for it.
    pub(super) fn is_in(&self, directory: &Path) -> bool {
        self.blocks.is_at(&directory.join(FILE))
    }

    /// What is durable here and perhaps nowhere else.
    pub(super) fn held(&self, directory: &Path) -> io::Result<Option<Held>> {
        Ok(held(&directory.join(FILE))?.filter(|held| held.round == self.round))
    }
}

/// A disk that is about full has better use for its space.
fn has_room(directory: &Path, bytes: u64) -> bool {
    disk::space(directory).is_none_or(|space| space.free / 2 >= bytes && !space.is_short())
}
