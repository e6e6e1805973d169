//! A clock that runs ahead of this machine's, for a process of its own.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use poort_demo::gate::binary;

use crate::tools;

/// The gate's binary on a clock of its own.
pub struct AnotherClock {
    script: PathBuf,
    ahead: PathBuf,
}

impl AnotherClock {
    /// Its files go into a directory. None, and loudly, where the library is not to be had.
    #[must_use]
    pub fn of_the_gate(directory: &Path) -> Option<Self> {
        let library = tools::library("faketime/libfaketimeMT.so.1")?;
        let clock = Self { script: directory.join("on-another-clock"), ahead: directory.join("ahead") };
        let text = format!(
            "#!/bin/sh\nLD_PRELOAD={} FAKETIME_TIMESTAMP_FILE={} FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1 exec {} \"$@\"\n",
            library.display(),
            clock.ahead.display(),
            std::path::absolute(binary().unwrap()).unwrap().display()
        );
        clock.set_ahead(Duration::ZERO);
        fs::write(&clock.script, text).unwrap();
        fs::set_permissions(&clock.script, fs::Permissions::from_mode(0o755)).unwrap();
        Some(clock)
    }

    /// How far ahead it is from now on.
    pub fn set_ahead(&self, ahead: Duration) {
        fs::write(&self.ahead, format!("+{}", ahead.as_secs())).unwrap();
    }

    /// What is to be run in the gate's place.
    #[must_use]
    pub fn binary(&self) -> &Path {
        &self.script
    }
}
