//! Proving a log, without trusting whoever keeps it: from its files, the public key, and what was anchored elsewhere.

use std::{
    fmt, fs, io,
    num::NonZero,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::SystemTime,
};

use super::{
    anchor::{HISTORY, HISTORY_END},
    checkpoint::Checkpoint,
    log::{CHECKPOINT, read},
    merkle::Hash,
    note::Keys,
    retired::{Retired, Seen},
    tile::{Frontier, Layer, Tile, WIDTH},
    tombstone,
    tree::{TileFault, Tree},
};

/// Threads that read and hash, for each core: while one waits for the disk, another hashes.
const THREADS: usize = 4;
/// And no more than these: a disk is no faster for more.
const MOST_THREADS: usize = 16;
/// Bundles that one of them is ahead.
const AHEAD: usize = 2;

/// What was proved.
#[derive(Debug)]
pub struct Proved {
    /// Which log.
    pub origin: String,
    /// Entries, all of them as they were when they were written.
    pub size: u64,
    /// Checkpoints elsewhere that the log goes on from.
    pub anchored: usize,
    /// Entries under the largest of those.
    pub anchored_size: u64,
    /// Entries of which the content was retired, as the log's own records say.
    pub retired: u64,
    /// By which rules: a source, and how long its records are kept.
    pub rules: Vec<String>,
}

impl fmt::Display for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} entries, whole and unchanged", self.origin, self.size)?;
        if self.retired > 0 {
            let rules = self.rules.join(", ");
            write!(f, "; {} of them retired in their time, as the log says ({rules})", self.retired)?;
        }
        match self.anchored {
            0 => f.write_str(
                "; not proved without an anchor: that nobody who holds the signing key has rewritten or cut all of it",
            ),
            anchored => {
                write!(f, "; it goes on from all {anchored} anchored checkpoints")?;
                if self.anchored_size == self.size {
                    return Ok(());
                }
                write!(
                    f,
                    ", the last of them over {} entries; not proved without a later one: that nobody who holds the signing key has \
                     rewritten or cut what came after",
                    self.anchored_size
                )
            }
        }
    }
}

/// Why a log is not proved.
#[derive(Debug, thiserror::Error)]
pub enum Doubt {
    /// Nothing to prove.
    #[error("{0}: there is no checkpoint; is this the directory of a log, and has a gate written to it?")]
    NoCheckpoint(String),
    /// A checkpoint that cannot be used.
    #[error("{path}: {what}")]
    Checkpoint {
        /// Which.
        path: String,
        /// Why.
        what: String,
    },
    /// A file that is missing, or has the wrong size.
    #[error(transparent)]
    Tile(#[from] TileFault),
    /// An entry that is not what was written.
    #[error("entry {index}: it is not what was written, or not in its place: {path} does not have its hash")]
    Entry {
        /// Which, from 0.
        index: u64,
        /// The tile.
        path: String,
    },
    /// An entry whose content was retired.
    #[error(
        "entry {index}: its content was retired; its hash is in the log, and `poort audit verify` proves that this was its time"
    )]
    Retired {
        /// Which, from 0.
        index: u64,
    },
    /// An entry without content, and nothing that says why.
    #[error(
        "entry {index}: its content is gone, and no record of the log says that it was to be retired: somebody removed it"
    )]
    Removed {
        /// Which, from 0.
        index: u64,
    },
    /// An entry without content that was not kept for as long as the rule says.
    #[error("entry {index}: its content was retired before its time: {why}")]
    Early {
        /// Which, from 0.
        index: u64,
        /// How that is known.
        why: String,
    },
    /// Hashes above the entries.
    #[error("{path}: its hashes are not those of what is below; the tile was changed")]
    Node {
        /// The tile.
        path: String,
    },
    /// Nothing tells which lines of the record are which entries.
    #[error(
        "{path}: it does not say where in the record's files, day after day, all {size} entries are: it was changed or removed. Put it \
         back from a copy; `poort audit verify --log` proves the log without it"
    )]
    Files {
        /// The list.
        path: String,
        /// How many entries there are.
        size: u64,
    },
    /// All agrees but the signature's tree.
    #[error("{path}: entries 0 to {size} are not what was signed; the log was rewritten")]
    Root {
        /// The checkpoint.
        path: String,
        /// Its size.
        size: u64,
    },
    /// An anchored checkpoint covers more than there is.
    #[error("{path}: {anchored} entries were anchored, and the log has {size}: its end was cut off")]
    Truncated {
        /// The anchor.
        path: String,
        /// Its size.
        anchored: u64,
        /// What the log has.
        size: u64,
    },
}

/// Proves that every entry is there, unchanged and in its place, under a signed checkpoint, that the log goes on from whatever was
/// anchored, and that what is retired was to be by `now`.
///
/// # Errors
/// The first thing that is not as it should be, with its place.
pub fn verify(
    directory: &Path,
    keys: &Keys,
    anchor: Option<&Path>,
    now: SystemTime,
) -> Result<Proved, Doubt> {
    // A gate may be writing: it signs first and anchors then, so that what is read in this order is never anchored and missing.
    let history = anchor.map(history).transpose()?;
    let path = directory.join(CHECKPOINT);
    let note = text(&path)?.ok_or_else(|| Doubt::NoCheckpoint(directory.display().to_string()))?;
    let checkpoint = open(&path, &note, keys)?;
    let tree = Tree::new(directory, checkpoint.size);
    let mut retired = Retired::default();
    let frontier = entries(directory, &tree, &mut retired)?;
    for (tile, hashes) in frontier.edge().partial() {
        hold(directory, &tree, tile, hashes)?;
    }
    if frontier.edge().root() != checkpoint.root {
        return Err(Doubt::Root { path: path.display().to_string(), size: checkpoint.size });
    }
    let anchored = history.map(|(path, history)| anchored(&path, &history, keys, &tree)).transpose()?;
    let (anchored, anchored_size) = anchored.unwrap_or_default();
    let (retired, rules) = retired.prove(now)?;
    Ok(Proved { origin: checkpoint.origin, size: checkpoint.size, anchored, anchored_size, retired, rules })
}

