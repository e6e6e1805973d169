//! Puts what is to be proved to cvc5, a solver that runs as a process of its own.
//!
//! Nothing of it is on the way of a request: `poort policy prove` is its only caller. The crate `cedar-policy-symcc` makes formulas of
//! policies; what is to be proved, and what an answer means, is [`poort_policy::workbench::prove`]'s.
//!
//! - [`solver`]: the process, which is trusted with nothing but its `sat` and `unsat`;
//! - `environment`: every check of one kind of principal and one operation.

mod environment;
pub mod solver;

use std::{
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use poort_policy::workbench::prove::{Answer, Proof};

use environment::{Bench, Notes};

/// Which solver, and what it may take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program.
    pub program: PathBuf,
    /// How long it may think about one check. Beyond it the answer is unknown.
    pub limit: Duration,
    /// How many processes run at once, at least one.
    pub jobs: usize,
}

/// Why nothing can be proved with this solver. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// There is no such program.
    #[error(
        "there is no solver `{0}`; install cvc5 (`apt install cvc5`), or say where it is with `--cvc5 PATH` or in the environment variable `CVC5`"
    )]
    Missing(String),
    /// It does not start.
    #[error("the solver `{0}` does not start: {1}; name a cvc5 with `--cvc5 PATH`")]
    Unstartable(String, std::io::Error),
    /// It is another program.
    #[error("`{0}` is no cvc5: `--version` makes it say `{1}`; name one with `--cvc5 PATH`")]
    Foreign(String, String),
    /// It does not say what a solver says. It was killed.
    #[error(
        "the solver `{0}` says `{1}`, which is no answer, and was killed; name a cvc5 with `--cvc5 PATH`"
    )]
    Garbled(String, String),
    /// It ended again and again.
    #[error(
        "the solver `{0}` ended by itself {1} times, the last time after `{2}`; look at its memory limit, or name another cvc5 with `--cvc5 PATH`"
    )]
    Dying(String, usize, String),
    /// This machine has no room for it.
    #[error("nothing can be started: {0}; close other programs")]
    Machine(std::io::Error),
}

/// Asks everything that a proof wants to know, in as many processes as there may be.
///
/// # Errors
/// Why the solver is of no use; every process of it is dead by then.
pub fn prove(proof: &Proof<'_>, settings: &Settings) -> Result<Vec<Answer>, Broken> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let notes = Notes::new(proof.checks().len());
    let (answers, broken) = (Mutex::new(Vec::new()), Mutex::new(None));
    let work = || {
        let mut bench = match Bench::new(settings) {
            Ok(bench) => bench,
            Err(error) => return Err(error),
        };
        while !stop.load(Ordering::Relaxed) {
            let environment = next.fetch_add(1, Ordering::Relaxed);
            if environment >= proof.environments().len() {
                break;
            }
            let found = bench.ask(proof, environment, &notes)?;
            if let Ok(mut answers) = answers.lock() {
                answers.extend(found);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        for _ in 0..settings.jobs.clamp(1, proof.environments().len().max(1)) {
            scope.spawn(|| {
                if let Err(error) = work() {
                    stop.store(true, Ordering::Relaxed);
                    if let Ok(mut broken) = broken.lock() {
                        broken.get_or_insert(error);
                    }
                }
            });
        }
    });
    if let Some(error) = broken.into_inner().unwrap_or_default() {
        return Err(error);
    }
    let mut answers: Vec<Answer> = answers.into_inner().unwrap_or_default();
    // Which process was faster is nobody's concern.
    answers.sort_by_key(|answer| (answer.check, answer.environment));
    Ok(answers)
}
