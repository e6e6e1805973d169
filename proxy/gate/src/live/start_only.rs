//! What a gate takes from its files when it starts, and no reload changes: whoever edits it must not read that it was done.

use std::{collections::BTreeMap, fmt::Debug};

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

use crate::config::Checked;

/// Each such setting by its key, as a digest of its value: one is a password.
#[derive(Debug)]
pub(super) struct StartOnly(BTreeMap<String, Vec<u8>>);

impl StartOnly {
    /// What these files say.
    pub(super) fn of(checked: &Checked) -> Self {
        let mut settings = BTreeMap::new();
        let mut put = |key: String, value: &dyn Debug| {
            let text = Zeroizing::new(format!("{value:?}"));
            settings.insert(key, digest(&SHA256, text.as_bytes()).as_ref().to_vec());
        };
        let deploy = &checked.deploy;
        for listener in deploy.tls_listeners() {
            let mut of = |key: &str, value: &dyn Debug| {
                put(format!("`{key}` of listener `{}`", listener.address), value);
            };
            of("client_certificate", &listener.client_certificate);
            of("tls", &listener.tls);
            of("balancers", &listener.balancers);
        }
        let (audit, connections) = (&deploy.audit, &deploy.connections);
        let log = audit.log.as_ref().map(|log| (&log.keys, &log.anchor));
        let redis = deploy.redis.as_ref().map(|redis| {
            let password = redis.password.as_ref().map(|password| password.as_str());
            (&redis.address, &redis.user, password, &redis.ca)
        });
        let others: [(&str, &dyn Debug); 14] = [
            ("admin.address", &deploy.admin),
            ("state.directory", &deploy.state),
            ("state.redis", &redis),
            ("audit.directory", &audit.directory),
            ("audit.durable", &audit.durable),
            ("audit.log", &log),
            ("audit.spill", &audit.spill),
            ("audit.reserve", &audit.reserve),
            ("connections.head", &connections.head),
            ("connections.body", &connections.body),
            ("connections.keep_alive", &connections.keep_alive),
            ("workers", &deploy.workers),
            ("drain", &deploy.drain),
            ("watch", &deploy.watch),
        ];
        for (key, value) in others {
            put(format!("`{key}`"), value);
        }
        put("`limits.keys`".to_owned(), &checked.zone.limits.keys);
        Self(settings)
    }

    /// What is otherwise in other files, a line each. A listener that only one of them has is said elsewhere.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let differs =
            |(key, value): &(&String, &Vec<u8>)| other.0.get(*key).is_some_and(|other| other != *value);
        let changed = self.0.iter().filter(differs);
        changed.map(|(key, _)| format!("{key} changed; it needs a restart")).collect()
    }
}
