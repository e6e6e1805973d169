//! Where the data lies that no repository of ours holds: the rule set, its tests, the example transactions.

use std::{
    env,
    io::{self, Write as _},
    path::PathBuf,
};

/// The path of `name` below `$POORT_SHARED`, or below `shared` beside the repository. `None` when it is not there,
/// and then loudly.
#[must_use]
pub fn path(name: &str) -> Option<PathBuf> {
    let root = env::var_os("POORT_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    let line = format!("SKIPPED: {} is not there; set POORT_SHARED to where it is", path.display());
    // Nobody can be told when there is no output to tell it on.
    writeln!(io::stdout(), "{line}").ok();
    None
}
