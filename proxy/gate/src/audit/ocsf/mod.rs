//! Records as OCSF 1.8 events, one JSON line each (<https://schema.ocsf.io/1.8.0>).
//!
//! Decision and Outcome are both HTTP Activity (4002) with the profiles `security_control` and `host`; they share
//! `metadata.correlation_uid`, the request id, and `metadata.event_code` tells them apart. What OCSF has no word for is under `unmapped`;
//! there is the whole question that the policies were asked, from which the decision can be replayed. Signing in and out, and handshakes
//! that failed, are Authentication (3002), what a SOC looks into is Detection Finding (2004). A look at the record, a change of the policies
//! in force, access that was ended and the review of a broken glass are Entity Management (3004), and the glass itself is Authorize Session (3003).
//!
//! No query string, body, token or cookie is in a record, so none can be written. Text that a client chose is cut in length, and every
//! character that could steer a terminal or break a line is escaped.

mod access;
mod access_ended;
mod authentication;
mod change;
mod decision;
mod entity;
mod envelope;
mod event;
mod finding;
mod glass;
mod inspection;
mod json;
mod outcome;
pub(crate) mod retirement;
#[cfg(test)]
pub(crate) mod schema;
mod stranger;
mod subject;
#[cfg(test)]
mod tests;
mod text;
mod words;

use std::time::SystemTime;

pub(crate) use event::{DECISION, OUTCOME};
pub(crate) use glass::{BREAK_GLASS, REVIEW};
pub(crate) use json::steers;
pub(crate) use stranger::{Cause, Caused, Stranger};

use super::record::Record;
use text::Hex;

/// `metadata.event_code` of what is recorded beside decisions and outcomes.
pub(crate) const BESIDE: [&str; 8] = [
    access::ACCESS,
    access_ended::ACCESS_ENDED,
    authentication::AUTHENTICATION,
    change::CHANGE,
    finding::FINDING,
    BREAK_GLASS,
    REVIEW,
    retirement::RETIREMENT,
];

/// The longest line, in bytes, without its end. A record that would be longer is written without the question and says so
/// (`metadata.is_truncated`). It is what an entry of a C2SP tlog-tiles log may be.
pub const LINE_LIMIT_BYTES: usize = 65_535;

/// Appends a record's line, with its end.
pub fn encode(record: &Record, lines: &mut Vec<u8>) {
    match record {
        Record::Decision(decision, digests) => {
            let id = Hex::of(&decision.id.0);
            within_limit(lines, |form| decision::event(decision, digests, id.as_str(), form));
        }
        Record::Authentication(authentication) => {
            let id = authentication.request.map(|request| Hex::of(&request.0));
            line(&authentication::event(authentication, id.as_ref().map(Hex::as_str)), lines);
        }
        Record::Finding(finding) => line(&finding::event(finding), lines),
        Record::BrokenGlass(broken) => {
            line(&glass::broken(broken, Hex::of(&broken.glass.id.0).as_str()), lines);
        }
        Record::Retirement(retirement) => {
            line(&retirement::event(retirement, &retirement.by.id()), lines);
        }
        Record::Review(review) => line(&glass::reviewed(review, &review.by.id()), lines),
        Record::Access(access) => line(&access::event(access, &access.by.id()), lines),
        Record::Change(change) => {
            line(&change::event(change, &change.uid.unwrap_or_default().to_string()), lines);
        }
        Record::AccessEnded(ended) => {
            line(&access_ended::event(ended, &ended.uid.to_string(), &ended.whom.name()), lines);
        }
        Record::Outcome(outcome) => {
            let id = Hex::of(&outcome.id.0);
            within_limit(lines, |form| outcome::event(outcome, id.as_str(), form));
        }
    }
}

/// Appends the line of an outcome that nobody saw: the gate stopped before the request ended.
pub(crate) fn encode_unknown(id: &str, source: Option<&str>, now: SystemTime, lines: &mut Vec<u8>) {
    line(&outcome::unknown(id, source, now), lines);
}

/// Appends the line of refusals that were counted together.
pub(crate) fn encode_stranger(stranger: &Stranger<'_>, lines: &mut Vec<u8>) {
    match stranger.cause.event {
        Caused::Handshake => line(&authentication::handshakes(stranger), lines),
        Caused::Answer | Caused::Refusal(_) => line(&stranger::event(stranger), lines),
    }
}

/// How much is written of a record. What could be longer than a line may be has less said of it, and the whole's size instead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Whole,
    /// Without what has no bound of its own.
    Bounded {
        whole_bytes: usize,
    },
    /// Without lists either.
    Least {
        whole_bytes: usize,
    },
}

impl Form {
    const fn is_whole(self) -> bool {
        matches!(self, Self::Whole)
    }

    const fn has_lists(self) -> bool {
        !matches!(self, Self::Least { .. })
    }

    /// In bytes, where the record is not whole.
    const fn untruncated(self) -> Option<usize> {
        match self {
            Self::Whole => None,
            Self::Bounded { whole_bytes } | Self::Least { whole_bytes } => Some(whole_bytes),
        }
    }
}

/// Appends an event's line in the longest form that a line may have.
fn within_limit<E: serde::Serialize>(lines: &mut Vec<u8>, event: impl Fn(Form) -> E) {
    let start = lines.len();
    line(&event(Form::Whole), lines);
    let whole_bytes = (lines.len() - start).saturating_sub(1);
    for form in [Form::Bounded { whole_bytes }, Form::Least { whole_bytes }] {
        if lines.len() - start > LINE_LIMIT_BYTES + 1 {
            lines.truncate(start);
            line(&event(form), lines);
        }
    }
}

fn line(event: &impl serde::Serialize, lines: &mut Vec<u8>) {
    let start = lines.len();
    // Every map key is text, so this does not fail; if it did, the line would be missing, not broken.
    if let Err(error) = json::write(event, lines) {
        tracing::error!(%error, "a record could not be put into words");
        lines.truncate(start);
        return;
    }
    lines.push(b'\n');
}
