//! Ending access, and giving it back, in a running gate: written down first, then in force, then told to what is open.

use std::{sync::Arc, time::SystemTime};

use poort_identity::session::SessionId;
use serde::{Deserialize, Serialize};

use super::{Ending, EndingFault, Extent, Order, Whom, in_force::seconds};
use crate::{
    audit::{AccessEnded, Record},
    config,
    live::{Author, Live},
    signin::{State as _, Whose},
};

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Whose access it was, by the whole name.
    pub whom: Whom,
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
        let mut warnings = vec![];
        let whom = match &order.whom {
            Whom::Session(id) => self.open_session(*id, now).await.map(|()| order.whom.clone())?,
            Whom::User(name) => self.known_issuer(name).map(|()| order.whom.clone())?,
            Whom::Device(name) => Whom::Device(self.meant_device(name, order.unlisted, &mut warnings)?),
        };
        let order = &Order { whom, ..order.clone() };
        let until = order.length().map(|length| now + length);
        self.write_down_ending(AccessEnded::ended(order, until, now)).await?;
        let kept = self.put_in_force(order, until, now).await;
        let ended = self.carry.sessions.end(Whose::from(&order.whom)).await;
        if !matches!(order.whom, Whom::Session(_)) {
            self.carry.notices.tell([order.whom.clone()]);
        }
        let kind = order.whom.kind();
        tracing::warn!(event = "access_ended", kind, ?ended, kept = kept.is_ok());
        let sessions = match ended {
            Ok(sessions) => sessions,
            // Nothing is in force of a session that stays: it is ended where it is kept, or not at all.
            Err(fault) if matches!(order.whom, Whom::Session(_)) => {
                return Err(format!("{} may go on, since {fault}; end it again", order.whom));
            }
            // Who is blocked or signed out is refused whatever sessions there are.
            Err(fault) if kept.is_ok() => {
                return Err(format!("{} is refused from now on, but sessions may stay: {fault}", order.whom));
            }
            Err(_) => 0,
        };
        kept.map(|()| Done { whom: order.whom.clone(), sessions, warnings }).map_err(|fault| match fault {
            EndingFault::Disk(_) => format!("{} is ended until the gate stops, but {fault}", order.whom),
            EndingFault::Elsewhere => format!("{} is ended at this gate; {fault}", order.whom),
            EndingFault::Full => format!("{} of {} were ended and no more: {fault}", sessions, order.whom),
        })
    }

    /// Gives access back.
    ///
    /// # Errors
    /// When none was ended, or it cannot be written down or kept; then everything is as before.
    pub async fn restore_access(&self, whom: &Whom, author: &Author) -> Result<Done, String> {
        let now = SystemTime::now();
        let whom = &self.meant_ending(whom, now)?;
        if self.carry.endings.find(whom, now).is_none() {
            return Err(format!("the access of {whom} was not ended; `poort access list` says whose was"));
        }
        self.write_down_ending(AccessEnded::restored(whom, author, now)).await?;
        let shared = self.carry.sessions.share_restored(whom, now).await;
        shared.map_err(|fault| format!("nothing is given back, since {fault}"))?;
        self.carry.endings.take(whom).map_err(|fault| format!("nothing is given back, since {fault}"))?;
        tracing::warn!(event = "access_restored", kind = whom.kind());
        Ok(Done { whom: whom.clone(), sessions: 0, warnings: vec![] })
    }

    /// Whose access is ended.
    #[must_use]
    pub fn list_access(&self) -> Listed {
        let now = SystemTime::now();
        let open_sessions = self.carry.sessions.count(now).open;
        Listed { endings: self.carry.endings.all(now), open_sessions }
    }

    /// Here first, then at every other gate.
    async fn put_in_force(
        &self,
        order: &Order,
        until: Option<SystemTime>,
        now: SystemTime,
    ) -> Result<(), EndingFault> {
        let extent = match (&order.whom, order.block) {
            (Whom::Session(_), _) => return Ok(()),
            (Whom::User(_), false) => Extent::SignedOut,
            (Whom::User(_), true) | (Whom::Device(_), _) => Extent::Blocked,
        };
        // A later word than any that is in force, also of a gate whose clock is ahead.
        let known = self.carry.endings.find(&order.whom, now).map_or(0, |known| known.since);
        let ending = Ending {
            whom: order.whom.clone(),
            extent,
            since: seconds(now).max(known),
            until: until.map(seconds),
            by: order.author.name(),
            reason: order.author.reason.clone(),
        };
        let kept = self.carry.endings.put(ending.clone(), now);
        // Who is blocked stays so, for gates that come later too.
        let in_force = self.carry.endings.find(&order.whom, now).unwrap_or(ending);
        let shared = self.carry.sessions.share_ending(&in_force).await;
        kept.and(shared.map_err(|_| EndingFault::Elsewhere))
    }

    async fn open_session(&self, id: SessionId, now: SystemTime) -> Result<(), String> {
        let kept = self.carry.sessions.find(id).await.map_err(|fault| fault.to_string())?;
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

    /// The whole name of a device of the inventory: as it is there, or the only one behind whose last slash it stands.
    ///
    /// # Errors
    /// When there is none or several, unless whoever asks knows that it is not listed.
    fn meant_device(
        &self,
        name: &Arc<str>,
        unlisted: bool,
        warnings: &mut Vec<String>,
    ) -> Result<Arc<str>, String> {
        let snapshot = self.snapshot();
        let inventory = &snapshot.pipeline.rules.inventory;
        if inventory.contains_key(&**name) {
            return Ok(Arc::clone(name));
        }
        if unlisted {
            config::certified_name_objection(name).map_or(Ok(()), Err)?;
            warnings.push(format!("`{name}` is not in the inventory"));
            return Ok(Arc::clone(name));
        }
        the_only_one(name, inventory.keys().map(|known| &**known))?.ok_or_else(|| {
            format!(
                "`{name}` is not in the inventory, and nobody is blocked; write the name as it is in the device's certificate, with \
                 `--unlisted` if it is not to be there"
            )
        })
    }

    /// A device that is blocked may be gone from the inventory, so it is looked for among those that are.
    fn meant_ending(&self, whom: &Whom, now: SystemTime) -> Result<Whom, String> {
        let Whom::Device(name) = whom else { return Ok(whom.clone()) };
        if self.carry.endings.find(whom, now).is_some() {
            return Ok(whom.clone());
        }
        let ended = self.carry.endings.all(now);
        let devices = ended.iter().filter_map(|ending| match &ending.whom {
            Whom::Device(name) => Some(&**name),
            Whom::User(_) | Whom::Session(_) => None,
        });
        Ok(the_only_one(name, devices)?.map_or_else(|| whom.clone(), Whom::Device))
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

/// The only one of these names with this behind its last slash; none if there is none.
///
/// # Errors
/// When there are several: whose access is meant is not guessed.
fn the_only_one<'n>(part: &str, names: impl Iterator<Item = &'n str>) -> Result<Option<Arc<str>>, String> {
    let mut found: Vec<_> = names.filter(|name| name.rsplit('/').next() == Some(part)).collect();
    found.sort_unstable();
    match found[..] {
        [] => Ok(None),
        [name] => Ok(Some(name.into())),
        _ => Err(format!("`{part}` may be each of {}; write the whole name", found.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_a_name_is_enough_where_it_is_one_devices_only() {
        let names =
            ["spiffe://zone/device/car-12", "spiffe://zone/device/car-1", "spiffe://other/device/car-1"];
        for (part, found) in [
            ("car-12", Ok(Some("spiffe://zone/device/car-12".into()))),
            ("car-2", Ok(None)),
            ("", Ok(None)),
            ("device/car-12", Ok(None)),
            (
                "car-1",
                Err("`car-1` may be each of spiffe://other/device/car-1, spiffe://zone/device/car-1; write the whole name"
                    .to_owned()),
            ),
        ] {
            assert_eq!(the_only_one(part, names.into_iter()), found, "{part}");
        }
    }
}
