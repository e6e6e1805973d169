//! The log as it grows: entries go into bundles, their hashes into tiles, and now and then a checkpoint is signed over all of it.
//!
//! The entries are the record's lines, which are durable already when they come here. So what is written between two checkpoints need
//! not be: after a crash it is made again from the lines.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    mem,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::audit::{day::Day, journal::PREFIX};

use super::{
    anchor::Anchor,
    checkpoint::Checkpoint,
    keeper::Standing,
    merkle::Hash,
    note::{Keys, NoteFault},
    tile::{self, Edge, Frontier, Layer, Tile, WIDTH},
    tree::{TileFault, Tree},
    unsynced::Unsynced,
    verify::{Doubt, text},
};

/// The name of the newest checkpoint's file.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// Which entry each of the record's files begins with.
const BEGINNINGS: &str = "files";

/// How the log is kept.
#[derive(Debug)]
pub struct LogSettings {
    /// Where it is.
    pub directory: PathBuf,
    /// What signs checkpoints, and what signed former ones. The signing key's name is the log's origin.
    pub keys: Arc<Keys>,
    /// A directory elsewhere that gets each checkpoint.
    pub anchor: Option<PathBuf>,
}

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    /// A key or the checkpoint.
    #[error("{path}: {fault}", path = path.display())]
    Note {
        /// In which file.
        path: PathBuf,
        /// What.
        fault: NoteFault,
    },
    /// A file of the log.
    #[error(transparent)]
    Tile(#[from] TileFault),
    /// A file that cannot be used.
    #[error("{path}: {cause}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The tiles and a checkpoint disagree.
    #[error(
        "{path}: the log was changed or cut since this checkpoint over {size} entries was signed. Keep it as evidence, find out who \
         changed it with `poort audit verify`, and begin a new log in another directory",
        path = path.display()
    )]
    Rewritten {
        /// Of the checkpoint.
        path: PathBuf,
        /// Of the checkpoint.
        size: u64,
    },
    /// A line of the record is not what the log has.
    #[error(
        "{path}:{line}: this line is not what entry {index} of the log is: the record was changed after it was written. Keep it as \
         evidence outside the audit directory, find out who changed it, and start again",
        path = path.display()
    )]
    Line {
        /// The record's file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// The entry.
        index: u64,
    },
    /// What says where the record's files begin.
    #[error(transparent)]
    Files(Doubt),
    /// A file that is none of the log's.
    #[error(
        "{path}: the log knows no file of this name, and has lines of later days: somebody put it there. Keep it as evidence outside the \
         audit directory, find out who did, and start again",
        path = path.display()
    )]
    Stranger {
        /// The file.
        path: PathBuf,
    },
    /// Lines are gone.
    #[error(
        "{path}: it ends after {lines} lines, and the log knows of {known}: lines were removed after they were written",
        path = path.display()
    )]
    Missing {
        /// The record's file.
        path: PathBuf,
        /// It has so many.
        lines: u64,
        /// And had so many.
        known: u64,
    },
}

/// What a checkpoint is over.
#[derive(Clone, Copy, Debug)]
pub(in crate::audit) enum Reach {
    /// Every entry.
    All,
    /// Those that fill bundles. Under load the others soon do too, and need not be written twice.
    Bundles,
}

impl Reach {
    fn edge(self, frontier: &Frontier) -> Edge<'_> {
        match self {
            Self::All => frontier.edge(),
            Self::Bundles => frontier.edge_of_bundles(),
        }
    }
}

/// An open log.
pub(in crate::audit) struct Log {
    settings: LogSettings,
    frontier: Frontier,
    /// The bundle that is not full.
    bundle: Vec<u8>,
    /// What has filled, and is not on the disk.
    pub(super) full: Vec<(Tile, Vec<u8>)>,
    /// Where parts are that full tiles replace.
    outgrown: Vec<PathBuf>,
    /// Entries under the newest checkpoint.
    checked: u64,
    /// Entries under the newest checkpoint that the anchor has.
    anchored: u64,
    anchor: Option<Anchor>,
    /// Where each file of the record begins, oldest first.
    beginnings: Vec<(String, u64)>,
    /// One of them is not on the disk.
    begun: bool,
}

