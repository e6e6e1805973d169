//! Resident memory, as the system counts it.

use std::{fs, io};

use nix::unistd::{SysconfVar, sysconf};

/// Bytes of this process that are in memory now.
///
/// # Errors
/// When the system does not say.
fn resident() -> io::Result<usize> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    let page = sysconf(SysconfVar::PAGE_SIZE)?.and_then(|bytes| usize::try_from(bytes).ok());
    pages.zip(page).map(|(pages, page)| pages * page).ok_or_else(|| io::Error::other("no resident size"))
}

/// How much more is resident after `work`, in bytes. What it returns is kept, or its memory would not be.
///
/// # Errors
/// When the work fails, or the system does not say.
pub(crate) fn growth<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<(T, f64)> {
    let before = resident()?;
    let kept = work()?;
    Ok((kept, resident()?.saturating_sub(before) as f64))
}
