//! The decisions of a record, as far as policies go: what was asked, and what was answered.

use std::{
    borrow::Cow,
    io::{self, BufRead},
    path::{Path, PathBuf},
    sync::Arc,
};

use poort_policy::Question;
use serde::Deserialize;

use super::{
    journal,
    ocsf::{BESIDE, DECISION, LINE_LIMIT_BYTES, OUTCOME},
    search::{Lines, SearchFault},
    tlog::tombstone,
};

/// What one line of a record says to policies.
#[derive(Debug)]
pub enum Entry {
    /// A decision.
    Decision(Box<Asked>),
    /// Something else: how a request ended, a sign-in, a finding, a look at the record.
    Other,
}

/// A decision.
#[derive(Debug)]
pub struct Asked {
    /// The request's id.
    pub id: String,
    /// The code on the screen.
    pub code: Arc<str>,
    /// `allow`, `answer` or `refuse`, of the gate as a whole.
    pub verdict: String,
    /// Why it refused.
    pub reason: Option<String>,
    /// What the policies were asked; none where another check had refused before, or where the line would have been too long.
    pub question: Option<Question>,
    /// What they answered.
    pub answer: Option<Answer>,
    /// Whether the line would have been too long, so that the question was left out.
    pub truncated: bool,
}

/// What policies answered.
#[derive(Debug, Deserialize)]
pub struct Answer {
    /// Whether they allowed it.
    pub allow: bool,
    /// Which of them decided.
    pub determining: Vec<Arc<str>>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow)]
    unmapped: Option<Unmapped<'a>>,
    #[serde(borrow, default)]
    status_detail: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    #[serde(default)]
    correlation_uid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    event_code: Cow<'a, str>,
    #[serde(default)]
    is_truncated: bool,
}

#[derive(Deserialize)]
struct Unmapped<'a> {
    #[serde(default)]
    code: Option<Arc<str>>,
    #[serde(borrow, default)]
    verdict: Option<Cow<'a, str>>,
    #[serde(default)]
    policy: Option<Answer>,
    #[serde(default)]
    question: Option<Question>,
}

/// A record's files, oldest first.
///
/// # Errors
/// When the directory cannot be listed.
pub fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    journal::files(directory)
}

/// Gives each line of one of them.
///
/// # Errors
/// When it cannot be read.
pub fn each_line(path: &Path, mut each: impl FnMut(&[u8])) -> Result<(), SearchFault> {
    let mut lines = Lines::open(path)?;
    while let Some((_, line)) = lines.next()? {
        each(line);
    }
    Ok(())
}

/// The newest decision that a code or a request's id is the name of. Lines that are no record are passed over: that is for
/// [`entry`] and for the log's proof to say.
///
/// # Errors
/// When a file cannot be read.
pub fn find(directory: &Path, name: &str) -> Result<Option<Box<Asked>>, SearchFault> {
    // Codes are in capitals, whatever somebody wrote down who heard one.
    let code = name.to_ascii_uppercase();
    let unlisted = |cause| SearchFault::File { path: directory.to_owned(), cause };
    for path in journal::files(directory).map_err(unlisted)?.iter().rev() {
        let (mut lines, mut newest) = (Lines::open(path)?, None);
        while let Some((_, line)) = lines.next()? {
            // Most lines do not hold it anywhere, and need no parsing.
            let holds = |name: &str| memchr::memmem::find(line, name.as_bytes()).is_some();
            if (holds(name) || holds(&code))
                && let Ok(Entry::Decision(asked)) = entry(line)
                && (*asked.code == *code || asked.id == name)
            {
                newest = Some(asked);
            }
        }
        if newest.is_some() {
            return Ok(newest);
        }
    }
    Ok(None)
}

