//! Reading a record with all cores: one thread cuts files into pieces of whole lines, the others read and ask.

use std::{
    fs::File,
    io::{self, BufReader},
    mem,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        mpsc::{Receiver, sync_channel},
    },
    thread::{self, ScopedJoinHandle},
    time::{SystemTime, UNIX_EPOCH},
};

use poort_policy::{
    Engine,
    workbench::{Recorded, Replay, Tally},
};

use crate::audit::questions::{self, Answer, Asked, Entry, Quick};
use crate::snapshot;

/// How much a thread takes at once, in bytes.
const PIECE: usize = 1 << 20;
/// How many pieces wait for each thread.
const AHEAD: usize = 2;

/// What a record holds, put to a candidate.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) files: usize,
    pub(super) tally: Tally,
    /// Decisions that no policy was asked about.
    pub(super) unasked: u64,
    /// Decisions whose question was too long to keep.
    pub(super) truncated: u64,
    /// Lines that are no record, in order.
    pub(super) foreign: Vec<Foreign>,
}

/// A line that is no record.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Foreign {
    pub(super) file: PathBuf,
    pub(super) line: u64,
    /// From 1; 0: the whole line.
    pub(super) column: usize,
    pub(super) what: String,
    /// Whether it is the end of the newest file, which a gate may be writing just now.
    pub(super) open: bool,
}

/// Whole lines of one file.
struct Piece<'p> {
    file: &'p Path,
    is_newest: bool,
    /// The number of its first line, from 1, in the file, and in the whole record.
    first: u64,
    order: u64,
    text: Vec<u8>,
}

/// Why there is nothing to compare.
type Unreadable = (PathBuf, io::Error);

/// Puts every question of a record to an engine that was asked since some time.
pub(super) fn replay(directory: &Path, engine: &Engine, since: SystemTime) -> Result<Read, Unreadable> {
    let mut files = questions::files(directory).map_err(|error| (directory.to_owned(), error))?;
    // What nobody has written to since holds nothing of it.
    let is_new =
        |file: &PathBuf| file.metadata().and_then(|file| file.modified()).is_ok_and(|at| at >= since);
    if since > UNIX_EPOCH {
        files.retain(is_new);
    }
    let since = snapshot::seconds(since);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (send, receive) = sync_channel(threads * AHEAD);
    let receive = Mutex::new(receive);
    let mut read = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(engine, since, &receive))).collect();
        let mut order = 0;
        let mut cut = || -> Result<(), Unreadable> {
            for (index, file) in files.iter().enumerate() {
                let is_newest = index + 1 == files.len();
                let unreadable = |error| (file.clone(), error);
                pieces(file, is_newest, &mut order, |piece| send.send(piece).is_ok()).map_err(unreadable)?;
            }
            Ok(())
        };
        let done = cut();
        drop(send);
        let mut read = Read::default();
        let parts: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
        for part in parts {
            // What one has read would be missing without a word.
            let part = part
                .map_err(|_| (directory.to_owned(), io::Error::other("a thread that read it has failed")))?;
            read.tally.merge(part.tally);
            read.unasked += part.unasked;
            read.truncated += part.truncated;
            read.foreign.extend(part.foreign);
        }
        done.map(|()| read)
    })?;
    read.files = files.len();
    read.foreign.sort();
    Ok(read)
}

/// Cuts a file; stops when nobody takes its pieces any more.
fn pieces<'p>(
    path: &'p Path,
    is_newest: bool,
    order: &mut u64,
    mut give: impl FnMut(Piece<'p>) -> bool,
) -> io::Result<()> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let (mut text, mut first, mut lines) = (Vec::with_capacity(PIECE + (1 << 16)), 1, 0);
    loop {
        let more = questions::read_line(&mut file, &mut text)?;
        lines += u64::from(more);
        if text.len() >= PIECE || !more {
            let full = mem::replace(&mut text, Vec::with_capacity(PIECE + (1 << 16)));
            let piece = Piece { file: path, is_newest, first, order: *order, text: full };
            if !give(piece) {
                return Ok(());
            }
            first += lines;
            *order += lines;
            lines = 0;
        }
        if !more {
            return Ok(());
        }
    }
}

fn work(engine: &Engine, since: i64, pieces: &Mutex<Receiver<Piece<'_>>>) -> Read {
    let mut replay = Asking { replay: Replay::new(engine), since };
    let mut read = Read::default();
    loop {
        // A poisoned lock means that another thread is gone; what it held is still sound.
        let piece = pieces.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
        let Ok(piece) = piece else { break };
        one(&piece, &mut replay, &mut read);
    }
    read.tally = replay.replay.finish();
    read
}

/// What was asked since some time, in seconds since 1970.
struct Asking<'e> {
    replay: Replay<'e>,
    since: i64,
}

impl Asking<'_> {
    fn ask(&mut self, recorded: &Recorded) {
        if recorded.question.context.time.epoch >= self.since {
            self.replay.ask(recorded);
        }
    }
}

fn one(piece: &Piece<'_>, replay: &mut Asking<'_>, read: &mut Read) {
    let lines = piece.text.split_inclusive(|byte| *byte == b'\n');
    for (line, number) in lines.zip(0_u64..) {
        let foreign = |column, what, open| Foreign {
            file: piece.file.to_owned(),
            line: piece.first + number,
            column,
            what,
            open,
        };
        let Some(whole) = line.strip_suffix(b"\n") else {
            let what = "the line is torn: it has no end".to_owned();
            read.foreign.push(foreign(line.len() + 1, what, piece.is_newest));
            continue;
        };
        let order = piece.order + number;
        match questions::quick(whole) {
            Some(Quick::Other) => continue,
            Some(Quick::Decision { code: name, answer: Answer { allow, determining: by }, question }) => {
                replay.ask(&Recorded { question: *question, allow, by, name, order });
                continue;
            }
            None => {}
        }
        match questions::entry(whole) {
            Ok(Entry::Other) => {}
            Ok(Entry::Decision(asked)) => ask(*asked, order, replay, read),
            Err((column, what)) => read.foreign.push(foreign(column, what, false)),
        }
    }
}

fn ask(asked: Asked, order: u64, replay: &mut Asking<'_>, read: &mut Read) {
    match (asked.question, asked.answer) {
        (Some(question), Some(answer)) => replay.ask(&Recorded {
            question,
            allow: answer.allow,
            by: answer.determining,
            name: asked.code,
            order,
        }),
        _ if asked.truncated => read.truncated += 1,
        _ => read.unasked += 1,
    }
}
