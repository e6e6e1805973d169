//! How large and how deep a file may be, found before Cedar parses it.
//!
//! Cedar's parser recurses over brackets, `if` and chains of operators: some forty brackets overflow the 2 MiB stack of
//! a thread, which ends the process. So a quick look at the text comes first. It knows strings and comments, and nothing
//! else of the language: what it counts is never less than the real depth.

use std::ops::Range;

use crate::fault::Fault;
use crate::parse::Lines;

/// Largest policy or schema file, in bytes: some 10,000 policies.
const MAX_FILE: usize = 4 << 20;
/// Most brackets open at once.
const MAX_BRACKETS: usize = 20;
/// Most `if`s in one policy.
const MAX_IFS: usize = 20;
/// Most operator characters in one policy, `.` and `[` among them.
const MAX_OPERATORS: usize = 2_000;

/// Which language a file is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Policies,
    /// `Set<…>` nests too.
    Schema,
}

/// Whether a file is small and flat enough to be parsed; what is not is a fault.
pub(crate) fn keeps(lines: &Lines<'_>, language: Language, faults: &mut Vec<Fault>) -> bool {
    let size = lines.text().len();
    if size > MAX_FILE {
        let message = format!("the file has {size} bytes, the limit is {MAX_FILE}");
        faults.push(Fault::at(&lines.whole(), message, "split it into several files"));
        return false;
    }
    let before = faults.len();
    let mut depth = Depth::default();
    for (offset, word) in Words(lines.text().as_bytes(), 0) {
        if let Some(message) = depth.take(word, language) {
            let help = "split the policy, name a type, or use a set with `contains`";
            faults.push(Fault::at(&lines.place(offset), message, help));
        }
    }
    faults.len() == before
}

/// Where a policy file can be cut into policies: after every `;` that is in no bracket, string or comment.
pub(crate) fn statements(text: &str) -> Vec<Range<usize>> {
    let (mut cut, mut start, mut brackets) = (Vec::new(), 0, 0_usize);
    for (offset, word) in Words(text.as_bytes(), 0) {
        match word {
            b"(" | b"{" | b"[" => brackets += 1,
            b")" | b"}" | b"]" => brackets = brackets.saturating_sub(1),
            b";" if brackets == 0 => {
                cut.push(start..offset + 1);
                start = offset + 1;
            }
            _ => {}
        }
    }
    cut.push(start..text.len());
    cut
}

/// What has been counted of the statement at hand.
#[derive(Default)]
struct Depth {
    brackets: usize,
    ifs: usize,
    operators: usize,
    told: bool,
}

impl Depth {
    /// Counts one word or symbol; says once for a statement that it is too much.
    fn take(&mut self, word: &[u8], language: Language) -> Option<String> {
        match word {
            b";" if self.brackets == 0 => *self = Self::default(),
            b"(" | b"{" => self.brackets += 1,
            b"[" => (self.brackets, self.operators) = (self.brackets + 1, self.operators + 1),
            b"<" if language == Language::Schema => self.brackets += 1,
            b">" if language == Language::Schema => self.brackets = self.brackets.saturating_sub(1),
            b")" | b"}" | b"]" => self.brackets = self.brackets.saturating_sub(1),
            b"if" => self.ifs += 1,
            b"&" | b"|" | b"." | b"!" | b"+" | b"-" | b"*" | b"<" | b">" => self.operators += 1,
            _ => return None,
        }
        let message = if self.brackets > MAX_BRACKETS {
            format!("more than {MAX_BRACKETS} brackets are open at once")
        } else if self.ifs > MAX_IFS {
            format!("there are more than {MAX_IFS} `if`s in one policy")
        } else if self.operators > MAX_OPERATORS {
            format!("there are more than {MAX_OPERATORS} operators in one policy")
        } else {
            return None;
        };
        (!std::mem::replace(&mut self.told, true)).then_some(message)
    }
}

/// The words and single symbols of a text with their offsets; strings and comments left out.
struct Words<'t>(&'t [u8], usize);

impl<'t> Iterator for Words<'t> {
    type Item = (usize, &'t [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Self(text, start) = *self;
            let rest = text.get(start..)?;
            let length = match rest {
                [] => return None,
                [b'"', ..] => string(rest),
                // A carriage return alone ends a comment for Cedar.
                [b'/', b'/', ..] => {
                    rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len())
                }
                [first, ..] if is_name(*first) => rest.iter().take_while(|byte| is_name(**byte)).count(),
                _ => 1,
            };
            self.1 = start + length;
            if !matches!(rest, [b'"', ..] | [b'/', b'/', ..]) {
                return Some((start, rest.get(..length)?));
            }
        }
    }
}

/// Length of the string at the start of a text, quotes included.
fn string(text: &[u8]) -> usize {
    let mut escaped = false;
    for (index, byte) in text.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::PolicyFile;

    fn faults(text: &str, language: Language) -> Vec<(usize, usize)> {
        let file = PolicyFile { name: "a".to_owned(), text: text.to_owned(), shadow: false };
        let mut faults = Vec::new();
        assert_eq!(keeps(&Lines::new(&file), language, &mut faults), faults.is_empty());
        faults.iter().map(|fault| (fault.line, fault.column)).collect()
    }

    #[test]
    fn where_policies_end() {
        let cases: [(&str, &[&str]); 5] = [
            ("", &[""]),
            ("a; b ;c", &["a;", " b ;", "c"]),
            ("a(;) \";\" // ;\n;", &["a(;) \";\" // ;\n;", ""]),
            ("a(; b;", &["a(; b;"]),
            ("a); é;", &["a);", " é;", ""]),
        ];
        for (text, expected) in cases {
            let found: Vec<&str> =
                statements(text).into_iter().map(|range| text.get(range).unwrap()).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    /// Name, text, language, lines and columns of the faults.
    type Case = (&'static str, String, Language, &'static [(usize, usize)]);

    #[test]
    fn what_is_too_deep() {
        let (policies, schema) = (Language::Policies, Language::Schema);
        let cases: [Case; 15] = [
            ("nothing", String::new(), policies, &[]),
            ("twenty brackets", "(".repeat(20), policies, &[]),
            ("twenty-one brackets", "(".repeat(21), policies, &[(1, 21)]),
            ("of all kinds", "({[".repeat(7), policies, &[(1, 21)]),
            ("told once", "(".repeat(99), policies, &[(1, 21)]),
            (
                "once for each policy",
                format!("{}{};\n", "(".repeat(21), ")".repeat(21)).repeat(2),
                policies,
                &[(1, 21), (2, 21)],
            ),
            ("one after the other", "()".repeat(99), policies, &[]),
            ("in a string", format!("\"\\\"{}\"", "(".repeat(99)), policies, &[]),
            ("in a string that does not end", format!("\"{}", "(".repeat(99)), policies, &[]),
            (
                "in a comment, and behind it",
                format!("//{}\n{}", "(".repeat(99), "(".repeat(21)),
                policies,
                &[(2, 21)],
            ),
            (
                "behind a comment that a carriage return ends",
                format!("//\r{}", "(".repeat(21)),
                policies,
                &[(1, 24)],
            ),
            ("ifs", "if ".repeat(21), policies, &[(1, 61)]),
            ("not ifs", "iff _if éif if_ ".repeat(21), policies, &[]),
            ("operators", "a.".repeat(2_001), policies, &[(1, 4002)]),
            ("types", "Set<".repeat(21), schema, &[(1, 84)]),
        ];
        for (name, text, language, expected) in cases {
            assert_eq!(faults(&text, language), expected, "{name}");
        }
    }
}
