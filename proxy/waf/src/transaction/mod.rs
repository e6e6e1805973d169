//! Transactions: one request and its response, inspected in five phases.

mod ask;
mod body;
mod columns;
mod effects;
mod expand;
mod outcome;
mod request;
mod response;
mod run;
mod sieve;
mod store;
mod survey;
mod tx;
mod values;
mod volatile;

pub use outcome::{Interruption, InterruptionKind, Match, Scores, Verdict};

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::collections::Collections;
use crate::limits::TransactionLimits;
use crate::operator::Captures;
use crate::program::{Allowed, Engine, Excluded, Processor, Program};
use crate::syntax::Variable;
use ask::Matched;
use columns::Columns;
use sieve::Sifted;
use store::Store;
use survey::Surveys;
use tx::Tx;
use values::Values;

/// What the caller knows before the first byte.
#[derive(Debug, Clone)]
pub struct Opening<'a> {
    /// A name for the transaction, `UNIQUE_ID`.
    pub id: &'a str,
    /// The time, in seconds of the epoch, UTC.
    pub now: u64,
    /// The client.
    pub client: (IpAddr, u16),
    /// The server.
    pub server: (IpAddr, u16),
}

/// One transaction. Feed it in order: request line, request headers, [`phase1`](Self::phase1), request body,
/// [`phase2`](Self::phase2), status and response headers, [`phase3`](Self::phase3), response body,
/// [`phase4`](Self::phase4), [`phase5`](Self::phase5). It keeps its buffers when [opened](Self::open) again.
pub struct Transaction {
    pub(crate) program: Arc<Program>,
    pub(crate) state: State,
}

/// All of a transaction but its program.
pub(crate) struct State {
    values: Values,
    store: Store,
    tx: Tx,
    columns: Columns,
    surveys: Surveys,
    sifted: Sifted,
    phase: u8,
    engine: Engine,
    allowed: Option<Allowed>,
    /// Bits of rules removed by `ctl`.
    removed: Vec<u64>,
    exclusions: Vec<(Arc<[u32]>, Arc<Excluded>)>,
    /// Whether a member of `TX` is among them.
    excludes_tx: bool,
    /// The rule that runs.
    current: u32,
    matched: Option<Matched>,
    /// Matches of the condition that is asked, and of the one before it in the chain.
    matched_now: Vec<Matched>,
    matched_before: Vec<Matched>,
    highest_severity: Option<u8>,
    matches: Vec<Match>,
    limit_matches: usize,
    dropped_matches: usize,
    // Buffers.
    argument: Vec<u8>,
    expansion: Vec<u8>,
    name: Vec<u8>,
    captures: Captures,
    // Bodies.
    processor: Option<Processor>,
    force_request_body: bool,
    request_body_access: bool,
    response_body_access: bool,
    request_body_limit: usize,
    response_body_limit: usize,
    xml_into_args: bool,
    request_body: Vec<u8>,
    response_body: Vec<u8>,
    is_request_body_cut: bool,
    is_response_body_cut: bool,
    content_type: Vec<u8>,
    has_two_types: bool,
    /// Whether its type says that the body is an urlencoded form.
    is_form: bool,
    /// `Content-Length` of the request.
    declared_bytes: u64,
    has_content_coding: bool,
    uninspected: Option<&'static str>,
    response_type: Vec<u8>,
    headers: usize,
    arguments: usize,
    limits: TransactionLimits,
    now: u64,
    collections: Collections,
    /// Persistent collections in use, with their keys.
    attached: Vec<(Variable, Vec<u8>)>,
}

impl Transaction {
    /// A transaction of `program`; [`open`](Self::open) it before use.
    #[must_use]
    pub fn new(program: Arc<Program>, limits: TransactionLimits) -> Self {
        let state = State::new(&program, limits);
        Self { program, state }
    }

    /// Starts anew, forgetting all of the transaction before but its collections.
    pub fn open(&mut self, opening: &Opening<'_>) {
        self.state.open(&self.program, opening);
    }

    /// Makes rules act, only report, or not run in this transaction, whatever `SecRuleEngine` says; after [`open`](Self::open).
    pub fn set_engine(&mut self, engine: Engine) {
        self.state.engine = engine;
    }

    /// Says how long the transaction has lasted: `DURATION`, in whole milliseconds, 0 until it is said. Before a phase, after
    /// [`open`](Self::open).
    pub fn set_duration(&mut self, elapsed: Duration) {
        self.state.set_duration(&self.program, elapsed);
    }

    /// Gives the persistent collections that rules may attach.
    pub fn set_collections(&mut self, collections: Collections) {
        self.state.collections = collections;
    }

    /// Takes the persistent collections back, as changed.
    pub fn take_collections(&mut self) -> Collections {
        std::mem::take(&mut self.state.collections)
    }

