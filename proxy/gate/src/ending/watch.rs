//! A request in flight, whose access may be ended meanwhile.

use std::sync::Arc;

use poort_enforce::{exchange::Exchange, reason::Reason};
use poort_identity::session::SessionFault;

use super::{
    Whom,
    notices::{Concern, Notices, Party},
};

/// Looks whether access was ended since a request was admitted. It costs one load as long as nobody's was.
#[derive(Debug)]
pub(crate) struct Watched {
    notices: Arc<Notices>,
    seen: u64,
}

impl Watched {
    /// From now on: before the request is admitted.
    pub(crate) fn new(notices: &Arc<Notices>) -> Self {
        Self { seen: notices.count(), notices: Arc::clone(notices) }
    }

    /// How many endings were seen.
    pub(crate) const fn seen(&self) -> u64 {
        self.seen
    }

    /// Why no further byte may pass, if so.
    pub(crate) fn reason(&mut self, exchange: Option<&Exchange>) -> Option<Reason> {
        if self.notices.count() == self.seen {
            return None;
        }
        match self.notices.concern(&mut self.seen, party(exchange?))? {
            Concern::Own(Whom::Session(_)) => Some(Reason::Session(SessionFault::Ended)),
            Concern::Own(Whom::Device(_)) => Some(Reason::DeviceBlocked),
            Concern::Own(Whom::User(_)) | Concern::Missed => Some(Reason::SignInEnded),
        }
    }
}

/// In whose name a request is made.
pub(crate) fn party(exchange: &Exchange) -> Party<'_> {
    let subject = exchange.holder.as_ref().and_then(|holder| holder.subject.as_ref());
    Party {
        session: exchange.session,
        user: subject.map(|subject| &*subject.id),
        device: exchange.connection.device.accepted().map(|certificate| &*certificate.name),
    }
}
