//! Which consultations are meant.

use std::{
    ops::Range,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use memchr::memmem::{self, Finder};
use poort_enforce::data_subject::Kind;

use super::consultation::{Line, Subject};
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
    /// The ids of the keys that made them.
    pub keys: Vec<String>,
}

/// Times from the first on, up to but without the second; in milliseconds since 1970.
pub type Period = Range<i64>;

const OFFICER: u8 = 1;
const DEVICE: u8 = 1 << 1;
const SOURCE: u8 = 1 << 2;
const CASE: u8 = 1 << 3;
const CODE: u8 = 1 << 4;
const SUBJECT: u8 = 1 << 5;
/// It is about more than are listed.
pub(super) const UNLISTED: u8 = 1 << 6;
/// It is about somebody under a key that is not at hand.
pub(super) const UNREAD: u8 = 1 << 7;

/// Whether a request is meant.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meant {
    Surely,
    /// It may be about whoever is looked for: [`UNLISTED`], [`UNREAD`].
    Perhaps(u8),
}

/// Tells lines that hold nothing of what is wanted from others, without reading them.
pub(super) struct Sieve<'a> {
    needles: Vec<Finder<'static>>,
    /// The keys, where somebody is looked for.
    keys: &'a [String],
}

impl Sieve<'_> {
    pub(super) fn may_hold(&self, line: &[u8]) -> bool {
        let holds = |needle: &Finder<'_>| needle.find(line).is_some();
        self.needles.is_empty() || self.needles.iter().any(holds) || self.may_hide(line)
    }

    /// Whether a line may be about somebody whom it does not tell.
    fn may_hide(&self, line: &[u8]) -> bool {
        const KEY: &[u8] = b"\"key\":\"";
        let is_known = |at: usize| {
            let rest = line.get(at + KEY.len()..).unwrap_or_default();
            self.keys.iter().any(|key| rest.starts_with(key.as_bytes()))
        };
        !self.keys.is_empty()
            && (memmem::find(line, b"\"more_subjects\":").is_some()
                || memmem::find_iter(line, KEY).any(|at| !is_known(at)))
    }
}

/// The days of the files that may hold what is meant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Days(Option<(Day, Day)>);

impl Days {
    /// Whether a file may, by its name.
    pub(super) fn read(self, path: &Path) -> bool {
        let Self(Some((first, last))) = self else { return true };
        day(path).is_some_and(|day| (first..=last).contains(&day))
    }
}

fn day(path: &Path) -> Option<Day> {
    Day::of_file(path.file_name()?.to_str()?, PREFIX)
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

    /// Which of these files may hold what is meant. A clock that was ahead makes a file of a later day, which is gone on with when the
    /// clock is set right; and one that is set back over midnight leaves a line in the file before: so the next ones are read too.
    pub(super) fn days(&self, files: &[&Path]) -> Days {
        let Some(period) = &self.period else { return Days(None) };
        let time = |millis: i64| UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        let last = time(period.end).checked_add(LONGEST).unwrap_or_else(SystemTime::now);
        let (first, last) = (Day::of(time(period.start)), Day::of(last));
        let days = || files.iter().filter_map(|path| day(path));
        let before = days().filter(|day| *day < first).max();
        let after = days().filter(|day| *day > last).min();
        Days(Some((before.unwrap_or(first), after.unwrap_or(last))))
    }

    fn looks_for_somebody(&self) -> bool {
        !self.subjects.is_empty()
    }

    /// The keys of those whom a line is about, where they are not at hand.
    pub(super) fn unread<'s>(&self, subjects: &'s [Subject]) -> impl Iterator<Item = &'s str> {
        let keys = subjects.iter().map(|subject| subject.key.as_str());
        keys.filter(|key| self.looks_for_somebody() && self.keys.iter().all(|known| known != key))
    }

    /// Of a request that meets so much: whether it is meant, or may be for all that can be told.
    pub(super) fn may_be(&self, met: u8) -> Option<Meant> {
        let all = self.all();
        match met & all == all {
            true => Some(Meant::Surely),
            false if (met | SUBJECT) & all == all && met & (UNLISTED | UNREAD) != 0 => {
                Some(Meant::Perhaps(met))
            }
            false => None,
        }
    }

    /// Whether a request that was decided then is meant.
    pub(super) fn is_in_period(&self, time: i64) -> bool {
        self.period.as_ref().is_none_or(|period| period.contains(&time))
    }

    /// A line that meets something holds its text, where that has one spelling alone.
    pub(super) fn sieve(&self) -> Sieve<'_> {
        let keys = if self.subjects.is_empty() { &[] } else { self.keys.as_slice() };
        let texts = [&self.source, &self.code].into_iter().flatten();
        let needles: Vec<&String> = self.subjects.iter().chain(texts).collect();
        let has_spellings = self.officer.is_some() || self.device.is_some() || self.case.is_some();
        // A text that JSON escapes is not found as it is.
        let plain = |text: &str| {
            text.bytes().all(|byte| (b' '..0x7f).contains(&byte) && byte != b'"' && byte != b'\\')
        };
        if has_spellings || !needles.iter().all(|needle| plain(needle)) {
            return Sieve { needles: vec![], keys };
        }
        let needles = needles.into_iter().map(|needle| Finder::new(needle).into_owned()).collect();
        Sieve { needles, keys }
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
            (
                CASE,
                self.case
                    .as_deref()
                    .is_some_and(|case| line.unmapped.cases().any(|known| is_case(known, case))),
            ),
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
            (UNLISTED, self.looks_for_somebody() && line.unmapped.more_subjects > 0),
            (UNREAD, self.unread(&line.unmapped.subjects).next().is_some()),
        ];
        Ok(Some((
            id.to_string(),
            met.into_iter().filter(|(_, met)| *met).fold(0, |bits, (bit, _)| bits | bit),
        )))
    }
}

fn is_officer(line: &Line<'_>, officer: &str) -> bool {
    line.person().is_some_and(|person| {
        is(Some(officer), Some(&*person.uid), '|')
            || person.name.as_deref().is_some_and(|name| is_same(Kind::Name, name, officer))
    })
}

fn is_case(known: &str, wanted: &str) -> bool {
    is_same(Kind::Number, known, wanted)
}

/// Whether two texts are spellings of one.
fn is_same(kind: Kind, one: &str, other: &str) -> bool {
    one == other || kind.normal(one).is_some_and(|form| kind.normal(other) == Some(form))
}

/// Whether a name is the one that is wanted, or ends in it, in whatever case.
fn is(wanted: Option<&str>, name: Option<&str>, separator: char) -> bool {
    let (Some(wanted), Some(name)) = (wanted, name) else { return false };
    let end = name.rsplit(separator).next().unwrap_or(name);
    name.eq_ignore_ascii_case(wanted) || end.eq_ignore_ascii_case(wanted)
}
