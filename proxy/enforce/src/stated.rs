//! What is stated beside a request: its purpose and case, and a broken glass.
//!
//! An officer states them on the sign-in host, for their session; an application that a source's file lists states them in headers. Nothing
//! else a client sends is believed.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderName};
use poort_policy::BreakGlass;
use regex_automata::{
    Input,
    meta::{BuildError, Config, Regex},
    util::syntax,
};
use serde::{Deserialize, Serialize};

use crate::{exchange::RequestId, language::Language};

/// Longest case number, in bytes.
pub const CASE_LIMIT_BYTES: usize = 64;
/// Longest pattern of case numbers, in bytes.
const PATTERN_LIMIT_BYTES: usize = 256;
/// Largest compiled pattern, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// What requests may be for: the zone's list, and how it writes case numbers.
#[derive(Debug, Default)]
pub struct Purposes {
    all: Vec<Purpose>,
    case: Option<CasePattern>,
}

/// One of the zone's purposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// Its name, in policies, records and towards sources.
    pub name: Arc<str>,
    /// What people call it, in the order of [`Language::ALL`].
    pub labels: [String; 3],
}

/// How a zone writes its case numbers.
#[derive(Clone, Debug)]
pub struct CasePattern(Regex);

impl CasePattern {
    /// Compiles a pattern that a whole case number must match; linear in time, bounded in size.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(pattern: &str) -> Result<Self, String> {
        if pattern.len() > PATTERN_LIMIT_BYTES {
            return Err(format!(
                "the pattern has {} bytes, the limit is {PATTERN_LIMIT_BYTES}",
                pattern.len()
            ));
        }
        let config = Config::new().nfa_size_limit(Some(PATTERN_SIZE)).hybrid_cache_capacity(PATTERN_SIZE);
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        let whole = format!(r"\A(?:{pattern})\z");
        let built = Regex::builder().configure(config).syntax(syntax).build(&whole);
        // Of what the parser says over several lines, the last says what is wrong.
        let told = |error: BuildError| {
            let text = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
            text.rsplit("error: ").next().unwrap_or_default().to_owned()
        };
        // Alone too, so that a bracket in it does not close ours.
        Regex::builder().syntax(syntax).build(pattern).map_err(told)?;
        built.map(Self).map_err(told)
    }

    fn matches(&self, text: &str) -> bool {
        self.0.is_match(Input::new(text))
    }
}

impl Purposes {
    /// The zone's purposes, and its pattern of case numbers; without one any short printable text is a case number.
    #[must_use]
    pub fn new(all: Vec<Purpose>, case: Option<CasePattern>) -> Self {
        Self { all, case }
    }

    /// Every purpose, in the zone's order.
    #[must_use]
    pub fn all(&self) -> &[Purpose] {
        &self.all
    }

    /// The purpose of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Purpose> {
        self.all.iter().find(|purpose| &*purpose.name == name)
    }

    /// Whether a text is a case number, as the zone writes them.
    #[must_use]
    pub fn is_case(&self, text: &str) -> bool {
        let sound = (1..=CASE_LIMIT_BYTES).contains(&text.len())
            && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
            && text.trim() == text;
        sound && self.case.as_ref().is_none_or(|case| case.matches(text))
    }
}

impl Purpose {
    /// What people call it in a language.
    #[must_use]
    pub fn label(&self, language: Language) -> &str {
        let [dutch, french, english] = &self.labels;
        match language {
            Language::Dutch => dutch,
            Language::French => french,
            Language::English => english,
        }
    }
}

/// What an officer is at: stated once, for everything that follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mission {
    /// The purpose's name.
    pub purpose: Arc<str>,
    /// The case number.
    pub case: Option<Arc<str>>,
    /// When it ends by itself.
    pub until: SystemTime,
}

