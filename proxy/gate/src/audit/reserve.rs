//! Space that is held back, and given up when the disk is full: the record goes on while somebody makes room.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::disk;

const FILE: &str = "audit.reserve";

/// Some space of the record's disk.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
}

impl Reserve {
    /// Holds so many bytes back in a directory, now or as soon as there is room.
    pub(super) fn new(directory: &Path, bytes: u64) -> Self {
        let reserve = Self { path: directory.join(FILE), bytes };
        reserve.refill();
        reserve
    }

    /// Gives the space up; whether there was any.
    pub(super) fn give_up(&self) -> bool {
        let given = fs::remove_file(&self.path).is_ok();
        if given {
            let bytes = self.bytes;
            tracing::error!(
                bytes,
                "the disk of the record is full; the space held back is given up, so make room now"
            );
        }
        given
    }

    /// Holds the space back again where there is room for as much once more.
    pub(super) fn refill(&self) {
        let has_room = || {
            let directory = self.path.parent().unwrap_or(Path::new("."));
            disk::space(directory).is_some_and(|space| space.free / 2 >= self.bytes && !space.is_short())
        };
        if self.bytes > 0
            && !self.path.exists()
            && has_room()
            && let Err(error) = self.fill()
        {
            tracing::warn!(%error, file = %self.path.display(), "no space can be held back for the record");
            let _ = fs::remove_file(&self.path);
        }
    }

    fn fill(&self) -> io::Result<()> {
        let file = disk::open_private(&self.path)?;
        let length = i64::try_from(self.bytes).map_err(io::Error::other)?;
        nix::fcntl::posix_fallocate(&file, 0, length).map_err(io::Error::from)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn space_is_held_back_given_up_once_and_held_back_again() {
        let directory = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(directory.path(), 1 << 20);
        let held = || fs::metadata(directory.path().join(FILE)).map_or(0, |file| file.blocks() * 512);
        assert!(held() >= 1 << 20, "the blocks are the file's");
        assert!(reserve.give_up());
        assert_eq!(held(), 0);
        assert!(!reserve.give_up(), "there is no more");
        reserve.refill();
        assert!(held() >= 1 << 20);
    }

    #[test]
    fn a_disk_without_room_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(directory.path(), u64::MAX / 4);
        assert!(!reserve.give_up());
        assert!(!Reserve::new(directory.path(), 0).give_up(), "none is wanted");
    }
}