/// Reads of a line as the gate writes it the few parts that policies are about: all of it costs three times as much. None where it looks
/// otherwise; then [`entry`] says what it is.
///
/// In JSON no quote within a text stands bare, so what is looked for here cannot stand within one. That the rest of the line is as it was
/// written is not looked at: the log proves that.
#[must_use]
pub fn quick(line: &[u8]) -> Option<Quick> {
    let after = |text: &[u8], mark: &[u8]| {
        let at = memchr::memmem::find(text, mark)?;
        Some(at + mark.len())
    };
    if !(line.starts_with(b"{") && line.ends_with(b"}")) {
        return None;
    }
    let metadata = line.get(after(line, b"\"event_code\":\"")?..)?;
    if metadata.starts_with(b"outcome\"") {
        return Some(Quick::Other);
    }
    let unmapped = line.get(after(line, b"\"unmapped\":{")?..)?;
    if !metadata.starts_with(b"decision\"") {
        return None;
    }
    let code = unmapped.get(after(unmapped, b"\"code\":\"")?..)?;
    let code = code.get(..memchr::memchr(b'"', code)?)?;
    // The answer is told apart from the time that the check took, which has its name.
    let allow = b"{\"allow\":";
    let answer = unmapped.get(after(unmapped, b"\"policy\":{\"allow\":")?.checked_sub(allow.len())?..)?;
    let question = unmapped.get(after(unmapped, b"\"question\":")?..)?;
    Some(Quick::Decision {
        code: std::str::from_utf8(code).ok()?.into(),
        answer: first(answer)?,
        question: Box::new(first(question)?),
    })
}

/// What [`quick`] reads.
#[derive(Debug)]
pub enum Quick {
    /// A decision that policies were asked about.
    Decision {
        /// The code on the screen.
        code: Arc<str>,
        /// What they answered.
        answer: Answer,
        /// What they were asked.
        question: Box<Question>,
    },
    /// How a request ended.
    Other,
}

/// The value at the beginning of a text.
fn first<'t, T: Deserialize<'t>>(text: &'t [u8]) -> Option<T> {
    T::deserialize(&mut serde_json::Deserializer::from_slice(text)).ok()
}

/// Reads one line, without its end.
///
/// # Errors
/// What it is instead of a record's line, and the column in bytes, from 1; 0 where it is no certain one.
pub fn entry(line: &[u8]) -> Result<Entry, (usize, String)> {
    if tombstone::read(line).is_some() {
        return Ok(Entry::Other);
    }
    let read: Line<'_> = serde_json::from_slice(line).map_err(|error| (error.column(), told(&error)))?;
    match &*read.metadata.event_code {
        DECISION => {}
        OUTCOME => return Ok(Entry::Other),
        beside if BESIDE.contains(&beside) => return Ok(Entry::Other),
        other => return Err((0, format!("`{other}` is no kind of record"))),
    }
    let Some(Unmapped { code: Some(code), verdict, policy, question }) = read.unmapped else {
        return Err((0, "this decision has no code".to_owned()));
    };
    Ok(Entry::Decision(Box::new(Asked {
        id: read.metadata.correlation_uid.unwrap_or_default().into_owned(),
        code,
        verdict: verdict.unwrap_or_default().into_owned(),
        reason: read.status_detail.map(Cow::into_owned),
        question,
        answer: policy,
        truncated: read.metadata.is_truncated,
    })))
}

/// Reads a line with its end, if it has one, into `line`; false at the end of the file. What is longer than any record's line is cut, so
/// that a file that is one endless line does not fill the memory.
///
/// # Errors
/// When the file cannot be read.
pub fn read_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    let before = line.len();
    let mut kept = 0;
    loop {
        let chunk = file.fill_buf()?;
        if chunk.is_empty() {
            return Ok(line.len() > before);
        }
        let (length, ends) = memchr::memchr(b'\n', chunk).map_or((chunk.len(), false), |at| (at + 1, true));
        let room = (LINE_LIMIT_BYTES + 2_usize).saturating_sub(kept).min(length);
        line.extend_from_slice(chunk.get(..room).unwrap_or_default());
        kept += room;
        file.consume(length);
        if ends {
            if line.last() != Some(&b'\n') {
                line.push(b'\n');
            }
            return Ok(true);
        }
    }
}