    /// Sets a member of `TX` (name in lower case), for instance a threshold, after [`open`](Self::open). A
    /// [constant](Program::compile_with) stays what it is.
    pub fn set_tx(&mut self, name: &str, value: &str) {
        let value = self.state.values.add(value.as_bytes());
        let State { tx, values, .. } = &mut self.state;
        tx.put(name.as_bytes(), Some(value), &self.program.names, values);
    }

    /// A member of `TX` (name in lower case).
    #[must_use]
    pub fn tx(&self, name: &str) -> Option<&[u8]> {
        let State { tx, values, .. } = &self.state;
        tx.find(name.as_bytes(), &self.program.names, values).map(|value| values.get(value))
    }

    /// The request line: method, target as sent, and protocol such as `HTTP/1.1`.
    pub fn request_line(&mut self, method: &[u8], target: &[u8], protocol: &[u8]) {
        self.state.request_line(&self.program, method, target, protocol);
    }

    /// One request header.
    pub fn request_header(&mut self, name: &[u8], value: &[u8]) {
        self.state.request_header(&self.program, name, value);
    }

    /// Runs phase 1, on the request's head. A body that is declared larger than its limit is refused here already.
    pub fn phase1(&mut self) -> Verdict {
        let program = self.program.clone();
        if self.state.headers > self.state.limits.headers {
            return Verdict::Interrupt(Interruption {
                phase: 1,
                ..self.state.limit_reached(InterruptionKind::TooManyHeaders, 431)
            });
        }
        self.state.headers = 0;
        verdict(self.state.run(&program, 1).or_else(|| self.state.declared_too_large(&program)))
    }

    /// Whether phase 2 looks at the body; if not, it need not be given.
    #[must_use]
    pub fn wants_request_body(&self) -> bool {
        self.state.request_body_access && self.state.engine != Engine::Off
    }

    /// Bytes of request body that it takes, as limits, settings and rules have it so far.
    #[must_use]
    pub fn request_body_limit(&self) -> usize {
        self.state.request_body_limit.min(self.state.limits.request_body_bytes)
    }

    /// A piece of the request body.
    ///
    /// Past the limit it answers an interruption, or with `SecRequestBodyLimitAction ProcessPartial` keeps what fits.
    pub fn request_body(&mut self, piece: &[u8]) -> Verdict {
        let over = self.program.settings().request_body_over;
        verdict(self.state.take_request_body(piece, over))
    }

    /// The request body as it was given, for whoever passes it on: it need not be kept twice. After [`phase2`](Self::phase2).
    pub fn take_request_body(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.state.request_body)
    }

    /// Parses the request body and runs phase 2. What cannot be inspected whole is refused at its end, when no rule has decided,
    /// none has allowed it, and the engine is on; [`uninspected`](Self::uninspected) says so in any mode.
    pub fn phase2(&mut self) -> Verdict {
        let program = self.program.clone();
        self.state.process_request_body(&program);
        verdict(self.state.run(&program, 2).or_else(|| self.state.refuse_uninspected()))
    }

    /// Why the request could not be inspected whole, if so: known after [`phase2`](Self::phase2).
    #[must_use]
    pub fn uninspected(&self) -> Option<&'static str> {
        self.state.uninspected
    }

    /// The status line of the response.
    pub fn response_line(&mut self, status: u16, protocol: &[u8]) {
        self.state.response_line(&self.program, status, protocol);
    }

    /// One response header.
    pub fn response_header(&mut self, name: &[u8], value: &[u8]) {
        self.state.response_header(name, value);
    }

    /// Runs phase 3, on the response's head.
    pub fn phase3(&mut self) -> Verdict {
        let program = self.program.clone();
        if self.state.headers > self.state.limits.headers {
            return Verdict::Interrupt(Interruption {
                phase: 3,
                ..self.state.limit_reached(InterruptionKind::TooManyHeaders, 502)
            });
        }
        verdict(self.state.run(&program, 3))
    }

    /// Whether phase 4 looks at the body: `SecResponseBodyAccess` is on and the type is one of
    /// `SecResponseBodyMimeType`.
    #[must_use]
    pub fn wants_response_body(&self) -> bool {
        self.state.wants_response_body(&self.program)
    }

    /// Bytes of response body that it takes, as limits, settings and rules have it so far.
    #[must_use]
    pub fn response_body_limit(&self) -> usize {
        self.state.response_body_limit.min(self.state.limits.response_body_bytes)
    }

    /// A piece of the response body, without transfer or content coding.
    ///
    /// Past the limit it answers an interruption, or with `SecResponseBodyLimitAction ProcessPartial` keeps what fits.
    pub fn response_body(&mut self, piece: &[u8]) -> Verdict {
        let over = self.program.settings().response_body_over;
        verdict(self.state.take_response_body(piece, over))
    }

    /// Runs phase 4, on the response's body.
    pub fn phase4(&mut self) -> Verdict {
        let program = self.program.clone();
        self.state.process_response_body(&program);
        verdict(self.state.run(&program, 4))
    }

    /// Runs phase 5, on what is to be logged; nothing interrupts any more.
    pub fn phase5(&mut self) {
        let program = self.program.clone();
        self.state.run(&program, 5);
    }

    /// The rules that matched and log, in order.
    #[must_use]
    pub fn matches(&self) -> &[Match] {
        &self.state.matches
    }

    /// Matches beyond [`TransactionLimits::matches`], which were not kept.
    #[must_use]
    pub fn dropped_matches(&self) -> usize {
        self.state.dropped_matches
    }

    /// The anomaly scores, as CRS 4 or 3 computed them so far.
    #[must_use]
    pub fn scores(&self) -> Scores {
        // CRS 4 has names of its own for both; in its logging phase `anomaly_score`, the inbound score of CRS 3, is the sum.
        let first =
            |names: [&str; 2]| names.iter().find_map(|name| self.tx(name)).map_or(0, crate::bytes::integer);
        Scores {
            inbound: first(["blocking_inbound_anomaly_score", "anomaly_score"]),
            outbound: first(["blocking_outbound_anomaly_score", "outbound_anomaly_score"]),
        }
    }

    /// Work left of [`TransactionLimits::fuel`].
    #[must_use]
    pub fn fuel(&self) -> u64 {
        self.state.values.fuel
    }
}

