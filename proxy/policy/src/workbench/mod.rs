//! Looking at policies from outside a request: what they say, whether they say what was meant, and what a change would do.
//!
//! - [`condition`]: policies as they stand in their files; [`trace`]: what each of them says to a question, and why;
//! - [`lint`]: what loads but is hardly meant;
//! - [`case`] and [`coverage`]: tests, and how much of the policies they try;
//! - [`explain`]: what a refusal rests on, and [`change`] what would make it an allow;
//! - [`prove`]: what holds for every possible question;
//! - [`replay`]: recorded questions put to other policies; [`format`]: one layout for all.
//!
//! Nothing here is on the way of a request; what a decision is stays the [`Engine`]'s alone.

pub mod case;
pub mod change;
pub mod condition;
pub mod coverage;
pub mod explain;
pub mod format;
pub mod lint;
pub mod prove;
pub mod replay;
pub mod trace;

pub use case::{Case, Expectation};
pub use change::{Change, Step};
pub use condition::{Condition, Sheet};
pub use coverage::{Coverage, Share};
pub use explain::{Answer, Explanation, Reasoned, Standing};
pub use lint::{IssuerUse, Lint, SourceUse, Surroundings};
pub use prove::{Proof, Properties, Property};
pub use replay::{Recorded, Replay, Tally, Turn};
pub use trace::{Stage, Trace, Weighed};

use cedar_policy_core::entities::Entities;

use crate::annotations::Of;
use crate::corpus::Corpus;
use crate::engine::Engine;
use crate::fault::Fault;
use crate::load;
use crate::parse::Lines;
use crate::prepared::with;

/// Policies with everything that is needed to talk about them.
#[derive(Debug)]
pub struct Workbench {
    corpus: Corpus,
    engine: Engine,
    sheets: Vec<Sheet>,
    /// What the corpus declares.
    entities: Entities,
}

impl Workbench {
    /// Loads a corpus as [`Engine::load`] does, and keeps what it was loaded from.
    ///
    /// # Errors
    /// As [`Engine::load`].
    pub fn load(corpus: Corpus) -> Result<Self, Vec<Fault>> {
        Self::of(corpus, Of::Policies)
    }

    fn of(corpus: Corpus, of: Of) -> Result<Self, Vec<Fault>> {
        let (engine, policies) = Engine::new(&corpus, load::load(&corpus, of)?);
        let lines: Vec<Lines<'_>> = corpus.policies.iter().map(Lines::new).collect();
        let sheets =
            policies.into_iter().filter_map(|parsed| Some(Sheet::new(lines.get(parsed.file)?, parsed)));
        let sheets = sheets.collect();
        // Slicing was done over the same entities, so this does not fail.
        let entities = with(Entities::new(), engine.registry.entities().cloned()).unwrap_or_default();
        Ok(Self { corpus, engine, sheets, entities })
    }

    /// What it was loaded from.
    #[must_use]
    pub fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    /// What decides.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The policies, in the order of the corpus.
    #[must_use]
    pub fn sheets(&self) -> &[Sheet] {
        &self.sheets
    }
}
