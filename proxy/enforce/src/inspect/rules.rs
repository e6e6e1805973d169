//! Compiled rules, shared by sources, with transactions that are used again.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use poort_waf::{Program, Transaction, TransactionLimits};

/// Transactions that are kept; more are made when more requests are inspected at once, and dropped afterwards.
const KEPT: usize = 64;
/// A transaction that held a body larger than this is not kept: its buffers would be, too.
const LARGEST_KEPT_BYTES: usize = 256 << 10;

/// Rule files compiled at one paranoia level. Sources with the same files and level share one.
pub struct RuleSet {
    /// The program.
    pub program: Arc<Program>,
    /// The paranoia level it was compiled at.
    pub level: u8,
    /// SHA-256 over the rule files and the level, in hex.
    pub digest: Arc<str>,
    limits: TransactionLimits,
    idle: Mutex<Vec<Transaction>>,
}

impl RuleSet {
    /// Rules whose transactions have these limits.
    #[must_use]
    pub fn new(program: Program, level: u8, digest: Arc<str>, limits: TransactionLimits) -> Arc<Self> {
        Arc::new(Self { program: Arc::new(program), level, digest, limits, idle: Mutex::default() })
    }

    /// A transaction, to be [given back](Self::give_back).
    pub(super) fn take(&self) -> Transaction {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| Transaction::new(Arc::clone(&self.program), self.limits.clone()))
    }

    /// Keeps a transaction for the next request. `seen_bytes` is how much of bodies it had before it.
    pub(super) fn give_back(&self, mut transaction: Transaction, seen_bytes: usize) {
        if seen_bytes > LARGEST_KEPT_BYTES {
            return;
        }
        // What rules keep in collections lasts as long as the transaction: another request must not find it.
        transaction.take_collections();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(transaction);
        }
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleSet")
            .field("level", &self.level)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}
