//! How much of the policies a set of questions tried.

use crate::corpus::Place;

use super::{Condition, Sheet, Stage, Trace, Workbench};

/// What questions made of the policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// By their places in [`Workbench::sheets`].
    pub policies: Vec<Tried>,
}

/// What questions made of one policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// In how many answers it applied.
    pub applied: usize,
    /// Whether it is in shadow.
    pub shadow: bool,
    /// For each of [`Sheet::conditions`], how often it held and how often not.
    pub conditions: Vec<(usize, usize)>,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub tried: usize,
    /// Of how many.
    pub all: usize,
}

impl Share {
    /// In percent, rounded down; 100 of nothing.
    #[must_use]
    pub fn percent(self) -> usize {
        (self.tried * 100).checked_div(self.all).unwrap_or(100)
    }
}

impl Coverage {
    /// Nothing tried yet.
    #[must_use]
    pub fn new(bench: &Workbench) -> Self {
        let untried = |sheet: &Sheet| Tried {
            applied: 0,
            shadow: sheet.shadow,
            conditions: vec![(0, 0); sheet.conditions.len()],
        };
        Self { policies: bench.sheets().iter().map(untried).collect() }
    }

    /// Counts what came of a question.
    pub fn note(&mut self, trace: &Trace) {
        for weighed in &trace.weighed {
            let Some(tried) = self.policies.get_mut(weighed.sheet) else { continue };
            tried.applied += usize::from(weighed.stage == Stage::Applies);
            for (condition, holds) in &weighed.answers {
                let Some((held, failed)) = tried.conditions.get_mut(*condition) else { continue };
                *(if *holds { held } else { failed }) += 1;
            }
        }
    }

    /// Policies that applied to some question.
    #[must_use]
    pub fn of_policies(&self) -> Share {
        let counting = self.counting();
        Share { tried: counting.clone().filter(|policy| policy.applied > 0).count(), all: counting.count() }
    }

    /// What questions made of the policies that count: nobody owes tests of those in shadow.
    fn counting(&self) -> impl Iterator<Item = &Tried> + Clone {
        self.policies.iter().filter(|tried| !tried.shadow)
    }

    /// Outcomes of conditions: each can hold and not hold, and both must have been seen.
    #[must_use]
    pub fn of_conditions(&self) -> Share {
        let conditions = self.counting().flat_map(|policy| &policy.conditions);
        let (tried, all) = conditions.fold((0, 0), |(tried, all), (held, failed)| {
            (tried + usize::from(*held > 0) + usize::from(*failed > 0), all + 2)
        });
        Share { tried, all }
    }

    /// What no question tried, in the order of the corpus: where, how many bytes of the file, and what.
    #[must_use]
    pub fn gaps(&self, bench: &Workbench) -> Vec<(Place, usize, String)> {
        let mut gaps = Vec::new();
        for (sheet, tried) in bench.sheets().iter().zip(&self.policies).filter(|(sheet, _)| !sheet.shadow) {
            if tried.applied == 0 {
                gaps.push((sheet.place.clone(), 0, format!("no test in which `{}` applies", sheet.id)));
            }
            for (condition, (held, failed)) in sheet.conditions.iter().zip(&tried.conditions) {
                gaps.extend(gap(condition, *held, *failed));
            }
        }
        gaps
    }
}

fn gap(condition: &Condition, held: usize, failed: usize) -> Option<(Place, usize, String)> {
    let Condition { place, length, text, .. } = condition;
    let what = match (held, failed) {
        (0, 0) => format!("no test comes as far as `{text}`"),
        (0, _) => format!("no test in which `{text}` holds"),
        (_, 0) => format!("no test in which `{text}` does not hold"),
        _ => return None,
    };
    Some((place.clone(), *length, what))
}
