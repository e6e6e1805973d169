//! The little that the record needs of a file system, so that tests can let it fail.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    ops::Range,
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use nix::fcntl::{OFlag, PosixFadviseAdvice, posix_fadvise};

use super::health::Space;

/// What is written in place is written in pieces of this size, each at a multiple of it: a multiple of what disks ask for.
pub(super) const BLOCK: usize = 4096;

/// A file system.
pub(super) trait Disk: Send + Sync {
    /// Opens a file for appending, and makes it if it is missing.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Makes a file anew, of so many bytes that the disk has a place for, to write over them.
    fn make_blocks(&self, path: &Path, bytes: u64) -> io::Result<Box<dyn Blocks>>;

    /// Makes the names in a directory durable, new ones among them.
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// An open file.
pub(super) trait DiskFile: Send {
    /// Appends all of it.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Waits until the disk has confirmed what was appended.
    fn sync(&mut self) -> io::Result<()>;
    /// Tells the system that these bytes, which are on the disk, need not stay in memory.
    fn let_go(&self, bytes: Range<u64>);
    /// Its length, in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Cuts it to a length.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Whether it is still what `path` names. A file that was moved or removed takes records to where nobody reads them.
    fn is_at(&self, path: &Path) -> bool;
}

/// An open file of blocks that are written over in place.
pub(super) trait Blocks: Send {
    /// Writes whole blocks, and waits until the disk has confirmed them. They begin at a multiple of [`BLOCK`] in memory too.
    fn write(&mut self, at: u64, blocks: &[u8]) -> io::Result<()>;
    /// Whether it is still what `path` names.
    fn is_at(&self, path: &Path) -> bool;
}

/// The real one.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalDisk;

impl Disk for LocalDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(open_lines(path)?))
    }

    fn make_blocks(&self, path: &Path, bytes: u64) -> io::Result<Box<dyn Blocks>> {
        write_zeros(path, bytes)?;
        self.sync_directory(path.parent().unwrap_or(Path::new(".")))?;
        // Past the page cache, and confirmed by the disk before a write returns.
        let flags = OFlag::O_NOFOLLOW | OFlag::O_DIRECT | OFlag::O_DSYNC;
        Ok(Box::new(OpenOptions::new().write(true).custom_flags(flags.bits()).open(path)?))
    }
}

/// Makes a file of zeros that are on the disk: space that is only set aside is not written in place the first time.
fn write_zeros(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = open_private(path)?;
    file.set_len(0)?;
    io::copy(&mut io::repeat(0).take(bytes), &mut file)?;
    file.sync_all()
}

impl Blocks for File {
    fn write(&mut self, at: u64, blocks: &[u8]) -> io::Result<()> {
        self.write_all_at(blocks, at)
    }

    fn is_at(&self, path: &Path) -> bool {
        DiskFile::is_at(self, path)
    }
}

impl DiskFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn let_go(&self, bytes: Range<u64>) {
        let (Ok(from), Ok(length)) = (bytes.start.try_into(), (bytes.end - bytes.start).try_into()) else {
            return;
        };
        // Advice: where it is not taken, nothing is lost.
        let _ = posix_fadvise(self, from, length, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn is_at(&self, path: &Path) -> bool {
        let (Ok(open), Ok(named)) = (self.metadata(), fs::symlink_metadata(path)) else { return false };
        open.ino() == named.ino() && open.dev() == named.dev()
    }
}

/// Opens a file for reading and appending, for its owner alone.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    open(path, OWNER)
}

/// The same, of lines of the record: where its directory is open to the group, and to nobody else, the group may read them too, so that
/// whoever ships the record need not be root. One that is open to everybody is as `mkdir` made it, and nobody's decision.
pub(super) fn open_lines(path: &Path) -> io::Result<File> {
    let directory = path.parent().and_then(|directory| fs::metadata(directory).ok());
    let mode = directory.map_or(0, |directory| directory.mode());
    let group = if mode & OTHERS == 0 { mode & GROUP_READS } else { 0 };
    open(path, OWNER | group)
}

const OWNER: u32 = 0o600;
const GROUP_READS: u32 = 0o040;
const OTHERS: u32 = 0o007;

/// A symbolic link is not followed: whoever may write to the directory could otherwise send the record anywhere.
fn open(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(mode).custom_flags(OFlag::O_NOFOLLOW.bits());
    options.open(path)
}

/// Makes a directory, and its parents, for its owner alone.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The space where a path is.
pub(super) fn space(path: &Path) -> Option<Space> {
    let stat = nix::sys::statvfs::statvfs(path).ok()?;
    // The widths differ between platforms.
    #[expect(clippy::useless_conversion, reason = "32 bits elsewhere")]
    let [available, free, blocks, size] = [
        u64::from(stat.blocks_available()),
        u64::from(stat.blocks_free()),
        u64::from(stat.blocks()),
        u64::from(stat.fragment_size()),
    ];
    // As `df` has it: what is kept for root is neither used nor free.
    let total = blocks.saturating_sub(free).checked_add(available)?;
    Some(Space { free: available.checked_mul(size)?, total: total.checked_mul(size)? })
}
