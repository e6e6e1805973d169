//! `@rx`: PCRE's notation, over bytes, in linear time.
//!
//! As in the reference implementation `.` matches a newline and `$` only the very end. Rules are written for PCRE; what
//! its notation has and ours lacks is translated, and what cannot be matched in linear time is refused.

use std::sync::OnceLock;

use regex_automata::meta::{BuildError, Config, Regex};
use regex_automata::util::captures::Captures as Groups;
use regex_automata::{Input, MatchKind, PatternID};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;

use super::plain::Plain;
use super::{Captures, Requirement, look, require, size};
use crate::bytes::ByteSet;

/// Groups that a rule can use: `TX:0` to `TX:9`.
const GROUPS: usize = 10;

/// Start and end of a match in a value.
type Span = (usize, usize);

/// A regular expression. It is compiled when it is first asked: many are for levels that are not on, or for what nobody sends.
pub(crate) struct Pattern {
    /// `None` when it cannot be compiled.
    regex: OnceLock<Option<Regex>>,
    /// In the notation of the library.
    text: Box<str>,
    /// Bytes it may take, and takes at most.
    limit: usize,
    bytes: usize,
    looks_ahead: bool,
    /// Look-around was rewritten: the match is a named group, and less than what the expression takes.
    has_looks: bool,
    /// The bytes that a value it matches starts with; all where that may be empty, or matched elsewhere.
    starts: ByteSet,
    requirement: Requirement,
    /// What it means, where that needs no automaton.
    plain: Option<Plain>,
}

impl Pattern {
    /// Compiles `text`, which may take up to `bytes` of memory.
    ///
    /// # Errors
    ///
    /// When it is malformed, needs backtracking, or is too large.
    pub(crate) fn new(text: &str, bytes: usize) -> Result<Self, String> {
        Self::compile(text, bytes, false)
    }

    /// The same for one that runs only on values with the literals it requires: it does not look for them again.
    pub(super) fn gated(text: &str, bytes: usize) -> Result<Self, String> {
        Self::compile(text, bytes, true)
    }

    fn compile(text: &str, bytes: usize, is_gated: bool) -> Result<Self, String> {
        let translated = translate(text)?;
        let without = look::rewrite(&translated, &|text| parse(text).ok());
        let hir = parse(without.as_deref().unwrap_or(&translated))
            .map_err(|error| format!("the regular expression cannot be used: {}", complaint(&error)))?;
        let requirement = Requirement::of_pattern(&hir);
        let starts = require::starts(&hir).unwrap_or(ByteSet::ALL);
        let looks_ahead = !is_gated || requirement.literals.is_empty();
        let (has_looks, text) = (without.is_some(), without.unwrap_or(translated).into());
        let (regex, bytes_taken) = match size::most_bytes(&hir).filter(|most| *most <= bytes) {
            // What is certain to fit can wait.
            Some(most) => (OnceLock::new(), most),
            None => {
                let built = build(&hir, bytes, looks_ahead)
                    .map_err(|error| format!("the regular expression cannot be compiled: {error}"))?;
                let taken = built.memory_usage();
                (OnceLock::from(Some(built)), taken)
            }
        };
        Ok(Self {
            regex,
            text,
            limit: bytes,
            bytes: bytes_taken,
            looks_ahead,
            has_looks,
            starts,
            requirement,
            plain: Plain::of(&hir),
        })
    }

    /// The expression as the library has it.
    #[cfg(test)]
    pub(super) fn hir(&self) -> Option<Hir> {
        parse(&self.text).ok()
    }

    fn regex(&self) -> Option<&Regex> {
        let build = || build(&parse(&self.text).ok()?, self.limit, self.looks_ahead).ok();
        self.regex.get_or_init(build).as_ref()
    }

    /// Compiles it now.
    pub(super) fn warm(&self) {
        self.regex();
    }

