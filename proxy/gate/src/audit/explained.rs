//! What is said of a recorded decision beside what the policies of now say to it.

use poort_policy::{Decision, workbench::Explanation};

use super::questions::Asked;

/// `refused by `a`, `b``: the answer of the policies and what it rests on, in two parts.
#[must_use]
pub fn verdict(decision: &Decision) -> (&'static str, String) {
    let word = if decision.allow { "allowed" } else { "refused" };
    let by = match (decision.errors.first(), decision.determining.as_slice()) {
        (Some(error), _) => format!(" because {error}"),
        (None, []) => ", since no policy permits it".to_owned(),
        (None, by) => format!(" by `{}`", by.join("`, `")),
    };
    (word, by)
}

/// What the record says where these policies would say something else, or where something else refused.
#[must_use]
pub fn then(explanation: &Explanation, asked: &Asked) -> Option<String> {
    let answer = asked.answer.as_ref()?;
    let word = |allow| if allow { "allowed" } else { "refused" };
    if answer.allow && asked.verdict != "allow" {
        let reason = asked.reason.as_deref().unwrap_or("unknown");
        return Some(format!("the policies allowed it; it was refused for another reason: {reason}"));
    }
    let same =
        answer.allow == explanation.decision.allow && answer.determining == explanation.decision.determining;
    (!same).then(|| {
        format!(
            "when it was asked, it was {} by `{}`: the policies have changed since",
            word(answer.allow),
            answer.determining.join("`, `")
        )
    })
}

/// Why no policy was asked.
#[must_use]
pub fn unasked(asked: &Asked) -> String {
    if asked.truncated {
        return "the record was too long to keep the question, so it cannot be asked again".to_owned();
    }
    let reason = asked.reason.as_deref().unwrap_or("it is the gate's own page");
    format!("{reason}; this was decided before any policy was asked")
}
