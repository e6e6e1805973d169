//! What several gates must share of sign-ins and sessions, as a port.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use poort_enforce::stated::Statements;
use poort_identity::{session::SessionId, sign_in::Flow, token::Subject};
use zeroize::Zeroizing;

/// A sign-in that is under way.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The protocol's side of it.
    pub flow: Flow,
    /// Where the person goes on to, sealed; none: nowhere.
    pub journey: Option<String>,
}

/// A session on its way from the sign-in host to a source's.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
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

/// Nothing more can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing more can be kept")]
pub struct Full;

/// What several gates must share. Whatever is taken is given once, to one of them.
pub trait State: Send + Sync {
    /// Keeps a sign-in that is under way, by its `state`.
    fn wait_for(
        &self,
        state: &str,
        waiting: Waiting,
        until: SystemTime,
    ) -> impl Future<Output = Result<(), Full>> + Send;
    /// Takes it, once.
    fn arrived(&self, state: &str, now: SystemTime) -> impl Future<Output = Option<Waiting>> + Send;
    /// Keeps a session on its way, by its code.
    fn hand_over(
        &self,
        code: &str,
        hand_over: HandOver,
        until: SystemTime,
    ) -> impl Future<Output = Result<(), Full>> + Send;
    /// Takes it, once.
    fn take_over(&self, code: &str, now: SystemTime) -> impl Future<Output = Option<HandOver>> + Send;
    /// Whether a name (a logout token's id) is seen for the first time; it is remembered until then.
    fn is_first(
        &self,
        name: &str,
        until: SystemTime,
        now: SystemTime,
    ) -> impl Future<Output = Result<bool, Full>> + Send;
    /// Keeps a session, or what became of it.
    fn keep(&self, id: SessionId, kept: Kept) -> impl Future<Output = Result<(), Full>> + Send;
    /// What is kept of a session.
    fn find(&self, id: SessionId) -> impl Future<Output = Option<Kept>> + Send;
    /// Says that a session is used now; written at most once a minute.
    fn used(&self, id: SessionId, now: SystemTime) -> impl Future<Output = ()> + Send;
    /// Changes a session that is open, all at once; whether there was one.
    fn change(
        &self,
        id: SessionId,
        change: impl FnOnce(&mut Kept) + Send,
    ) -> impl Future<Output = bool> + Send;
    /// Leave to ask a session's issuer again, given to one gate for so long.
    fn lease(&self, id: SessionId, now: SystemTime, length: Duration) -> impl Future<Output = bool> + Send;
    /// Ends open sessions, and tells whatever is open in them; how many there were.
    fn end(&self, whose: Whose<'_>) -> impl Future<Output = usize> + Send;
}
