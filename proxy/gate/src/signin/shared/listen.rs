//! Hearing what other gates say.

use std::{
    mem,
    sync::atomic::Ordering,
    time::{Duration, Instant, SystemTime},
};

use redis::pipe;

use super::{
    Shared, Unkept, millis,
    news::{self, News},
    open_key,
};
use crate::ending::Whom;

/// How long the server is waited at for news: so often it is known that it still tells.
const WAIT: Duration = Duration::from_millis(500);
/// How long is waited after it failed.
const PAUSE: Duration = Duration::from_millis(250);
/// How often sessions are counted, and how those that are used is written down.
const CHORES: Duration = Duration::from_secs(5);

impl Shared {
    /// Listens for as long as the gate runs.
    pub async fn listen(&self) {
        let mut last = None;
        loop {
            let Err(Unkept::Unreachable | Unkept::Full) = self.hear(&mut last).await;
            // Nothing that is remembered is known to be so any more.
            self.heard.store(0, Ordering::Release);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Goes on from the entry that was heard last; ends when the server does not answer.
    async fn hear(&self, last: &mut Option<String>) -> Result<std::convert::Infallible, Unkept> {
        let mut server = self.server.listener(WAIT).await?;
        let mut after = match last.take() {
            Some(after) => after,
            None => {
                let entry: Vec<news::Entry> = self.server.ask(&news::last()).await?;
                entry.into_iter().next().map_or_else(|| "0-0".to_owned(), |(name, _)| name)
            }
        };
        *last = Some(after.clone());
        self.copies.clear();
        self.agree(SystemTime::now()).await?;
        let wait = u64::try_from(WAIT.as_millis()).unwrap_or(500);
        let mut due = Instant::now();
        loop {
            let answer = news::listen(&after, wait).query_async(&mut server).await;
            let answer = self.server.judge(answer)?;
            for (name, news) in news::read(answer, &self.gate) {
                news.into_iter().for_each(|news| self.heed(news));
                after = name;
            }
            *last = Some(after.clone());
            let heard = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.heard.store(heard.max(1), Ordering::Release);
            if Instant::now() >= due {
                self.chores().await?;
                due = Instant::now() + CHORES;
            }
        }
    }

    fn heed(&self, news: News) {
        match news {
            News::Changed(id) => self.forget(id),
            News::Over(ids) => {
                ids.iter().for_each(|id| self.forget(*id));
                self.notices.tell(ids.into_iter().map(Whom::Session));
            }
            News::Ended(ending) => {
                self.learn_ending(&ending, SystemTime::now());
            }
            News::Restored { whom, at } => {
                self.learn_restored(&whom, at, SystemTime::now());
            }
        }
    }

    async fn chores(&self) -> Result<(), Unkept> {
        let now = SystemTime::now();
        let used = mem::take(&mut *self.used.lock());
        for id in used {
            let seen = self.alter(id, |kept| {
                kept.seen = now;
                true
            });
            seen.await?;
        }
        let mut count = pipe();
        count.cmd("ZREMRANGEBYSCORE").arg(open_key()).arg("-inf").arg(millis(now)).ignore();
        count.cmd("ZCARD").arg(open_key());
        let (open,): (usize,) = self.server.ask_all(&count).await?;
        self.open.store(open, Ordering::Relaxed);
        Ok(())
    }
}
