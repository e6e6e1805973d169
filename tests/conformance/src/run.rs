//! The exchange in this process: a request is read as a server would, inspected, and answered as the back end does.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use poort_waf::{Interruption, InterruptionKind, Opening, Program, Transaction, TransactionLimits, Verdict};

use crate::backend::{self, Response};
use crate::case::Case;
use crate::judge::{Logged, Seen};
use crate::report::{Outcome, Report};
use crate::wire::{Arrival, Received};

/// Runs `cases` as the suite `name`, one after the other in one transaction of `program`.
#[must_use]
pub fn suite(name: &str, program: Arc<Program>, cases: &[Case]) -> Report {
    let mut transaction = Transaction::new(program, TransactionLimits::default());
    let mut report = Report::new(name);
    for tested in cases {
        report.add(tested.name.clone(), case(&mut transaction, tested));
    }
    report
}

/// Runs the stages of a case. The transaction keeps its persistent collections from one to the next.
pub fn case(transaction: &mut Transaction, case: &Case) -> Outcome {
    if let Some(reason) = case.unsupported {
        return Outcome::Skipped(reason.into());
    }
    for (at, stage) in (1..).zip(&case.stages) {
        let mut judged = stage.judge(&see(transaction, &stage.request.bytes()));
        if judged.is_err() && stage.expected.retry_once {
            judged = stage.judge(&see(transaction, &stage.request.bytes()));
        }
        if let Err(reason) = judged {
            let place = if case.stages.len() > 1 { format!("stage {at}: ") } else { String::new() };
            return Outcome::Failed(format!("{place}{reason}"));
        }
    }
    Outcome::Passed
}

/// What comes of a request, given as the bytes that are sent.
pub fn see(transaction: &mut Transaction, raw: &[u8]) -> Seen {
    let request = match Arrival::read(raw) {
        Arrival::Bad => return Seen { status: Some(400), ..Seen::default() },
        Arrival::Closed => return Seen::default(),
        Arrival::Request(request) => request,
    };
    let response = backend::answer(&request);
    let stopped = inspect(transaction, &request, &response);
    let log = transaction.matches().iter().map(Logged::from).collect();
    match stopped {
        None => Seen { status: Some(response.status), response: response.body, log },
        Some(stopped) if stopped.kind == InterruptionKind::Drop => Seen { log, ..Seen::default() },
        Some(stopped) => Seen { status: Some(stopped.status), response: Vec::new(), log },
    }
}

/// Gives a whole exchange to the engine; what stopped it, if anything did.
pub fn inspect(
    transaction: &mut Transaction,
    request: &Received,
    response: &Response,
) -> Option<Interruption> {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    transaction.open(&Opening {
        id: "aQ3x8Zk1",
        now: 1_700_000_000,
        client: (address, 40_000),
        server: (address, 443),
    });
    let verdict = phases(transaction, request, response);
    transaction.phase5();
    match verdict {
        Verdict::Continue => None,
        Verdict::Interrupt(interruption) => Some(interruption),
    }
}

fn phases(transaction: &mut Transaction, request: &Received, response: &Response) -> Verdict {
    /// Returns early with an interruption.
    macro_rules! pass {
        ($verdict:expr) => {
            match $verdict {
                Verdict::Continue => {}
                interruption @ Verdict::Interrupt(_) => return interruption,
            }
        };
    }
    transaction.request_line(&request.method, &request.target, &request.version);
    for (name, value) in &request.headers {
        transaction.request_header(name, value);
    }
    pass!(transaction.phase1());
    if transaction.wants_request_body() {
        pass!(transaction.request_body(&request.body));
    }
    pass!(transaction.phase2());
    transaction.response_line(response.status, b"HTTP/1.1");
    for (name, value) in &response.headers {
        transaction.response_header(name.as_bytes(), value.as_bytes());
    }
    pass!(transaction.phase3());
    if transaction.wants_response_body() {
        pass!(transaction.response_body(&response.body));
    }
    transaction.phase4()
}