/// Holds every entry against its hash, and every tile that this fills against what is stored. Threads read and hash bundles, each as many
/// as the others, and run ahead by a few.
fn entries(directory: &Path, tree: &Tree, retired: &mut Retired) -> Result<Frontier, Doubt> {
    let bundles = tree.size.div_ceil(WIDTH);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = (cores * THREADS).min(MOST_THREADS);
    thread::scope(|scope| {
        let start = |first: usize| {
            let (tell, told) = mpsc::sync_channel(AHEAD);
            let size = tree.size;
            scope.spawn(move || {
                let tree = Tree::new(directory, size);
                let mut bundles = (first as u64..bundles).step_by(threads);
                // Nobody listens any more after the first doubt.
                bundles.try_for_each(|bundle| tell.send(judge(directory, &tree, bundle)))
            });
            told
        };
        let judges: Vec<_> = (0..threads).map(start).collect();
        let mut frontier = Frontier::default();
        let in_order =
            judges.iter().cycle().zip(0..bundles).map_while(|(judge, at)| Some((at, judge.recv().ok()?)));
        for (bundle, judged) in in_order {
            let mut full = Vec::new();
            for (index, (hash, seen)) in (bundle * WIDTH..).zip(judged?) {
                retired.see(index, seen);
                frontier.push(hash, |tile, hashes| full.push((tile, hashes.to_vec())));
            }
            for (tile, hashes) in &full {
                hold(directory, tree, *tile, hashes)?;
            }
        }
        Ok(frontier)
    })
}

/// Holds a bundle's entries against their hashes; what they are.
fn judge(directory: &Path, tree: &Tree, bundle: u64) -> Result<Vec<(Hash, Seen)>, Doubt> {
    let hashes = tree.entries(bundle)?;
    let judged = tree.bundle(bundle, |entries| {
        let each = (bundle * WIDTH..).zip(entries.iter().zip(&hashes));
        each.map(|(index, (entry, known))| {
            if Hash::of_entry(entry) == *known {
                return Ok((*known, Seen::of(index, entry)));
            }
            let gone = tombstone::read(entry) == Some(*known);
            if gone { Ok((*known, Seen::Gone)) } else { Err(index) }
        })
        .collect::<Result<Vec<_>, u64>>()
    })?;
    judged.map_err(|index| {
        let tile = Tile::of(Layer::Hashes(0), bundle, tree.size).map(Tile::path);
        Doubt::Entry { index, path: directory.join(tile.unwrap_or_default()).display().to_string() }
    })
}

fn hold(directory: &Path, tree: &Tree, tile: Tile, hashes: &[Hash]) -> Result<(), Doubt> {
    if tree.tile(tile)? == hashes {
        return Ok(());
    }
    Err(Doubt::Node { path: directory.join(tile.path()).display().to_string() })
}

/// All checkpoints that were anchored, and the file they are in.
fn history(anchor: &Path) -> Result<(PathBuf, String), Doubt> {
    let path = anchor.join(HISTORY);
    match fs::read(&path) {
        // What is being written may end within a character.
        Ok(history) => Ok((path, String::from_utf8_lossy(&history).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Doubt::NoCheckpoint(anchor.display().to_string()))
        }
        Err(error) => Err(Doubt::Checkpoint { path: path.display().to_string(), what: error.to_string() }),
    }
}

/// Holds the tree against anchored checkpoints; how many those are, and over how many entries the largest.
fn anchored(path: &Path, history: &str, keys: &Keys, tree: &Tree) -> Result<(usize, u64), Doubt> {
    let (mut count, mut largest) = (0, 0);
    for note in notes(history) {
        let Checkpoint { size, root, .. } = open(path, note, keys)?;
        let path = path.display().to_string();
        if size > tree.size {
            return Err(Doubt::Truncated { path, anchored: size, size: tree.size });
        }
        if tree.subtree(0, size)? != root {
            return Err(Doubt::Root { path, size });
        }
        count += 1;
        largest = largest.max(size);
    }
    Ok((count, largest))
}

/// The notes of a history: each is a text, an empty line and signatures, and ends in an empty line. A last one without its end was
/// being written when a gate stopped.
fn notes(history: &str) -> impl Iterator<Item = &str> {
    let mut rest = history;
    std::iter::from_fn(move || {
        let signatures = rest.find("\n\n")? + 2;
        let end = rest.get(signatures..)?.find(&["\n", HISTORY_END].concat())? + signatures + 1;
        let (note, after) = rest.split_at_checked(end)?;
        rest = after.strip_prefix(HISTORY_END)?;
        Some(note)
    })
}

pub(super) fn open(path: &Path, note: &str, keys: &Keys) -> Result<Checkpoint, Doubt> {
    Checkpoint::open(note, keys)
        .map_err(|fault| Doubt::Checkpoint { path: path.display().to_string(), what: fault.to_string() })
}

pub(super) fn text(path: &Path) -> Result<Option<String>, Doubt> {
    read(path).map_err(|cause: io::Error| Doubt::Checkpoint {
        path: path.display().to_string(),
        what: cause.to_string(),
    })
}
