//! Sign-ins that are under way, at a server: so many of one device, as at one gate.

use std::time::SystemTime;

use redis::Script;

use super::{
    Shared, millis,
    server::{hidden_key, key},
};
use crate::signin::{
    arrivals::MOST_OF_DEVICE,
    state::{Unkept, Waiting},
    written::Kind,
};

/// Keeps a sign-in at `KEYS[1]`, and its name among those of its device (`KEYS[2]`), scored by when they are over; the oldest make room. Some of
/// them may have arrived: they are the oldest sooner or later.
const WAIT: &str = "local value, till, now, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]) \
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now) \
    while redis.call('ZCARD', KEYS[2]) >= most do \
      redis.call('DEL', redis.call('ZPOPMIN', KEYS[2])[1]) \
    end \
    redis.call('SET', KEYS[1], value, 'PXAT', till) \
    redis.call('ZADD', KEYS[2], till, KEYS[1]) \
    redis.call('PEXPIREAT', KEYS[2], till) \
    return 1";

impl Shared {
    pub(super) async fn wait(&self, state: &str, waiting: &Waiting, until: SystemTime) -> Result<(), Unkept> {
        let value = self.sealed(&Kind::Waiting.name(state), waiting)?;
        let script = Script::new(WAIT);
        let mut wait = script.prepare_invoke();
        wait.key(hidden_key(Kind::Waiting.as_str(), state)).key(key("waiting-of", waiting.flow.device()));
        wait.arg(value).arg(millis(until)).arg(millis(SystemTime::now())).arg(MOST_OF_DEVICE);
        self.server.run::<bool>(&wait).await.map(drop)
    }
}
