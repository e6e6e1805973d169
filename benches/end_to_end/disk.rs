//! The least that a durable record can cost: as many bytes as the gate writes of a request, on the disk before its answer begins. No word of
//! it means anything, nothing proves it, nobody could read it, and all who wait at once share one write, which goes over blocks that the disk
//! has already and past the page cache.

use std::{
    fs::{self, File},
    mem,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use nix::fcntl::OFlag;
use tokio::sync::watch;

/// What the gate writes of a request here before it answers, and what at its end.
const BEFORE: [u8; 3_300] = [b'x'; 3_300];
const AFTER: [u8; 900] = [b'x'; 900];

/// Writing past the page cache takes whole blocks, from where they begin in memory too.
const BLOCK: usize = 4_096;
/// Of the file, which is gone through again and again.
const BYTES: usize = 16 << 20;

/// A file that is written over, and the thread that does it.
pub(crate) struct DiskFirst {
    desk: Arc<Desk>,
    /// So many have been synced.
    synced: watch::Receiver<u64>,
}

#[derive(Default)]
struct Desk {
    waiting: Mutex<Waiting>,
    work: Condvar,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    requests: u64,
}

impl DiskFirst {
    pub(crate) fn begin(path: &Path) -> Self {
        fs::write(path, vec![0; BYTES]).unwrap();
        File::open(path).unwrap().sync_all().unwrap();
        let flags = OFlag::O_DIRECT | OFlag::O_DSYNC;
        let file = File::options().write(true).custom_flags(flags.bits()).open(path).unwrap();
        let (sender, synced) = watch::channel(0);
        let desk = Arc::<Desk>::default();
        let thread_desk = Arc::clone(&desk);
        thread::spawn(move || thread_desk.serve(&file, &sender));
        Self { desk, synced }
    }

    /// Returns when what is written of a request is on the disk.
    pub(crate) async fn decided(&self) {
        let number = {
            let mut waiting = self.desk.waiting.lock().unwrap();
            waiting.bytes.extend_from_slice(&BEFORE);
            waiting.requests += 1;
            waiting.requests
        };
        self.desk.work.notify_one();
        self.synced.clone().wait_for(|synced| *synced >= number).await.unwrap();
    }

    /// Writes what is known at the end, which nobody waits for.
    pub(crate) fn ended(&self) {
        self.desk.waiting.lock().unwrap().bytes.extend_from_slice(&AFTER);
    }
}

impl Desk {
    /// As the gate does: those who were just answered are about to ask again, and are waited for as long as a sync takes.
    fn serve(&self, file: &File, sender: &watch::Sender<u64>) {
        let (mut synced, mut taken, mut took, mut bytes) = (0, 0, Duration::ZERO, Vec::new());
        let (mut blocks, mut at) = (vec![0; BYTES / 4], 0);
        let begin = blocks.as_ptr().align_offset(BLOCK);
        loop {
            let waiting = self.waiting.lock().unwrap();
            let expected = taken + waiting.requests - synced;
            let waiting = self.work.wait_while(waiting, |waiting| waiting.requests == synced).unwrap();
            let few = |waiting: &mut Waiting| waiting.requests - synced < expected;
            let (mut waiting, _) = self.work.wait_timeout_while(waiting, took, few).unwrap();
            mem::swap(&mut waiting.bytes, &mut bytes);
            (taken, synced) = (waiting.requests - synced, waiting.requests);
            drop(waiting);
            let start = Instant::now();
            let blocks = &mut blocks[begin..begin + bytes.len().next_multiple_of(BLOCK)];
            blocks[..bytes.len()].copy_from_slice(&bytes);
            at = if at + blocks.len() > BYTES { 0 } else { at };
            file.write_all_at(blocks, at as u64).unwrap();
            at += blocks.len();
            took = start.elapsed();
            bytes.clear();
            sender.send_replace(synced);
        }
    }
}
