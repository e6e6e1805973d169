//! What a source's methods and paths mean.

use http::Method;
use poort_enforce::{operations::Rule, stated::Demands};
use poort_policy::Operation;

use crate::config::raw::{Block, Scalar, source as raw};

use super::{
    cursor::{Field, Here, Opened},
    distinct::distinct,
    mission, name, suggest, value,
};

/// One line, and what is compared between lines.
struct Line {
    rule: Rule,
    number: usize,
    /// None: all.
    methods: Vec<Method>,
    path: String,
}

impl Line {
    /// Whether every request of another line is one of this line too.
    fn takes_all_of(&self, other: &Self) -> bool {
        let all = self.methods.is_empty();
        let methods =
            all || !other.methods.is_empty() && other.methods.iter().all(|one| self.rule.takes(one));
        methods && takes(&self.path, &other.path)
    }
}

/// `usual` is demanded of lines that do not say, but for what touches no personal data.
pub(super) fn check(
    field: Field<'_, Vec<Block<raw::Operation>>>,
    prefixes: &[String],
    usual: Demands,
) -> Option<Vec<Rule>> {
    let example = "operations: [{ methods: [GET], path: \"/**\", operation: consult }]";
    let mut lines: Vec<Line> = Vec::new();
    let sound = field.some(example, |here| {
        let line = line(here.open(), prefixes, usual)?;
        if let Some(Line { number, .. }) = lines.iter().find(|before| before.takes_all_of(&line)) {
            here.spot.warn(format!(
                "the operation on line {number} takes everything before this one; move this one up"
            ));
        }
        lines.push(line);
        Some(())
    });
    sound.map(|_| lines.into_iter().map(|line| line.rule).collect())
}

fn line(line: Opened<'_, raw::Operation>, prefixes: &[String], usual: Demands) -> Option<Line> {
    let methods = line.field("methods", |raw| &raw.methods);
    let methods = match !methods.is_absent() {
        true => methods.some_items("methods: [GET]", |here| Some((value::method(here)?, here.spot))),
        false => Some(Vec::new()),
    };
    let methods = distinct(methods.map(|methods| {
        methods.into_iter().map(|method| method.map(|(method, spot)| (method.to_string(), spot))).collect()
    }));
    let path = line.field("path", |raw| &raw.path).required("path: \"/**\"", |here| path(here, prefixes));
    let query = line.field("query", |raw| &raw.query);
    let query = distinct(query.items(|here| Some((query_key(here)?, here.spot))));
    let operation = line.field("operation", |raw| &raw.operation).required("operation: consult", operation);
    let own =
        mission::demanded(line.field("purpose", |raw| &raw.purpose), line.field("case", |raw| &raw.case));
    let (path, query, operation, [purpose, case]) = (path?, query?, operation?, own?);
    let usual = if operation == Operation::Use { Demands::default() } else { usual };
    let demands = Demands { purpose: purpose.unwrap_or(usual.purpose), case: case.unwrap_or(usual.case) };
    let clash = query.iter().find(|key| path.captures.contains(key));
    if let Some(clash) = clash {
        line.spot.fault(format!(
            "`{clash}` is captured from the path and from the query; name one of them otherwise"
        ));
        return None;
    }
    let methods: Vec<Method> =
        methods?.iter().filter_map(|method| Method::from_bytes(method.as_bytes()).ok()).collect();
    let rule = Rule::new(methods.clone(), &path.text, query, operation).demanding(demands);
    Some(Line { rule, number: line.spot.place().line, methods, path: path.text })
}

/// Where a query key is captured, its name is a word of policies too.
fn query_key(here: Here<'_, Scalar>) -> Option<String> {
    here.parse(|text| capture_name(text).map(str::to_owned))
}

fn capture_name(text: &str) -> Result<&str, String> {
    let sound = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let wanted =
        || format!("`{text}` cannot name a capture; use at most 64 letters, digits and `_`, a letter first");
    if sound { Ok(text) } else { Err(wanted()) }
}

pub(super) fn operation(here: Here<'_, Scalar>) -> Option<Operation> {
    here.parse(|text| {
        let known = Operation::ALL.into_iter().map(Operation::as_str);
        let unknown = || format!("`{text}` is no operation{}", suggest::instead(text, known));
        text.parse().map_err(|_| unknown())
    })
}

/// A path pattern, as text.
pub(super) fn path_pattern(here: Here<'_, Scalar>) -> Option<String> {
    here.parse(|text| pattern(text).map(|pattern| pattern.text))
}

/// A path pattern and the names it captures.
struct Pattern {
    text: String,
    captures: Vec<String>,
}

fn path(here: Here<'_, Scalar>, prefixes: &[String]) -> Option<Pattern> {
    let pattern = here.parse(pattern)?;
    if !prefixes.is_empty() && !prefixes.iter().any(|prefix| reaches(prefix, &pattern.text)) {
        let prefixes = prefixes.join("`, `");
        here.spot.warn(format!(
            "no request has this path, since the source's prefixes are `{prefixes}`; write the whole path, prefix included"
        ));
    }
    Some(pattern)
}

