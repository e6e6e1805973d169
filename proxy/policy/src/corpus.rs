//! Everything that decisions are made from, as text and lists: what the caller read from files.

use std::sync::Arc;

use crate::operation::Operation;
use crate::shift::ShiftCount;

/// Where in a file something stands. Lines and columns count from 1; 0 is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Name of the file, as the operator knows it.
    pub file: Arc<str>,
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// A file's name and text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyFile {
    /// Name of the file, as the operator knows it; part of the id of a policy without `@id`.
    pub name: String,
    /// Its whole text.
    pub text: String,
    /// Whether every policy in it is in shadow, as if it had `@shadow`.
    pub shadow: bool,
}

/// A role, unit or classification, and those it belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Names of the groups of the same kind that it is in: whoever has `supervisor` in `officer` is an officer too.
    pub parents: Vec<String>,
    /// Where it is declared.
    pub place: Place,
}

/// A source, as far as policies know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFacts {
    /// Its id: the stem of its file.
    pub id: String,
    /// Its classification, one of the corpus's.
    pub classification: String,
    /// Who is responsible for its data.
    pub owner: String,
    /// Where its classification is declared.
    pub place: Place,
    /// What has to be stated to it, whatever the policies allow; each operation once.
    pub demands: Vec<Demand>,
}

/// What a source's file wants to be stated with every request for an operation: what policies allow is refused without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// The operation.
    pub operation: Operation,
    /// A purpose.
    pub purpose: bool,
    /// A case number.
    pub case: bool,
}

/// Everything that decisions are made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Corpus {
    /// The Cedar schema (Cedar schema syntax).
    pub schema: PolicyFile,
    /// The policy files, in the order in which they are to be reported.
    pub policies: Vec<PolicyFile>,
    /// The roles.
    pub roles: Vec<Group>,
    /// The units.
    pub units: Vec<Group>,
    /// The classifications.
    pub classifications: Vec<Group>,
    /// Names of the fleets.
    pub fleets: Vec<String>,
    /// The sources.
    pub sources: Vec<SourceFacts>,
    /// Names of the purposes that can be stated; none: any word.
    pub purposes: Vec<String>,
    /// What is counted in a shift for policies to see: one that looks at anything else there is a fault, since it would never hold.
    pub counted: Vec<ShiftCount>,
}
