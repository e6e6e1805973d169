use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::wire::{Connection, Head};

/// A request as it reached a source.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// Which connection of the source it came on, counted from 1.
    pub connection: u64,
    /// Every byte of its head.
    pub head: Vec<u8>,
    /// The method.
    pub method: String,
    /// The request target as spelled.
    pub target: String,
    /// Names and values in order, as spelled.
    pub headers: Vec<(String, String)>,
    /// The body, without its framing, as far as it came.
    pub body: Vec<u8>,
    /// Whether the body came whole; `None` while it is coming.
    pub whole: Option<bool>,
    /// The client certificate as DER, when TLS asked for one.
    pub client: Option<Vec<u8>>,
}

impl Received {
    /// The first value of a header, by name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers_named(name).next()
    }

    /// Every value of a header, by name in any case.
    pub fn headers_named(&self, name: &str) -> impl Iterator<Item = &str> {
        let same = move |own: &str| own.eq_ignore_ascii_case(name);
        self.headers.iter().filter(move |(own, _)| same(own)).map(|(_, value)| value.as_str())
    }

    /// What its `Poort-Assertion` says, unverified; none without one.
    pub fn assertion(&self) -> Option<Value> {
        let claims = self.header("poort-assertion")?.split('.').nth(1)?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }

    /// Whether its body came whole or broke off.
    pub fn has_ended(&self) -> bool {
        self.whole.is_some()
    }

    /// Everything, for a client that asks for an echo.
    pub fn to_json(&self) -> Value {
        json!({
            "connection": self.connection,
            "method": self.method,
            "target": self.target,
            "headers": self.headers,
            "body": String::from_utf8_lossy(&self.body),
        })
    }
}

#[derive(Default)]
pub(super) struct Journal {
    entries: Mutex<Vec<Received>>,
    changed: Notify,
}

impl Journal {
    pub(super) fn open(&self, connection: &Connection, head: &Head) -> usize {
        let mut entries = self.entries.lock();
        entries.push(Received {
            connection: connection.id,
            head: head.bytes.clone(),
            method: head.method.clone(),
            target: head.target.clone(),
            headers: head.headers.clone(),
            body: Vec::new(),
            whole: None,
            client: connection.client.as_ref().map(|leaf| leaf.to_vec()),
        });
        self.changed.notify_waiters();
        entries.len() - 1
    }

    pub(super) fn append(&self, index: usize, piece: &[u8]) {
        if let Some(entry) = self.entries.lock().get_mut(index) {
            entry.body.extend_from_slice(piece);
        }
        self.changed.notify_waiters();
    }

    pub(super) fn end(&self, index: usize, whole: bool) {
        if let Some(entry) = self.entries.lock().get_mut(index) {
            entry.whole = Some(whole);
        }
        self.changed.notify_waiters();
    }

    pub(super) fn at(&self, index: usize) -> Option<Received> {
        self.entries.lock().get(index).cloned()
    }

    pub(super) fn all(&self) -> Vec<Received> {
        self.entries.lock().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.entries.lock().len()
    }

    pub(super) fn clear(&self) {
        self.entries.lock().clear();
    }

    pub(super) async fn wait(&self, limit: Duration, enough: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let waiting = async {
            loop {
                // Registered before looking, so that a change in between is not missed.
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if enough(&self.entries.lock()) {
                    return;
                }
                changed.await;
            }
        };
        // Running out of time is an answer too: the caller sees what there is.
        let _ = tokio::time::timeout(limit, waiting).await;
        self.all()
    }
}
