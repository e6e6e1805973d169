//! Which operation a method and path mean at a source, and what they capture.
//!
//! The operation is a word of art. 25 of Directive (EU) 2016/680 and is what policies speak about.

use std::{borrow::Cow, collections::BTreeMap};

use http::Method;
use poort_policy::{Demand, Operation};

use crate::{
    normal::{decoded, query_readings, without_parameters},
    stated::Demands,
};

/// One line of a source's `operations`. What a request is held against stands in as few places of memory as can be: sources are
/// many, and each has lines that do not match.
#[derive(Clone, Debug)]
pub struct Rule {
    methods: Methods,
    operation: Operation,
    demands: Demands,
    path: PathPattern,
    query: Box<[String]>,
}

/// A normal path in which segments may be open: `/persons/{number}`, `/static/**`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    /// As in the file, without `/**` at its end.
    path: Box<str>,
    rest: bool,
}

/// What a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The operation.
    pub operation: Operation,
    /// What must be stated for it.
    pub demands: Demands,
    /// Captured path segments and query values, by name, decoded.
    pub captures: BTreeMap<String, String>,
}

/// Why a request has no single meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMeaning {
    /// No line matches.
    Unmatched,
    /// A captured query key occurs more than once, or its value has a bare semicolon in it; which one the source reads is anybody's guess.
    RepeatedCapture,
}

/// A source's `operations`, in order: the first match decides.
#[derive(Clone, Debug, Default)]
pub struct Operations(Vec<Rule>);

impl Rule {
    /// A line: `methods` (empty means all; GET includes HEAD), a normal `path` pattern such as `/persons/{number}` or `/**`, and
    /// the `query` keys that are captured.
    #[must_use]
    pub fn new(methods: Vec<Method>, path: &str, query: Vec<String>, operation: Operation) -> Self {
        let demands = Demands::default();
        Self {
            methods: Methods::of(methods),
            operation,
            demands,
            path: PathPattern::new(path),
            query: query.into(),
        }
    }

    /// The same line, for which this must be stated.
    #[must_use]
    pub fn demanding(self, demands: Demands) -> Self {
        Self { demands, ..self }
    }

    /// What it means.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// What must be stated for it.
    #[must_use]
    pub fn demands(&self) -> Demands {
        self.demands
    }

    /// Whether it is about requests of this method.
    #[must_use]
    pub fn takes(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }

    /// A path that matches as it stands; none where a segment is open. Of `/static/**` it is `/static`.
    #[must_use]
    pub fn whole_path(&self) -> Option<&str> {
        let open = self.path.segments().any(|segment| matches!(segment, Segment::Capture(_)));
        let path = if self.path.path.is_empty() { "/" } else { &self.path.path };
        (!open).then_some(path)
    }

    /// The names that it captures.
    pub fn captured(&self) -> impl Iterator<Item = &str> {
        let of_path = self.path.segments().filter_map(|segment| match segment {
            Segment::Capture(name) => Some(name),
            Segment::Literal(_) => None,
        });
        of_path.chain(self.query.iter().map(String::as_str))
    }

    fn captures(&self, path: &str, query: Option<&str>) -> Result<BTreeMap<String, String>, NoMeaning> {
        let mut captures: BTreeMap<_, _> = self
            .path
            .segments()
            .zip(path.split('/').skip(1))
            .filter_map(|(segment, text)| match segment {
                // SECURITY: the application reads `85` of `/persons/85;jsessionid=1`, and so must policies and whoever searches the record.
                Segment::Capture(name) => {
                    Some((name.to_owned(), decoded(without_parameters(text)).into_owned()))
                }
                Segment::Literal(_) => None,
            })
            .collect();
        for name in &self.query {
            let mut values = query_readings(query.unwrap_or(""), name);
            if let Some(value) = values.next() {
                captures.insert(name.clone(), value.into_owned());
            }
            if values.next().is_some() {
                return Err(NoMeaning::RepeatedCapture);
            }
        }
        Ok(captures)
    }
}

impl PathPattern {
    /// A pattern as files have it.
    #[must_use]
    pub fn new(path: &str) -> Self {
        let (path, rest) = path.strip_suffix("/**").map_or((path, false), |path| (path, true));
        Self { path: path.into(), rest }
    }

    fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        self.path.split('/').skip(1).map(Segment::of)
    }

    /// SECURITY: an application that knows no case, reads `%3A` as `:` or drops a slash at the end would serve `/Persons/85/` as
    /// `/persons/85`, and so would it here: it must not fall through to a later, laxer line.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let mut given = path.split('/').skip(1);
        let all = self.segments().all(|segment| match (segment, given.next()) {
            (Segment::Literal(literal), Some(text)) => is_same(text, literal),
            (Segment::Capture(_), Some(text)) => !text.is_empty(),
            (Segment::Literal(literal), None) => literal.is_empty(),
            (Segment::Capture(_), None) => false,
        });
        all && (self.rest || given.next().is_none_or(|last| last.is_empty() && given.next().is_none()))
    }

    /// The place of the segment by which an application may serve a path as one that matches, though it does not: `/search.json` as
    /// `/search` (Rails, Spring), `/search.` too (Windows), and `/search.php/x` as `/search.php` (`PATH_INFO` of PHP, CGI and ASP).
    fn may_serve(&self, path: &str) -> Option<usize> {
        let (above, last) = self.path.strip_suffix('/').unwrap_or(&self.path).rsplit_once('/')?;
        let Segment::Literal(last) = Segment::of(last) else { return None };
        let mut given = path.split('/').skip(1);
        let above = || above.split('/').skip(1).map(Segment::of);
        let leads_there = above().all(|segment| match (segment, given.next()) {
            (Segment::Literal(literal), Some(text)) => is_same(text, literal),
            (Segment::Capture(_), Some(text)) => !text.is_empty(),
            (_, None) => false,
        });
        let text = given.next().filter(|_| leads_there)?;
        let serves = match given.all(str::is_empty) {
            true => has_format(text, last),
            false => !self.rest && last.contains('.') && is_same(text, last),
        };
        serves.then(|| above().count())
    }

    /// Whether it says by name what the segment at a place is.
    fn names(&self, place: usize) -> bool {
        matches!(self.segments().nth(place), Some(Segment::Literal(_)))
    }
}

/// One segment of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment<'a> {
    Literal(&'a str),
    Capture(&'a str),
}

impl<'a> Segment<'a> {
    fn of(text: &'a str) -> Self {
        let name = text.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        name.map_or(Self::Literal(text), Self::Capture)
    }
}

/// Whether two segments are the same once decoded, in any case.
fn is_same(text: &str, literal: &str) -> bool {
    text.eq_ignore_ascii_case(literal)
        || (text.contains('%') || literal.contains('%'))
            && decoded(text).eq_ignore_ascii_case(&decoded(literal))
}

/// Whether a segment is a name and what some applications take for the form that is wanted of it, or take no notice of.
fn has_format(text: &str, name: &str) -> bool {
    let (text, name) = (decoded(text), decoded(name));
    let halves = text.split_at_checked(name.len()).filter(|_| !name.is_empty());
    halves.is_some_and(|(head, tail)| head.eq_ignore_ascii_case(&name) && tail.starts_with(['.', ' ']))
}

/// A set of methods; GET is never without HEAD.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Methods {
    All,
    /// A bit for each of [`EVERYDAY`].
    Everyday(u8),
    Any(Box<[Method]>),
}

const EVERYDAY: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

impl Methods {
    fn of(mut methods: Vec<Method>) -> Self {
        if methods.contains(&Method::GET) {
            methods.push(Method::HEAD);
        }
        let bits = methods.iter().map(everyday).try_fold(0, |bits, bit| Some(bits | bit?));
        match bits {
            _ if methods.is_empty() => Self::All,
            Some(bits) => Self::Everyday(bits),
            None => Self::Any(methods.into()),
        }
    }

    fn contains(&self, method: &Method) -> bool {
        match self {
            Self::All => true,
            Self::Everyday(bits) => everyday(method).is_some_and(|bit| bits & bit != 0),
            Self::Any(methods) => methods.contains(method),
        }
    }
}

fn everyday(method: &Method) -> Option<u8> {
    EVERYDAY.iter().position(|known| known == method).map(|place| 1 << place)
}

/// What every one of these lines demands that has an operation: of whatever request, it is stated or the request is refused.
#[must_use]
pub fn certain_demands(rules: &[Rule]) -> Vec<Demand> {
    let of = |operation| {
        let mut lines = rules.iter().filter(|rule| rule.operation == operation).map(Rule::demands);
        let first = lines.next()?;
        let all = lines.fold(first, |all, one| Demands {
            purpose: all.purpose && one.purpose,
            case: all.case && one.case,
        });
        (all != Demands::default()).then_some(Demand { operation, purpose: all.purpose, case: all.case })
    };
    Operation::ALL.into_iter().filter_map(of).collect()
}

impl Operations {
    /// The lines, in order.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// What any line of an operation demands to be stated.
    #[must_use]
    pub fn demanded(&self, operation: Operation) -> Demands {
        let lines = self.0.iter().filter(|rule| rule.operation == operation).map(Rule::demands);
        lines.fold(Demands::default(), Demands::and)
    }

