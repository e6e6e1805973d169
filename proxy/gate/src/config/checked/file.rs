//! Files that a configuration was read from.

use std::{fmt, path::PathBuf, sync::Arc};

use zeroize::Zeroizing;

/// One file as it was read.
#[derive(Clone)]
pub struct FileRead {
    /// Where it was opened.
    pub path: PathBuf,
    /// SHA-256 of its content.
    pub sha256: [u8; 32],
    /// Its content. It may be a private key: zeroised when dropped, never printed.
    pub bytes: Arc<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for FileRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileRead")
            .field("path", &self.path)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
