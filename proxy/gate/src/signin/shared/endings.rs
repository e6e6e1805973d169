//! Whose access was ended, at any gate. Each keeps all of it on a disk of its own too: it holds also where the server does not answer.

use std::time::{Duration, SystemTime};

use redis::{Cmd, cmd, pipe};
use serde::{Deserialize, Serialize};

use super::{
    Shared, Unkept, Whose,
    news::{self, News},
    server::key,
};
use crate::{
    ending::{Ending, Whom},
    signin::State as _,
};

/// For how long it is remembered that access was given back: a gate that was away for longer ends it again.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);

/// What was said last of somebody.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Ended(Ending),
    Restored { whom: Whom, at: u64 },
}

fn table() -> String {
    key("endings", "1")
}

fn field(whom: &Whom) -> String {
    format!("{}/{}", whom.kind(), whom.name())
}

/// What was said of a person, and of a device.
pub(super) fn of(user: &str, device: &str) -> Cmd {
    let mut get = cmd("HMGET");
    get.arg(table()).arg(field(&Whom::User(user.into()))).arg(field(&Whom::Device(device.into())));
    get
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Shared {
    /// Tells every gate that somebody's access was ended.
    ///
    /// # Errors
    /// [`Unkept::Unreachable`]: they hear of it when the server answers again.
    pub async fn share_ending(&self, ending: &Ending) -> Result<(), Unkept> {
        self.say(&ending.whom, &Said::Ended(ending.clone()), &News::Ended(Box::new(ending.clone()))).await
    }

    /// Tells every gate that it was given back.
    ///
    /// # Errors
    /// [`Unkept::Unreachable`]: it is given back at this gate alone, and the others' word will end it here again.
    pub async fn share_restored(&self, whom: &Whom, now: SystemTime) -> Result<(), Unkept> {
        // Not before it was ended, by a clock that is ahead of this one.
        let ended = self.endings.find(whom, now).map_or(0, |ending| ending.since);
        let (whom, at) = (whom.clone(), seconds(now).max(ended));
        let news = News::Restored { whom: whom.clone(), at };
        self.say(&whom, &Said::Restored { whom: whom.clone(), at }, &news).await
    }

    async fn say(&self, whom: &Whom, said: &Said, news: &News) -> Result<(), Unkept> {
        let text = serde_json::to_string(said).map_err(|_| Unkept::Unreachable)?;
        let mut both = pipe();
        both.atomic().cmd("HSET").arg(table()).arg(field(whom)).arg(text).ignore();
        both.add_command(news::tell(&self.gate, news)).ignore();
        self.server.ask_all::<()>(&both).await
    }

    /// Takes over what others said while this gate was away, and says what it did meanwhile.
    pub(super) async fn agree(&self, now: SystemTime) -> Result<(), Unkept> {
        let mut get = cmd("HVALS");
        get.arg(table());
        let said: Vec<String> = self.server.ask(&get).await?;
        let known = self.learn_endings(said, now);
        let own = self.endings.all(now).into_iter().filter(|ending| !known.contains(&ending.whom));
        for ending in own {
            self.share_ending(&ending).await?;
            // Nor could their sessions be ended. Those of who was signed out alone are told by their age, and may be new.
            if ending.blocks(now) {
                self.end(Whose::from(&ending.whom)).await?;
            }
        }
        Ok(())
    }

    /// Takes over what was said, unless something newer was said here; of whom nothing else is in force here.
    pub(super) fn learn_endings(&self, said: impl IntoIterator<Item = String>, now: SystemTime) -> Vec<Whom> {
        let mut whom = Vec::new();
        for text in said {
            match serde_json::from_str(&text) {
                Ok(Said::Ended(ending)) => {
                    if self.learn_ending(&ending, now) {
                        whom.push(ending.whom);
                    }
                }
                Ok(Said::Restored { whom: of, at }) => {
                    if self.learn_restored(&of, at, now)
                        && at.saturating_add(REMEMBERED.as_secs()) > seconds(now)
                    {
                        whom.push(of);
                    }
                }
                Err(fault) => {
                    tracing::error!(event = "ending_unreadable", %fault, remedy = "update this gate");
                }
            }
        }
        whom
    }

    /// Puts in force what was said; false if something else is in force here that outlasts it.
    pub(super) fn learn_ending(&self, ending: &Ending, now: SystemTime) -> bool {
        let known = self.endings.find(&ending.whom, now);
        if known.as_ref() == Some(ending) {
            return true;
        }
        let kept = self.endings.learn(ending.clone(), now);
        let in_force = self.endings.find(&ending.whom, now);
        if in_force != known || kept.is_err() {
            self.notices.tell([ending.whom.clone()]);
        }
        if let Err(fault) = kept {
            tracing::error!(event = "ending_not_kept", %fault);
        }
        in_force.is_none_or(|in_force| in_force == *ending)
    }

    /// Gives access back that was ended until then; false if it was ended since.
    pub(super) fn learn_restored(&self, whom: &Whom, at: u64, now: SystemTime) -> bool {
        if self.endings.find(whom, now).is_some_and(|ending| ending.since > at) {
            return false;
        }
        if let Err(fault) = self.endings.take(whom) {
            tracing::error!(event = "ending_not_kept", %fault);
        }
        true
    }
}
