//! What several gates must share of sign-ins and sessions, as a port.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use poort_enforce::stated::Statements;
use poort_identity::{
    session::SessionId,
    sign_in::{Flow, SignInFault},
    token::Subject,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::forms::KeptForm;
use crate::ending::Whom;

/// A sign-in that is under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Waiting {
    /// The protocol's side of it.
    pub flow: Flow,
    /// Where the person goes on to, sealed; none: nowhere.
    pub journey: Option<String>,
    /// Until when the person is waited for. It is kept for longer, so that who comes too late is told how to get where they were going.
    #[serde(default = "over")]
    pub until: SystemTime,
}

/// An earlier version did not say: whoever was signing in then tries again.
const fn over() -> SystemTime {
    SystemTime::UNIX_EPOCH
}

/// A session on its way from the sign-in host to a source's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HandOver {
    /// Which session.
    pub session: SessionId,
    /// For which host.
    pub host: String,
    /// What is asked for there: path and query.
    pub target: String,
    /// The device it is for.
    pub device: String,
    /// Names the cookie of the browser it is for.
    pub tag: String,
    /// SHA-256 of that cookie's value.
    pub browser: [u8; 32],
}

/// A session, beside its cookies.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// Who it is, as the issuer said last; `expires` is the end of the session.
    pub subject: Arc<Subject>,
    /// Whether the issuer has said so after the session was begun.
    pub renewed: bool,
    /// What they have stated in it: it ends with the session, on every host at once.
    pub statements: Arc<Statements>,
    /// The device it was begun on.
    pub device: String,
    /// The issuer's own name for the sign-in.
    pub sid: Option<String>,
    /// The last ID token, which the issuer wants to see at sign-out.
    pub id_token: Option<Zeroizing<String>>,
    /// Asks the issuer again; none: it is not asked.
    pub refresh: Option<Zeroizing<String>>,
    /// Until when the issuer's last word is good.
    pub good_until: SystemTime,
    /// When it was used last, to the minute.
    pub seen: SystemTime,
    /// Whether it was ended.
    pub ended: bool,
}

/// Which open sessions are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'a> {
    /// This one.
    Session(SessionId),
    /// Those of a person, `issuer-alias|sub`.
    User(&'a str),
    /// Those on a device, by the name in its certificate.
    Device(&'a str),
    /// Those of a person on a device.
    UserOnDevice {
        /// Whose.
        user: &'a str,
        /// On which device.
        device: &'a str,
    },
    /// Those of everybody else on a device.
    OthersOnDevice {
        /// Whose not.
        user: &'a str,
        /// On which device.
        device: &'a str,
    },
    /// Those of one sign-in, as its issuer names it.
    SignIn {
        /// The issuer's alias.
        issuer: &'a str,
        /// Its name for the sign-in.
        sid: &'a str,
        /// Whose it has to be, where the issuer says that too.
        user: Option<&'a str>,
    },
}

impl<'a> From<&'a Whom> for Whose<'a> {
    fn from(whom: &'a Whom) -> Self {
        match whom {
            Whom::Session(id) => Self::Session(*id),
            Whom::User(name) => Self::User(name),
            Whom::Device(name) => Self::Device(name),
        }
    }
}

impl Whose<'_> {
    /// Whether an open session is meant, found by any of its names.
    pub(super) fn means(&self, kept: &Kept) -> bool {
        match self {
            Self::Session(_) => true,
            Self::User(user) => kept.subject.id == *user,
            Self::Device(device) => kept.device == *device,
            Self::UserOnDevice { user, device } => kept.subject.id == *user && kept.device == *device,
            Self::OthersOnDevice { user, device } => kept.subject.id != *user && kept.device == *device,
            Self::SignIn { issuer, sid, user } => {
                *kept.subject.issuer == **issuer
                    && kept.sid.as_deref() == Some(*sid)
                    && user.is_none_or(|user| kept.subject.id == user)
            }
        }
    }
}

