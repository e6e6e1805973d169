use proptest::prelude::*;
use regex_automata::meta::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::Requirement;
use crate::bytes::ByteSet;
use crate::operator::Pattern;

#[test]
fn literals_are_found_inside() {
    for (pattern, expected) in [
        ("[0-9]+union[0-9]", &["union"][..]),
        ("(?i)(?:foo|bar)\\s+x", &["bar", "foo"]),
        ("a?bcd", &["abcd", "bcd"]),
        ("(?:[a-z]+select|x)y+", &[]),
        ("a[bB]c", &["abc"]),
    ] {
        let found = Pattern::new(pattern, 1 << 20).unwrap().requirement();
        let found: Vec<String> =
            found.literals.iter().map(|literal| String::from_utf8_lossy(literal).into_owned()).collect();
        assert_eq!(found, expected, "{pattern}");
    }
}

/// Whether a value has what is required.
fn has(value: &[u8], need: &Requirement) -> bool {
    let (bytes, lower) = (ByteSet::of(value), value.to_ascii_lowercase());
    let all = |sets: &Vec<ByteSet>| sets.iter().all(|set| set.meets(bytes));
    let literal = need.literals.iter().any(|literal| memchr::memmem::find(&lower, literal).is_some());
    value.len() >= need.len
        && all(&need.sets)
        && (need.literals.is_empty() || literal || need.instead.iter().any(all))
        && (need.choices.is_empty() || need.choices.iter().any(all))
}

/// The expression as the library has it, without anything that is asked before.
fn library(pattern: &Pattern) -> Regex {
    Regex::builder().build_from_hir(&pattern.hir().unwrap()).unwrap()
}

/// Expressions of all shapes over few bytes.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a", "b", "A", "-", ";", "[ab]", "[^a]", "[;-]", ".", "^", "$", "ab;", "\\b", "",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..5).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner.clone(), 2..5).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            (inner.clone(), prop::sample::select(vec!["*", "+", "?", "{2}", "{0}"]))
                .prop_map(|(part, count)| format!("(?:{part}){count}")),
            inner.clone().prop_map(|part| format!("(?i:{part})")),
            inner.prop_map(|part| format!("({part})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// What matches has what is required, and nothing that is asked before the library changes the answer.
    #[test]
    fn requirement_is_necessary(text in expression(), value in "[abAB;c-]{0,10}") {
        let pattern = Pattern::new(&text, 1 << 20).unwrap();
        let matches = library(&pattern).is_match(value.as_bytes());
        prop_assert!(!matches || has(value.as_bytes(), &pattern.requirement()), "{} {}", text, value);
        prop_assert_eq!(pattern.is_match(value.as_bytes()), matches, "{} {}", text, value);
    }

    /// The same of long texts that have much of what is looked for.
    #[test]
    fn requirement_of_words_is_necessary(at in 0..PATTERNS.len(), value in "[abcxyzABC<>=';\\-/ 0-9]{0,24}") {
        let pattern = Pattern::new(PATTERNS[at], 1 << 20).unwrap();
        let matches = library(&pattern).is_match(value.as_bytes());
        prop_assert!(!matches || has(value.as_bytes(), &pattern.requirement()), "{} {}", PATTERNS[at], value);
    }
}

/// Every expression of CRS, asked about texts made to match it.
#[test]
fn what_matches_an_expression_of_crs_has_what_it_requires() {
    let Some(directory) = poort_conformance::shared::path("crs/rules") else { return };
    let mut dice = Dice(1);
    let (mut asked, mut matched) = (0, 0);
    for file in std::fs::read_dir(directory).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for line in String::from_utf8_lossy(&bytes).lines() {
            let Some((_, argument)) = line.split_once("\"@rx ") else { continue };
            let text = argument.rsplit_once('"').map_or(argument, |(text, _)| text).replace("\\\"", "\"");
            let Ok(pattern) = Pattern::new(&text, 1 << 22) else { continue };
            let (hir, library, need) = (pattern.hir().unwrap(), library(&pattern), pattern.requirement());
            for _ in 0..12 {
                let mut value = dice.noise();
                dice.sample(&hir, &mut value);
                value.extend(dice.noise());
                asked += 1;
                if library.is_match(&value) {
                    matched += 1;
                    assert!(has(&value, &need), "{text}: {}", value.escape_ascii());
                    assert!(pattern.is_match(&value), "{text}: {}", value.escape_ascii());
                }
            }
        }
    }
    assert!(asked > 3000 && matched * 2 > asked, "{matched} of {asked} match");
}

