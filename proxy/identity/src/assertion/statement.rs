//! What an assertion says.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::Equivalent;

/// What an assertion says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Statement<'a> {
    /// The source it is for (`aud`).
    pub source: &'a str,
    /// Who asks (`sub`): the subject's id, or the device's name where there is no subject.
    pub subject: &'a str,
    /// What `subject` is.
    pub kind: StatementKind,
    /// The subject's roles.
    pub roles: &'a [Arc<str>],
    /// The subject's units.
    pub units: &'a [Arc<str>],
    /// Name of the device.
    pub device: Option<&'a str>,
    /// Who acts on the subject's behalf.
    pub actor: Option<&'a str>,
    /// How strongly the subject signed in.
    pub acr: Option<&'a str>,
    /// What the request is for.
    pub purpose: Option<&'a str>,
    /// For which case.
    pub case: Option<&'a str>,
}

/// What the subject of a [`Statement`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementKind {
    /// A person.
    User,
    /// A service account.
    Service,
    /// A device on its own.
    Device,
}

impl StatementKind {
    /// `user`, `service` or `device`: the claim `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Device => "device",
        }
    }
}

/// A [`Statement`] that is remembered. Equal in every part, or another one: what a source is told must not depend on who asked before.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    source: Box<str>,
    subject: Box<str>,
    kind: StatementKind,
    roles: Box<[Arc<str>]>,
    units: Box<[Arc<str>]>,
    device: Option<Box<str>>,
    actor: Option<Box<str>>,
    acr: Option<Box<str>>,
    purpose: Option<Box<str>>,
    case: Option<Box<str>>,
}

impl Remembered {
    fn as_statement(&self) -> Statement<'_> {
        Statement {
            source: &self.source,
            subject: &self.subject,
            kind: self.kind,
            roles: &self.roles,
            units: &self.units,
            device: self.device.as_deref(),
            actor: self.actor.as_deref(),
            acr: self.acr.as_deref(),
            purpose: self.purpose.as_deref(),
            case: self.case.as_deref(),
        }
    }
}

impl From<Statement<'_>> for Remembered {
    fn from(statement: Statement<'_>) -> Self {
        Self {
            source: statement.source.into(),
            subject: statement.subject.into(),
            kind: statement.kind,
            roles: statement.roles.into(),
            units: statement.units.into(),
            device: statement.device.map(Into::into),
            actor: statement.actor.map(Into::into),
            acr: statement.acr.map(Into::into),
            purpose: statement.purpose.map(Into::into),
            case: statement.case.map(Into::into),
        }
    }
}

impl PartialEq for Remembered {
    fn eq(&self, other: &Self) -> bool {
        self.as_statement() == other.as_statement()
    }
}

impl Eq for Remembered {}

impl Hash for Remembered {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_statement().hash(state);
    }
}

impl Equivalent<Remembered> for Statement<'_> {
    fn equivalent(&self, key: &Remembered) -> bool {
        *self == key.as_statement()
    }
}
