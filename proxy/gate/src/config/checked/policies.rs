//! The policies alone, with what they are about: what the workbench looks at, and no certificate, key or address of a source.

use std::collections::BTreeMap;

use poort_enforce::operations::Operations;
use poort_policy::{Corpus, PolicyFile, workbench::Surroundings};

use super::{super::Warning, zone::InventoryDevice};

/// The policies of a directory, and what they are about.
#[derive(Debug)]
pub struct Policies {
    /// What an engine is loaded from.
    pub corpus: Corpus,
    /// What is claimed of the policies, in `properties`; none where there is no such directory.
    pub properties: Vec<PolicyFile>,
    /// Who may look at the console; none if there is no such file.
    pub console: Option<PolicyFile>,
    /// What issuers, sources and devices there are.
    pub around: Surroundings,
    /// The devices, as policies see them.
    pub inventory: Vec<InventoryDevice>,
    /// What each source makes of requests, by its id.
    pub operations: BTreeMap<String, Operations>,
    /// What works but should be looked at, by file name, line and column.
    pub warnings: Vec<Warning>,
}
