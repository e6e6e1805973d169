//! What an operator wants ended.

use std::{fmt, sync::Arc, time::Duration};

use poort_identity::session::SessionId;
use serde::{Deserialize, Serialize};

use crate::{audit::Access, config, live::Author};

/// Whose access is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// One session, on every host at once.
    Session(SessionId),
    /// A person or service: `issuer-alias|sub`.
    User(Arc<str>),
    /// A device or workload, by the name in its certificate.
    Device(Arc<str>),
}

impl Whom {
    /// The word in records and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Session(_) => "session",
            Self::User(_) => "user",
            Self::Device(_) => "device",
        }
    }

    /// Its name alone.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Session(id) => id.to_string(),
            Self::User(name) | Self::Device(name) => name.to_string(),
        }
    }

    /// A device, by its name or by what is behind the last slash of it, which the gate looks up.
    ///
    /// # Errors
    /// When no certificate has a name that is or ends so.
    pub fn device(name: &str) -> Result<Self, String> {
        let is_last_part =
            !name.is_empty() && !name.contains('/') && name.bytes().all(|b| b.is_ascii_graphic());
        match config::certified_name_objection(name) {
            Some(objection) if !is_last_part => Err(objection),
            _ => Ok(Self::Device(name.into())),
        }
    }

    /// A person or service.
    ///
    /// # Errors
    /// When that is not `issuer-alias|sub`.
    pub fn user(name: &str) -> Result<Self, String> {
        let sound = name.split_once('|').is_some_and(|(alias, sub)| !alias.is_empty() && !sub.is_empty());
        if sound && !name.chars().any(char::is_control) {
            return Ok(Self::User(name.into()));
        }
        Err(format!("`{name}` is nobody's name; write `ISSUER|SUBJECT`, as the record has it, in quotes"))
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind(), self.name())
    }
}

/// To end somebody's access, or to give it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Whose.
    pub whom: Whom,
    /// Whether a person who signs in anew is refused too. A device always is; a session is over.
    pub block: bool,
    /// For how long, in seconds; none: until it is given back.
    pub seconds: Option<u64>,
    /// Whether a device is meant that the inventory does not have. A slip of the pen would block nobody and look as if it had.
    #[serde(default)]
    pub unlisted: bool,
    /// Who wants it, and why.
    pub author: Author,
}

impl Order {
    /// The longest that a block may last by itself.
    pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

    /// For how long.
    #[must_use]
    pub fn length(&self) -> Option<Duration> {
        self.seconds.map(Duration::from_secs)
    }

    /// Why it cannot be meant.
    pub(super) fn objection(&self) -> Option<String> {
        let blocks = self.block || matches!(self.whom, Whom::Device(_));
        if self.block && matches!(self.whom, Whom::Session(_)) {
            return Some("a session that was ended stays so; to keep its user out, end the user".to_owned());
        }
        if self.author.reason.as_ref().is_some_and(|reason| reason.len() > Access::LIMIT_BYTES) {
            return Some(format!(
                "a reason has at most {} bytes; write where more stands",
                Access::LIMIT_BYTES
            ));
        }
        let length = self.length()?;
        if !blocks {
            return Some(
                "only a block ends by itself: who signs in anew passes at once; add `--block`".to_owned(),
            );
        }
        (length.is_zero() || length > Self::LONGEST)
            .then(|| "a block lasts from `1s` to `366d`, or until it is given back".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_strictly() {
        for (name, sound) in [
            ("zone|an.janssens", true),
            ("zone|a|b", true),
            ("an.janssens", false),
            ("|an", false),
            ("zone|", false),
            ("zone|an\n", false),
        ] {
            assert_eq!(Whom::user(name).is_ok(), sound, "{name:?}");
        }
        for (name, sound) in [
            ("spiffe://zone.example/device/car-12", true),
            ("car-12.zone.example", true),
            ("spiffe://Zone.example/device/car-12", false),
            ("spiffe://zone.example/device/../car-12", false),
            ("car-12", true),
            ("Car_12", true),
            ("car 12", false),
            ("", false),
        ] {
            assert_eq!(Whom::device(name).is_ok(), sound, "{name:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        let session = Whom::Session(SessionId::random().unwrap());
        let (user, device) =
            (Whom::user("zone|an").unwrap(), Whom::device("spiffe://zone.example/car-1").unwrap());
        for (whom, block, seconds, sound) in [
            (&session, false, None, true),
            (&session, true, None, false),
            (&session, false, Some(60), false),
            (&user, false, None, true),
            (&user, false, Some(60), false),
            (&user, true, Some(60), true),
            (&user, true, None, true),
            (&device, false, Some(60), true),
            (&device, false, Some(0), false),
            (&device, false, Some(400 * 24 * 3600), false),
        ] {
            let order =
                Order { whom: whom.clone(), block, seconds, unlisted: false, author: Author::default() };
            assert_eq!(order.objection().is_none(), sound, "{order:?}");
        }
        let author = Author { reason: Some("x".repeat(513)), ..Author::default() };
        let order = Order { whom: device, block: false, seconds: None, unlisted: false, author };
        assert!(order.objection().is_some());
    }
}
