//! Bounds on rule files and on transactions. Every one is a plain number, so that a caller can tighten or widen it.

/// Bounds on what a load reads and builds.
#[derive(Debug, Clone)]
pub struct LoadLimits {
    /// Bytes of one rule or data file.
    pub file_bytes: usize,
    /// Bytes of all files together, data files too, each counted as often as it is read.
    pub total_bytes: usize,
    /// Files read, each counted as often as it is included.
    pub files: usize,
    /// Depth of nested `Include`.
    pub include_depth: usize,
    /// Rules, chained ones counted, with markers, removals and updates.
    pub rules: usize,
    /// Phrases of all `@pm` lists together.
    pub phrases: usize,
    /// Bytes of all these phrases.
    pub phrase_bytes: usize,
    /// Bytes a compiled regular expression may take.
    pub regex_bytes: usize,
    /// Bytes that all of them may take.
    pub regex_total_bytes: usize,
    /// Faults after which a load gives up.
    pub faults: usize,
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self {
            file_bytes: 4 << 20,
            total_bytes: 32 << 20,
            files: 10_000,
            include_depth: 16,
            rules: 20_000,
            phrases: 200_000,
            phrase_bytes: 4 << 20,
            regex_bytes: 16 << 20,
            regex_total_bytes: 256 << 20,
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
    /// Bytes that its values and what is known of them may take; a transaction that needs more is interrupted.
    pub memory_bytes: usize,
    /// Bytes of request body, unless `SecRequestBodyLimit` is lower.
    pub request_body_bytes: usize,
    /// Bytes of response body, unless `SecResponseBodyLimit` is lower.
    pub response_body_bytes: usize,
    /// Request headers, and response headers.
    pub headers: usize,
    /// Arguments, unless `SecArgumentsLimit` is lower. With more, the request is one that cannot be inspected.
    pub arguments: usize,
    /// Nesting of JSON and XML, unless `SecRequestBodyJsonDepthLimit` is lower.
    pub depth: usize,
    /// Parts of a multipart body.
    pub parts: usize,
    /// Matches kept for the record; more are counted only.
    pub matches: usize,
    /// Bytes of a match's message, of its data and of its variable's name; the rest is cut off.
    pub match_bytes: usize,
}

impl Default for TransactionLimits {
    fn default() -> Self {
        Self {
            fuel: 1_000_000_000,
            memory_bytes: 256 << 20,
            request_body_bytes: 128 << 20,
            response_body_bytes: 512 << 10,
            headers: 1000,
            arguments: 1000,
            depth: 512,
            parts: 1000,
            matches: 1000,
            match_bytes: 4096,
        }
    }
}
