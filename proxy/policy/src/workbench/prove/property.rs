//! Properties, from files.

use std::sync::Arc;

use cedar_policy::Policy;
use cedar_policy_core::ast::Effect;

use crate::annotations::{Of, SAYS};
use crate::corpus::{Corpus, Place, PolicyFile};
use crate::fault::Fault;
use crate::question::Question;

use super::super::{Sheet, Stage, Workbench};

/// What is claimed of some policies, in files of their own.
#[derive(Debug)]
pub struct Properties {
    /// The properties as policies; none: there is no property.
    bench: Workbench,
    all: Vec<Property>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// Its `@id`.
    pub name: Arc<str>,
    /// Its `@says`.
    pub words: Arc<str>,
    /// Where it is written.
    pub place: Place,
    /// What it claims of the questions that it describes.
    pub kind: Kind,
}

/// What a property claims of the questions that it describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A `forbid`: they are never allowed.
    Never,
    /// A `permit`: they are always allowed.
    Always,
}

impl Workbench {
    /// Reads what is claimed of these policies.
    ///
    /// # Errors
    /// Every fault of every file: what would be one of a policy, a property without `@id` or `@says`, and one that is called as a
    /// policy is.
    pub fn properties(&self, mut files: Vec<PolicyFile>) -> Result<Properties, Vec<Fault>> {
        files.retain(says_something);
        let none = files.is_empty();
        // Policies that nobody asks stand in where there is no property: an engine of nothing does not load.
        let (policies, of) =
            if none { (self.corpus.policies.clone(), Of::Policies) } else { (files, Of::Properties) };
        let mut bench = Self::of(Corpus { policies, ..self.corpus.clone() }, of)?;
        if none {
            bench.sheets.clear();
        }
        let mut faults = Vec::new();
        let all = bench.sheets.iter().filter_map(|sheet| self.property(sheet, &mut faults)).collect();
        if faults.is_empty() { Ok(Properties { bench, all }) } else { Err(faults) }
    }

    fn property(&self, sheet: &Sheet, faults: &mut Vec<Fault>) -> Option<Property> {
        let words = sheet.annotation(SAYS).map(str::trim).filter(|words| !words.is_empty());
        let before = faults.len();
        let mut fault = |message: String, help| faults.push(Fault::at(&sheet.place, message, help));
        if !sheet.named {
            fault(
                "a property has no name".to_owned(),
                "write one above it, such as `@id(\"strong-sign-in\")`",
            );
        }
        if words.is_none() {
            let help = "say in words what it claims, such as `@says(\"Firearms need a strong sign-in.\")`";
            fault(format!("`{}` has no words", sheet.id), help);
        }
        if self.sheets.iter().any(|policy| policy.id == sheet.id) {
            fault(format!("a policy is called `{}`, too", sheet.id), "give the property a name of its own");
        }
        let words = words.filter(|_| faults.len() == before)?;
        Some(Property {
            name: Arc::clone(&sheet.id),
            words: words.into(),
            place: sheet.place.clone(),
            kind: if sheet.permits { Kind::Always } else { Kind::Never },
        })
    }
}

/// Whether there is more in a file than blanks and comments.
fn says_something(file: &PolicyFile) -> bool {
    file.text.lines().map(str::trim_start).any(|line| !line.is_empty() && !line.starts_with("//"))
}

impl Properties {
    /// The properties, in the order of their files.
    #[must_use]
    pub fn all(&self) -> &[Property] {
        &self.all
    }

    pub(super) fn bench(&self) -> &Workbench {
        &self.bench
    }

    /// A policy that applies to what a property describes.
    pub(super) fn described(&self, index: usize, effect: Effect) -> Option<Policy> {
        self.bench.sheets.get(index).map(|sheet| super::with_effect(&sheet.parsed.policy, effect))
    }

    /// Whether a property describes a question.
    pub(super) fn describes(&self, index: usize, question: &Question) -> bool {
        let weighed = self.bench.trace(question).weighed;
        weighed.iter().any(|weighed| weighed.sheet == index && weighed.stage == Stage::Applies)
    }
}
