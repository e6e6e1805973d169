//! A cvc5 process.
//!
//! SECURITY: whatever `--cvc5` names is run, as the one who typed it. It has a bounded time and a bounded number of bytes to say
//! something in, and is killed with all it started when that is over.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use cedar_policy_symcc::solver::{Decision, DecisionWithModel, Solver, SolverError};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::Broken;

/// The longest line that is an answer, in bytes.
const ANSWER_LIMIT: u64 = 4 << 10;
/// The longest counter-example, in bytes.
const MODEL_LIMIT: u64 = 16 << 20;
/// How long it may take to say which version it is.
const VERSION_LIMIT: Duration = Duration::from_secs(10);
/// How much of garbage is shown.
const SHOWN: usize = 80;

/// The program: as typed, as `CVC5` in the environment says, or `cvc5` as found in the `PATH`.
#[must_use]
pub fn program(typed: Option<&Path>) -> PathBuf {
    let named = || std::env::var_os("CVC5").filter(|named| !named.is_empty()).map(PathBuf::from);
    typed.map(Path::to_owned).or_else(named).unwrap_or_else(|| PathBuf::from("cvc5"))
}

/// Which version of cvc5 a program is, such as `1.0.3`.
///
/// # Errors
/// When there is none, or it is something else.
pub fn version(program: &Path) -> Result<String, Broken> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Broken::Machine)?.block_on(async {
        let name = program.display().to_string();
        let mut solver = Cvc5::start(program, &["--version".to_owned()])?;
        let line = timeout(VERSION_LIMIT, solver.line(ANSWER_LIMIT)).await;
        let line = match line {
            Ok(Ok(line)) => line,
            Ok(Err(_)) => String::new(),
            Err(_) => return Err(Broken::Foreign(name, "nothing".to_owned())),
        };
        let version =
            line.strip_prefix("This is cvc5 version ").and_then(|rest| rest.split_whitespace().next());
        version.map(str::to_owned).ok_or_else(|| Broken::Foreign(name, shown(&line)))
    })
}

/// A running process. It is killed, and all it started, when it is dropped.
pub(super) struct Cvc5 {
    child: Child,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Cvc5 {
    /// Starts one that gives up on a check after `limit` by itself.
    pub(super) fn solving(program: &Path, limit: Duration) -> Result<Self, Broken> {
        let arguments =
            ["--lang=smt2".to_owned(), "--quiet".to_owned(), format!("--tlimit-per={}", limit.as_millis())];
        Self::start(program, &arguments)
    }

    fn start(program: &Path, arguments: &[String]) -> Result<Self, Broken> {
        let name = || program.display().to_string();
        let mut command = Command::new(program);
        command.args(arguments).process_group(0).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => Broken::Missing(name()),
            _ => Broken::Unstartable(name(), error),
        })?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) =
            pipes.ok_or_else(|| Broken::Unstartable(name(), io::Error::from(ErrorKind::BrokenPipe)))?;
        Ok(Self { child, input: BufWriter::new(input), output: BufReader::new(output) })
    }

    /// One line, without its end.
    async fn line(&mut self, limit: u64) -> Result<String, SolverError> {
        let mut line = Vec::new();
        (&mut self.output).take(limit).read_until(b'\n', &mut line).await?;
        match line.pop() {
            Some(b'\n') => {}
            Some(_) if line.len() as u64 + 1 < limit => {
                return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
            }
            Some(_) => return Err(garbage(&line)),
            None => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
        }
        let text = String::from_utf8(line).map_err(|error| garbage(error.as_bytes()))?;
        Ok(text.trim_end_matches('\r').to_owned())
    }

    async fn tell(&mut self, command: &[u8]) -> Result<(), SolverError> {
        self.input.write_all(command).await?;
        Ok(self.input.flush().await?)
    }

    /// From a line `(` to a line `)`.
    async fn model(&mut self) -> Result<String, SolverError> {
        let mut model = self.line(ANSWER_LIMIT).await?;
        if model.trim() != "(" {
            return Err(objection(&model));
        }
        loop {
            let line = self.line(MODEL_LIMIT).await?;
            model.push('\n');
            model.push_str(&line);
            if line.trim() == ")" {
                model.push('\n');
                return Ok(model);
            }
            if model.len() as u64 > MODEL_LIMIT {
                return Err(garbage(model.as_bytes()));
            }
        }
    }
}

impl Drop for Cvc5 {
    fn drop(&mut self) {
        // It leads a group of its own. One that has ended and was waited for has no id any more.
        if let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

impl Solver for Cvc5 {
    fn smtlib_input(&mut self) -> &mut (dyn AsyncWrite + Unpin + Send) {
        &mut self.input
    }

    async fn enable_models(&mut self) -> Result<(), SolverError> {
        Ok(self.input.write_all(b"(set-option :produce-models true)\n").await?)
    }

    async fn check_sat(&mut self) -> Result<Decision, SolverError> {
        self.tell(b"(check-sat)\n").await?;
        let line = self.line(ANSWER_LIMIT).await?;
        match line.trim() {
            "sat" => Ok(Decision::Sat),
            "unsat" => Ok(Decision::Unsat),
            "unknown" => Ok(Decision::Unknown),
            other => Err(objection(other)),
        }
    }

    async fn check_sat_with_model(&mut self) -> Result<DecisionWithModel, SolverError> {
        match self.check_sat().await? {
            Decision::Sat => {
                self.tell(b"(get-model)\n").await?;
                Ok(DecisionWithModel::Sat { model: self.model().await? })
            }
            Decision::Unsat => Ok(DecisionWithModel::Unsat),
            Decision::Unknown => Ok(DecisionWithModel::Unknown),
        }
    }
}

/// What a solver says instead of an answer: an `(error "…")`, or garbage.
fn objection(line: &str) -> SolverError {
    match line.trim().strip_prefix("(error ") {
        Some(error) => SolverError::Solver(shown(error.trim_end_matches(')').trim_matches('"'))),
        None => garbage(line.as_bytes()),
    }
}

fn garbage(bytes: &[u8]) -> SolverError {
    SolverError::UnrecognizedSolverOutput(shown(&String::from_utf8_lossy(bytes)))
}

/// Its beginning, without anything that a terminal obeys.
pub(super) fn shown(text: &str) -> String {
    text.trim().chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