/// Literal segments in normal form, `{name}`, and perhaps `/**` at the end.
fn pattern(text: &str) -> Result<Pattern, String> {
    let bare = text.strip_suffix("/**").unwrap_or(text);
    if bare.contains('*') {
        return Err(format!(
            "`{text}` has `*` elsewhere than in `/**` at its end; capture a segment with `{{name}}`"
        ));
    }
    let mut captures: Vec<String> = Vec::new();
    let mut literal = String::new();
    if !text.starts_with('/') {
        return Err(format!("`{text}` does not begin with `/`; write `/{text}`"));
    }
    for segment in bare.split('/').skip(1) {
        literal.push('/');
        match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => {
                let name = capture_name(name)?;
                if captures.iter().any(|known| known == name) {
                    return Err(format!("`{text}` captures `{name}` twice; name one of them otherwise"));
                }
                captures.push(name.to_owned());
                literal.push('x');
            }
            None if segment.contains(['{', '}']) => {
                return Err(format!(
                    "`{text}` captures part of a segment; a capture is a whole one, as in `/persons/{{number}}`"
                ));
            }
            None => literal.push_str(segment),
        }
    }
    if !literal.is_empty() {
        name::normal_path(&literal)?;
    }
    Ok(Pattern { text: text.to_owned(), captures })
}

/// Whether every path of the second pattern is one of the first. `false` where that cannot be said.
pub(super) fn takes(wide: &str, narrow: &str) -> bool {
    let bare = |pattern: &str| {
        pattern.strip_suffix("/**").map_or((pattern.to_owned(), false), |bare| (bare.to_owned(), true))
    };
    let ((wide, rest), (narrow, open)) = (bare(wide), bare(narrow));
    let mut given = narrow.split('/').skip(1);
    let all = wide.split('/').skip(1).all(|segment| {
        given.next().is_some_and(|text| {
            segment.starts_with('{') && !text.is_empty() || segment.eq_ignore_ascii_case(text)
        })
    });
    all && (rest || !open && given.next().is_none())
}

/// Whether a request below a prefix can have a path of this pattern.
pub(super) fn reaches(prefix: &str, pattern: &str) -> bool {
    let (bare, rest) = match pattern.strip_suffix("/**") {
        Some(bare) => (bare, true),
        None => (pattern, false),
    };
    let mut given = bare.split('/').skip(1);
    for wanted in prefix.split('/').skip(1).filter(|segment| !segment.is_empty()) {
        match given.next() {
            Some(segment) if segment == wanted || segment.starts_with('{') => {}
            Some(_) => return false,
            None => return rest,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (text, expected) in [
            ("/", Ok(vec![])),
            ("/**", Ok(vec![])),
            ("/persons/{national_number}", Ok(vec!["national_number"])),
            ("/a/{b}/c/{d}/**", Ok(vec!["b", "d"])),
            ("/a/", Ok(vec![])),
            ("/a%20b", Ok(vec![])),
            ("persons", Err("does not begin")),
            ("**", Err("elsewhere")),
            ("/a*", Err("elsewhere")),
            ("/**/a", Err("elsewhere")),
            ("/a/*", Err("elsewhere")),
            ("/{a}/{a}", Err("twice")),
            ("/x{a}", Err("part of a segment")),
            ("/{a}{b}", Err("cannot name")),
            ("/{}", Err("cannot name")),
            ("/{1a}", Err("cannot name")),
            ("/{a", Err("part of a segment")),
            ("/a//b", Err("ambiguous")),
            ("/a/../b", Err("refused")),
            ("/a b", Err("refused")),
            ("/a%2Fb", Err("ambiguous")),
            ("", Err("does not begin")),
        ] {
            match (pattern(text), expected) {
                (Ok(pattern), Ok(captures)) => assert_eq!(pattern.captures, captures, "{text}"),
                (Err(message), Err(part)) => assert!(message.contains(part), "{text}: {message}"),
                (seen, _) => panic!("{text}: {:?}", seen.map(|pattern| pattern.captures)),
            }
        }
    }

    #[test]
    fn a_pattern_takes_all_that_a_narrower_one_does() {
        for (wide, narrow, expected) in [
            ("/**", "/", true),
            ("/**", "/a/{b}/**", true),
            ("/a/**", "/A/b", true),
            ("/a/**", "/a", true),
            ("/a/{b}", "/a/{c}", true),
            ("/a/{b}", "/a/b", true),
            ("/{a}", "/", false),
            ("/a/b", "/a/{b}", false),
            ("/a/{b}", "/a/**", false),
            ("/a/{b}", "/a/b/c", false),
            ("/a", "/ab", false),
            ("/a/**", "/**", false),
        ] {
            assert_eq!(takes(wide, narrow), expected, "{wide} {narrow}");
        }
    }

    #[test]
    fn a_pattern_outside_every_prefix_matches_nothing() {
        for (prefix, pattern, expected) in [
            ("/", "/a", true),
            ("/app", "/app", true),
            ("/app", "/app/{x}", true),
            ("/app", "/{x}/y", true),
            ("/app", "/**", true),
            ("/app/x", "/app/**", true),
            ("/app/x", "/app", false),
            ("/app", "/apple", false),
            ("/app", "/persons", false),
            ("/app", "/", false),
        ] {
            assert_eq!(reaches(prefix, pattern), expected, "{prefix} {pattern}");
        }
    }
}
