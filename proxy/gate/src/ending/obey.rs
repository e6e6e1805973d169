//! Ending access, and giving it back, in a running gate: written down first, then in force, then told to what is open.

use std::time::SystemTime;

use poort_identity::session::SessionId;
use serde::{Deserialize, Serialize};

use super::{Ending, Extent, Order, Unkept, Whom, in_force::seconds};
use crate::{
    audit::{AccessEnded, Record},
    live::{Author, Live},
    signin::{State as _, Whose},
};

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Sessions that are over for it.
    pub sessions: usize,
    /// What should be looked at.
    pub warnings: Vec<String>,
}

/// What is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Every ending, the oldest first.
    pub endings: Vec<Ending>,
    /// How many sessions are open.
    pub open_sessions: usize,
}

impl Live {
    /// Ends access: the next request is refused when this returns, and what is open is being cut.
    ///
    /// # Errors
    /// Why not. What is ended and cannot be kept on disk is ended until the gate stops, and the error says so.
    pub async fn end_access(&self, order: &Order) -> Result<Done, String> {
        if let Some(objection) = order.objection() {
            return Err(objection);
        }
        let now = SystemTime::now();
        let warnings = match &order.whom {
            Whom::Session(id) => self.open_session(*id, now).await.map(|()| vec![])?,
            Whom::User(name) => self.known_issuer(name).map(|()| vec![])?,
            Whom::Device(name) => self.unknown_device(name),
        };
        let until = order.length().map(|length| now + length);
        self.write_down_ending(AccessEnded::ended(order, until, now)).await?;
        let kept = self.put_in_force(order, until, now);
        let whose = match &order.whom {
            Whom::Session(id) => Whose::Session(*id),
            Whom::User(name) => Whose::User(name),
            Whom::Device(name) => Whose::Device(name),
        };
        let sessions = self.carry.sessions.end(whose).await;
        if !matches!(order.whom, Whom::Session(_)) {
            self.carry.notices.tell([order.whom.clone()]);
        }
        tracing::warn!(event = "access_ended", kind = order.whom.kind(), sessions, kept = kept.is_ok());
        kept.map(|()| Done { sessions, warnings }).map_err(|fault| match fault {
            Unkept::Disk(_) => format!("{} is ended until the gate stops, but {fault}", order.whom),
            Unkept::Full => format!("{} of {} were ended and no more: {fault}", sessions, order.whom),
        })
    }

    /// Gives access back.
    ///
    /// # Errors
    /// When none was ended, or it cannot be written down or kept; then everything is as before.
    pub async fn restore_access(&self, whom: &Whom, author: &Author) -> Result<Done, String> {
        let now = SystemTime::now();
        if self.carry.endings.find(whom, now).is_none() {
            return Err(format!("the access of {whom} was not ended; `poort access list` says whose was"));
        }
        self.write_down_ending(AccessEnded::restored(whom, author, now)).await?;
        self.carry.endings.take(whom).map_err(|fault| format!("nothing is given back, since {fault}"))?;
        tracing::warn!(event = "access_restored", kind = whom.kind());
        Ok(Done { sessions: 0, warnings: vec![] })
    }

    /// Whose access is ended.
    #[must_use]
    pub fn list_access(&self) -> Listed {
        let now = SystemTime::now();
        let open_sessions = self.carry.sessions.count(now).open;
        Listed { endings: self.carry.endings.all(now), open_sessions }
    }

    fn put_in_force(&self, order: &Order, until: Option<SystemTime>, now: SystemTime) -> Result<(), Unkept> {
        let extent = match (&order.whom, order.block) {
            (Whom::Session(_), _) => return Ok(()),
            (Whom::User(_), false) => Extent::SignedOut,
            (Whom::User(_), true) | (Whom::Device(_), _) => Extent::Blocked,
        };
        let ending = Ending {
            whom: order.whom.clone(),
            extent,
            since: seconds(now),
            until: until.map(seconds),
            by: order.author.name(),
            reason: order.author.reason.clone(),
        };
        self.carry.endings.put(ending, now)
    }

    async fn open_session(&self, id: SessionId, now: SystemTime) -> Result<(), String> {
        let kept = self.carry.sessions.find(id).await;
        let open = kept.is_some_and(|kept| !kept.ended && now < kept.subject.expires);
        open.then_some(())
            .ok_or_else(|| format!("no session `{id}` is open: it is over already, or never was"))
    }

    fn known_issuer(&self, user: &str) -> Result<(), String> {
        let snapshot = self.snapshot();
        let mut known = snapshot.pipeline.ports.keys.iter().map(|issuer| issuer.alias());
        let alias = user.split_once('|').map_or(user, |(alias, _)| alias);
        if known.any(|known| known == alias) {
            return Ok(());
        }
        let known: Vec<_> = snapshot.pipeline.ports.keys.iter().map(|issuer| issuer.alias()).collect();
        Err(format!("no issuer is called `{alias}`; there are {}", known.join(", ")))
    }

    fn unknown_device(&self, name: &str) -> Vec<String> {
        let known = self.snapshot().pipeline.rules.inventory.contains_key(name);
        let warning =
            || format!("`{name}` is not in the inventory; see that it is written as in its certificate");
        if known { vec![] } else { vec![warning()] }
    }

    /// What is not recorded is not done.
    async fn write_down_ending(&self, ended: AccessEnded) -> Result<(), String> {
        let unwritable = |fault: &dyn std::fmt::Display| {
            format!("nothing is changed, since it cannot be written down: {fault}")
        };
        let ticket = self.audit.append(Record::AccessEnded(Box::new(ended)));
        ticket.map_err(|fault| unwritable(&fault))?.durable().await.map_err(|fault| unwritable(&fault))
    }
}
