//! What is told of a request.

use std::{borrow::Cow, fmt, path::PathBuf};

use memchr::memmem;
use serde::Deserialize;

use super::evidence::Entry;
use crate::audit::ocsf;

/// A request as the record has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consultation {
    /// Milliseconds since 1970.
    pub time: i64,
    /// The request's name.
    pub request: String,
    /// The code on the officer's screen.
    pub code: String,
    /// Who asked: `issuer|subject`, or a device's name.
    pub officer: Option<String>,
    /// What people call them.
    pub name: Option<String>,
    /// The device.
    pub device: Option<String>,
    /// The workload that asked for them.
    pub actor: Option<String>,
    /// The source.
    pub source: Option<String>,
    /// What was done: a word of art. 25.
    pub operation: Option<String>,
    /// The method.
    pub method: Option<String>,
    /// The path, without what names somebody.
    pub path: Option<String>,
    /// `allow`, `refuse` or `answer`.
    pub verdict: String,
    /// Why it was refused.
    pub reason: Option<String>,
    /// Why it was asked.
    pub purpose: Option<String>,
    /// For which case.
    pub case: Option<String>,
    /// Whether a glass was broken for it: the request in which it was.
    pub glass: Option<String>,
    /// Whom it was about: the request's, then the answer's.
    pub subjects: Vec<Subject>,
    /// The status that the client got; none if it is not known.
    pub status: Option<u16>,
    /// How it ended; none if that is not recorded yet.
    pub end: Option<String>,
    /// Where it is written.
    pub place: Place,
    /// Where it is in the log; none if it was not held against one.
    pub entry: Option<Entry>,
}

/// A line of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Whom a request or an answer was about.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Subject {
    /// What it was named by.
    pub kind: String,
    /// What stands for it.
    pub pseudonym: String,
    /// The id of the key.
    pub key: String,
}

/// A line of either record, as far as it is looked at.
#[derive(Deserialize)]
pub(super) struct Line<'a> {
    pub(super) time: i64,
    #[serde(borrow, default)]
    status_detail: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) metadata: Metadata<'a>,
    #[serde(borrow, default)]
    pub(super) actor: Option<Actor<'a>>,
    /// Who broke a glass.
    #[serde(borrow, default)]
    user: Option<User<'a>>,
    #[serde(borrow, default)]
    pub(super) device: Option<Device<'a>>,
    #[serde(borrow, default)]
    http_request: Option<HttpRequest<'a>>,
    #[serde(default)]
    http_response: Option<HttpResponse>,
    #[serde(borrow)]
    pub(super) unmapped: Unmapped<'a>,
}

#[derive(Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(borrow, default)]
    pub(super) correlation_uid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) event_code: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct Actor<'a> {
    #[serde(borrow)]
    pub(super) user: User<'a>,
    #[serde(borrow, default)]
    pub(super) invoked_by: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct User<'a> {
    #[serde(borrow)]
    pub(super) uid: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct Device<'a> {
    #[serde(borrow)]
    pub(super) uid: Cow<'a, str>,
}

#[derive(Deserialize)]
struct HttpRequest<'a> {
    #[serde(borrow, default)]
    http_method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    url: Url<'a>,
}

#[derive(Deserialize)]
struct Url<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
}

#[derive(Deserialize)]
struct HttpResponse {
    code: u16,
}

#[derive(Deserialize)]
pub(super) struct Unmapped<'a> {
    #[serde(borrow, default)]
    pub(super) code: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    operation: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    purpose: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) case: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    glass: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    verdict: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    end: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) subjects: Vec<Subject>,
    #[serde(default)]
    pub(super) more_subjects: u64,
    #[serde(borrow, default)]
    question: Option<Question<'a>>,
}

#[derive(Deserialize)]
struct Question<'a> {
    #[serde(borrow)]
    context: Context<'a>,
}

#[derive(Deserialize)]
struct Context<'a> {
    #[serde(borrow, default)]
    break_glass: Option<BreakGlass<'a>>,
}

#[derive(Deserialize)]
struct BreakGlass<'a> {
    #[serde(borrow)]
    case: Cow<'a, str>,
}

impl<'a> Line<'a> {
    /// Who asked, or broke a glass.
    pub(super) fn person(&self) -> Option<&User<'a>> {
        self.actor.as_ref().map(|actor| &actor.user).or(self.broke_glass())
    }

    fn broke_glass(&self) -> Option<&User<'a>> {
        self.user.as_ref().filter(|_| self.metadata.event_code == ocsf::BREAK_GLASS)
    }
}

