//! Forms that wait for their writers, at a server: bounded over all gates, as they are at one.

use std::{sync::Arc, time::SystemTime};

use redis::{Script, cmd, pipe};

use super::{
    Shared, millis,
    server::{hidden_key, key},
};
use crate::signin::{
    forms::{KeptForm, MOST, MOST_BYTES, MOST_OF_DEVICE},
    state::Unkept,
    written::{Kind, open},
};

/// Keeps a form at `KEYS[1]`, unless there are too many. Its member in the device's set (`KEYS[2]`) and in that of all (`KEYS[3]`), scored by
/// when it is over, is its size and its key.
const KEEP: &str = "local value, till, now, member = ARGV[1], ARGV[2], ARGV[3], ARGV[4] \
    local bytes, device, most, most_bytes = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]) \
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now) \
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now) \
    while redis.call('ZCARD', KEYS[2]) >= device do \
      local oldest = redis.call('ZPOPMIN', KEYS[2])[1] \
      redis.call('ZREM', KEYS[3], oldest) \
      redis.call('DEL', string.match(oldest, '^%d+ (.*)$')) \
    end \
    local all = redis.call('ZRANGE', KEYS[3], 0, -1) \
    for _, one in ipairs(all) do bytes = bytes + tonumber(string.match(one, '^%d+')) end \
    if #all >= most or bytes > most_bytes then return 0 end \
    redis.call('SET', KEYS[1], value, 'PXAT', till) \
    redis.call('ZADD', KEYS[2], till, member) \
    redis.call('PEXPIREAT', KEYS[2], till) \
    redis.call('ZADD', KEYS[3], till, member) \
    return 1";

impl Shared {
    pub(super) async fn put_form(&self, name: &str, form: &KeptForm, now: SystemTime) -> Result<(), Unkept> {
        let value = self.sealed(&Kind::Form.name(name), form)?;
        let script = Script::new(KEEP);
        let mut keep = script.prepare_invoke();
        keep.key(form_key(name)).key(of_device(form)).key(of_all());
        keep.arg(value).arg(millis(form.until)).arg(millis(now)).arg(member(name, form)).arg(form.bytes());
        keep.arg(MOST_OF_DEVICE).arg(MOST).arg(MOST_BYTES);
        if self.server.run::<bool>(&keep).await? { Ok(()) } else { Err(Unkept::Full) }
    }

    pub(super) async fn look_at_form(
        &self,
        name: &str,
        now: SystemTime,
    ) -> Result<Option<Arc<KeptForm>>, Unkept> {
        let mut get = cmd("GET");
        get.arg(form_key(name));
        let sealed: Option<Vec<u8>> = self.server.ask(&get).await?;
        Ok(self.opened(name, sealed, now))
    }

    pub(super) async fn fetch_form(
        &self,
        name: &str,
        form: &KeptForm,
        now: SystemTime,
    ) -> Result<Option<Arc<KeptForm>>, Unkept> {
        let mut all = pipe();
        all.atomic().cmd("GETDEL").arg(form_key(name));
        for set in [of_device(form), of_all()] {
            all.cmd("ZREM").arg(set).arg(member(name, form)).ignore();
        }
        let (sealed,): (Option<Vec<u8>>,) = self.server.ask_all(&all).await?;
        Ok(self.opened(name, sealed, now))
    }

    /// What cannot be opened is nobody's.
    fn opened(&self, name: &str, sealed: Option<Vec<u8>>, now: SystemTime) -> Option<Arc<KeptForm>> {
        let form: KeptForm = open(&self.seal.load(), &Kind::Form.name(name), &sealed?)?;
        (now < form.until).then(|| Arc::new(form))
    }
}

fn form_key(name: &str) -> String {
    hidden_key(Kind::Form.as_str(), name)
}

fn of_device(form: &KeptForm) -> String {
    key("forms-of", &form.writer.device)
}

fn of_all() -> String {
    key("forms", "all")
}

fn member(name: &str, form: &KeptForm) -> String {
    format!("{} {}", form.bytes(), form_key(name))
}
