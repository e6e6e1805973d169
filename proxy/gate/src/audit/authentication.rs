//! Signing in and out, which is a record of its own: the first of a session's decisions tells who came, not that somebody tried.

use std::{sync::Arc, time::SystemTime};

use poort_enforce::exchange::RequestId;
use poort_identity::token::Subject;

/// Somebody signed in or out, or tried to.
#[derive(Clone, Debug)]
pub struct Authentication {
    /// When.
    pub time: SystemTime,
    /// What was done.
    pub act: Act,
    /// Who; none if that is not known.
    pub who: Option<Who>,
    /// On which device; none if the issuer said it.
    pub device: Option<String>,
    /// In which session.
    pub session: Option<String>,
    /// Which request; none if the issuer said it.
    pub request: Option<RequestId>,
    /// How many sessions were ended.
    pub ended: u64,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Somebody signed in, strongly or not.
    SignedIn {
        /// Whether it counts as strong.
        strong: bool,
    },
    /// A sign-in failed.
    Failed {
        /// The fault's code.
        code: &'static str,
    },
    /// Somebody signed out.
    SignedOut,
    /// The issuer signed somebody out.
    SignedOutByIssuer,
    /// Somebody else signed in on the device.
    TakenOver,
}

/// Who.
#[derive(Clone, Debug)]
pub struct Who {
    /// `issuer-alias|sub`.
    pub id: String,
    /// What people call them.
    pub name: Option<String>,
    /// The issuer's alias.
    pub issuer: Arc<str>,
}

impl From<&Subject> for Who {
    fn from(subject: &Subject) -> Self {
        Self { id: subject.id.clone(), name: subject.display.clone(), issuer: Arc::clone(&subject.issuer) }
    }
}

impl Act {
    /// The word in records.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SignedIn { .. } => "signed_in",
            Self::Failed { code } => code,
            Self::SignedOut => "signed_out",
            Self::SignedOutByIssuer => "signed_out_by_issuer",
            Self::TakenOver => "taken_over",
        }
    }
}