/// Choices that look random and are the same every time (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 31)) as usize % end.max(1)
    }

    /// Nothing as often as not: expressions may want to be alone.
    fn noise(&mut self) -> Vec<u8> {
        let len = if self.below(2) == 0 { 0 } else { self.below(4) };
        (0..len).map(|_| b"a; Z0=<"[self.below(7)]).collect()
    }

    /// Appends a text that `hir` matches, what stands around apart.
    fn sample(&mut self, hir: &Hir, out: &mut Vec<u8>) {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => out.extend_from_slice(&literal.0),
            HirKind::Class(Class::Bytes(class)) => {
                let range = class.ranges()[self.below(class.ranges().len())];
                let more = self.below(usize::from(range.end() - range.start()) + 1);
                out.push(range.start() + u8::try_from(more).unwrap());
            }
            HirKind::Class(Class::Unicode(_)) => panic!("expressions are over bytes"),
            HirKind::Capture(capture) => self.sample(&capture.sub, out),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.sample(part, out)),
            HirKind::Alternation(branches) => {
                let branch = self.below(branches.len());
                self.sample(&branches[branch], out);
            }
            HirKind::Repetition(repetition) => {
                let more = repetition.max.map_or(3, |max| (max - repetition.min + 1).min(3));
                let count = repetition.min as usize + self.below(more as usize);
                (0..count).for_each(|_| self.sample(&repetition.sub, out));
            }
        }
    }
}

#[test]
fn choices_are_those_of_the_part_that_tells_most() {
    for (text, expected) in [
        ("(?:a.*b.*c|;)[de]*x", &[&["a", "b", "c", "x"][..], &[";", "x"]][..]),
        ("(?:a.*b|;)[cd]*x", &[]),
        ("(?:a|bc?).*(?:<|>=).*[01]", &[&["<", "ab", "01"], &["=", ">", "ab", "01"]]),
        ("(?:;|-)+[a-z]{2}", &[]),
        ("[0-9]|;", &[]),
        ("(?:;|abc)x", &[]),
    ] {
        let need = Pattern::new(text, 1 << 20).unwrap().requirement();
        let mut expected: Vec<Vec<ByteSet>> = expected
            .iter()
            .map(|sets| sets.iter().map(|set| ByteSet::of(set.as_bytes())).collect())
            .collect();
        expected.sort();
        assert_eq!(need.choices, expected, "{text}");
    }
}

proptest! {
    /// What matches starts as it must.
    #[test]
    fn starts_are_necessary(at in 0..STARTS.len(), value in "[abcxyzABC<>=';\\-/ 0-9]{0,6}") {
        let pattern = Pattern::new(STARTS[at], 1 << 20).unwrap();
        let plain = Regex::new(STARTS[at]).unwrap();
        prop_assert_eq!(pattern.is_match(value.as_bytes()), plain.is_match(value.as_bytes()), "{}", STARTS[at]);
    }
}

#[test]
fn starts_are_known_where_the_start_must_match() {
    let known: Vec<&str> = STARTS
        .into_iter()
        .filter(|text| {
            let mut parser = regex_syntax::ParserBuilder::new();
            let hir = parser.unicode(false).utf8(false).build().parse(text).unwrap();
            super::starts(&hir).is_some()
        })
        .collect();
    assert_eq!(known, STARTS[..6]);
}

const STARTS: [&str; 11] = [
    "^(?:ab|[c-x])+",
    "^abc$",
    "(?i)^a(?:b|$)",
    "^a|^[0-9]",
    "(?:^<|^>)",
    "(?:^a|^b+)x",
    "(^=)+b|x",
    "^(a|b*)c",
    "^a?b",
    "^a|b",
    "^$",
];

const PATTERNS: [&str; 14] = [
    "abc[^x]*y|['-][a-z]*;",
    "x(?:ab.*|c[0-9]+)z",
    "(?:a+bc|<[a-z]*>)[xyz]",
    "a(b|c)+x?",
    "(?i)abc|xyz",
    "[<>]=|;.*-",
    "(a|bc|xyz)(1|2)?",
    "a{2,3}[0-9]",
    "^a.*c$",
    "(?:ab?c)+[xyz]",
    "(|a)b(c|)",
    "(?:a.*b|x.*y|[;=])[ ]*[a-z]+/?[0-9]",
    "(?i)(?:[<;]|a-|b'|c(?:a|b)c)[ ]*(?:x[0-9]|[yz]-|ab)",
    "(?:<.*>|'[abc]+'|(?:=a|=b)c)(?:[0-9]+/|x+;|y-)",
];
