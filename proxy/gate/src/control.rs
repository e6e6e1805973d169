//! The control socket: how commands such as `poort reload` and `poort access` talk to a running gate.
//!
//! A UNIX socket in the state directory, open to its owner alone: a port on loopback would be open to every user of the machine and to
//! every page in a browser on it. One JSON request a line, one JSON answer a line.

use std::{
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    time::timeout,
};

use crate::{
    audit::{Access, Record, Retirement, Review},
    ending::{self, Listed, Order, Whom},
    live::{Apply, Author, Live, Reloaded},
    machine_users,
};

/// Longest request, in bytes.
const REQUEST_LIMIT_BYTES: u64 = 128 * 1024;
/// How long a client may take to say what it wants.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// What a running gate can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "command", deny_unknown_fields)]
pub enum Command {
    /// Read the files again.
    Reload,
    /// Close a source at once.
    Deny {
        /// Its id.
        source: String,
    },
    /// Open a closed source.
    Allow {
        /// Its id.
        source: String,
    },
    /// Put policies in force on trial.
    Apply {
        /// Which, and what was seen of them.
        apply: Box<Apply>,
    },
    /// Confirm what was put in force on trial.
    Confirm {
        /// Who wants it.
        author: Author,
    },
    /// Go back to the policies before.
    Rollback {
        /// Who wants it.
        author: Author,
    },
    /// End somebody's access.
    EndAccess {
        /// Whose, and how.
        order: Box<Order>,
    },
    /// Give it back.
    RestoreAccess {
        /// Whose.
        whom: Whom,
        /// Who wants it, and why.
        author: Author,
    },
    /// Say whose access is ended.
    ListAccess,
    /// Write down that somebody looks at the record; who, the kernel says.
    Access {
        /// What is looked at.
        access: Access,
    },
    /// Write down which records are retired; who has it done, the kernel says.
    Retirement {
        /// Which, and why.
        retirement: Box<Retirement>,
    },
    /// Write down that somebody looked into a broken glass; which user of the machine, the kernel says.
    Review {
        /// What was found.
        review: Review,
    },
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Done.
    Done(Reloaded),
    /// Written down, durably.
    Recorded,
    /// Access was ended, or given back.
    Ended(ending::Done),
    /// Whose access is ended.
    Listed(Listed),
    /// Not done, and everything is as before.
    Refused(String),
}

/// The socket of a state directory.
#[must_use]
pub fn socket(state: &Path) -> PathBuf {
    state.join("control.sock")
}

/// Listens. A socket that nobody answers on any more is replaced; so is one of a gate that is being succeeded.
///
/// # Errors
/// As the system says.
pub fn listen(state: &Path) -> io::Result<UnixListener> {
    let socket = socket(state);
    // Bound beside and renamed: nobody ever finds it with open permissions, and a successor takes over in one step.
    let beside = state.join(format!("control.{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&beside);
    let listener = UnixListener::bind(&beside)?;
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&beside, &socket)?;
    Ok(listener)
}

/// Serves until dropped.
pub async fn serve(listener: UnixListener, live: Arc<Live>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let live = Arc::clone(&live);
                tokio::spawn(async move {
                    if let Err(fault) = answer(stream, live).await {
                        tracing::warn!(event = "control_failed", %fault);
                    }
                });
            }
            Err(fault) => {
                tracing::warn!(event = "control_failed", %fault);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn answer(stream: UnixStream, live: Arc<Live>) -> io::Result<()> {
    let peer = stream.peer_cred()?;
    let uid = peer.uid();
    // It waits for its answer, so that no other process has its number.
    let signed_in = machine_users::signed_in(peer.pid(), uid);
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut read = BufReader::new(read.take(REQUEST_LIMIT_BYTES));
    timeout(REQUEST_TIMEOUT, read.read_line(&mut line)).await??;
    let answer = match serde_json::from_str(&line) {
        Ok(Command::Access { access }) => {
            let by = access.by.clone().with_uid(uid, signed_in);
            let access = Access { by, time: SystemTime::now(), ..access };
            record(&live, Record::Access(Box::new(access))).await
        }
        Ok(Command::Retirement { mut retirement }) => {
            retirement.by = retirement.by.clone().with_uid(uid, signed_in);
            retirement.time = SystemTime::now();
            match retirement.rules.iter().find(|rule| !rule.has_passed(retirement.time)) {
                None => record(&live, Record::Retirement(retirement)).await,
                Some(rule) => {
                    Answer::Refused(format!("`{}` have not passed by this gate's clock", rule.retention))
                }
            }
        }
        Ok(Command::Review { review }) => {
            let by = review.by.clone().with_uid(uid, signed_in);
            let review = Review { by, time: SystemTime::now(), ..review };
            let written = live.carry.reviews.close(&live.audit, review).await;
            written.map_or_else(|fault| Answer::Refused(fault.to_string()), |()| Answer::Recorded)
        }
        Ok(Command::EndAccess { mut order }) => {
            (order.author.uid, order.author.signed_in) = (uid, signed_in);
            live.end_access(&order).await.map_or_else(Answer::Refused, Answer::Ended)
        }
        Ok(Command::RestoreAccess { whom, author }) => {
            let author = Author { uid, signed_in, ..author };
            live.restore_access(&whom, &author).await.map_or_else(Answer::Refused, Answer::Ended)
        }
        Ok(Command::ListAccess) => Answer::Listed(live.list_access()),
        // Building takes a while: not on a thread that serves requests.
        Ok(command) => {
            let whose = Author { uid, signed_in, ..Author::default() };
            tokio::task::spawn_blocking(move || obey(&live, command, whose))
                .await
                .map_err(io::Error::other)?
        }
        Err(fault) => Answer::Refused(format!("not a command: {fault}")),
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    write.write_all(&text).await
}

async fn record(live: &Live, record: Record) -> Answer {
    let written = match live.audit.append(record) {
        Ok(ticket) => ticket.durable().await,
        Err(fault) => Err(fault),
    };
    written.map_or_else(|fault| Answer::Refused(fault.to_string()), |()| Answer::Recorded)
}

/// `whose` is what the kernel says of whoever asks.
fn obey(live: &Live, command: Command, whose: Author) -> Answer {
    let result = match command {
        Command::Reload => live.reload().map_err(|faults| faults.to_string()),
        Command::Deny { source } => live.close(&source, true),
        Command::Allow { source } => live.close(&source, false),
        Command::Apply { mut apply } => {
            apply.author = whose.in_words_of(apply.author);
            live.apply(&apply)
        }
        Command::Confirm { author } => live.confirm(&whose.in_words_of(author)),
        Command::Rollback { author } => live.roll_back(&whose.in_words_of(author)),
        // They are answered where something can be waited for.
        Command::Access { .. }
        | Command::Retirement { .. }
        | Command::Review { .. }
        | Command::EndAccess { .. }
        | Command::RestoreAccess { .. }
        | Command::ListAccess => return Answer::Refused("this is not obeyed here".to_owned()),
    };
    result.map_or_else(Answer::Refused, Answer::Done)
}

/// Whether a gate is running there.
#[must_use]
pub fn is_answered(state: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket(state)).is_ok()
}

/// Tells a running gate something and waits for its answer.
///
/// # Errors
/// When none is running there, or it does not answer.
pub fn tell(state: &Path, command: &Command) -> io::Result<Answer> {
    use std::io::{BufRead as _, Write as _};
    let mut stream = std::os::unix::net::UnixStream::connect(socket(state))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut text = serde_json::to_vec(command)?;
    text.push(b'\n');
    stream.write_all(&text)?;
    let mut line = String::new();
    io::BufReader::new(stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}
