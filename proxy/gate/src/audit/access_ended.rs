//! That somebody's access was ended, or given back, which is a record.

use std::time::SystemTime;

use crate::{
    ending::{Order, Whom},
    live::Author,
};

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// What was signed in is over; a new sign-in passes.
    Ended,
    /// Refused until then, or until it is given back.
    Blocked {
        /// Until when; none: until it is given back.
        until: Option<SystemTime>,
    },
    /// Given back.
    Restored,
}

impl Became {
    /// The word in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "access_ended",
            Self::Blocked { .. } => "access_blocked",
            Self::Restored => "access_restored",
        }
    }
}

/// An operator ended somebody's access, or gave it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessEnded {
    /// When.
    pub time: SystemTime,
    /// What.
    pub became: Became,
    /// Whose access.
    pub whom: Whom,
    /// The user of the machine, as its kernel says.
    pub uid: u32,
    /// What that user is called.
    pub user: Option<String>,
    /// Who signed in at the machine to be that user.
    pub signed_in: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl AccessEnded {
    /// By an order.
    #[must_use]
    pub fn ended(order: &Order, until: Option<SystemTime>, time: SystemTime) -> Self {
        let blocks = order.block || matches!(order.whom, Whom::Device(_));
        let became = if blocks { Became::Blocked { until } } else { Became::Ended };
        Self::by(&order.author, became, &order.whom, time)
    }

    /// Given back.
    #[must_use]
    pub fn restored(whom: &Whom, author: &Author, time: SystemTime) -> Self {
        Self::by(author, Became::Restored, whom, time)
    }

    fn by(author: &Author, became: Became, whom: &Whom, time: SystemTime) -> Self {
        let Author { uid, user, signed_in, reason } = author.clone();
        Self { time, became, whom: whom.clone(), uid, user, signed_in, reason }
    }
}
