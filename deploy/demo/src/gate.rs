//! The gate as a child process: started, waited for, told to reload, stopped.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::layout::Layout;
use crate::{DemoError, client};

/// Longest wait until a gate is ready, and until one has drained and gone.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// The gate's binary: `POORT_BIN`, or `poort` beside the running executable or one directory up, where `cargo test` has it.
///
/// # Errors
/// When there is none; the message says how to build one.
pub fn binary() -> Result<PathBuf, DemoError> {
    if let Some(path) = std::env::var_os("POORT_BIN") {
        return Ok(path.into());
    }
    let here =
        std::env::current_exe().map_err(DemoError::file("find", Path::new("the running executable")))?;
    let beside = here.ancestors().skip(1).take(2).map(|directory| directory.join("poort"));
    beside.into_iter().find(|path| path.is_file()).ok_or_else(|| DemoError::Gate {
        what: "there is no `poort` beside this executable: run `cargo build -p poort`, or name one in `POORT_BIN`".into(),
        log: String::new(),
    })
}

/// A running gate. Dropping it kills it at once; [`Gate::stop`] lets it drain.
pub struct Gate {
    child: Child,
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    address: SocketAddr,
    admin: SocketAddr,
}

impl Gate {
    /// Starts the gate on a layout and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be started, ends, or is not ready within a minute; with the end of what it said.
    pub async fn start(layout: &Layout) -> Result<Self, DemoError> {
        let mut gate = Self::spawn(&binary()?, layout)?;
        gate.wait_until_ready().await?;
        Ok(gate)
    }

    /// Starts the gate and does not wait.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(binary: &Path, layout: &Layout) -> Result<Self, DemoError> {
        let log = layout.path("gate.log");
        let output =
            File::options().create(true).append(true).open(&log).map_err(DemoError::file("write", &log))?;
        let errors = output.try_clone().map_err(DemoError::file("write", &log))?;
        let child = Command::new(binary)
            .arg("run")
            .arg("--config")
            .arg(layout.config())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C in a terminal reaches a whole process group; the gate is to be told once, by SIGTERM.
            .process_group(0)
            .spawn()
            .map_err(DemoError::file("start", binary))?;
        Ok(Self {
            child,
            binary: binary.to_owned(),
            config: layout.config(),
            log,
            address: layout.address(),
            admin: layout.admin(),
        })
    }

    /// Waits until the admin listener says that the gate is ready, for everybody: it has the keys of every issuer.
    ///
    /// # Errors
    /// When it ends instead, or a minute passes.
    pub async fn wait_until_ready(&mut self) -> Result<(), DemoError> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(status) = self.ended() {
                return Err(self.failure(&format!("the gate ended with {status}")));
            }
            if self.admin("/readyz").await.is_ok_and(|(status, said)| status == 200 && said == "ready\n") {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(self.failure("the gate is not ready after a minute"))
    }

    /// Where callers reach it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks its admin listener: status and body.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn admin(&self, path: &str) -> Result<(u16, String), DemoError> {
        let what = format!("http://{}{path}", self.admin);
        let answer = client::plain().get(&what).send().await.map_err(DemoError::request(&what))?;
        let status = answer.status().as_u16();
        Ok((status, answer.text().await.map_err(DemoError::request(&what))?))
    }

    /// Runs `poort VERB --config …` with further arguments, such as `reload --deny persons`. A verb may have several words.
    ///
    /// # Errors
    /// When the command cannot be started; what it says, and its status, is the output's.
    pub async fn command(&self, verb: &str, arguments: &[&str]) -> Result<Output, DemoError> {
        let mut command = Command::new(&self.binary);
        command.args(verb.split(' ')).arg("--config").arg(&self.config).args(arguments);
        self.run(command).await
    }

    /// Runs `poort policy VERB --policies …` on a directory of policies, with further arguments.
    ///
    /// # Errors
    /// As [`Gate::command`].
    pub async fn policy(&self, verb: &str, policies: &Path, arguments: &[&str]) -> Result<Output, DemoError> {
        let mut command = Command::new(&self.binary);
        command.args(["policy", verb, "--policies"]).arg(policies).args(arguments);
        self.run(command).await
    }

    async fn run(&self, mut command: Command) -> Result<Output, DemoError> {
        command.stdin(Stdio::null());
        let run = tokio::task::spawn_blocking(move || command.output()).await;
        run.unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
            .map_err(DemoError::file("run", &self.binary))
    }

    /// Sends a signal, such as SIGHUP for a reload.
    ///
    /// # Errors
    /// When the gate is gone.
    pub fn signal(&self, signal: Signal) -> Result<(), DemoError> {
        kill(self.pid(), signal).map_err(|errno| self.failure(&format!("cannot send {signal}: {errno}")))
    }

    /// Sends SIGTERM and waits until the gate has drained and gone.
    ///
    /// # Errors
    /// When it is still there after a minute.
    pub async fn stop(&mut self) -> Result<ExitStatus, DemoError> {
        if self.ended().is_none() {
            self.signal(Signal::SIGTERM)?;
        }
        self.wait_until_ended().await
    }

    /// Waits, for as long as it takes, until the gate ends by itself, and says how.
    pub async fn watch(&mut self) -> DemoError {
        loop {
            if let Some(status) = self.ended() {
                return self.failure(&format!("the gate ended with {status}"));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until the gate is gone.
    ///
    /// # Errors
    /// When it is still there after a minute.
    pub async fn wait_until_ended(&mut self) -> Result<ExitStatus, DemoError> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(self.failure("the gate is still running after a minute"))
    }

    /// All it said so far, on standard output and standard error.
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    fn failure(&self, what: &str) -> DemoError {
        let log = self.log();
        let lines: Vec<&str> = log.lines().rev().take(40).collect();
        DemoError::Gate { what: what.to_owned(), log: lines.into_iter().rev().collect::<Vec<_>>().join("\n") }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