/// A glass that an officer broke: context for one source's policies, for a short time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glass {
    /// The request in which it was broken; its code names the grant in the record and in the review.
    pub id: RequestId,
    /// For which source.
    pub source: Arc<str>,
    /// Why, in the officer's own words.
    pub reason: Arc<str>,
    /// For which case.
    pub case: Arc<str>,
    /// When it ends by itself.
    pub until: SystemTime,
}

impl Glass {
    /// Longest reason, in characters.
    pub const REASON_LIMIT: usize = 500;
    /// Shortest reason, in characters: a word is not one.
    pub const REASON_LEAST: usize = 10;

    /// What policies see of it.
    #[must_use]
    pub fn facts(&self) -> BreakGlass {
        BreakGlass { reason: (*self.reason).to_owned(), case: (*self.case).to_owned() }
    }
}

/// What an officer has stated in a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statements {
    /// The mission they are on.
    pub mission: Option<Mission>,
    /// The missions they were on before, the last one first, so that one of them is a tap away.
    pub recent: Vec<(Arc<str>, Option<Arc<str>>)>,
    /// The glasses they broke, one a source at most.
    pub glasses: Vec<Glass>,
}

impl Statements {
    /// So many missions are remembered.
    pub const RECENT: usize = 3;

    /// The same on another mission.
    #[must_use]
    pub fn on(&self, mission: Mission) -> Self {
        let now = (Arc::clone(&mission.purpose), mission.case.clone());
        let before = self.recent.iter().filter(|recent| **recent != now).cloned();
        let recent = std::iter::once(now.clone()).chain(before).take(Self::RECENT).collect();
        Self { mission: Some(mission), recent, glasses: self.glasses.clone() }
    }

    /// The same on no mission.
    #[must_use]
    pub fn off(&self) -> Self {
        Self { mission: None, ..self.clone() }
    }

    /// The same with a glass broken, in place of one that was for the same source or is over.
    #[must_use]
    pub fn with(&self, glass: &Glass, now: SystemTime) -> Self {
        let others = self.glasses.iter().filter(|other| other.source != glass.source && now < other.until);
        let glasses = others.cloned().chain([glass.clone()]).collect();
        Self { glasses, ..self.clone() }
    }

    /// What holds of it for a request to a source now.
    #[must_use]
    pub fn for_source(&self, source: &str, now: SystemTime) -> Stated {
        let mission = self.mission.as_ref().filter(|mission| now < mission.until);
        let glass = self.glasses.iter().find(|glass| &*glass.source == source && now < glass.until);
        Stated {
            purpose: mission.map(|mission| Arc::clone(&mission.purpose)),
            case: mission.and_then(|mission| mission.case.clone()),
            glass: glass.cloned(),
        }
    }
}

/// What is stated beside one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    /// The purpose's name, one of the zone's.
    pub purpose: Option<Arc<str>>,
    /// The case number, as the zone writes them.
    pub case: Option<Arc<str>>,
    /// The glass that was broken for this source.
    pub glass: Option<Glass>,
}

/// What an operation demands to be stated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// A purpose.
    pub purpose: bool,
    /// A case number.
    pub case: bool,
}

impl Demands {
    /// What one or the other demands.
    #[must_use]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self { purpose: self.purpose || other.purpose, case: self.case || other.case }
    }

    /// Whether something that is demanded was not stated.
    #[must_use]
    pub fn unmet_by(self, purpose: bool, case: bool) -> bool {
        self.purpose && !purpose || self.case && !case
    }
}

/// Applications that state, in headers, what a request of theirs is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedBy {
    /// The names in their certificates.
    pub workloads: Vec<String>,
    /// The header that names a purpose.
    pub purpose: HeaderName,
    /// The header that has a case number.
    pub case: Option<HeaderName>,
    /// What they are told when they left it out.
    pub advice: Arc<str>,
}

/// Why what an application states is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatedFault {
    /// No purpose of the zone's, or stated twice.
    Purpose,
    /// No case number as the zone writes them, or stated twice.
    Case,
}

