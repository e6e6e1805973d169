//! Bounds on rule files and on transactions. Every one is a plain number, so that a caller can tighten or widen it.

/// Bounds on what a load reads and builds.
#[derive(Debug, Clone)]
pub struct LoadLimits {
    /// Bytes of one rule or data file.
    pub file_bytes: usize,
    /// Bytes of all files together, each counted as often as it is included.
    pub total_bytes: usize,
    /// Depth of nested `Include`.
    pub include_depth: usize,
    /// Rules, chained ones counted.
    pub rules: usize,
    /// Phrases of all `@pm` lists together.
    pub phrases: usize,
    /// Bytes a compiled regular expression may take.
    pub regex_bytes: usize,
    /// Faults after which a load gives up.
    pub faults: usize,
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self {
            file_bytes: 4 << 20,
            total_bytes: 32 << 20,
            include_depth: 16,
            rules: 20_000,
            phrases: 200_000,
            regex_bytes: 16 << 20,
            faults: 100,
        }
    }
}

/// Bounds on one transaction.
#[derive(Debug, Clone)]
pub struct TransactionLimits {
    /// Work units before the transaction is interrupted; about one a byte looked at. Counted, not timed, so that the
    /// same request always ends the same way.
    pub fuel: u64,
    /// Bytes of request body, unless `SecRequestBodyLimit` is lower.
    pub request_body_bytes: usize,
    /// Bytes of response body, unless `SecResponseBodyLimit` is lower.
    pub response_body_bytes: usize,
    /// Request headers, and response headers.
    pub headers: usize,
    /// Arguments, unless `SecArgumentsLimit` is lower. More make `REQBODY_ERROR` true and are not inspected one by one.
    pub arguments: usize,
    /// Nesting of JSON and XML, unless `SecRequestBodyJsonDepthLimit` is lower.
    pub depth: usize,
    /// Parts of a multipart body.
    pub parts: usize,
    /// Matches kept for the record; more are counted only.
    pub matches: usize,
}

impl Default for TransactionLimits {
    fn default() -> Self {
        Self {
            fuel: 1_000_000_000,
            request_body_bytes: 128 << 20,
            response_body_bytes: 512 << 10,
            headers: 1000,
            arguments: 1000,
            depth: 512,
            parts: 1000,
            matches: 1000,
        }
    }
}
