//! Operators: what a rule asks of a value; one family a file.
//!
//! An operator is compiled once and asked with bytes. Beside its answer it states what a value must have for a match to
//! be possible at all ([`Requirement`]), so that most values are never asked about.

mod address;
mod late;
mod look;
mod number;
mod pattern;
mod phrase;
mod plain;
mod require;
mod size;
mod text;
mod validate;
mod verify;

pub(crate) use number::Comparison;
pub(crate) use pattern::Pattern;
pub(crate) use require::{LONG, Requirement};
pub(crate) use text::contains_spaced;

use memchr::memmem::Finder;

use crate::bytes::ByteSet;
use crate::detect;
use crate::program::Template;
use address::Networks;
use late::LatePattern;
use phrase::Phrases;
use text::Search;
use verify::Number;

/// A compiled operator, apart from its argument where that is expanded per transaction.
pub(crate) enum Operator {
    Rx(Box<Pattern>),
    /// A pattern with macros.
    RxLate(Box<LatePattern>),
    Phrases(Box<Phrases>),
    Text(Search),
    /// `@contains` of a text without macros.
    Contains(Box<Finder<'static>>),
    Number(Comparison),
    Networks(Box<Networks>),
    Sqli,
    Xss,
    ByteRange(Box<ByteSet>),
    UrlEncoding,
    Utf8,
    Verify(Number, Box<Pattern>),
    Always,
    Never,
}

/// The parts of a value that a match captured: the whole first, then the groups.
#[derive(Default)]
pub(crate) struct Captures {
    /// (start, end) in the value.
    pub(crate) spans: Vec<Option<(usize, usize)>>,
    /// What to capture instead of the value's own parts.
    pub(crate) text: Option<Vec<u8>>,
}

impl Captures {
    pub(crate) fn clear(&mut self) {
        self.spans.clear();
        self.text = None;
    }
}

/// What compiling an operator may use.
pub(crate) struct Compile<'a> {
    /// Reads a data file, relative to the rule's.
    pub(crate) read: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
    /// Bytes a regular expression may take.
    pub(crate) regex_bytes: usize,
    /// Whether values are scanned for the literals it requires before it runs.
    pub(crate) is_gated: bool,
    /// Bytes phrases may have.
    pub(crate) phrase_bytes: usize,
}

impl Operator {
    /// Compiles now what waits to be asked.
    pub(crate) fn warm(&self) {
        match self {
            Self::Rx(pattern) | Self::Verify(_, pattern) => pattern.warm(),
            Self::Phrases(phrases) => phrases.warm(),
            _ => {}
        }
    }

    /// Compiles the operator `name` (lower case, without `@`) with its argument.
    ///
    /// # Errors
    ///
    /// When there is none of that name, it is refused, or its argument is wrong; the message says which.
    pub(crate) fn compile(name: &str, argument: &str, compile: &Compile<'_>) -> Result<Self, String> {
        let operator = Self::compile_plain(name, argument, compile)?;
        if operator.expands_argument() || !Template::has_macro(argument) {
            return Ok(operator);
        }
        Err(format!("`@{name}` expands no macros; compare with `@within`, `@streq` or `@rx`"))
    }

    fn compile_plain(name: &str, argument: &str, compile: &Compile<'_>) -> Result<Self, String> {
        let pattern = |text: &str| Pattern::new(text, compile.regex_bytes).map(Box::new);
        Ok(match name {
            "rx" | "rxglobal" if Template::has_macro(argument) => {
                Self::RxLate(Box::new(LatePattern::new(compile.regex_bytes)))
            }
            "rx" | "rxglobal" if compile.is_gated => {
                Self::Rx(Box::new(Pattern::gated(argument, compile.regex_bytes)?))
            }
            "rx" | "rxglobal" => Self::Rx(pattern(argument)?),
            "pm" => Self::Phrases(Box::new(Phrases::inline(argument, compile.phrase_bytes)?)),
            "pmfromfile" | "pmf" => {
                Self::Phrases(Box::new(Phrases::from_files(argument, compile.read, compile.phrase_bytes)?))
            }
            "contains" | "strmatch" => Self::Text(Search::Contains),
            "containsword" => Self::Text(Search::ContainsWord),
            "beginswith" => Self::Text(Search::Begins),
            "endswith" => Self::Text(Search::Ends),
            "streq" => Self::Text(Search::Equals),
            "within" => Self::Text(Search::Within),
            "eq" => Self::Number(Comparison::Equal),
            "ne" => Self::Number(Comparison::NotEqual),
            "ge" => Self::Number(Comparison::GreaterOrEqual),
            "gt" => Self::Number(Comparison::Greater),
            "le" => Self::Number(Comparison::LessOrEqual),
            "lt" => Self::Number(Comparison::Less),
            "ipmatch" => Self::Networks(Box::new(Networks::inline(argument)?)),
            "ipmatchfromfile" | "ipmatchf" => {
                Self::Networks(Box::new(Networks::from_file(&text_file(argument, compile)?)?))
            }
            "detectsqli" => Self::Sqli,
            "detectxss" => Self::Xss,
            "validatebyterange" => Self::ByteRange(Box::new(validate::byte_range(argument)?)),
            "validateurlencoding" => Self::UrlEncoding,
            "validateutf8encoding" => Self::Utf8,
            "verifycc" => Self::Verify(Number::CreditCard, pattern(argument)?),
            "verifycpf" => Self::Verify(Number::Cpf, pattern(argument)?),
            "verifyssn" => Self::Verify(Number::Ssn, pattern(argument)?),
            "verifysvnr" => Self::Verify(Number::Svnr, pattern(argument)?),
            "unconditionalmatch" => Self::Always,
            "nomatch" => Self::Never,
            _ => return Err(refusal(name)),
        })
    }