impl StatedBy {
    /// For these workloads and headers.
    #[must_use]
    pub fn new(workloads: Vec<String>, purpose: HeaderName, case: Option<HeaderName>) -> Self {
        let case_too =
            case.as_ref().map_or_else(String::new, |case| format!(" and a case number in `{case}`"));
        let advice = format!("State one of the zone's purposes in the header `{purpose}`{case_too}.").into();
        Self { workloads, purpose, case, advice }
    }

    /// Whether a header is one of these. None of them is passed on: what a source may believe is in the assertion.
    #[must_use]
    pub fn has(&self, name: &HeaderName) -> bool {
        *name == self.purpose || Some(name) == self.case.as_ref()
    }

    /// What a listed workload states in its headers.
    ///
    /// # Errors
    /// [`StatedFault`] for what is not of the zone's.
    pub fn read(&self, headers: &HeaderMap, purposes: &Purposes) -> Result<Stated, StatedFault> {
        let purpose = only(headers, &self.purpose).map_err(|()| StatedFault::Purpose)?;
        let purpose = purpose.map(|name| purposes.find(name).ok_or(StatedFault::Purpose)).transpose()?;
        let case = self.case.as_ref().map_or(Ok(None), |name| only(headers, name));
        let case = case.map_err(|()| StatedFault::Case)?;
        if case.is_some_and(|case| !purposes.is_case(case)) {
            return Err(StatedFault::Case);
        }
        Ok(Stated {
            purpose: purpose.map(|known| Arc::clone(&known.name)),
            case: case.map(Arc::from),
            glass: None,
        })
    }
}

/// The one value of a header, which is text.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ()> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(|value| value.to_str().map_err(drop)).transpose()?;
    if values.next().is_some() { Err(()) } else { Ok(value) }
}

