//! What writes the state of a gate to its disk: a thread of its own, and all that has gathered in one commit.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::Duration,
};

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, backends::FileBackend};
use tokio::sync::oneshot;

use super::state::Unkept;

/// Most writes that wait, and that are written at once.
const WAITING: usize = 65_536;
/// How often it is tried again after the disk failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Names to sealed values.
const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("state");

/// One thing to write down; no value: it is forgotten.
struct Entry {
    name: Vec<u8>,
    value: Option<Vec<u8>>,
    written: Option<oneshot::Sender<()>>,
}

/// Writes to one file.
#[derive(Debug)]
pub(super) struct Pen {
    entries: SyncSender<Entry>,
    failing: Arc<AtomicBool>,
}

/// What a file held: names, and sealed values.
pub(super) type Contents = Vec<(Vec<u8>, Vec<u8>)>;

impl Pen {
    /// Opens a file, or begins one; what it holds.
    ///
    /// # Errors
    /// When it cannot be written, or another gate has it.
    pub(super) fn open(file: &Path) -> io::Result<(Self, Contents)> {
        let database = database(file)?;
        let contents = contents(&database).map_err(io::Error::other)?;
        let (entries, received) = sync_channel(WAITING);
        let failing = Arc::new(AtomicBool::new(false));
        let writer =
            Writer { file: file.to_owned(), database: Some(database), failing: Arc::clone(&failing) };
        std::thread::Builder::new().name("state".to_owned()).spawn(move || writer.run(&received))?;
        Ok((Self { entries, failing }, contents))
    }

    /// Whether the disk fails.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Acquire)
    }

    /// Writes something down some time; nobody waits for it.
    pub(super) fn note(&self, name: Vec<u8>, value: Option<Vec<u8>>) -> Result<(), Unkept> {
        self.entries.try_send(Entry { name, value, written: None }).map_err(|_| Unkept::Unreachable)
    }

    /// Writes something down, after everything that was noted before. Whoever has to know waits for the receipt.
    pub(super) fn write(&self, name: Vec<u8>, value: Option<Vec<u8>>) -> Result<Receipt, Unkept> {
        let (written, on_disk) = oneshot::channel();
        let entry = Entry { name, value, written: Some(written) };
        self.entries.try_send(entry).map_err(|_| Unkept::Unreachable)?;
        Ok(Receipt(on_disk))
    }
}

/// Says when something is on disk.
pub(super) struct Receipt(oneshot::Receiver<()>);

impl Receipt {
    /// Waits for it.
    pub(super) async fn on_disk(self) -> Result<(), Unkept> {
        self.0.await.map_err(|_| Unkept::Unreachable)
    }
}

struct Writer {
    file: PathBuf,
    /// None after it failed: it has to be opened anew.
    database: Option<Database>,
    failing: Arc<AtomicBool>,
}

impl Writer {
    /// Until the last pen is gone. What could not be written is written when the disk takes it again, though whoever waited was told no.
    fn run(mut self, entries: &Receiver<Entry>) {
        let mut batch: Vec<Entry> = Vec::new();
        loop {
            let next = match batch.is_empty() {
                true => entries.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => entries.recv_timeout(AGAIN),
            };
            match next {
                Ok(entry) => batch.push(entry),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            batch.extend(entries.try_iter().take(WAITING.saturating_sub(batch.len())));
            match self.commit(&batch) {
                Ok(()) => {
                    self.failing.store(false, Ordering::Release);
                    for written in batch.drain(..).filter_map(|entry| entry.written) {
                        // Whoever waited may have given up.
                        let _ = written.send(());
                    }
                }
                Err(fault) => {
                    if !self.failing.swap(true, Ordering::AcqRel) {
                        tracing::error!(event = "state_unwritable", %fault, file = %self.file.display());
                    }
                    self.database = None;
                    batch.iter_mut().for_each(|entry| drop(entry.written.take()));
                    batch.truncate(WAITING);
                }
            }
        }
    }

    fn commit(&mut self, batch: &[Entry]) -> Result<(), redb::Error> {
        let database = match self.database.take() {
            Some(database) => database,
            None => database(&self.file).map_err(redb::Error::Io)?,
        };
        let transaction = database.begin_write()?;
        {
            let mut table = transaction.open_table(TABLE)?;
            for Entry { name, value, .. } in batch {
                match value {
                    Some(value) => drop(table.insert(name.as_slice(), value.as_slice())?),
                    None => drop(table.remove(name.as_slice())?),
                }
            }
        }
        transaction.commit()?;
        self.database = Some(database);
        Ok(())
    }
}

/// Readable by its owner alone.
fn database(file: &Path) -> io::Result<Database> {
    let opened =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(file)?;
    let backend = FileBackend::new(opened).map_err(io::Error::other)?;
    Database::builder().create_with_backend(backend).map_err(io::Error::other)
}

fn contents(database: &Database) -> Result<Contents, redb::Error> {
    let transaction = database.begin_read()?;
    let table = match transaction.open_table(TABLE) {
        Ok(table) => table,
        // Nothing has been written yet.
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        Err(fault) => return Err(fault.into()),
    };
    table
        .iter()?
        .map(|entry| {
            let (name, value) = entry?;
            Ok((name.value().to_vec(), value.value().to_vec()))
        })
        .collect()
}
