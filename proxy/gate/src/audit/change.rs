//! A change of the policies in force, which is a record.

use std::time::SystemTime;

use crate::live::{Author, Replayed};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Policies were put in force on trial.
    Applied,
    /// They stay.
    Confirmed,
    /// They went back by themselves.
    Reverted,
    /// Somebody went back.
    RolledBack,
}

impl Changed {
    /// The word in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "policies_applied",
            Self::Confirmed => "policies_confirmed",
            Self::Reverted => "policies_reverted",
            Self::RolledBack => "policies_rolled_back",
        }
    }
}

/// Somebody changed the policies in force, or nobody confirmed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub time: SystemTime,
    /// What.
    pub act: Changed,
    /// The user of the machine, as its kernel says; none: the gate by itself.
    pub uid: Option<u32>,
    /// What that user is called.
    pub user: Option<String>,
    /// Who signed in at the machine to be that user.
    pub signed_in: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Digest of the policies that were in force.
    pub before: String,
    /// Digest of those that are.
    pub after: String,
    /// What a replay said of them.
    pub replayed: Option<Replayed>,
    /// Why more is refused than the limit allows, where it is.
    pub over_limit: Option<String>,
}

impl Change {
    /// Of somebody, now.
    #[must_use]
    pub fn by(act: Changed, author: &Author, before: String, after: String) -> Self {
        let is_gate = act == Changed::Reverted;
        Self {
            time: SystemTime::now(),
            act,
            uid: (!is_gate).then_some(author.uid),
            user: author.user.clone(),
            signed_in: author.signed_in.clone(),
            reason: author.reason.clone(),
            before,
            after,
            replayed: None,
            over_limit: None,
        }
    }
}
