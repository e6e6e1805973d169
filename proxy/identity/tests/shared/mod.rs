//! Public test vectors, which are not part of this repository.

use std::path::PathBuf;

use serde_json::Value;

/// The vectors in `file`, from the folder `vectors` under `POORT_SHARED` (default: `shared` beside the repository). `None`, and a loud
/// word, without them.
pub(crate) fn vectors(file: &str) -> Option<Value> {
    let folder = std::env::var_os("POORT_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = folder.join("vectors").join(file);
    match std::fs::read(&path) {
        Ok(json) => Some(serde_json::from_slice(&json).unwrap()),
        Err(error) => {
            eprintln!(
                "SKIPPED: no test vectors at {}: {error}; point POORT_SHARED at the folder that holds `vectors`",
                path.display()
            );
            None
        }
    }
}
