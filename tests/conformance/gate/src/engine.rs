//! The engine in this process, in the gate's place: as strict as the servers that CRS's tests presume, so that no test is refused before
//! the rules see it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use poort_conformance::{Case, Fault as Faulty, Outcome, run, setup};
use poort_waf::{Program, Transaction, TransactionLimits};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::exchange::Answer;
use crate::fault::Fault;
use crate::front::Answers;
use crate::records::Found;
use crate::stand::Exchanged;
use crate::suite::Verdict;

/// go-ftw sends a request in one piece and waits: what is silent for so long has said all it will.
const SILENCE: Duration = Duration::from_millis(20);

/// CRS at level 4, detecting.
pub struct Engine(Arc<Program>);

impl Engine {
    /// Compiles the rules of the directory `crs`.
    ///
    /// # Errors
    /// All faults in the rules.
    pub fn compile(crs: &Path) -> Result<Self, Vec<Faulty>> {
        setup::program(crs, setup::REGRESSION).map(|program| Self(Arc::new(program)))
    }

    /// What the runner here says of each case.
    #[must_use]
    pub fn verdicts(&self, cases: &[Case]) -> Vec<Verdict> {
        let mut transaction = self.transaction();
        let verdict = |case: &Case| match run::case(&mut transaction, case) {
            Outcome::Passed => Verdict::judged(case.name.clone(), Ok(())),
            Outcome::Failed(why) => Verdict::judged(case.name.clone(), Err(why)),
            Outcome::Skipped(_) => {
                Verdict { skipped: case.unsupported, ..Verdict::judged(case.name.clone(), Ok(())) }
            }
        };
        cases.iter().map(verdict).collect()
    }

    fn transaction(&self) -> Transaction {
        Transaction::new(Arc::clone(&self.0), TransactionLimits::default())
    }
}

impl Answers for Engine {
    async fn ask(&self, mut request: impl AsyncRead + Unpin + Send) -> Result<Exchanged, Fault> {
        let mut raw = Vec::new();
        loop {
            match tokio::time::timeout(SILENCE, request.read_buf(&mut raw)).await {
                Ok(Ok(1..)) => {}
                Err(_) if raw.is_empty() => {}
                Ok(_) | Err(_) => break,
            }
        }
        let seen = run::see(&mut self.transaction(), &raw);
        let answer = seen.status.map(|status| answer(status, &seen.response));
        Ok(Exchanged { answer, found: Found { log: seen.log, ..Found::default() } })
    }
}

fn answer(status: u16, body: &[u8]) -> Answer {
    let head =
        format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    Answer { status, headers: Vec::new(), bytes: [head.as_bytes(), body].concat() }
}