    /// The operator for an argument that holds no macros, and what is left of the argument.
    pub(crate) fn with_literal(self, argument: Vec<u8>) -> (Self, Vec<u8>) {
        match self {
            Self::Text(Search::Contains) => {
                (Self::Contains(Box::new(Finder::new(&argument).into_owned())), Vec::new())
            }
            operator => (operator, argument),
        }
    }

    /// Whether the argument is text that may hold macros, expanded for each transaction.
    pub(crate) fn expands_argument(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Number(_) | Self::RxLate(_))
    }

    /// Whether `value` matches; `argument` is the expanded one where there is such. Captures only when asked to.
    pub(crate) fn matches(&self, value: &[u8], argument: &[u8], captures: Option<&mut Captures>) -> bool {
        match self {
            Self::Rx(pattern) => pattern.matches(value, captures),
            Self::RxLate(pattern) => pattern.matches(value, argument, captures),
            Self::Phrases(phrases) => phrases.matches(value, captures),
            Self::Text(search) => search.matches(value, argument, captures),
            Self::Contains(text) => text::contains(text, value, captures),
            Self::Number(comparison) => comparison.holds(value, argument),
            Self::Networks(networks) => networks.contain(value),
            Self::Sqli => {
                let found = detect::sqli(value);
                if let (Some(found), Some(captures)) = (found, captures) {
                    captures.text = Some(found.as_bytes().to_vec());
                }
                found.is_some()
            }
            Self::Xss => {
                let found = detect::xss(value);
                if let (true, Some(captures)) = (found, captures) {
                    captures.spans.push(Some((0, value.len())));
                }
                found
            }
            Self::ByteRange(allowed) => value.iter().any(|byte| !allowed.contains(*byte)),
            Self::UrlEncoding => validate::is_bad_url_encoding(value),
            Self::Utf8 => std::str::from_utf8(value).is_err(),
            Self::Verify(number, pattern) => number.is_in(pattern, value, captures),
            Self::Always => true,
            Self::Never => false,
        }
    }

    /// Bytes that its regular expression takes.
    pub(crate) fn regex_bytes(&self) -> usize {
        match self {
            Self::Rx(pattern) | Self::Verify(_, pattern) => pattern.bytes(),
            _ => 0,
        }
    }

    /// What a value must have to match.
    pub(crate) fn requirement(&self) -> Requirement {
        match self {
            Self::Rx(pattern) | Self::Verify(_, pattern) => pattern.requirement(),
            Self::Phrases(phrases) => phrases.requirement(),
            Self::Sqli => Requirement::sqli(),
            Self::Xss => Requirement::xss(),
            Self::ByteRange(allowed) => Requirement::one_of(ByteSet::that(|byte| !allowed.contains(byte))),
            Self::UrlEncoding => Requirement::one_of(ByteSet::of(b"%")),
            Self::Utf8 => Requirement::one_of(ByteSet::that(|byte| byte >= 0x80)),
            _ => Requirement::NOTHING,
        }
    }
}

fn text_file(argument: &str, compile: &Compile<'_>) -> Result<String, String> {
    String::from_utf8((compile.read)(argument.trim())?).map_err(|_| format!("`{argument}` is not UTF-8"))
}

fn refusal(name: &str) -> String {
    let why = match name {
        "rbl" | "gsblookup" => "it asks the network while a request waits",
        "inspectfile" | "fuzzyhash" => "it runs or reads what lies outside the rules",
        "geolookup" => "there is no location database; match networks with @ipMatchFromFile",
        "rsub" | "validatehash" => "the engine does not rewrite bodies",
        "validatedtd" | "validateschema" => "XML schemas are not loaded",
        _ => return format!("unknown operator `@{name}`; see the list in the SecLang reference"),
    };
    format!("`@{name}` is refused: {why}; remove the rule")
}