/// What is wrong with a line, without the place within it: that is told apart.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("this is no line of a record: {what}"),
        None => format!("this is no line of a record: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_none_say_why_and_where() {
        for (line, expected) in [
            ("", (0, "EOF")),
            ("{\"metadata\":{\"correlation_uid\":\"a\",\"event_code\":\"decision\"}}", (0, "no code")),
            (
                "{\"metadata\":{\"correlation_uid\":\"a\",\"event_code\":\"x\"}}",
                (0, "`x` is no kind of record"),
            ),
            ("{\"level\":\"info\"}", (16, "missing field `metadata`")),
            ("Nov 29 kernel: oops", (1, "expected value")),
        ] {
            let (column, what) = entry(line.as_bytes()).unwrap_err();
            assert!(what.contains(expected.1), "{line}: {what}");
            assert_eq!(column, expected.0, "{line}: {what}");
        }
    }

    #[test]
    fn what_is_recorded_beside_decisions_is_passed_over() {
        for event in BESIDE.into_iter().chain([OUTCOME]) {
            let line = format!("{{\"metadata\":{{\"event_code\":\"{event}\"}}}}");
            assert!(matches!(entry(line.as_bytes()), Ok(Entry::Other)), "{event}");
        }
    }

    #[test]
    fn the_quick_way_reads_what_the_thorough_one_does() {
        let question = r#"{"principal":{"kind":"user","id":"zone|\"question\":{"},"operation":"consult","source":"persons","context":{"request":{"method":"GET","host":"h","path":"/\"unmapped\":{","address":"10.0.0.1"},"time":{"epoch":1,"hour":2,"minute":3,"weekday":4}}}"#;
        let line = |event: &str, unmapped: &str| {
            format!(
                r#"{{"message":"\"unmapped\":{{","metadata":{{"event_code":"{event}","correlation_uid":"a"}},"unmapped":{{{unmapped}}}}}"#
            )
        };
        let whole = line(
            "decision",
            &format!(
                r#""code":"K7M2QX","steps":{{"policy":6}},"policy":{{"allow":true,"determining":["a","b"],"obligations":[],"errors":[]}},"question":{question}"#
            ),
        );
        let (Some(Quick::Decision { code, answer, question }), Ok(Entry::Decision(asked))) =
            (quick(whole.as_bytes()), entry(whole.as_bytes()))
        else {
            panic!("{whole}")
        };
        let there = asked.answer.unwrap();
        assert_eq!((&code, Some(*question)), (&asked.code, asked.question));
        assert_eq!((answer.allow, answer.determining), (there.allow, there.determining));
        assert!(matches!(quick(line("outcome", "").as_bytes()), Some(Quick::Other)));
        for other in [
            line("decision", r#""code":"K7M2QX","verdict":"refuse""#),
            line("access", ""),
            line("decision", r#""code":"K7M2QX","policy":{"allow":true,"determining":[]},"question":{}"#),
            whole.get(..whole.len() / 2).unwrap().to_owned(),
            "Nov 29 kernel: oops".to_owned(),
        ] {
            assert!(quick(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn lines_are_read_with_their_ends_and_bounded() {
        let long = "x".repeat(3 * LINE_LIMIT_BYTES);
        let text = format!("a\n{long}\nb");
        let mut file = io::BufReader::with_capacity(7, text.as_bytes());
        let mut seen = Vec::new();
        let mut line = Vec::new();
        while read_line(&mut file, &mut line).unwrap() {
            seen.push((line.len(), line.last() == Some(&b'\n')));
            line.clear();
        }
        assert_eq!(seen, [(2, true), (LINE_LIMIT_BYTES + 3, true), (1, false)]);
    }
}
