//! What a session cookie says.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{Purpose, Seal, SealFault};
use crate::token::{Subject, SubjectKind};

/// Names a session: 128 random bits. It is no secret: only its sealed cookie opens anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// A new one.
    ///
    /// # Errors
    /// [`SealFault`] if there is no randomness.
    pub fn random() -> Result<Self, SealFault> {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes).map_err(|_| SealFault)?;
        Ok(Self(bytes))
    }

    /// The one for these words: the same for the same, by the first half of a SHA-256.
    #[must_use]
    pub fn of(words: &[&str]) -> Self {
        let mut digest = Context::new(&SHA256);
        for word in words {
            digest.update(&word.len().to_be_bytes());
            digest.update(word.as_bytes());
        }
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }
}

/// As it is shown: base64url of its 16 bytes.
impl FromStr for SessionId {
    type Err = NoSessionId;

    fn from_str(text: &str) -> Result<Self, NoSessionId> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NoSessionId)?;
        bytes.try_into().map(Self).map_err(|_| NoSessionId)
    }
}

/// Text that names no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session is named by 22 characters of base64url, as the record has it")]
pub struct NoSessionId;

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// A person's session, as the cookie of one host says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Which session; the same on every host.
    pub id: SessionId,
    /// Who signed in, as far as their issuer may say so. `expires` is the end of the whole session.
    pub subject: Arc<Subject>,
    /// The name in the certificate of the device it was begun on.
    pub device: String,
    /// The host it is for.
    pub host: String,
}

impl Session {
    /// The cookie's value for this session.
    ///
    /// # Errors
    /// [`SealFault`] if it cannot be sealed.
    pub fn seal(&self, seal: &Seal) -> Result<String, SealFault> {
        let written = serde_json::to_vec(&Written::of(self)).map_err(|_| SealFault)?;
        seal.seal(Purpose::Session, &written)
    }

    /// Reads the cookie's value as `host` received it.
    ///
    /// # Errors
    /// [`SessionFault`]. Whether the session was ended meanwhile, and whether the device is the one, is not in the cookie's power to say.
    pub fn open(seal: &Seal, value: &[u8], host: &str, now: SystemTime) -> Result<Self, SessionFault> {
        let session = Self::read(seal, value, host)?;
        if now >= session.subject.expires { Err(SessionFault::Expired) } else { Ok(session) }
    }

    /// The session of a cookie whatever the time: it opens nothing, and still says whose it was.
    #[must_use]
    pub fn former(seal: &Seal, value: &[u8], host: &str) -> Option<Self> {
        Self::read(seal, value, host).ok()
    }

    fn read(seal: &Seal, value: &[u8], host: &str) -> Result<Self, SessionFault> {
        let plain = seal.open(Purpose::Session, value).ok_or(SessionFault::Unreadable)?;
        let written: Written<'_> = serde_json::from_slice(&plain).map_err(|_| SessionFault::Unreadable)?;
        let session = written.read();
        if session.host == host { Ok(session) } else { Err(SessionFault::OtherHost) }
    }
}

/// Why a session cookie opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SessionFault {
    /// It was changed, made up, or sealed with a key that is gone.
    #[error("the session cookie cannot be opened")]
    Unreadable,
    /// It occurs more than once: which one is meant is anybody's guess.
    #[error("there is more than one session cookie")]
    Repeated,
    /// It was made for another host.
    #[error("the session cookie is for another host")]
    OtherHost,
    /// Its time is over.
    #[error("the session has expired")]
    Expired,
    /// The person signed out, or the session was revoked.
    #[error("the session was ended")]
    Ended,
    /// The gate does not know it: it was ended long ago, or the gate forgot.
    #[error("the session is not known")]
    Unknown,
    /// Its issuer has not confirmed it for longer than the configuration allows.
    #[error("the session's issuer has not confirmed it for too long")]
    Unconfirmed,
    /// It cannot be looked up now.
    #[error("sessions cannot be looked up")]
    Unreachable,
}

impl SessionFault {
    /// A stable code for records, metrics and pages.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "session_unreadable",
            Self::Repeated => "session_repeated",
            Self::OtherHost => "session_of_another_host",
            Self::Expired => "session_expired",
            Self::Ended => "session_ended",
            Self::Unknown => "session_unknown",
            Self::Unconfirmed => "session_unconfirmed",
            Self::Unreachable => "session_unreachable",
        }
    }
}