impl Log {
    /// Opens a log, or begins one. What is there must be what its checkpoint was signed over, and go on from what the anchor has.
    pub(in crate::audit) fn open(settings: LogSettings) -> Result<Self, LogFault> {
        let directory = &settings.directory;
        let file = |path: &Path| {
            let path = path.to_owned();
            |cause| LogFault::File { path, cause }
        };
        super::super::disk::make_directory(directory).map_err(file(directory))?;
        let path = directory.join(CHECKPOINT);
        let fault = |fault| LogFault::Note { path: path.clone(), fault };
        settings.keys.signer().map_err(fault)?;
        let (size, root) = match read(&path).map_err(file(&path))? {
            None => (0, Hash::of_nothing()),
            Some(note) => {
                let checkpoint = Checkpoint::open(&note, &settings.keys).map_err(fault)?;
                (checkpoint.size, checkpoint.root)
            }
        };
        let tree = Tree::new(directory, size);
        let frontier = tree.frontier()?;
        if frontier.edge().root() != root {
            return Err(LogFault::Rewritten { path, size });
        }
        let bundle = tree.bundle(size / WIDTH, |entries| {
            let mut bundle = Vec::new();
            entries.iter().for_each(|entry| tile::bundle(&mut bundle, entry));
            bundle
        })?;
        let path = directory.join(BEGINNINGS);
        let beginnings = read(&path).map_err(file(&path))?;
        let beginnings = beginnings.and_then(|text| parse_beginnings(&text)).unwrap_or_default();
        let anchored = hold_against_anchor(&settings, size)?;
        let anchor = settings.anchor.clone().map(|anchor| Anchor::new(anchor, anchored > 0));
        if let Some(anchor) = anchor.as_ref().filter(|_| size > 0 && anchored == 0) {
            tracing::error!(anchor = %anchor, "the anchor has no checkpoint of this log and gets its first; if it is no new one, it is not mounted");
        }
        Ok(Self {
            settings,
            frontier,
            bundle,
            full: Vec::new(),
            outgrown: Vec::new(),
            checked: size,
            anchored,
            anchor,
            beginnings,
            begun: false,
        })
    }

    /// How many entries it has.
    pub(super) fn size(&self) -> u64 {
        self.frontier.size
    }

    /// How far it is.
    pub(super) fn standing(&self) -> Standing {
        Standing { entries: self.frontier.size, checked: self.checked, anchored: self.anchored }
    }

    /// Adds entries, one a line.
    pub(in crate::audit) fn append(&mut self, lines: &[u8]) {
        let mut rest = lines;
        while let Some((line, after)) = memchr::memchr(b'\n', rest).and_then(|end| rest.split_at_checked(end))
        {
            self.add(line);
            rest = after.get(1..).unwrap_or_default();
        }
        if !rest.is_empty() {
            self.add(rest);
        }
    }

    fn add(&mut self, entry: &[u8]) {
        let Self { frontier, bundle, full, .. } = self;
        tile::bundle(bundle, entry);
        frontier.push(Hash::of_entry(entry), |tile, hashes| full.push((tile, tile::bytes(hashes))));
        if frontier.size.is_multiple_of(WIDTH) {
            let index = frontier.size / WIDTH - 1;
            // The next one is about as long.
            let next = Vec::with_capacity(bundle.len());
            full.push((Tile { layer: Layer::Entries, index, width: WIDTH }, mem::replace(bundle, next)));
        }
    }

