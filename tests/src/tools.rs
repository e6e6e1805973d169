//! Programs of others that tests drive: those that `.ci/soc` has brought, or this machine has.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

/// Where `.ci/soc` puts them: `soc` in the target directory, in which the running test is two directories down.
fn brought() -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    Some(test.ancestors().nth(3)?.join("soc"))
}

/// A program by name; none is said aloud.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let ours = brought().into_iter().flat_map(|soc| {
        let parts = [
            "debian/usr/bin",
            "debian/usr/sbin",
            "solver/usr/bin",
            "redis/usr/bin",
            "nginx/usr/sbin",
            "python/bin",
        ];
        parts.map(|directory| soc.join(directory))
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = ours.chain(std::env::split_paths(&path)).map(|directory| directory.join(name));
    let found = all.into_iter().find(|path| path.is_file());
    if found.is_none() {
        skipped(name, "it is not installed");
    }
    found
}

/// A directory that `.ci/soc` has made, such as `npm`; none is said aloud.
#[must_use]
pub fn directory(name: &str) -> Option<PathBuf> {
    let found = brought().map(|soc| soc.join(name)).filter(|path| path.is_dir());
    if found.is_none() {
        skipped(name, "`.ci/soc target/soc` has not brought it");
    }
    found
}

/// The libraries that came with programs of Debian's.
#[must_use]
pub fn libraries() -> PathBuf {
    brought().unwrap_or_default().join("debian/usr/lib/x86_64-linux-gnu")
}

/// A library to load before a program's own, by its path below the library directory; none is said aloud.
#[must_use]
pub fn library(name: &str) -> Option<PathBuf> {
    let all = [libraries(), PathBuf::from("/usr/lib/x86_64-linux-gnu")];
    let found = all.into_iter().map(|directory| directory.join(name)).find(|path| path.is_file());
    if found.is_none() {
        skipped(name, "`.ci/soc target/soc` has not brought it");
    }
    found
}

/// The libraries that came with the solver.
#[must_use]
pub fn solver_libraries() -> PathBuf {
    brought().unwrap_or_default().join("solver/usr/lib/x86_64-linux-gnu")
}

/// The libraries that came with the Redis server.
#[must_use]
pub fn redis_libraries() -> PathBuf {
    brought().unwrap_or_default().join("redis/usr/lib/x86_64-linux-gnu")
}

/// The libraries that came with nginx.
#[must_use]
pub fn nginx_libraries() -> PathBuf {
    brought().unwrap_or_default().join("nginx/usr/lib/x86_64-linux-gnu")
}

/// Says what is not tested. Not by `eprintln!`, which a test that passes would swallow.
pub fn skipped(what: &str, why: &str) {
    // Nothing is to be done if there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "SKIPPED: what needs `{what}`, as {why}");
}

/// A path in this repository.
#[must_use]
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
