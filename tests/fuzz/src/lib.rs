//! What the targets share: programs, exchanges, and the laws that hold for any input.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use poort_waf::{Files, LoadLimits, Opening, Program, Transaction, TransactionLimits, Verdict};

/// Every processor, transformation and kind of operator, over all that a client sends.
pub const RULES: &str = include_str!("rules.conf");

/// A request, as bytes.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a [u8],
    pub target: &'a [u8],
    pub headers: &'a [(&'a [u8], &'a [u8])],
    pub body: &'a [u8],
    pub response: &'a [u8],
}

/// What came of an exchange.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    verdicts: Vec<Verdict>,
    matches: Vec<(u64, String, String)>,
    fuel: u64,
}

fn limits() -> TransactionLimits {
    TransactionLimits { fuel: 20_000_000, memory_bytes: 16 << 20, ..TransactionLimits::default() }
}

/// Compiles `rules`.
pub fn program(rules: &str) -> Arc<Program> {
    let files: Files = [("main.conf".to_owned(), rules.as_bytes().to_vec())].into();
    Arc::new(Program::compile(&files, &["main.conf"], &LoadLimits::default()).expect("the rules compile"))
}

/// A fresh transaction of `program`.
pub fn transaction(program: Arc<Program>) -> Transaction {
    Transaction::new(program, limits())
}

/// Runs all phases, whatever they answer, with the body in `pieces`.
pub fn run(transaction: &mut Transaction, request: &Request<'_>, pieces: usize) -> Outcome {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    transaction.open(&Opening { id: "id", now: 1_700_000_000, client: (address, 1), server: (address, 443) });
    transaction.request_line(request.method, request.target, b"HTTP/1.1");
    for (name, value) in request.headers {
        transaction.request_header(name, value);
    }
    let mut verdicts = vec![transaction.phase1()];
    for piece in request.body.chunks((request.body.len() / pieces).max(1)) {
        verdicts.push(transaction.request_body(piece));
    }
    verdicts.retain(|verdict| *verdict != Verdict::Continue);
    verdicts.push(transaction.phase2());
    transaction.response_line(200, b"HTTP/1.1");
    transaction.response_header(b"Content-Type", b"text/html");
    verdicts.push(transaction.phase3());
    verdicts.push(transaction.response_body(request.response));
    verdicts.push(transaction.phase4());
    transaction.phase5();
    let matches = transaction.matches().iter();
    Outcome {
        verdicts,
        matches: matches.map(|found| (found.rule.id, found.data.clone(), found.variable.clone())).collect(),
        fuel: transaction.fuel(),
    }
}

/// One input of so many is also given to a fresh transaction, which takes as long as a dozen inputs.
const FRESH: u32 = 8;

thread_local! {
    /// Kept from input to input, so that what one leaves behind shows in another.
    static WORN: RefCell<Option<(Arc<Program>, Transaction, u32)>> = const { RefCell::new(None) };
}

/// An exchange comes out the same in a fresh transaction and in one that has seen many, and whole or in pieces.
pub fn check(request: &Request<'_>) {
    WORN.with_borrow_mut(|worn| {
        let (program, worn, count) = worn.get_or_insert_with(|| {
            let program = program(RULES);
            (program.clone(), transaction(program), 0)
        });
        let whole = run(worn, request, 1);
        *count += 1;
        if *count % FRESH == 0 {
            assert_eq!(run(&mut transaction(program.clone()), request, 3), whole);
        } else {
            assert_eq!(run(worn, request, 3), whole);
        }
    });
}

/// A body of type `kind`.
pub fn check_body(kind: &[u8], body: &[u8]) {
    check(&Request {
        method: b"POST",
        target: b"/",
        headers: &[(b"Content-Type", kind)],
        body,
        response: b"",
    });
}
