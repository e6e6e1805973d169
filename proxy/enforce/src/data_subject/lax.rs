//! Values by their name in what is nearly JSON: with comments, in single quotes or none, with a comma too many, out of range.

/// What such a document consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Word(String),
    Mark(u8),
}

/// Every value that stands behind a name, in any case; of a list, all that stand in it.
pub(super) fn values(text: &str, name: &str) -> Vec<String> {
    let is_name =
        |piece: &Option<Piece>| matches!(piece, Some(Piece::Word(word)) if word.eq_ignore_ascii_case(name));
    let (mut found, mut lists) = (Vec::new(), false);
    let (mut last_but_one, mut last) = (None, None);
    for piece in (Pieces { rest: text.as_bytes() }) {
        let is_wanted = last == Some(Piece::Mark(b':')) && is_name(&last_but_one);
        match &piece {
            Piece::Word(value) if lists || is_wanted => found.push(value.clone()),
            Piece::Mark(b'[') => lists |= is_wanted,
            Piece::Mark(b']') => lists = false,
            Piece::Word(_) | Piece::Mark(_) => {}
        }
        last_but_one = last.replace(piece);
    }
    found
}

struct Pieces<'t> {
    rest: &'t [u8],
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            let (piece, rest) = match self.rest {
                [] => return None,
                [b'/', b'*', comment @ ..] => (None, behind(comment, b"*/")),
                [b'/', b'/', comment @ ..] => (None, behind(comment, b"\n")),
                [quote @ (b'"' | b'\''), after @ ..] => {
                    let (inner, after) = split(after, quoted(after, *quote));
                    (Some(Piece::Word(unescaped(inner))), after.get(1..).unwrap_or_default())
                }
                [mark @ (b'{' | b'}' | b'[' | b']' | b':' | b','), after @ ..] => {
                    (Some(Piece::Mark(*mark)), after)
                }
                [byte, after @ ..] if byte.is_ascii_whitespace() => (None, after),
                word => {
                    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"{}[]:,\"'".contains(byte);
                    let (word, after) = split(word, word.iter().position(ends).unwrap_or(word.len()));
                    (Some(Piece::Word(String::from_utf8_lossy(word).into_owned())), after)
                }
            };
            self.rest = rest;
            if piece.is_some() {
                return piece;
            }
        }
    }
}

fn split(bytes: &[u8], end: usize) -> (&[u8], &[u8]) {
    bytes.split_at_checked(end).unwrap_or((bytes, &[]))
}

fn behind<'b>(bytes: &'b [u8], end: &[u8]) -> &'b [u8] {
    memchr::memmem::find(bytes, end).and_then(|place| bytes.get(place + end.len()..)).unwrap_or_default()
}

/// Where a quoted text ends.
fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut escaped = false;
    let ends = bytes.iter().position(|&byte| {
        let ends = byte == quote && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    ends.unwrap_or(bytes.len())
}

fn unescaped(inner: &[u8]) -> String {
    let raw = String::from_utf8_lossy(inner);
    serde_json::from_str(&format!("\"{raw}\"")).unwrap_or_else(|_| raw.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_name() {
        for (text, expected) in [
            (r#"{"n":1e999,"n":"85"}"#, vec!["1e999", "85"]),
            (r"{'N': '85'}", vec!["85"]),
            (r"{n:85,}", vec!["85"]),
            (
                r#"{"n"/* : */:/*x*/"85"//
            }"#,
                vec!["85"],
            ),
            (r#"{"\u006e":"8\u0035"}"#, vec!["85"]),
            (r#"{"n":["85",[86],{"m":87}], "n":{}}"#, vec!["85", "86"]),
            (r#"{"m":"n","x":"n:85"}"#, vec![]),
            ("{\"n\":\"85", vec!["85"]),
            ("", vec![]),
        ] {
            assert_eq!(values(text, "n"), expected, "{text}");
        }
    }
}