    /// Bytes it takes, or takes at most once it is asked; apart from what searches keep.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn requirement(&self) -> Requirement {
        self.requirement.clone()
    }

    /// Whether it matches anywhere in `value`.
    pub(crate) fn is_match(&self, value: &[u8]) -> bool {
        if let Some(found) = self.plain.as_ref().and_then(|plain| plain.find(value)) {
            return found.is_some();
        }
        let starts_right = || value.first().is_some_and(|byte| self.starts.contains(*byte));
        // What cannot be asked counts as found.
        (self.starts == ByteSet::ALL || starts_right())
            && self.regex().is_none_or(|regex| regex.is_match(value))
    }

    /// Where it matches in `value`, from the left, without overlap.
    pub(super) fn spans<'a>(&'a self, value: &'a [u8]) -> impl Iterator<Item = Span> + 'a {
        let regex = self.regex();
        let plain = regex.filter(|_| !self.has_looks).map(|regex| regex.find_iter(value));
        let looks = regex.filter(|_| self.has_looks).map(|regex| regex.captures_iter(value));
        let plain = plain.into_iter().flatten().map(|found| (found.start(), found.end()));
        plain.chain(looks.into_iter().flatten().filter_map(|groups| split(&groups).0))
    }

    pub(super) fn matches(&self, value: &[u8], captures: Option<&mut Captures>) -> bool {
        let Some(captures) = captures else { return self.is_match(value) };
        if let Some(found) = self.plain.as_ref().and_then(|plain| plain.find(value)) {
            captures.spans.extend(found.map(Some));
            return found.is_some();
        }
        // Finding groups is slower than finding a match, and most values match nothing.
        if !self.is_match(value) {
            return false;
        }
        let Some(regex) = self.regex() else { return true };
        if self.has_looks {
            let mut groups: Groups = regex.create_captures();
            regex.search_captures(&Input::new(value), &mut groups);
            let (whole, others) = split(&groups);
            captures.spans.push(whole);
            captures.spans.extend(others.into_iter().take(GROUPS - 1));
            return true;
        }
        let mut slots = [None; 2 * GROUPS];
        // With no more slots than groups it need not look for what is not there.
        let count = regex.group_info().slot_len().min(slots.len());
        let slots = slots.get_mut(..count).unwrap_or_default();
        regex.search_slots(&Input::new(value), slots);
        let (pairs, _) = slots.as_chunks::<2>();
        captures
            .spans
            .extend(pairs.iter().map(|[start, end]| Some((start.as_ref()?.get(), end.as_ref()?.get()))));
        true
    }
}

/// The match, and its groups, where look-around was rewritten.
fn split(groups: &Groups) -> (Option<Span>, Vec<Option<Span>>) {
    let spans = groups.iter().map(|span| span.map(|span| (span.start, span.end)));
    let names = groups.group_info().pattern_names(PatternID::ZERO);
    let (whole, others): (Vec<_>, Vec<_>) =
        spans.zip(names).skip(1).partition(|(_, name)| name.is_some_and(look::is_whole));
    (whole.into_iter().find_map(|(span, _)| span), others.into_iter().map(|(span, _)| span).collect())
}

#[expect(clippy::result_large_err, reason = "the error is the library's and leaves at load only")]
fn parse(translated: &str) -> Result<Hir, regex_syntax::Error> {
    ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .dot_matches_new_line(true)
        .nest_limit(128)
        .build()
        .parse(translated)
}

/// What the library says, on one line, with the part of the pattern that is meant.
fn complaint(error: &regex_syntax::Error) -> String {
    let (what, pattern, span) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.pattern(), error.span()),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.pattern(), error.span()),
        error => return error.to_string(),
    };
    let end = span.end.offset.max(span.start.offset + 1);
    let part = pattern.get(span.start.offset..end).unwrap_or(pattern);
    format!("`{}`: {what}", part.chars().take(60).collect::<String>())
}

#[expect(clippy::result_large_err, reason = "the error is the library's and leaves at load only")]
fn build(hir: &Hir, bytes: usize, looks_ahead: bool) -> Result<Regex, BuildError> {
    let config = Config::new()
        .utf8_empty(false)
        .match_kind(MatchKind::LeftmostFirst)
        .nfa_size_limit(Some(bytes))
        .hybrid_cache_capacity(bytes.min(4 << 20))
        .auto_prefilter(looks_ahead)
        .onepass(false);
    Regex::builder().configure(config).build_from_hir(hir)
}

/// `text` in the notation of the regex crate.
fn translate(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    let mut class = Class::Outside;
    while let Some(char) = rest.chars().next() {
        let tail = rest.get(char.len_utf8()..).unwrap_or_default();
        rest = match (char, class) {
            ('\\', _) => escape(tail, class, &mut out)?,
            ('[', Class::Outside) => {
                class = Class::Inside;
                open_class(tail, &mut out)
            }
            ('[', Class::Inside) if posix_class(rest).is_none() => {
                out.push_str("\\[");
                tail
            }
            ('[', Class::Inside) => {
                let name = posix_class(rest).unwrap_or_default();
                out.push_str(name);
                rest.get(name.len()..).unwrap_or_default()
            }
            (']', Class::Inside) => {
                class = Class::Outside;
                out.push(']');
                tail
            }
            // Set operations of the regex crate are plain text in PCRE.
            ('&' | '-' | '~', Class::Inside) if tail.starts_with(char) => {
                out.push('\\');
                out.push(char);
                tail
            }
            ('{', Class::Outside) if !is_quantifier(tail) => {
                out.push_str("\\{");
                tail
            }
            ('+', Class::Outside) if follows_quantifier(text, rest) => tail,
            (char, _) => {
                plain(char, &mut out);
                tail
            }
        };
    }
    Ok(out)
}

