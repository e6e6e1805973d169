//! Cookies in quotes. To browsers these mean nothing (RFC 6265, 5.4); Python, Tomcat and Jetty still read them as RFC 2109 had it:
//! the quotes go, and so do the backslashes of escapes, Python's octal ones among them.

use crate::bytes::is_space;

/// The insides of the quotes that a value begins with, which lies at `from..end` of a `Cookie` header: up to where they close, behind a
/// semicolon too, and up to the end of the value, for those who part cookies first. A value with quotes further on is all of it inside.
/// `open` is how far quotes before it reach.
pub(crate) fn insides(header: &[u8], from: usize, end: usize, open: usize) -> [Option<(usize, usize)>; 2] {
    let value = header.get(from..end).unwrap_or_default();
    let blanks = value.iter().take_while(|byte| is_space(**byte)).count();
    // Python's `SimpleCookie` parts cookies by white space, too: what is quoted further on is another's.
    let has_more = |text: &[u8]| text.contains(&b'"') && text.contains(&b'\\');
    let Some(inner) = value.trim_ascii().strip_prefix(b"\"") else {
        return [None, has_more(value).then_some((from, end))];
    };
    let start = from + blanks + 1;
    // Within open quotes nothing is quoted; and each byte is looked at once.
    let whole = (start > open).then(|| closing(header.get(start..).unwrap_or_default())).flatten();
    let whole = whole.map(|len| (start, start + len));
    let own = inner.strip_suffix(b"\"").or_else(|| has_more(inner).then_some(inner));
    let own = own.map(|inner| (start, start + inner.len()));
    [whole, own.filter(|own| Some(*own) != whole)]
}

fn closing(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// What is inside of quotes without its escapes, into `out`, which is cleared.
pub(crate) fn unquote(text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        let (byte, tail) = match tail {
            [high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', tail @ ..] if *byte == b'\\' => {
                ((high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0'), tail)
            }
            [escaped, tail @ ..] if *byte == b'\\' => (*escaped, tail),
            _ => (*byte, tail),
        };
        out.push(byte);
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use super::{insides, unquote};

    #[test]
    fn quotes_and_escapes_go() {
        for (value, expected) in [
            ("x", &[][..]),
            ("\"x", &[]),
            ("x\"y\"", &[]),
            (r#"x a="\141""#, &["x a=\"a\""]),
            ("\"\"", &[""]),
            (" \"x\" ", &["x"]),
            (r#""\047 or \"\1\08\400""#, &["' or \"108400"]),
            (r#""a;b""#, &["a;b"]),
            (r#""\";\074""#, &["\";<", "\\"]),
            (r#""x" a="\141" b"#, &["x", "x\" a=\"a\" b"]),
        ] {
            let end = value.find(';').unwrap_or(value.len());
            let mut out = Vec::new();
            let found = insides(value.as_bytes(), 0, end, 0).into_iter().flatten().map(|(from, end)| {
                unquote(&value.as_bytes()[from..end], &mut out);
                String::from_utf8_lossy(&out).into_owned()
            });
            assert_eq!(found.collect::<Vec<_>>(), expected, "{value}");
        }
    }
}
