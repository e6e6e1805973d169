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

/// The rules of CRS 3.3: `POORT_CRS3`, or where Debian's package `modsecurity-crs` puts them. `None`, said loudly, when there
/// is nothing.
#[must_use]
pub fn crs_3() -> Option<PathBuf> {
    let path = std::env::var_os("POORT_CRS3")
        .map_or_else(|| PathBuf::from("/usr/share/modsecurity-crs/rules"), PathBuf::from);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {} is not there; install modsecurity-crs, or set POORT_CRS3", path.display());
    None
}
