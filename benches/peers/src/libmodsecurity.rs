//! libmodsecurity 3, through the part of its C interface that a server needs, as Debian's `modsecurity/*.h` declare it.
//!
//! Its `libmodsecurity.so` is linked; a log callback is set, as every server sets one, for without it each match is written to
//! standard error.

#![expect(unsafe_code, reason = "a C library is called")]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_uchar, c_void},
    io,
    path::Path,
    ptr::{NonNull, null},
};

use poort_benches::traffic::{Exchange, Fields};

use crate::engine::{Engine, Judgement, detects};

/// Types of the library, which it alone looks into.
mod opaque {
    #[repr(C)]
    pub(super) struct ModSecurity([u8; 0]);
    #[repr(C)]
    pub(super) struct Rules([u8; 0]);
    #[repr(C)]
    pub(super) struct Transaction([u8; 0]);
}
use opaque::{ModSecurity, Rules, Transaction};

/// `data` is what a transaction was made with, `message` a C string.
type Log = extern "C" fn(data: *mut c_void, message: *const c_void);

#[link(name = "modsecurity")]
unsafe extern "C" {
    fn msc_init() -> *mut ModSecurity;
    fn msc_set_log_cb(engine: *mut ModSecurity, log: Log);
    fn msc_cleanup(engine: *mut ModSecurity);
    fn msc_create_rules_set() -> *mut Rules;
    fn msc_rules_add_file(rules: *mut Rules, file: *const c_char, error: *mut *const c_char) -> c_int;
    fn msc_rules_cleanup(rules: *mut Rules) -> c_int;
    fn msc_new_transaction(
        engine: *mut ModSecurity,
        rules: *mut Rules,
        log_data: *mut c_void,
    ) -> *mut Transaction;
    fn msc_process_connection(
        transaction: *mut Transaction,
        client: *const c_char,
        client_port: c_int,
        server: *const c_char,
        server_port: c_int,
    ) -> c_int;
    fn msc_process_uri(
        transaction: *mut Transaction,
        target: *const c_char,
        method: *const c_char,
        version: *const c_char,
    ) -> c_int;
    fn msc_add_n_request_header(
        transaction: *mut Transaction,
        name: *const c_uchar,
        name_length: usize,
        value: *const c_uchar,
        value_length: usize,
    ) -> c_int;
    fn msc_process_request_headers(transaction: *mut Transaction) -> c_int;
    fn msc_append_request_body(transaction: *mut Transaction, body: *const c_uchar, size: usize) -> c_int;
    fn msc_process_request_body(transaction: *mut Transaction) -> c_int;
    fn msc_add_n_response_header(
        transaction: *mut Transaction,
        name: *const c_uchar,
        name_length: usize,
        value: *const c_uchar,
        value_length: usize,
    ) -> c_int;
    fn msc_process_response_headers(
        transaction: *mut Transaction,
        status: c_int,
        protocol: *const c_char,
    ) -> c_int;
    fn msc_append_response_body(transaction: *mut Transaction, body: *const c_uchar, size: usize) -> c_int;
    fn msc_process_response_body(transaction: *mut Transaction) -> c_int;
    fn msc_process_logging(transaction: *mut Transaction) -> c_int;
    fn msc_transaction_cleanup(transaction: *mut Transaction);
}

/// A rule that logs the score of a request that asks for it; one rule of some 700 to all others.
pub(crate) const TELLING: &str = r#"SecRule REQUEST_HEADERS:X-Tell "@streq score" "id:1,phase:5,t:none,pass,log,msg:'score %{tx.blocking_inbound_anomaly_score}'"
"#;

/// The library with rules loaded.
pub(crate) struct LibModSecurity {
    engine: NonNull<ModSecurity>,
    rules: NonNull<Rules>,
}

impl LibModSecurity {
    /// Loads the rules in `main` and all it includes.
    pub(crate) fn load(main: &Path) -> io::Result<Self> {
        let file = c_string(main.to_string_lossy().as_bytes());
        // SAFETY: neither takes anything; both may answer null, which is looked at.
        let (engine, rules) = unsafe { (msc_init(), msc_create_rules_set()) };
        let (Some(engine), Some(rules)) = (NonNull::new(engine), NonNull::new(rules)) else {
            return Err(io::Error::other("libmodsecurity does not start"));
        };
        let loaded = Self { engine, rules };
        let mut error = null();
        // SAFETY: the handles live until `drop`, `file` and `error` until the end of this function. An error is a C string that
        // the library allocated.
        unsafe {
            msc_set_log_cb(loaded.engine.as_ptr(), log);
            if msc_rules_add_file(loaded.rules.as_ptr(), file.as_ptr(), &raw mut error) >= 0 {
                return Ok(loaded);
            }
            let error = if error.is_null() { c"no reason given" } else { CStr::from_ptr(error) };
            Err(io::Error::other(error.to_string_lossy()))
        }
    }