/// A session as JSON. Names are short: a cookie travels with every request over bad 4G.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    sid: SessionId,
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(borrow)]
    iss: Cow<'a, str>,
    rol: Vec<Arc<str>>,
    uni: Vec<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    acr: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    amr: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    at: Option<u64>,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    cid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    nam: Option<String>,
    dev: String,
    hst: String,
}

impl<'a> Written<'a> {
    fn of(session: &'a Session) -> Self {
        let subject = &*session.subject;
        let expires = subject.expires.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            sid: session.id,
            sub: Cow::Borrowed(&subject.id),
            iss: Cow::Borrowed(&subject.issuer),
            rol: subject.roles.clone(),
            uni: subject.units.clone(),
            acr: subject.acr.clone(),
            amr: subject.amr.clone(),
            at: subject.auth_time,
            exp: expires.as_secs(),
            cid: subject.client.clone(),
            nam: subject.display.clone(),
            dev: session.device.clone(),
            hst: session.host.clone(),
        }
    }

    fn read(self) -> Session {
        // It was written by a gate and never changed, so it cannot overflow; if it did, it would have expired.
        let expires = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.exp));
        let subject = Subject {
            id: self.sub.into_owned(),
            kind: SubjectKind::User,
            issuer: Arc::from(&*self.iss),
            roles: self.rol,
            units: self.uni,
            acr: self.acr,
            amr: self.amr,
            auth_time: self.at,
            issued: None,
            expires: expires.unwrap_or(SystemTime::UNIX_EPOCH),
            token_id: Some(self.sid.to_string()),
            client: self.cid,
            actor: None,
            display: self.nam,
            dropped: Vec::new(),
            certificate: None,
            generation: 0,
        };
        Session { id: self.sid, subject: Arc::new(subject), device: self.dev, host: self.hst }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000)
    }

    fn session() -> Session {
        let id = SessionId::random().unwrap();
        let subject = Subject {
            id: "zone|jan \"quoted\"".to_owned(),
            kind: SubjectKind::User,
            issuer: "zone".into(),
            roles: vec!["officer".into()],
            units: vec!["team-a".into()],
            acr: Some("phrh".to_owned()),
            amr: vec!["hwk".to_owned()],
            auth_time: Some(1_893_455_000),
            issued: None,
            expires: now() + Duration::from_secs(60),
            token_id: Some(id.to_string()),
            client: Some("poort".to_owned()),
            actor: None,
            display: Some("Jan Peeters".to_owned()),
            dropped: Vec::new(),
            certificate: None,
            generation: 0,
        };
        let device = "spiffe://zone.example/device/car-1".to_owned();
        Session { id, subject: Arc::new(subject), device, host: "persons.example".to_owned() }
    }

    fn seal() -> Seal {
        Seal::from_lines(&"0f".repeat(32)).unwrap()
    }

    #[test]
    fn words_name_one_session_and_their_borders_count() {
        assert_eq!(SessionId::of(&["a", "bc"]), SessionId::of(&["a", "bc"]));
        assert_ne!(SessionId::of(&["a", "bc"]), SessionId::of(&["ab", "c"]));
    }

    #[test]
    fn a_cookie_says_what_was_put_into_it() {
        let (seal, session) = (seal(), session());
        let value = session.seal(&seal).unwrap();
        assert!(value.len() < 1024, "{} bytes", value.len());
        assert_eq!(Session::open(&seal, value.as_bytes(), "persons.example", now()), Ok(session));
    }

    #[test]
    fn a_cookie_opens_at_its_host_until_it_expires() {
        let seal = seal();
        let value = session().seal(&seal).unwrap();
        let open = |value: &str, host, later| {
            Session::open(&seal, value.as_bytes(), host, now() + Duration::from_secs(later)).map(|_| ())
        };
        assert_eq!(open(&value, "persons.example", 59), Ok(()));
        assert_eq!(open(&value, "persons.example", 60), Err(SessionFault::Expired));
        let former =
            |value: &str, host| Session::former(&seal, value.as_bytes(), host).map(|former| former.device);
        assert!(former(&value, "persons.example").is_some_and(|device| device.ends_with("car-1")));
        assert_eq!(former(&value, "vehicles.example"), None);
        assert_eq!(former("made up", "persons.example"), None);
        assert_eq!(open(&value, "vehicles.example", 0), Err(SessionFault::OtherHost));
        assert_eq!(open("made up", "persons.example", 0), Err(SessionFault::Unreadable));
        let other = Seal::from_lines(&"1f".repeat(32)).unwrap();
        let foreign = session().seal(&other).unwrap();
        assert_eq!(open(&foreign, "persons.example", 0), Err(SessionFault::Unreadable));
    }
}
