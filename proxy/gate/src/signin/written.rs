//! What is kept, as it is written down: JSON, sealed under its name. Tokens lie nowhere in clear.

use std::time::SystemTime;

use poort_identity::session::{Seal, SessionId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{
    forms::KeptForm,
    state::{HandOver, Kept, Unkept, Waiting},
};

/// What something is kept as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Session,
    Waiting,
    HandOver,
    Name,
    Pin,
    Form,
}

impl Kind {
    /// What its names begin with.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session/",
            Self::Waiting => "waiting/",
            Self::HandOver => "hand-over/",
            Self::Name => "name/",
            Self::Pin => "pin/",
            Self::Form => "form/",
        }
    }

    /// Under which something of this kind is written down.
    pub(super) fn name(self, name: &str) -> Vec<u8> {
        [self.as_str(), name].concat().into_bytes()
    }
}

/// Something that is kept for a while.
#[derive(Serialize, Deserialize)]
pub(super) struct Moment<T> {
    pub(super) until: SystemTime,
    pub(super) value: T,
}

/// What was written down.
pub(super) enum Written {
    Session(SessionId, Box<Kept>),
    Waiting(String, Moment<Waiting>),
    HandOver(String, Moment<HandOver>),
    Name(String, Moment<()>),
    Pin(String, Moment<String>),
    Form(String, Box<KeptForm>),
}

impl Written {
    /// What lies under a name; none if it cannot be opened or read: its key is gone, or a gate of another version wrote it.
    pub(super) fn read(seal: &Seal, name: &[u8], sealed: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(name).ok()?;
        let of = |kind: Kind| text.strip_prefix(kind.as_str());
        if let Some(id) = of(Kind::Session) {
            return Some(Self::Session(id.parse().ok()?, Box::new(open(seal, name, sealed)?)));
        }
        if let Some(state) = of(Kind::Waiting) {
            return Some(Self::Waiting(state.to_owned(), open(seal, name, sealed)?));
        }
        if let Some(code) = of(Kind::HandOver) {
            return Some(Self::HandOver(code.to_owned(), open(seal, name, sealed)?));
        }
        if let Some(form) = of(Kind::Form) {
            return Some(Self::Form(form.to_owned(), Box::new(open(seal, name, sealed)?)));
        }
        if let Some(token) = of(Kind::Pin) {
            return Some(Self::Pin(token.to_owned(), open(seal, name, sealed)?));
        }
        let known = of(Kind::Name)?;
        Some(Self::Name(known.to_owned(), open(seal, name, sealed)?))
    }
}

/// Seals something under its name.
pub(super) fn sealed(seal: &Seal, name: &[u8], value: &impl Serialize) -> Result<Vec<u8>, Unkept> {
    let plain = serde_json::to_vec(value).map(Zeroizing::new).map_err(|_| Unkept::Unreachable)?;
    seal.seal_kept(name, &plain).map_err(|_| Unkept::Unreachable)
}

/// Opens what was sealed under a name.
pub(super) fn open<T: DeserializeOwned>(seal: &Seal, name: &[u8], sealed: &[u8]) -> Option<T> {
    serde_json::from_slice(&seal.open_kept(name, sealed)?).ok()
}
