//! A look at the record, which is a record itself.

use std::{net::IpAddr, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::machine_users;

/// Somebody searched the record, took a part of it along, or wanted to; or examined a source in the gate's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// When.
    pub time: SystemTime,
    /// With which command, such as `audit export` or `doctor`, or at which page, such as `console decisions`.
    pub command: String,
    /// Who.
    pub by: Looker,
    /// Why, in the user's own words.
    pub reason: Option<String>,
    /// What was looked for, by name; of a data subject only what stands for it.
    pub wanted: Vec<(String, String)>,
    /// How many consultations were shown.
    pub shown: u64,
    /// Whether nothing was shown, since the console's policies do not let them.
    pub refused: bool,
    /// The source that was examined; none: it was the record that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Who looks at the record, or writes down what was found in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Looker {
    /// A user of the machine.
    Machine {
        /// Its number, as the kernel says.
        uid: u32,
        /// What that user is called.
        user: Option<String>,
        /// Who signed in at the machine to become that user, if somebody did: not what a caller says, but a kernel.
        #[serde(skip)]
        signed_in: Option<String>,
    },
    /// Somebody at the console.
    Console {
        /// The name in the certificate.
        certificate: String,
        /// Where from.
        address: IpAddr,
    },
}

impl Looker {
    /// Whoever runs this process.
    #[must_use]
    pub fn here() -> Self {
        let uid = nix::unistd::Uid::current().as_raw();
        Self::Machine { uid, user: machine_users::name(uid), signed_in: machine_users::signed_in(None, uid) }
    }

    /// The same, of a user that the kernel says is another, and of whoever signed in to be it.
    #[must_use]
    pub fn with_uid(self, uid: u32, signed_in: Option<String>) -> Self {
        match self {
            Self::Machine { user, .. } => Self::Machine { uid, user, signed_in },
            Self::Console { .. } => Self::Machine { uid, user: None, signed_in },
        }
    }

    /// Who signed in at the machine, where that is another than its user.
    #[must_use]
    pub fn signed_in(&self) -> Option<&str> {
        match self {
            Self::Machine { signed_in, .. } => signed_in.as_deref(),
            Self::Console { .. } => None,
        }
    }

    /// What names them: the user's number, or the name in the certificate.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Machine { uid, .. } => uid.to_string(),
            Self::Console { certificate, .. } => certificate.clone(),
        }
    }

    /// What people call them, if they have another name.
    #[must_use]
    pub fn called(&self) -> Option<&str> {
        match self {
            Self::Machine { user, .. } => user.as_deref(),
            Self::Console { .. } => None,
        }
    }
}

impl Access {
    /// The longest text of any part, in bytes.
    pub const LIMIT_BYTES: usize = 512;
}