/// A mission is over at the end of a shift, whatever a file says.
pub const LONGEST_MISSION: Duration = Duration::from_secs(12 * 3600);
/// A glass is broken for one consultation and what follows from it.
pub const LONGEST_GLASS: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn purposes() -> Purposes {
        let purpose = |name: &str| Purpose {
            name: name.into(),
            labels: [format!("{name} nl"), format!("{name} fr"), format!("{name} en")],
        };
        let case = CasePattern::new("[0-9]{4}/[0-9]{1,6}").unwrap();
        Purposes::new(vec![purpose("patrol"), purpose("judicial-request")], Some(case))
    }

    #[test]
    fn case_numbers_are_as_the_zone_writes_them_and_nothing_more() {
        let purposes = purposes();
        for (text, is_case) in [
            ("2026/4711", true),
            ("2026/1", true),
            ("2026/1234567", false),
            ("2026/4711 ", false),
            (" 2026/4711", false),
            ("2026/4711\n", false),
            ("x2026/4711", false),
            ("2026/４７１１", false),
            ("", false),
        ] {
            assert_eq!(purposes.is_case(text), is_case, "{text:?}");
        }
        let any = Purposes::default();
        assert!(
            any.is_case("A-1") && !any.is_case("a\tb") && !any.is_case("é") && !any.is_case(&"1".repeat(65))
        );
    }

    #[test]
    fn a_pattern_is_bounded_and_cannot_break_out_of_its_anchors() {
        for pattern in ["[", "a)|(b", "(?:x", "a{1000}{1000}{1000}", &"a".repeat(257), r"\p{Greek}"] {
            assert!(CasePattern::new(pattern).is_err(), "{pattern}");
        }
        let either = Purposes::new(vec![], Some(CasePattern::new("a|b").unwrap()));
        assert!(either.is_case("a") && either.is_case("b") && !either.is_case("ab") && !either.is_case("xb"));
        let lines = Purposes::new(vec![], Some(CasePattern::new("(?m)^a$").unwrap()));
        assert!(!lines.is_case("a\nb"));
    }

    #[test]
    fn what_was_stated_ends_by_itself_and_a_glass_is_for_one_source() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let statements = Statements {
            mission: Some(Mission { purpose: "patrol".into(), case: Some("2026/1".into()), until: at(100) }),
            recent: vec![],
            glasses: vec![Glass {
                id: RequestId([1; 16]),
                source: "persons".into(),
                reason: "a child is missing".into(),
                case: "2026/1".into(),
                until: at(50),
            }],
        };
        let all = statements.for_source("persons", at(49));
        assert_eq!((all.purpose.as_deref(), all.case.as_deref()), (Some("patrol"), Some("2026/1")));
        assert_eq!(all.glass.map(|glass| glass.facts().reason), Some("a child is missing".to_owned()));
        assert_eq!(statements.for_source("vehicles", at(49)).glass, None);
        assert_eq!(statements.for_source("persons", at(50)).glass, None);
        assert_eq!(statements.for_source("persons", at(100)), Stated::default());
    }

    #[test]
    fn the_last_missions_are_remembered_and_a_glass_takes_the_place_of_another() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let mission = |name: &str| Mission { purpose: name.into(), case: None, until: at(9) };
        let mut all = Statements::default();
        for name in ["a", "b", "a", "c", "d"] {
            all = all.on(mission(name));
        }
        let recent: Vec<&str> = all.recent.iter().map(|(purpose, _)| &**purpose).collect();
        assert_eq!(recent, ["d", "c", "a"]);
        assert_eq!((all.off().mission, all.off().recent.len()), (None, 3));
        let glass = |number, source: &str, until| Glass {
            id: RequestId([number; 16]),
            source: source.into(),
            reason: "a child is missing".into(),
            case: "1".into(),
            until: at(until),
        };
        let all = all.with(&glass(1, "persons", 5), at(0)).with(&glass(2, "vehicles", 50), at(1));
        let all = all.with(&glass(3, "vehicles", 60), at(5));
        let left: Vec<_> = all.glasses.iter().map(|glass| (glass.id.0[0], &*glass.source)).collect();
        assert_eq!(left, [(3, "vehicles")], "one is over, one was replaced");
    }

    #[test]
    fn headers_state_what_is_on_the_list_once() {
        let by = StatedBy::new(
            vec!["spiffe://zone.example/workload/search".to_owned()],
            HeaderName::from_static("x-purpose"),
            Some(HeaderName::from_static("x-case")),
        );
        assert!(by.advice.contains("`x-purpose`") && by.advice.contains("`x-case`"), "{}", by.advice);
        let read = |lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            by.read(&headers, &purposes()).map(|stated| {
                (stated.purpose.map(|purpose| purpose.to_string()), stated.case.map(|case| case.to_string()))
            })
        };
        let some = |text: &str| Some(text.to_owned());
        for (name, lines, expected) in [
            ("nothing", &[][..], Ok((None, None))),
            ("a purpose", &[("x-purpose", "patrol")], Ok((some("patrol"), None))),
            ("both", &[("x-purpose", "patrol"), ("x-case", "2026/1")], Ok((some("patrol"), some("2026/1")))),
            ("a case", &[("x-case", "2026/1")], Ok((None, some("2026/1")))),
            ("not on the list", &[("x-purpose", "curiosity")], Err(StatedFault::Purpose)),
            ("in capitals", &[("x-purpose", "Patrol")], Err(StatedFault::Purpose)),
            ("twice", &[("x-purpose", "patrol"), ("x-purpose", "patrol")], Err(StatedFault::Purpose)),
            ("empty", &[("x-purpose", "")], Err(StatedFault::Purpose)),
            ("no text", &[("x-purpose", "patr\u{f6}l")], Err(StatedFault::Purpose)),
            ("a malformed case", &[("x-purpose", "patrol"), ("x-case", "4711")], Err(StatedFault::Case)),
            ("a case twice", &[("x-case", "2026/1"), ("x-case", "2026/2")], Err(StatedFault::Case)),
        ] {
            assert_eq!(read(lines), expected, "{name}");
        }
    }
}