/// A character as it stands. Patterns are matched over bytes: what is not ASCII is each of its bytes, in classes too.
fn plain(char: char, out: &mut String) {
    if char.is_ascii() {
        return out.push(char);
    }
    for byte in char.encode_utf8(&mut [0; 4]).bytes() {
        out.push_str(&format!("\\x{byte:02X}"));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Outside,
    Inside,
}

/// Starts a class: `^` and a `]` right after it belong to the start.
fn open_class<'a>(tail: &'a str, out: &mut String) -> &'a str {
    out.push('[');
    let mut rest = tail;
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    if let Some(after) = rest.strip_prefix(']') {
        out.push_str("\\]");
        rest = after;
    }
    rest
}

fn posix_class(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("[:")?;
    let end = inner.find(":]")?;
    let name = inner.get(..end)?;
    name.chars().all(|char| char.is_ascii_lowercase() || char == '^').then(|| text.get(..end + 4))?
}

fn is_quantifier(tail: &str) -> bool {
    let Some(end) = tail.find('}') else { return false };
    let body = tail.get(..end).unwrap_or_default();
    let (low, high) = body.split_once(',').unwrap_or((body, "0"));
    let number = |text: &str| text.chars().all(|char| char.is_ascii_digit());
    !low.is_empty() && number(low) && number(high)
}

/// Whether the `+` at `rest` makes the quantifier before it possessive. Without backtracking that means nothing.
fn follows_quantifier(text: &str, rest: &str) -> bool {
    let before = text.get(..text.len() - rest.len()).unwrap_or_default();
    let mut chars = before.chars().rev();
    let last = chars.next();
    let backslashes = chars.take_while(|char| *char == '\\').count();
    backslashes.is_multiple_of(2)
        && match last {
            Some('+' | '*' | '?') => true,
            Some('}') => before
                .rfind('{')
                .is_some_and(|open| is_quantifier(before.get(open + 1..).unwrap_or_default())),
            _ => false,
        }
}

/// Translates what follows a backslash; what is left after it.
fn escape<'a>(tail: &'a str, class: Class, out: &mut String) -> Result<&'a str, String> {
    let Some(char) = tail.chars().next() else {
        return Err("the pattern ends with a bare `\\`; write `\\\\`".to_owned());
    };
    let rest = tail.get(char.len_utf8()..).unwrap_or_default();
    let space =
        |plain: &'static str| if class == Class::Inside { plain.to_owned() } else { format!("[{plain}]") };
    let text = match char {
        '<' | '>' => char.to_string(),
        'e' => "\\x1B".to_owned(),
        'h' => space(" \\t\\xA0"),
        'v' => space("\\n\\x0B\\x0C\\r\\x85"),
        'R' => "(?:\\r\\n|\\n|\\r)".to_owned(),
        'Z' => "(?:\\n?\\z)".to_owned(),
        'b' if class == Class::Inside => "\\x08".to_owned(),
        '0' => return octal(tail, out),
        'x' => return Ok(hexadecimal(rest, out)),
        '1'..='9' => {
            return Err(format!(
                "`\\{char}` refers back, which cannot be matched in linear time; rewrite the pattern"
            ));
        }
        'K' | 'G' | 'Q' | 'X' | 'C' => {
            return Err(format!("`\\{char}` is not supported; rewrite the pattern"));
        }
        char if char.is_ascii() => format!("\\{char}"),
        char => {
            plain(char, out);
            return Ok(rest);
        }
    };
    out.push_str(&text);
    Ok(rest)
}

fn octal<'a>(tail: &'a str, out: &mut String) -> Result<&'a str, String> {
    let len = tail.bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    let (digits, rest) = tail.split_at_checked(len).unwrap_or((tail, ""));
    let value = u8::from_str_radix(digits, 8).map_err(|_| format!("`\\{digits}` is no byte"))?;
    out.push_str(&format!("\\x{value:02X}"));
    Ok(rest)
}

