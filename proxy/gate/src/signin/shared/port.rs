//! The port of the state, at a server.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use poort_identity::session::SessionId;
use redis::{cmd, pipe};

use super::{
    FRESH, REMEMBERED, Shared, command, endings, indices, millis,
    news::{self, News},
    open_key,
    server::{hidden_key, key},
    session_key, session_name,
};
use crate::{
    ending::Whom,
    signin::{
        forms::KeptForm,
        sessions::SEEN,
        state::{HandOver, Kept, State, Unkept, Waiting, Whose},
        written::{Kind, open},
    },
};

impl State for Shared {
    async fn wait_for(&self, state: &str, waiting: Waiting, until: SystemTime) -> Result<(), Unkept> {
        self.wait(state, &waiting, until).await
    }

    async fn arrived(&self, state: &str, _: SystemTime) -> Result<Option<Waiting>, Unkept> {
        self.take(Kind::Waiting, state).await
    }

    async fn hand_over(&self, code: &str, hand_over: HandOver, until: SystemTime) -> Result<(), Unkept> {
        self.put(Kind::HandOver, code, &hand_over, until).await
    }

    async fn take_over(&self, code: &str, _: SystemTime) -> Result<Option<HandOver>, Unkept> {
        self.take(Kind::HandOver, code).await
    }

    async fn is_known(&self, name: &str, _: SystemTime) -> Result<bool, Unkept> {
        self.server.ask(&command("EXISTS", &[&hidden_key(Kind::Name.as_str(), name)])).await
    }

    async fn is_first(&self, name: &str, until: SystemTime, _: SystemTime) -> Result<bool, Unkept> {
        let mut set = cmd("SET");
        set.arg(hidden_key(Kind::Name.as_str(), name)).arg(1).arg("NX").arg("PXAT").arg(millis(until));
        self.server.ask::<Option<String>>(&set).await.map(|set| set.is_some())
    }

    async fn first(
        &self,
        name: &str,
        value: &str,
        until: SystemTime,
        _: SystemTime,
    ) -> Result<String, Unkept> {
        let under = Kind::Pin.name(name);
        let mut set = cmd("SET");
        set.arg(hidden_key(Kind::Pin.as_str(), name)).arg(self.sealed(&under, &value)?);
        set.arg("NX").arg("GET").arg("PXAT").arg(millis(until));
        let Some(first) = self.server.ask::<Option<Vec<u8>>>(&set).await? else {
            return Ok(value.to_owned());
        };
        // One that no key opens any more was somebody's.
        open(&self.seal.load(), &under, &first).ok_or(Unkept::Unreachable)
    }

    async fn keep(&self, id: SessionId, kept: Kept) -> Result<(), Unkept> {
        let (name, until) = (id.to_string(), millis(kept.subject.expires));
        let value = self.sealed(&session_name(id), &kept)?;
        let mut all = pipe();
        all.atomic().cmd("SET").arg(session_key(id)).arg(value).arg("PXAT").arg(until).ignore();
        all.cmd("ZADD").arg(open_key()).arg(until).arg(&name).ignore();
        for index in indices(&kept) {
            all.cmd("SADD").arg(&index).arg(&name).ignore();
            // The last of its sessions to end decides, also after a reload that made them shorter.
            for longer in ["NX", "GT"] {
                all.cmd("PEXPIREAT").arg(&index).arg(until).arg(longer).ignore();
            }
        }
        all.add_command(news::tell(&self.gate, &News::Changed(id))).ignore();
        // Whoever signs in while their access is being ended at another gate: one of the two sees the other.
        all.add_command(endings::of(&kept.subject.id, &kept.device));
        let (ended,): (Vec<Option<String>>,) = self.server.ask_all(&all).await?;
        self.learn_endings(ended.into_iter().flatten(), SystemTime::now());
        self.remember(id, kept);
        Ok(())
    }

    async fn find(&self, id: SessionId) -> Result<Option<Kept>, Unkept> {
        let copy = self.copies.get(&id).filter(|copy| copy.read.elapsed() < FRESH && self.hears());
        if let Some(copy) = copy {
            return Ok(Some(copy.kept.clone()));
        }
        let generation = self.generation();
        let kept = self.fetch(id).await?.map(|(_, kept)| kept);
        match &kept {
            Some(kept) => self.remember_of(generation, id, kept),
            None => self.forget(id),
        }
        Ok(kept)
    }

    async fn used(&self, id: SessionId, now: SystemTime) {
        let seen = self.copies.get(&id).map(|copy| copy.kept.seen);
        let long_ago = |seen| now.duration_since(seen).is_ok_and(|since| since >= SEEN);
        if seen.is_some_and(long_ago) {
            let mut used = self.used.lock();
            if used.len() < REMEMBERED {
                used.insert(id);
            }
        }
    }

    async fn change(&self, id: SessionId, change: impl Fn(&mut Kept) + Send + Sync) -> Result<bool, Unkept> {
        let changed = self.alter(id, |kept| {
            change(kept);
            true
        });
        if changed.await?.is_none() {
            return Ok(false);
        }
        self.tell(&News::Changed(id)).await.map(|()| true)
    }

    async fn lease(&self, id: SessionId, _: SystemTime, length: Duration) -> Result<bool, Unkept> {
        if self.find(id).await?.is_none_or(|kept| kept.ended) {
            return Ok(false);
        }
        let mut set = cmd("SET");
        let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        set.arg(key("lease", &id.to_string())).arg(1).arg("NX").arg("PX").arg(length);
        self.server.ask::<Option<String>>(&set).await.map(|set| set.is_some())
    }

    async fn keep_form(&self, name: &str, form: KeptForm, now: SystemTime) -> Result<(), Unkept> {
        self.put_form(name, &form, now).await
    }

    async fn form(&self, name: &str, now: SystemTime) -> Result<Option<Arc<KeptForm>>, Unkept> {
        self.look_at_form(name, now).await
    }

    async fn take_form(
        &self,
        name: &str,
        form: &KeptForm,
        now: SystemTime,
    ) -> Result<Option<Arc<KeptForm>>, Unkept> {
        self.fetch_form(name, form, now).await
    }

    async fn end(&self, whose: Whose<'_>) -> Result<usize, Unkept> {
        let (mut over, mut all) = (Vec::new(), pipe());
        all.atomic();
        let mut failed = None;
        for id in self.meant(whose).await? {
            let end = |kept: &mut Kept| {
                let meant = whose.means(kept);
                kept.ended |= meant;
                if meant {
                    // What could still ask the issuer in this person's name goes at once.
                    kept.refresh = None;
                }
                meant
            };
            let kept = match self.alter(id, end).await {
                Ok(Some(kept)) => kept,
                Ok(None) => continue,
                // Those that were ended are told of: whoever asks again finds them ended, and nothing to tell.
                Err(fault) => {
                    failed = Some(fault);
                    break;
                }
            };
            let name = id.to_string();
            for index in indices(&kept) {
                all.add_command(command("SREM", &[&index, &name])).ignore();
            }
            all.add_command(command("ZREM", &[&open_key(), &name])).ignore();
            over.push(id);
        }
        if over.is_empty() {
            return failed.map_or(Ok(0), Err);
        }
        self.notices.tell(over.iter().copied().map(Whom::Session));
        let count = over.len();
        all.add_command(news::tell(&self.gate, &News::Over(over))).ignore();
        self.server.ask_all::<()>(&all).await?;
        failed.map_or(Ok(count), Err)
    }
}
