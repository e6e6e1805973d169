//! A configuration with which nothing is wrong.
//!
//! Whatever a field's type admits has been proven: names exist, files were read, keys fit their certificates, no two sources
//! claim one address. Bytes of files are here, so that whoever builds from this opens nothing again.

pub mod deploy;
pub mod file;
pub mod material;
pub mod policies;
pub mod source;
pub mod waf;
pub mod zone;

use std::sync::Arc;

use poort_identity::Seal;
use poort_policy::PolicyFile;

pub use deploy::Deploy;
pub use file::FileRead;
pub use material::{Identity, PrivateKey};
pub use source::Source;
pub use zone::Zone;

use super::Warning;

/// Everything the gate is built from.
#[derive(Debug)]
pub struct Checked {
    /// The operators' part.
    pub deploy: Deploy,
    /// The security team's part, apart from sources and policies.
    pub zone: Zone,
    /// The sources, ordered by id; never empty.
    pub sources: Vec<Source>,
    /// The Cedar policies.
    pub access: Access,
    /// Others, to be asked beside them without counting; none if the file names none, or they cannot be read.
    pub candidate: Option<Access>,
    /// `console.cedar`: who may look at the console; none if there is no such file.
    pub console: Option<PolicyFile>,
    /// Every file that was read, each once, in the order in which it was read.
    pub files: Vec<FileRead>,
    /// What works but should be looked at, by file name, line and column.
    pub warnings: Vec<Warning>,
}

impl Checked {
    /// What seals what is kept over restarts and shared with other gates; none: nothing is.
    #[must_use]
    pub fn seal(&self) -> Option<&Arc<Seal>> {
        self.zone.sign_in.as_ref().map(|sign_in| &sign_in.seal).or(self.deploy.seal.as_ref())
    }
}

/// The Cedar files, as text. Whether they parse and fit the schema is for the policy engine to say.
#[derive(Clone, Debug)]
pub struct Access {
    /// `access/schema.cedarschema`.
    pub schema: PolicyFile,
    /// `access/*.cedar`, ordered by name, and `access/shadow/*.cedar`, which are in shadow; never only those.
    pub policies: Vec<PolicyFile>,
}

/// A TLS version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V12,
    /// TLS 1.3 (RFC 8446).
    V13,
}
