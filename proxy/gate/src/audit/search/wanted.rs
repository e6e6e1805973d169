//! Which consultations are meant.

use std::{
    ops::Range,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use memchr::memmem::Finder;

use super::consultation::Line;
use crate::audit::{day::Day, journal::PREFIX};

/// An outcome is written this long after its decision at most, as far as a search goes: streams last a shift.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What a consultation must have to be meant. What is none or empty does not matter.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// When it was decided.
    pub period: Option<Period>,
    /// Who asked: `issuer|subject`, `subject`, or what people call them.
    pub officer: Option<String>,
    /// The device's name, or what is behind its last slash.
    pub device: Option<String>,
    /// The source's id.
    pub source: Option<String>,
    /// The case number.
    pub case: Option<String>,
    /// The code on the officer's screen, or the request's id.
    pub code: Option<String>,
    /// Pseudonyms, in hexadecimal, one of which it must be about.
    pub subjects: Vec<String>,
}

/// Times from the first on, up to but without the second; in milliseconds since 1970.
pub type Period = Range<i64>;

const OFFICER: u8 = 1;
const DEVICE: u8 = 1 << 1;
const SOURCE: u8 = 1 << 2;
const CASE: u8 = 1 << 3;
const CODE: u8 = 1 << 4;
const SUBJECT: u8 = 1 << 5;

/// Tells lines that hold nothing of what is wanted from others, without reading them.
pub(super) struct Sieve(Vec<Finder<'static>>);

impl Sieve {
    pub(super) fn may_hold(&self, line: &[u8]) -> bool {
        self.0.is_empty() || self.0.iter().any(|needle| needle.find(line).is_some())
    }
}

impl Wanted {
    /// Everything that a request must meet over its two lines, beside the period.
    pub(super) fn all(&self) -> u8 {
        let set = |wanted: &Option<String>, bit| if wanted.is_some() { bit } else { 0 };
        let subject = if self.subjects.is_empty() { 0 } else { SUBJECT };
        set(&self.officer, OFFICER)
            | set(&self.device, DEVICE)
            | set(&self.source, SOURCE)
            | set(&self.case, CASE)
            | set(&self.code, CODE)
            | subject
    }

    /// Whether a file may hold what is meant, by its name.
    pub(super) fn reads(&self, path: &Path) -> bool {
        let Some(period) = &self.period else { return true };
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let time = |millis: i64| UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        let last = time(period.end).checked_add(LONGEST).unwrap_or_else(SystemTime::now);
        Day::of_file(name, PREFIX)
            .is_some_and(|day| (Day::of(time(period.start))..=Day::of(last)).contains(&day))
    }

    /// Whether a request that was decided then is meant.
    pub(super) fn is_in_period(&self, time: i64) -> bool {
        self.period.as_ref().is_none_or(|period| period.contains(&time))
    }

    /// A line that meets something holds its text.
    pub(super) fn sieve(&self) -> Sieve {
        let texts = [&self.officer, &self.device, &self.source, &self.case, &self.code].into_iter().flatten();
        let needles: Vec<&String> = self.subjects.iter().chain(texts).collect();
        // A text that JSON escapes is not found as it is.
        let plain = |text: &str| {
            text.bytes().all(|byte| (b' '..0x7f).contains(&byte) && byte != b'"' && byte != b'\\')
        };
        if !needles.iter().all(|needle| plain(needle)) {
            return Sieve(vec![]);
        }
        Sieve(needles.into_iter().map(|needle| Finder::new(needle).into_owned()).collect())
    }

    /// The request of a line, and what the line meets; none if it is no line of a request.
    pub(super) fn met_by(&self, line: &[u8]) -> Result<Option<(String, u8)>, String> {
        let line: Line<'_> =
            serde_json::from_slice(line).map_err(|error| format!("this is no record: {error}"))?;
        let Some(id) = &line.metadata.correlation_uid else { return Ok(None) };
        let met = [
            (OFFICER, self.officer.as_deref().is_some_and(|officer| is_officer(&line, officer))),
            (DEVICE, is(self.device.as_deref(), line.device.as_ref().map(|device| &*device.uid), '/')),
            (SOURCE, self.source.is_some() && self.source.as_deref() == line.unmapped.source.as_deref()),
            (CASE, self.case.as_deref().is_some_and(|case| line.unmapped.cases().any(|known| known == case))),
            (
                CODE,
                self.code
                    .as_deref()
                    .is_some_and(|code| code == id || line.unmapped.code.as_deref() == Some(code)),
            ),
            (
                SUBJECT,
                line.unmapped.subjects.iter().any(|subject| self.subjects.contains(&subject.pseudonym)),
            ),
        ];
        Ok(Some((
            id.to_string(),
            met.into_iter().filter(|(_, met)| *met).fold(0, |bits, (bit, _)| bits | bit),
        )))
    }
}

fn is_officer(line: &Line<'_>, officer: &str) -> bool {
    line.person().is_some_and(|person| {
        is(Some(officer), Some(&*person.uid), '|') || person.name.as_deref() == Some(officer)
    })
}

/// Whether a name is the one that is wanted, or ends in it.
fn is(wanted: Option<&str>, name: Option<&str>, separator: char) -> bool {
    let (Some(wanted), Some(name)) = (wanted, name) else { return false };
    name == wanted || name.rsplit(separator).next() == Some(wanted)
}
