//! Values by their name in what is nearly JSON: with comments, in single quotes or none, with a comma too many, out of range.

/// What such a document consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Word(String),
    Mark(u8),
}

/// Every value that stands behind a name, in any case; of a list, all that stand in it.
pub(super) fn values(text: &str, name: &str) -> Vec<String> {
    let pieces = pieces(text.as_bytes());
    let is_name =
        |piece: Option<&Piece>| matches!(piece, Some(Piece::Word(word)) if word.eq_ignore_ascii_case(name));
    let stands_behind = |place: usize| {
        let before = |count: usize| pieces.get(place.checked_sub(count)?);
        before(1) == Some(&Piece::Mark(b':')) && is_name(before(2))
    };
    let (mut found, mut lists) = (Vec::new(), false);
    for (place, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Word(value) if lists || stands_behind(place) => found.push(value.clone()),
            Piece::Mark(b'[') => lists |= stands_behind(place),
            Piece::Mark(b']') => lists = false,
            Piece::Word(_) | Piece::Mark(_) => {}
        }
    }
    found
}

fn pieces(mut rest: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'/', [b'*', comment @ ..]) => behind(comment, b"*/"),
            (b'/', [b'/', comment @ ..]) => behind(comment, b"\n"),
            (b'"' | b'\'', _) => {
                let end = quoted(after, *first);
                let (inner, after) = after.split_at_checked(end).unwrap_or((after, &[]));
                pieces.push(Piece::Word(unescaped(inner)));
                after.get(1..).unwrap_or_default()
            }
            (b'{' | b'}' | b'[' | b']' | b':' | b',', _) => {
                pieces.push(Piece::Mark(*first));
                after
            }
            (byte, _) if byte.is_ascii_whitespace() => after,
            _ => {
                let ends = |byte: &u8| byte.is_ascii_whitespace() || b"{}[]:,\"'".contains(byte);
                let end = rest.iter().position(ends).unwrap_or(rest.len());
                let (word, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
                pieces.push(Piece::Word(String::from_utf8_lossy(word).into_owned()));
                after
            }
        };
    }
    pieces
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
