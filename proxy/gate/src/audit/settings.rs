//! How the record is kept, and why it cannot be.

use std::{io, path::PathBuf, time::Duration};

use super::tlog::{LogFault, LogSettings};

/// How the record is kept.
#[derive(Debug)]
pub struct AuditSettings {
    /// Where the files are. It is made, for its owner alone, if it is missing. One gate at a time writes there.
    pub directory: PathBuf,
    /// Whether a record counts as written only once the disk has confirmed it (`fdatasync`).
    pub durable: bool,
    /// How much may wait to be written, in bytes, roughly. The batch being written may be as large again.
    /// Decisions get seven eighths of it, so that the outcomes of admitted requests find room.
    pub queue_bytes: usize,
    /// How much of what could not be written is kept until the disk works again, in bytes.
    pub kept_bytes: usize,
    /// For how long an outcome waits for company before it is written.
    pub linger: Duration,
    /// How often a failing disk is tried again.
    pub retry: Duration,
    /// How much the log of strangers may hold, in bytes, over all days.
    pub strangers_bytes: u64,
    /// A directory on another disk that takes the record while this one does not; none: nothing passes then.
    pub spill: Option<PathBuf>,
    /// How much of the disk is held back for when it is full, in bytes.
    pub reserve_bytes: u64,
    /// The size of the write-ahead log, in bytes; 0: none, and each batch waits until its file is synced.
    pub wal_bytes: u64,
    /// The log that proves the record; none: nothing proves that it was not changed.
    pub log: Option<LogSettings>,
}

impl AuditSettings {
    /// The settings of an operator's file, with 16 MiB of queue and of kept records, 50 ms, 500 ms, 64 MiB of strangers,
    /// 64 MiB held back and 16 MiB of write-ahead log.
    #[must_use]
    pub fn new(directory: PathBuf, durable: bool) -> Self {
        Self {
            directory,
            durable,
            queue_bytes: 16 << 20,
            kept_bytes: 16 << 20,
            linger: Duration::from_millis(50),
            retry: Duration::from_millis(500),
            strangers_bytes: 64 << 20,
            spill: None,
            reserve_bytes: 64 << 20,
            wal_bytes: 16 << 20,
            log: None,
        }
    }
}

/// Why the record cannot be opened. Without it the gate does not start.
#[derive(Debug, thiserror::Error)]
pub enum AuditFault {
    /// The directory cannot be made or listed.
    #[error("cannot use the audit directory `{path}`: {cause}; make it writable for the gate's user", path = path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Root would leave files there that the gate's own user could not read.
    #[error(
        "the audit directory `{path}` is user `{owner}`'s, whose gate could not read what root writes there; run this as that user: \
         `sudo -u {owner} poort …`",
        path = path.display()
    )]
    NotRoots {
        /// Which.
        path: PathBuf,
        /// Whose.
        owner: String,
    },
    /// Another process writes there.
    #[error(
        "another gate writes to the audit directory `{path}`; stop it, or give each gate a directory of its own",
        path = path.display()
    )]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot use the audit file `{path}`: {cause}; make it readable and writable for the gate's user", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A complete line is no record: the file was changed after it was written. Nothing is repaired silently.
    #[error(
        "{path}:{line}: is no audit record ({what}); the file was changed or damaged after it was written. Keep it as evidence \
         outside the audit directory, find out who changed it, and start again",
        path = path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// What was on the disk is not in the record's file any more.
    #[error(
        "{path}: it has {length} bytes, and had {known} on the disk before the gate stopped: lines were removed. Put the file back, or \
         keep what is there, with `{wal}`, as evidence outside the audit directory and start again",
        path = path.display(), wal = wal.display()
    )]
    Cut {
        /// The record's file.
        path: PathBuf,
        /// Its length now.
        length: u64,
        /// And what it was at least.
        known: u64,
        /// The write-ahead log, which knows.
        wal: PathBuf,
    },
    /// What the record's file has is not what was written there.
    #[error(
        "{path}: byte {at} is not what the gate wrote there, which `{wal}` still has: the record was changed after it was written. Keep \
         both as evidence outside the audit directory, find out who changed it, and start again",
        path = path.display(), wal = wal.display()
    )]
    Changed {
        /// The record's file.
        path: PathBuf,
        /// Where they differ first, from 0.
        at: u64,
        /// The write-ahead log, which knows.
        wal: PathBuf,
    },
    /// The log that proves the record.
    #[error(transparent)]
    Log(#[from] LogFault),
    /// No thread could be started.
    #[error("cannot start the thread that writes the record: {0}; raise the limit on threads")]
    Thread(io::Error),
}
