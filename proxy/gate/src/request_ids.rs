//! Names for requests: unguessable, and different on every gate.

use poort_enforce::exchange::RequestId;
use rustls::crypto::SecureRandom;

/// Makes request ids.
#[derive(Debug)]
pub struct RequestIds(&'static dyn SecureRandom);

impl RequestIds {
    /// Ids from the process's own source of randomness.
    #[must_use]
    pub fn new() -> Self {
        Self(rustls::crypto::aws_lc_rs::default_provider().secure_random)
    }

    /// A new one; none if the randomness fails, and then nothing passes.
    #[must_use]
    pub fn next(&self) -> Option<RequestId> {
        let mut bytes = [0; 16];
        self.0.fill(&mut bytes).ok().map(|()| RequestId(bytes))
    }
}

impl Default for RequestIds {
    fn default() -> Self {
        Self::new()
    }
}