/// `\x{hh}` means a character in the regex crate, and a byte here.
fn hexadecimal<'a>(rest: &'a str, out: &mut String) -> &'a str {
    if let Some((digits, after)) = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'))
        && let Ok(value) = u8::from_str_radix(digits, 16)
    {
        out.push_str(&format!("\\x{value:02X}"));
        return after;
    }
    out.push_str("\\x");
    rest
}

#[cfg(test)]
mod tests {
    use super::{Captures, Pattern, translate};

    #[test]
    fn notation() {
        for (pattern, value, expected) in [
            ("a{x}", &b"a{x}"[..], true),
            ("a{2}", b"aa", true),
            ("[[a]", b"[", true),
            ("[a&&b]", b"&", true),
            ("[a--z]", b"-", true),
            ("[]a]", b"]", true),
            ("[[:digit:]]", b"7", true),
            ("\\x{ff}", b"\xff", true),
            ("[\\x80-\\xff]", b"\xc3", true),
            ("^a.b$", b"a\nb", true),
            ("^a$", b"a\n", false),
            // The reference has PCRE_DOLLAR_ENDONLY; libmodsecurity 3 has PCRE_MULTILINE instead, and finds 932340 here.
            ("time (?:last|who(?:ami)?)$", b"time who\n", false),
            ("^who", b"time\nwho", false),
            ("a\\/\\<b\\>", b"a/<b>", true),
            ("a++b", b"aab", true),
            ("\\++", b"++", true),
            ("(?i)ABC", b"abc", true),
            ("\\h", b"\t", true),
            ("\\0", b"\0", true),
            ("[´x]", b"\xb4", true),
            ("a\\´", "a´".as_bytes(), true),
        ] {
            assert_eq!(Pattern::new(pattern, 1 << 20).unwrap().is_match(value), expected, "{pattern}");
        }
    }

    #[test]
    fn what_needs_backtracking_is_refused() {
        for pattern in ["(?=a)b", "(a)\\1", "x(?<!a)b", "a(?!b*)", "((?!a))", "(?<!^a)b", "(", "a\\"] {
            assert!(Pattern::new(pattern, 1 << 20).is_err(), "{pattern}: {:?}", translate(pattern));
        }
    }

    #[test]
    fn look_around_at_the_edges() {
        for (pattern, value, expected) in [
            ("<\\?(?!xml)", &b"<?php"[..], Some(&b"<?"[..])),
            ("<\\?(?!xml)", b"<?xml ?><?xm", Some(b"<?")),
            ("<\\?(?!xml)", b"<?xml", None),
            ("<\\?(?!xml)", b"<?", Some(b"<?")),
            ("(?i)a(?!b)", b"aB", None),
            ("(?i)a(?!b)", b"AC", Some(b"A")),
            ("(?<!&(?:[ae]uml)|&amp);|['=]", b"&auml;", None),
            ("(?<!&(?:[ae]uml)|&amp);|['=]", b"&amp;", None),
            ("(?<!&(?:[ae]uml)|&amp);|['=]", b"&ouml;", Some(b";")),
            ("(?<!&(?:[ae]uml)|&amp);|['=]", b"uml;", Some(b";")),
            ("(?<!&(?:[ae]uml)|&amp);|['=]", b"x'", Some(b"'")),
            ("(?<=a|bc)d+(?=e)", b"bcdde", Some(b"dd")),
            ("(?<=a|bc)d+(?=e)", b"cdde", None),
            ("a(?!b|)", b"ac", None),
        ] {
            let compiled = Pattern::new(pattern, 1 << 20).unwrap();
            let mut captures = Captures::default();
            let found = compiled.matches(value, Some(&mut captures));
            let whole = captures.spans.first().copied().flatten().map(|(start, end)| &value[start..end]);
            assert_eq!((found, whole), (expected.is_some(), expected), "{pattern} {}", value.escape_ascii());
            assert_eq!(compiled.is_match(value), expected.is_some(), "{pattern}");
        }
        let mut captures = Captures::default();
        assert!(Pattern::new("(?<!x)(a)(?!y)|(b)", 1 << 20).unwrap().matches(b"za", Some(&mut captures)));
        assert_eq!(captures.spans, [Some((1, 2)), Some((1, 2)), None]);
    }

    #[test]
    fn groups() {
        let mut captures = Captures::default();
        assert!(Pattern::new("(b)(x)?(c)", 1 << 20).unwrap().matches(b"abc", Some(&mut captures)));
        assert_eq!(captures.spans, [Some((1, 3)), Some((1, 2)), None, Some((2, 3))]);
    }
}
