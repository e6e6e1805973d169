//! Where the shared suites lie.

use std::path::PathBuf;

/// The path of `name` among the shared suites, or `None`, said loudly.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("POORT_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {} is not there; set POORT_SHARED", path.display());
    None
}
