//! The least that the record's bytes can cost: written and synced once as lines, hashed, and written once more as bundles, with the same
//! hints to the system. Nothing is put into words, nobody waits, no tree is built.

use std::{
    fs::{self, File},
    io::Write as _,
    os::fd::AsFd as _,
    path::Path,
};

use aws_lc_rs::digest::{SHA256, digest};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use poort_benches::timing::process_time;

/// Entries of a bundle, and bundles that are synced together: a checkpoint's.
const BUNDLE: usize = 256;
const TOGETHER: usize = 16;

/// Microseconds of CPU that a request costs whose two records have so many bytes each, `batch` records to a sync.
pub(crate) fn cost(directory: &Path, bytes: [usize; 2], batch: usize, requests: usize) -> f64 {
    fs::create_dir(directory).unwrap();
    let record: Vec<u8> = vec![b'x'; bytes[0] + bytes[1]];
    let (before, after) = record.split_at(bytes[0]);
    let mut lines = File::create(directory.join("lines")).unwrap();
    let (mut gathered, mut bundle, mut unsynced, mut written) = (vec![], vec![], vec![], 0);
    let start = process_time(std::process::id()).unwrap();
    for number in 0..2 * requests {
        let entry = if number % 2 == 0 { before } else { after };
        gathered.extend_from_slice(entry);
        std::hint::black_box(digest(&SHA256, entry));
        bundle.extend_from_slice(entry);
        if (number + 1) % batch == 0 {
            lines.write_all(&gathered).unwrap();
            lines.sync_data().unwrap();
            let_go(&lines, written, gathered.len());
            written += gathered.len();
            gathered.clear();
        }
        if (number + 1) % BUNDLE == 0 {
            let mut file = File::create(directory.join(number.to_string())).unwrap();
            file.write_all(&bundle).unwrap();
            let_go(&file, 0, bundle.len());
            unsynced.push((file, bundle.len()));
            bundle.clear();
        }
        if unsynced.len() == TOGETHER {
            for (file, length) in unsynced.drain(..) {
                file.sync_data().unwrap();
                let_go(&file, 0, length);
            }
        }
    }
    let spent = process_time(std::process::id()).unwrap() - start;
    spent.as_secs_f64() * 1e6 / requests as f64
}

fn let_go(file: &File, from: usize, length: usize) {
    let (from, length) = (from.try_into().unwrap(), length.try_into().unwrap());
    posix_fadvise(file.as_fd(), from, length, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
}