/// Why nothing can be kept, or looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unkept {
    /// There is no room for more.
    #[error("nothing more can be kept")]
    Full,
    /// What keeps it does not answer, or its disk fails.
    #[error("what keeps sessions does not answer")]
    Unreachable,
}

impl From<Unkept> for SignInFault {
    fn from(unkept: Unkept) -> Self {
        match unkept {
            Unkept::Full => Self::Full,
            Unkept::Unreachable => Self::Unkept,
        }
    }
}

/// What several gates must share. Whatever is taken is given once, to one of them. Everything waits until it is kept as safely as it is to be:
/// what survives a restart is on disk by then.
///
/// # Errors
/// [`Unkept`]; then nothing was changed, but that a session which was ended is so for as long as this gate runs.
pub trait State: Send + Sync {
    /// Keeps a sign-in that is under way, by its `state`.
    fn wait_for(
        &self,
        state: &str,
        waiting: Waiting,
        until: SystemTime,
    ) -> impl Future<Output = Result<(), Unkept>> + Send;
    /// Takes it, once.
    fn arrived(
        &self,
        state: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Option<Waiting>, Unkept>> + Send;
    /// Keeps a session on its way, by its code.
    fn hand_over(
        &self,
        code: &str,
        hand_over: HandOver,
        until: SystemTime,
    ) -> impl Future<Output = Result<(), Unkept>> + Send;
    /// Takes it, once.
    fn take_over(
        &self,
        code: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Option<HandOver>, Unkept>> + Send;
    /// Whether a name is remembered.
    fn is_known(&self, name: &str, now: SystemTime) -> impl Future<Output = Result<bool, Unkept>> + Send;
    /// Whether a name (a logout token's id) is seen for the first time; it is remembered until then.
    fn is_first(
        &self,
        name: &str,
        until: SystemTime,
        now: SystemTime,
    ) -> impl Future<Output = Result<bool, Unkept>> + Send;
    /// The value that a name was first given: `value`, if it was given none before. It is remembered until then.
    fn first(
        &self,
        name: &str,
        value: &str,
        until: SystemTime,
        now: SystemTime,
    ) -> impl Future<Output = Result<String, Unkept>> + Send;
    /// Keeps a session, or what became of it.
    fn keep(&self, id: SessionId, kept: Kept) -> impl Future<Output = Result<(), Unkept>> + Send;
    /// What is kept of a session.
    fn find(&self, id: SessionId) -> impl Future<Output = Result<Option<Kept>, Unkept>> + Send;
    /// Says that a session is used now; written at most once a minute, and waited for by nobody.
    fn used(&self, id: SessionId, now: SystemTime) -> impl Future<Output = ()> + Send;
    /// Changes a session that is open, all at once; whether there was one. Where another gate changes it at the same time, `change` is asked
    /// again with what that made of it.
    fn change(
        &self,
        id: SessionId,
        change: impl Fn(&mut Kept) + Send + Sync,
    ) -> impl Future<Output = Result<bool, Unkept>> + Send;
    /// Leave to ask a session's issuer again, given to one gate for so long.
    fn lease(
        &self,
        id: SessionId,
        now: SystemTime,
        length: Duration,
    ) -> impl Future<Output = Result<bool, Unkept>> + Send;
    /// Keeps a form until its time is over, by its name. Of one device the oldest makes room; of all together there are no more than memory
    /// bears.
    fn keep_form(
        &self,
        name: &str,
        form: KeptForm,
        now: SystemTime,
    ) -> impl Future<Output = Result<(), Unkept>> + Send;
    /// A form that is kept.
    fn form(
        &self,
        name: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Option<Arc<KeptForm>>, Unkept>> + Send;
    /// Takes it, once; `form` is how it was seen.
    fn take_form(
        &self,
        name: &str,
        form: &KeptForm,
        now: SystemTime,
    ) -> impl Future<Output = Result<Option<Arc<KeptForm>>, Unkept>> + Send;
    /// Ends open sessions, and tells whatever is open in them; how many there were.
    fn end(&self, whose: Whose<'_>) -> impl Future<Output = Result<usize, Unkept>> + Send;
}