impl Unmapped<'_> {
    /// The case of the officer's mission, and that of the glass that was broken.
    pub(super) fn cases(&self) -> impl Iterator<Item = &str> {
        let glass = self.question.as_ref().and_then(|question| question.context.break_glass.as_ref());
        self.case.as_deref().into_iter().chain(glass.map(|glass| &*glass.case))
    }
}

/// The request that a line belongs to, without reading all of it.
pub(super) fn request_id(line: &[u8]) -> Option<&str> {
    const KEY: &[u8] = b"\"correlation_uid\":\"";
    let start = memmem::find(line, KEY)? + KEY.len();
    let rest = line.get(start..)?;
    std::str::from_utf8(rest.get(..memchr::memchr(b'"', rest)?)?).ok()
}

/// How a request ended: what an outcome's line adds.
pub(super) struct Outcome {
    status: Option<u16>,
    end: Option<String>,
    subjects: Vec<Subject>,
}

/// What an outcome's line says; none if it is another's.
pub(super) fn outcome(line: &[u8]) -> Option<Outcome> {
    let line: Line<'_> = serde_json::from_slice(line).ok()?;
    (line.metadata.event_code == ocsf::OUTCOME).then(|| Outcome {
        status: line.http_response.map(|response| response.code),
        end: line.unmapped.end.map(Cow::into_owned),
        subjects: line.unmapped.subjects,
    })
}

/// That a glass was broken in a request: what its line adds.
pub(super) struct Broken {
    officer: String,
    name: Option<String>,
    source: Option<String>,
    case: Option<String>,
}

/// Who broke a glass, for which source and case; none if the line is another's.
pub(super) fn broken(line: &[u8]) -> Option<Broken> {
    // Most lines are not, and need not be read twice for that.
    memmem::find(line, ocsf::BREAK_GLASS.as_bytes())?;
    let line: Line<'_> = serde_json::from_slice(line).ok()?;
    let User { uid, name } = line.broke_glass()?;
    let own = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
    let (source, case) = (own(&line.unmapped.source), own(&line.unmapped.case));
    Some(Broken { officer: uid.as_ref().to_owned(), name: own(name), source, case })
}

impl Consultation {
    /// What a line says, if it is a decision.
    #[must_use]
    pub fn of(line: &[u8]) -> Option<Self> {
        Self::read(line, Place::default()).ok()
    }

    /// What a decision's line says.
    pub(super) fn read(line: &[u8], place: Place) -> Result<Self, String> {
        let Line { time, status_detail, metadata, actor, device, http_request, unmapped, .. } =
            serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if metadata.event_code != ocsf::DECISION {
            return Err(format!("`{}` is no decision", metadata.event_code));
        }
        let own = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let case = unmapped.cases().next().map(str::to_owned);
        let (user, actor) = actor.map(|actor| (actor.user, actor.invoked_by)).unzip();
        let (officer, name) = user.map(|user| (user.uid.into_owned(), user.name)).unzip();
        let (method, url) = http_request.map(|request| (request.http_method, request.url)).unzip();
        Ok(Self {
            time,
            request: own(metadata.correlation_uid).unwrap_or_default(),
            code: own(unmapped.code).unwrap_or_default(),
            officer,
            name: own(name.flatten()),
            device: device.map(|device| device.uid.into_owned()),
            actor: own(actor.flatten()),
            source: own(unmapped.source),
            operation: own(unmapped.operation),
            method: own(method.flatten()),
            path: url.map(|url| url.path.into_owned()),
            verdict: own(unmapped.verdict).unwrap_or_default(),
            reason: own(status_detail),
            purpose: own(unmapped.purpose),
            case,
            glass: own(unmapped.glass),
            subjects: unmapped.subjects,
            status: None,
            end: None,
            place,
            entry: None,
        })
    }

    /// Adds that a glass was broken in it.
    pub(super) fn breaks(&mut self, broken: Broken) {
        let Broken { officer, name, source, case } = broken;
        (self.officer, self.name, self.source, self.case) = (Some(officer), name, source, case);
    }

    /// Adds how it ended.
    pub(super) fn end(&mut self, outcome: Outcome) {
        (self.status, self.end) = (outcome.status, outcome.end);
        for subject in outcome.subjects {
            if !self.subjects.contains(&subject) {
                self.subjects.push(subject);
            }
        }
    }
}
