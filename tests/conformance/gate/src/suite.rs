//! The tests through the gate, judged.

use futures_util::{StreamExt as _, stream};
use poort_conformance::{Case, Outcome, Seen, Stage};

use crate::fault::Fault;
use crate::front::Answers as _;
use crate::stand::Stand;

/// Tests that run at the same time.
const IN_FLIGHT: usize = 8;

/// Tests that cannot pass through this gate, and why.
const PRESUMED: [(&str, &str); 1] = [(
    "920620-1",
    "it presumes a server that joins repeated headers; the gate shows them to the rules as they came, and rule 920620 is right",
)];

/// What came of a case.
pub struct Verdict {
    /// Its name.
    pub case: String,
    /// What was not as expected.
    pub judged: Result<(), String>,
    /// Why the gate refused a request of it before the rules saw it.
    pub refused: Option<String>,
    /// Why it was not run.
    pub skipped: Option<&'static str>,
    /// Whether its expectations are about what the rules found, and not about the answer alone.
    pub about_rules: bool,
}

impl Verdict {
    /// A verdict on a case that was run, and that the gate did not refuse.
    #[must_use]
    pub fn judged(case: impl Into<String>, judged: Result<(), String>) -> Self {
        Self { case: case.into(), judged, refused: None, skipped: None, about_rules: true }
    }

    /// How it counts. What the gate refused before the rules saw it proves nothing about the rules, whether they should have
    /// matched or not.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match (self.skipped, &self.refused, &self.judged) {
            (Some(why), _, _) => Outcome::Skipped(why.into()),
            (None, Some(reason), judged) if self.about_rules || judged.is_err() => {
                Outcome::Skipped(format!("the gate refuses it before inspection: {reason}"))
            }
            (None, _, Ok(())) => Outcome::Passed,
            (None, _, Err(why)) => match PRESUMED.iter().find(|(name, _)| *name == self.case) {
                Some((_, presumed)) => Outcome::Skipped((*presumed).into()),
                None => Outcome::Failed(why.clone()),
            },
        }
    }
}

/// Runs every case, several at a time.
///
/// # Errors
/// When the gate is gone.
pub async fn run(stand: &Stand, cases: &[Case]) -> Result<Vec<Verdict>, Fault> {
    let running = stream::iter(cases).map(|case| self::case(stand, case)).buffered(IN_FLIGHT);
    running.collect::<Vec<_>>().await.into_iter().collect()
}

async fn case(stand: &Stand, case: &Case) -> Result<Verdict, Fault> {
    let mut verdict = Verdict {
        skipped: case.unsupported,
        about_rules: case.stages.iter().any(Stage::is_about_rules),
        ..Verdict::judged(case.name.clone(), Ok(()))
    };
    if verdict.skipped.is_some() {
        return Ok(verdict);
    }
    for stage in &case.stages {
        let (mut judged, mut refused) = self::stage(stand, stage).await?;
        if judged.is_err() && stage.expected.retry_once {
            (judged, refused) = self::stage(stand, stage).await?;
        }
        verdict.refused = verdict.refused.or(refused);
        verdict.judged = verdict.judged.and(judged);
    }
    Ok(verdict)
}

async fn stage(stand: &Stand, stage: &Stage) -> Result<(Result<(), String>, Option<String>), Fault> {
    let exchanged = stand.ask(stage.request.bytes().as_slice()).await?;
    let refused = exchanged.refused();
    let seen = Seen {
        status: exchanged.answer.as_ref().map(|answer| answer.status),
        response: exchanged.answer.map(|answer| answer.bytes).unwrap_or_default(),
        log: exchanged.found.log,
    };
    let judged = stage.judge(&seen).map_err(|why| match exchanged.found.dropped {
        0 => why,
        dropped => format!("{why}; the record left out {dropped} matches"),
    });
    Ok((judged, refused))
}

#[cfg(test)]
mod tests {
    use poort_conformance::Outcome;

    use super::Verdict;

    #[test]
    fn a_refusal_proves_nothing_about_rules() {
        for (name, about_rules, judged, refused, expected) in [
            ("as expected", true, Ok(()), None, "passed"),
            ("not as expected", true, Err("why"), None, "failed"),
            ("no rule should match, and none was asked", true, Ok(()), Some("host"), "skipped"),
            ("a rule should match, and none was asked", true, Err("why"), Some("host"), "skipped"),
            ("a refusal was expected", false, Ok(()), Some("host"), "passed"),
            ("another answer was expected", false, Err("why"), Some("host"), "skipped"),
            ("920620-1", true, Err("why"), None, "skipped"),
        ] {
            let verdict = Verdict {
                refused: refused.map(str::to_owned),
                about_rules,
                ..Verdict::judged(name, judged.map_err(str::to_owned))
            };
            let found = match verdict.outcome() {
                Outcome::Passed => "passed",
                Outcome::Failed(_) => "failed",
                Outcome::Skipped(_) => "skipped",
            };
            assert_eq!(found, expected, "{name}");
        }
    }
}