    /// All five phases; log lines are collected where `lines` is given.
    fn run(&self, exchange: &Exchange, lines: Option<&mut Vec<String>>) {
        let (target, method) = (c_string(&exchange.target), c_string(exchange.method.as_bytes()));
        let version = c_string(exchange.protocol.trim_start_matches("HTTP/").as_bytes());
        let data = lines.map_or(std::ptr::null_mut(), |lines| (lines as *mut Vec<String>).cast());
        let status = exchange.response.status.into();
        // SAFETY: engine and rules live until `drop`; each string and slice until the end of this function, and so does what
        // `data` points at, which `log` alone uses, on this thread, before the transaction is cleaned up here.
        unsafe {
            let transaction = msc_new_transaction(self.engine.as_ptr(), self.rules.as_ptr(), data);
            assert!(!transaction.is_null(), "libmodsecurity has no transaction to give");
            msc_process_connection(transaction, c"192.0.2.1".as_ptr(), 40_000, c"192.0.2.1".as_ptr(), 443);
            msc_process_uri(transaction, target.as_ptr(), method.as_ptr(), version.as_ptr());
            add(transaction, &exchange.fields, msc_add_n_request_header);
            msc_process_request_headers(transaction);
            msc_append_request_body(transaction, exchange.body.as_ptr(), exchange.body.len());
            msc_process_request_body(transaction);
            add(transaction, &exchange.response.fields, msc_add_n_response_header);
            msc_process_response_headers(transaction, status, c"HTTP/1.1".as_ptr());
            let body = &exchange.response.body;
            msc_append_response_body(transaction, body.as_ptr(), body.len());
            msc_process_response_body(transaction);
            msc_process_logging(transaction);
            msc_transaction_cleanup(transaction);
        }
    }
}

impl Drop for LibModSecurity {
    fn drop(&mut self) {
        // SAFETY: both were made in `load`, are freed here alone, and no transaction outlives `run`.
        unsafe {
            msc_rules_cleanup(self.rules.as_ptr());
            msc_cleanup(self.engine.as_ptr());
        }
    }
}

impl Engine for LibModSecurity {
    fn name(&self) -> &'static str {
        "libmodsecurity"
    }

    fn inspect(&mut self, exchange: &Exchange) {
        self.run(exchange, None);
    }

    /// Its interface gives no variable away, so [`TELLING`] is made to log the score.
    fn judge(&mut self, exchange: &Exchange) -> Judgement {
        let mut asking = exchange.clone();
        asking.fields.push(("X-Tell".to_owned(), b"score".to_vec()));
        let mut lines = Vec::new();
        self.run(&asking, Some(&mut lines));
        let numbers = lines.iter().filter_map(|line| between(line, "[id \"", "\"]")?.parse().ok());
        let told = lines.iter().find_map(|line| between(line, "[msg \"score ", "\"]"));
        Judgement {
            score: told.and_then(|score| score.parse().ok()).expect("the score is told when asked for"),
            rules: numbers.filter(|id| detects(*id)).collect(),
        }
    }
}

type AddField = unsafe extern "C" fn(*mut Transaction, *const c_uchar, usize, *const c_uchar, usize) -> c_int;

/// # Safety
/// `transaction` must be one of the library's that has not been cleaned up.
unsafe fn add(transaction: *mut Transaction, fields: &Fields, add: AddField) {
    for (name, value) in fields {
        // SAFETY: the caller's promise; the library copies both slices.
        unsafe { add(transaction, name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
    }
}

/// What the library calls with each log line: at no cost but its own where nobody asked.
extern "C" fn log(data: *mut c_void, message: *const c_void) {
    if data.is_null() || message.is_null() {
        return;
    }
    // SAFETY: `data` is what `run` gave, exclusively borrowed there; `message` is a C string, as no other kind was asked for.
    unsafe {
        let lines = &mut *data.cast::<Vec<String>>();
        lines.push(CStr::from_ptr(message.cast()).to_string_lossy().into_owned());
    }
}

/// As C reads it: up to the first zero byte.
fn c_string(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    CString::new(&bytes[..end]).unwrap_or_default()
}

fn between<'l>(line: &'l str, before: &str, after: &str) -> Option<&'l str> {
    Some(line.split_once(before)?.1.split_once(after)?.0)
}
