//! Where the suites lie.

use std::path::PathBuf;

/// The path of `name` among the suites: below `POORT_SHARED`, or `shared` beside the repository. `None`, said loudly, when
/// there is nothing.
#[must_use]
pub fn path(name: &str) -> Option<PathBuf> {
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
