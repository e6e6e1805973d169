//! Persistent collections (`GLOBAL`, `IP`, `RESOURCE`, `SESSION`, `USER`) as plain data. The engine reads and changes
//! them; keeping them, sharing them and bounding their number is the caller's.

use std::collections::BTreeMap;

use crate::Variable;

/// One member of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its value.
    pub value: Vec<u8>,
    /// When it ends, in seconds of the epoch; `None`: with its collection.
    pub expires: Option<u64>,
}

/// Members by name, in lower case.
pub type Members = BTreeMap<String, Member>;

/// The collections a transaction may attach, by variable and key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collections {
    records: BTreeMap<(Variable, Vec<u8>), Members>,
}

impl Collections {
    /// The members kept under `key`.
    #[must_use]
    pub fn members(&self, collection: Variable, key: &[u8]) -> Option<&Members> {
        self.records.get(&(collection, key.to_vec()))
    }

    /// The members kept under `key`, made when there are none.
    pub fn members_mut(&mut self, collection: Variable, key: &[u8]) -> &mut Members {
        self.records.entry((collection, key.to_vec())).or_default()
    }

    /// All records.
    pub fn iter(&self) -> impl Iterator<Item = (Variable, &[u8], &Members)> {
        self.records.iter().map(|((collection, key), members)| (*collection, key.as_slice(), members))
    }

    /// Drops members that ended before `now` (seconds of the epoch), and records without members.
    pub fn expire(&mut self, now: u64) {
        for members in self.records.values_mut() {
            members.retain(|_, member| member.expires.is_none_or(|end| end > now));
        }
        self.records.retain(|_, members| !members.is_empty());
    }
}
