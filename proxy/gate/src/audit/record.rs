//! What can be appended.

use std::sync::Arc;

use poort_enforce::record::{Decision, Outcome};

use super::{
    access::Access,
    access_ended::AccessEnded,
    authentication::Authentication,
    change::Change,
    findings::Finding,
    glass::{BrokenGlass, Review},
    retirement::Retirement,
};

/// One thing to write down.
#[derive(Debug)]
pub enum Record {
    /// Who asked for what, and what was decided, with which files.
    Decision(Box<Decision>, Arc<Digests>),
    /// What became of it.
    Outcome(Outcome),
    /// Somebody signed in or out, or tried to.
    Authentication(Box<Authentication>),
    /// Something that a SOC looks into.
    Finding(Box<Finding>),
    /// Somebody looked at the record.
    Access(Box<Access>),
    /// An officer broke the glass.
    BrokenGlass(Box<BrokenGlass>),
    /// Somebody looked into it.
    Review(Box<Review>),
    /// Records are retired.
    Retirement(Box<Retirement>),
    /// Somebody changed the policies in force.
    Change(Box<Change>),
    /// Somebody ended another's access, or gave it back.
    AccessEnded(Box<AccessEnded>),
}

/// What decisions were made with: SHA-256 in hexadecimal, made once for each load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// Of the policies and everything they are evaluated with.
    pub policies: String,
    /// Of a candidate's, where one is asked beside them.
    pub candidate: Option<String>,
    /// Of the whole configuration.
    pub configuration: String,
}

impl Record {
    /// Whether somebody may wait for it.
    pub(super) const fn is_waited_for(&self) -> bool {
        match self {
            Self::Decision(..) | Self::Access(_) | Self::Authentication(_) | Self::Change(_) => true,
            Self::BrokenGlass(_) | Self::Review(_) | Self::AccessEnded(_) => true,
            Self::Retirement(_) => true,
            Self::Outcome(_) | Self::Finding(_) => false,
        }
    }

    /// Roughly the memory it holds, in bytes. What many requests share behind an [`Arc`] is not counted.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Outcome(_) => size_of::<Self>(),
            Self::Authentication(_) => size_of::<Authentication>() + 512,
            Self::Finding(_) => size_of::<Finding>() + 512,
            Self::BrokenGlass(broken) => size_of::<BrokenGlass>() + 512 + broken.glass.reason.len(),
            Self::Retirement(retirement) => size_of::<Retirement>() + 16 * retirement.ranges.len() + 512,
            Self::Review(review) => size_of::<Review>() + 512 + review.finding.len(),
            Self::Change(_) => size_of::<Change>() + 1024,
            Self::AccessEnded(_) => size_of::<AccessEnded>() + 1024,
            Self::Access(access) => {
                let wanted = access.wanted.iter().map(|(what, value)| what.len() + value.len() + 64);
                size_of::<Access>() + 512 + wanted.sum::<usize>()
            }
            Self::Decision(decision, _) => {
                let line =
                    decision.request.as_ref().map_or(0, |request| request.host.len() + request.path.len());
                let captures: usize = decision.question.as_ref().map_or(0, |question| {
                    question
                        .context
                        .request
                        .captures
                        .iter()
                        .map(|(name, value)| name.len() + value.len() + 64)
                        .sum()
                });
                size_of::<Decision>() + 512 + 2 * line + captures
            }
        }
    }
}