    /// Puts on the disk what has filled.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let mut files = Unsynced::new(&self.settings.directory);
        self.write_full(&mut files)?;
        files.sync()?;
        self.flushed();
        Ok(())
    }

    fn write_full(&self, files: &mut Unsynced) -> io::Result<()> {
        let root = &self.settings.directory;
        self.full.iter().try_for_each(|(tile, bytes)| files.write(&root.join(tile.path()), bytes))
    }

    fn flushed(&mut self) {
        let root = &self.settings.directory;
        let partial = |(tile, _): (Tile, Vec<u8>)| root.join(tile.path()).with_added_extension("p");
        self.outgrown.extend(self.full.drain(..).map(partial));
    }

    /// Signs a checkpoint over what is on the disk by then. What fails is all done again the next time.
    pub(in crate::audit) fn checkpoint(&mut self, reach: Reach) -> io::Result<()> {
        self.write_beginnings()?;
        let edge = reach.edge(&self.frontier);
        let size = edge.size;
        if size <= self.checked {
            return Ok(());
        }
        let root = edge.root();
        self.write_tiles(reach)?;
        let signer = self.settings.keys.signer().map_err(io::Error::other)?;
        let origin = signer.name().to_owned();
        let note = Checkpoint { origin, size, root }.sign(signer);
        replace(&self.settings.directory.join(CHECKPOINT), note.as_bytes())?;
        self.checked = size;
        self.remove_outgrown();
        self.anchor(size, &note);
        Ok(())
    }

    fn write_tiles(&mut self, reach: Reach) -> io::Result<()> {
        let root = &self.settings.directory;
        let mut files = Unsynced::new(root);
        self.write_full(&mut files)?;
        let edge = reach.edge(&self.frontier);
        if let Some(tile) = Tile::of(Layer::Entries, edge.size / WIDTH, edge.size) {
            files.write(&root.join(tile.path()), &self.bundle)?;
        }
        // What the newest checkpoint is over already is there, and stays as it is: a crash would leave it empty.
        let is_new = |tile: Tile| Tile::of(tile.layer, tile.index, self.checked) != Some(tile);
        for (tile, hashes) in edge.partial().filter(|(tile, _)| is_new(*tile)) {
            files.write(&root.join(tile.path()), &tile::bytes(hashes))?;
        }
        files.sync()?;
        self.flushed();
        Ok(())
    }

    /// Removes what full tiles held while they were growing: until now, the newest checkpoint was over it.
    fn remove_outgrown(&mut self) {
        for partial in self.outgrown.drain(..) {
            match fs::remove_dir_all(&partial) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, directory = %partial.display(), "a part of a tile that has filled is left behind");
                }
                _ => {}
            }
        }
    }

    fn anchor(&mut self, size: u64, note: &str) {
        let Some(anchor) = &mut self.anchor else { return };
        match anchor.put(note) {
            Ok(()) => self.anchored = size,
            // The log itself is whole; the next checkpoint is anchored again.
            Err(error) => {
                tracing::error!(%error, anchor = %anchor, "a checkpoint could not be anchored");
            }
        }
    }

    /// Notes that a file of the record begins with the next entry.
    pub(in crate::audit) fn begin_file(&mut self, name: &str) {
        let beginning = (name.to_owned(), self.frontier.size);
        if self.beginnings.last() != Some(&beginning) {
            self.beginnings.push(beginning);
            self.begun = true;
        }
    }

    fn write_beginnings(&mut self) -> io::Result<()> {
        if !self.begun {
            return Ok(());
        }
        let mut text = String::new();
        for (name, index) in &self.beginnings {
            text.push_str(&format!("{name} {index}\n"));
        }
        replace(&self.settings.directory.join(BEGINNINGS), text.as_bytes())?;
        self.begun = false;
        Ok(())
    }

    /// The entry that a file of the record begins with.
    pub(super) fn beginning(&self, name: &str) -> Option<u64> {
        self.beginnings.iter().rev().find(|(known, _)| known == name).map(|(_, index)| *index)
    }

    /// Whether it is known which lines of the record all entries are.
    pub(super) fn knows_files(&self) -> Result<(), LogFault> {
        beginnings(&self.settings.directory, self.checked).map(drop).map_err(LogFault::Files)
    }

    /// Whether a file may begin with the next entry.
    pub(super) fn may_begin(&self, name: &str) -> bool {
        let day = |name: &str| Day::of_file(name, PREFIX);
        self.beginnings.last().is_none_or(|(last, _)| day(last) <= day(name))
    }

    /// The tree under the newest checkpoint.
    pub(super) fn tree(&self) -> Tree {
        Tree::new(&self.settings.directory, self.checked)
    }
}

/// Which entry each of the record's files begins with, by its name, in a log of `size` entries: each entry is in one of them, and files of
/// later days come later.
///
/// SECURITY: no checkpoint is over this list. Whoever could take a line out of it, or name another day, would have lines held against
/// nothing, or looked for where they are not.
///
/// # Errors
/// [`Doubt`] if that cannot be read, or is not so.
pub fn beginnings(directory: &Path, size: u64) -> Result<Vec<(String, u64)>, Doubt> {
    let path = directory.join(BEGINNINGS);
    let beginnings = parse_beginnings(&text(&path)?.unwrap_or_default());
    let sound = beginnings.filter(|all| size == 0 || all.first().is_some_and(|(_, first)| *first == 0));
    sound.ok_or_else(|| Doubt::Files { path: path.display().to_string(), size })
}

/// None where a line is none of a file, or is not in its place.
fn parse_beginnings(text: &str) -> Option<Vec<(String, u64)>> {
    let mut last = None;
    let beginning = |line: &str| {
        let (name, index) = line.split_once(' ')?;
        let place = (Day::of_file(name, PREFIX)?, index.parse().ok()?);
        let in_order = last.is_none_or(|(day, index)| day <= place.0 && index <= place.1);
        last = Some(place);
        in_order.then(|| (name.to_owned(), place.1))
    };
    text.lines().map(beginning).collect()
}

/// Whoever can rewrite the log can sign it anew; what was anchored elsewhere is out of his reach. How many entries that is.
fn hold_against_anchor(settings: &LogSettings, size: u64) -> Result<u64, LogFault> {
    let Some(anchor) = &settings.anchor else { return Ok(0) };
    let path = anchor.join(CHECKPOINT);
    let Some(note) = read(&path).map_err(|cause| LogFault::File { path: path.clone(), cause })? else {
        return Ok(0);
    };
    let anchored = Checkpoint::open(&note, &settings.keys)
        .map_err(|fault| LogFault::Note { path: path.clone(), fault })?;
    let goes_on = anchored.size <= size
        && Tree::new(&settings.directory, size).subtree(0, anchored.size)? == anchored.root;
    if goes_on { Ok(anchored.size) } else { Err(LogFault::Rewritten { path, size: anchored.size }) }
}

/// A file's text; none when there is no such file.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a whole file so that a crash leaves the old one or the new one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    super::super::disk::make_directory(directory)?;
    let aside = path.with_added_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    File::open(directory)?.sync_all()
}