    /// What a request means: by the first line that matches one of its path's [readings](crate::normal::Target::readings).
    ///
    /// SECURITY: an application may serve `/search.json` as `/search`. Where a line matches such a path that does not name it, as `/**` does,
    /// and means plain use or the same as an earlier line of which it may be another spelling, the earlier one decides.
    ///
    /// # Errors
    /// [`NoMeaning`] if no line matches or a captured key is repeated.
    pub fn meaning(
        &self,
        method: &Method,
        readings: &[Cow<'_, str>],
        query: Option<&str>,
    ) -> Result<Meaning, NoMeaning> {
        let mut near: Option<(&Rule, &Cow<'_, str>, usize)> = None;
        for rule in self.0.iter().filter(|rule| rule.methods.contains(method)) {
            let Some(path) = readings.iter().find(|path| rule.path.matches(path)) else {
                if near.is_none() && rule.operation != Operation::Use {
                    near = readings.iter().find_map(|path| Some((rule, path, rule.path.may_serve(path)?)));
                }
                continue;
            };
            let near = near.filter(|(first, _, depth)| {
                let is_laxer = rule.operation == Operation::Use || rule.operation == first.operation;
                is_laxer && !rule.path.names(*depth)
            });
            let (decides, path) = near.map_or((rule, path), |(first, path, _)| (first, path));
            return Ok(Meaning {
                operation: decides.operation,
                demands: decides.demands.and(rule.demands),
                captures: decides.captures(path, query)?,
            });
        }
        Err(NoMeaning::Unmatched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal::normalise;

    fn operations() -> Operations {
        Operations::new(vec![
            Rule::new(vec![Method::GET], "/persons/{number}", vec![], Operation::Consult),
            Rule::new(vec![Method::GET], "/search", vec!["name".into()], Operation::Consult),
            Rule::new(vec![Method::POST, Method::PUT], "/persons/{number}/notes", vec![], Operation::Alter),
            Rule::new(vec![], "/static/**", vec![], Operation::Use),
            Rule::new(vec![Method::GET], "/", vec![], Operation::Use),
        ])
    }

    #[test]
    fn a_demand_is_certain_if_every_line_of_an_operation_has_it() {
        let line = |operation, purpose, case| {
            Rule::new(vec![], "/**", vec![], operation).demanding(Demands { purpose, case })
        };
        let lines = [
            line(Operation::Consult, true, true),
            line(Operation::Consult, true, false),
            line(Operation::Alter, false, true),
            line(Operation::Use, true, true),
            line(Operation::Use, false, false),
        ];
        let found = certain_demands(&lines);
        let expected = [
            Demand { operation: Operation::Alter, purpose: false, case: true },
            Demand { operation: Operation::Consult, purpose: true, case: false },
        ];
        assert!(found.len() == 2 && expected.iter().all(|demand| found.contains(demand)), "{found:?}");
    }

    #[test]
    fn first_match_decides_and_captures() {
        for (method, path, query, meaning) in [
            (Method::GET, "/persons/85.01", None, Ok((Operation::Consult, vec![("number", "85.01")]))),
            (Method::HEAD, "/persons/85.01", None, Ok((Operation::Consult, vec![("number", "85.01")]))),
            (Method::GET, "/persons/a%20b", None, Ok((Operation::Consult, vec![("number", "a b")]))),
            (Method::POST, "/persons/1/notes", None, Ok((Operation::Alter, vec![("number", "1")]))),
            (Method::GET, "/search", Some("name=Jan+P"), Ok((Operation::Consult, vec![("name", "Jan P")]))),
            (Method::GET, "/search", Some("name=a&n%61me=b"), Err(NoMeaning::RepeatedCapture)),
            (Method::GET, "/search", Some("name=a;x"), Err(NoMeaning::RepeatedCapture)),
            (Method::GET, "/search", Some("name=a;"), Err(NoMeaning::RepeatedCapture)),
            (Method::GET, "/search", Some("x=1;name=a"), Ok((Operation::Consult, vec![("name", "a")]))),
            (Method::GET, "/search", Some("name=a%3Bx"), Ok((Operation::Consult, vec![("name", "a;x")]))),
            (Method::GET, "/search", None, Ok((Operation::Consult, vec![]))),
            (Method::DELETE, "/static/a/b", None, Ok((Operation::Use, vec![]))),
            (Method::GET, "/static", None, Ok((Operation::Use, vec![]))),
            (Method::GET, "/", None, Ok((Operation::Use, vec![]))),
            (Method::GET, "/search", Some("Name=a&name=b"), Err(NoMeaning::RepeatedCapture)),
            (Method::GET, "/search", Some("NAME=a"), Ok((Operation::Consult, vec![("name", "a")]))),
            (Method::GET, "/persons/", None, Err(NoMeaning::Unmatched)),
            (Method::GET, "/persons/1/2", None, Err(NoMeaning::Unmatched)),
            (Method::DELETE, "/persons/1", None, Err(NoMeaning::Unmatched)),
            (Method::HEAD, "/persons/1/notes", None, Err(NoMeaning::Unmatched)),
        ] {
            let expected = meaning.map(|(operation, captures): (_, Vec<(&str, &str)>)| Meaning {
                operation,
                demands: Demands::default(),
                captures: captures.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            });
            let target = query.map_or(path.to_owned(), |query| format!("{path}?{query}"));
            let target = normalise(target.as_bytes(), 8192).unwrap();
            assert_eq!(
                operations().meaning(&method, &target.readings(), target.query.as_deref()),
                expected,
                "{method} {path} {query:?}"
            );
        }
    }

    #[test]
    fn methods_are_those_that_are_named() {
        let purge = Method::from_bytes(b"PURGE").unwrap();
        for (named, method, expected) in [
            (vec![], purge.clone(), true),
            (vec![Method::GET], Method::HEAD, true),
            (vec![Method::HEAD], Method::GET, false),
            (vec![Method::GET, Method::DELETE], Method::DELETE, true),
            (vec![Method::GET], purge.clone(), false),
            (vec![Method::GET, purge.clone()], purge.clone(), true),
            (vec![Method::GET, purge.clone()], Method::HEAD, true),
            (vec![Method::GET, purge], Method::POST, false),
        ] {
            assert_eq!(Methods::of(named.clone()).contains(&method), expected, "{named:?} {method}");
        }
    }

    #[test]
    fn what_a_line_names_is_no_other_spelling_of_an_earlier_one() {
        let line = |methods, path, operation| Rule::new(methods, path, vec![], operation);
        let operations = Operations::new(vec![
            line(vec![], "/index.php", Operation::Use),
            line(vec![], "/search", Operation::Consult).demanding(Demands { purpose: true, case: false }),
            line(vec![], "/search.css", Operation::Use),
            line(vec![], "/old.php", Operation::Consult),
            line(vec![], "/old.php/help/**", Operation::Use),
            line(vec![Method::POST], "/**", Operation::Alter),
            line(vec![Method::PUT], "/**", Operation::Consult)
                .demanding(Demands { purpose: false, case: true }),
            line(vec![], "/**", Operation::Use),
        ]);
        for (method, path, expected, purpose, case) in [
            (Method::GET, "/search.css", Operation::Use, false, false),
            (Method::GET, "/searches", Operation::Use, false, false),
            (Method::GET, "/search/x", Operation::Use, false, false),
            (Method::GET, "/search.json", Operation::Consult, true, false),
            (Method::GET, "/old.php/x", Operation::Consult, false, false),
            (Method::GET, "/old.php/help/x", Operation::Use, false, false),
            (Method::GET, "/old.phpx", Operation::Use, false, false),
            // What means more than the earlier line does, stays what it is.
            (Method::POST, "/search.json", Operation::Alter, false, false),
            (Method::POST, "/index.php/persons", Operation::Alter, false, false),
            (Method::PUT, "/search.json", Operation::Consult, true, true),
        ] {
            let target = normalise(path.as_bytes(), 8192).unwrap();
            let meaning = operations.meaning(&method, &target.readings(), None).unwrap();
            assert_eq!(
                (meaning.operation, meaning.demands),
                (expected, Demands { purpose, case }),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn no_spelling_of_a_path_falls_through_to_a_laxer_line() {
        let consult = |path| Rule::new(vec![Method::GET], path, vec![], Operation::Consult);
        let lax = Rule::new(vec![], "/**", vec![], Operation::Use);
        let operations = Operations::new(vec![
            consult("/persons/{number}"),
            consult("/persons/{number}/photo"),
            consult("/find:all"),
            consult("/all/"),
            consult("/old.php"),
            lax,
        ]);
        for path in [
            "/persons/85",
            "/persons/85/",
            "/Persons/85",
            "/%70ersons/85",
            "/persons;x=1/85",
            "/persons%3Bx=1/85",
            "//persons/85",
            "/persons//85",
            "/persons%2F85",
            "/persons;x%2F/85",
            "/persons/85;jsessionid=1",
            "/persons/85%3Bx/",
            "/find:all",
            "/find%3Aall",
            "/FIND%3aALL/",
            "/all",
            "/all/",
            "/all.json",
            "/all.",
            "/all%20",
            "/ALL%2Ejson/",
            "/all;x.json",
            "/persons/85/photo.jpg",
            "/old.php",
            "/old.php/x/y",
            "/OLD.php./",
            "/old.php;x/y",
        ] {
            let target = normalise(path.as_bytes(), 8192).unwrap();
            let meaning = operations.meaning(&Method::GET, &target.readings(), None).unwrap();
            assert_eq!(meaning.operation, Operation::Consult, "{path}");
            if path.contains("85") {
                assert_eq!(meaning.captures.get("number").map(String::as_str), Some("85"), "{path}");
            }
        }
    }
}