fn verdict(interruption: Option<Interruption>) -> Verdict {
    interruption.map_or(Verdict::Continue, Verdict::Interrupt)
}

impl State {
    fn new(program: &Program, limits: TransactionLimits) -> Self {
        Self {
            values: Values::new(&program.texts),
            store: Store::new(),
            tx: Tx::default(),
            columns: Columns::new(program.columns.len()),
            surveys: Surveys::new(program.groups.len()),
            sifted: Sifted::default(),
            phase: 1,
            engine: program.settings().engine,
            allowed: None,
            removed: Vec::new(),
            exclusions: Vec::new(),
            excludes_tx: false,
            current: 0,
            matched: None,
            matched_now: Vec::new(),
            matched_before: Vec::new(),
            highest_severity: None,
            matches: Vec::new(),
            limit_matches: limits.matches,
            dropped_matches: 0,
            argument: Vec::new(),
            expansion: Vec::new(),
            name: Vec::new(),
            captures: Captures::default(),
            processor: None,
            force_request_body: false,
            request_body_access: false,
            response_body_access: false,
            request_body_limit: 0,
            response_body_limit: 0,
            xml_into_args: false,
            request_body: Vec::new(),
            response_body: Vec::new(),
            is_request_body_cut: false,
            is_response_body_cut: false,
            content_type: Vec::new(),
            is_form: false,
            has_two_types: false,
            declared_bytes: 0,
            has_content_coding: false,
            uninspected: None,
            response_type: Vec::new(),
            headers: 0,
            arguments: 0,
            limits,
            now: 0,
            collections: Collections::default(),
            attached: Vec::new(),
        }
    }

    fn open(&mut self, program: &Program, opening: &Opening<'_>) {
        let settings = program.settings();
        self.values.clear(self.limits.fuel, self.limits.memory_bytes);
        self.store.clear();
        self.columns.shrink();
        self.tx.clear(&program.names);
        for (slot, number) in program.names.constants() {
            let value = self.values.add_number(number);
            self.tx.set_number(slot, value, number);
        }
        self.phase = 1;
        self.engine = settings.engine;
        self.allowed = None;
        self.removed.clear();
        self.exclusions.clear();
        self.excludes_tx = false;
        self.matched = None;
        self.matched_now.clear();
        self.matched_before.clear();
        self.highest_severity = None;
        values::empty(&mut self.matches);
        values::empty(&mut self.argument);
        values::empty(&mut self.expansion);
        values::empty(&mut self.name);
        self.dropped_matches = 0;
        self.processor = None;
        self.force_request_body = false;
        self.request_body_access = settings.request_body;
        self.response_body_access = settings.response_body;
        self.request_body_limit = settings.request_body_limit;
        self.response_body_limit = settings.response_body_limit;
        self.xml_into_args = settings.xml_into_args;
        values::empty(&mut self.request_body);
        values::empty(&mut self.response_body);
        self.is_request_body_cut = false;
        self.is_response_body_cut = false;
        self.content_type.clear();
        self.is_form = false;
        self.has_two_types = false;
        self.declared_bytes = 0;
        self.has_content_coding = false;
        self.uninspected = None;
        self.response_type.clear();
        self.headers = 0;
        self.arguments = 0;
        self.now = opening.now;
        self.attached.clear();
        self.open_variables(program, opening);
    }

    /// Sets a variable that holds one value.
    fn scalar(&mut self, variable: Variable, value: &[u8]) {
        let value = self.values.add(value);
        self.store.push(variable, Values::EMPTY, value);
    }

    fn scalar_number(&mut self, variable: Variable, number: usize) {
        let value = self.values.add_number(i64::try_from(number).unwrap_or(i64::MAX));
        self.store.push(variable, Values::EMPTY, value);
    }
}
