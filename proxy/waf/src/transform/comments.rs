//! Comments of SQL, C and HTML.

use memchr::memmem;

/// Each `/*…*/` becomes a space; an unclosed one, all that follows it.
pub(super) fn replace(input: &[u8], out: &mut Vec<u8>) {
    let mut rest = input;
    while let Some(start) = memmem::find(rest, b"/*") {
        out.extend_from_slice(rest.get(..start).unwrap_or_default());
        out.push(b' ');
        let body = rest.get(start + 2..).unwrap_or_default();
        rest = memmem::find(body, b"*/").and_then(|end| body.get(end + 2..)).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// Comments go: `/*…*/`, `<!--…-->`, and everything from `--` or `#` on.
pub(super) fn remove(input: &[u8], out: &mut Vec<u8>) {
    let mut rest = input;
    while let Some((byte, tail)) = rest.split_first() {
        let end: &[u8] = match rest {
            [b'/', b'*', ..] => b"*/",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'-', b'-', ..] | [b'#', ..] => return,
            _ => {
                out.push(*byte);
                rest = tail;
                continue;
            }
        };
        let Some(found) = memmem::find(rest.get(2..).unwrap_or_default(), end) else {
            out.push(b' ');
            return;
        };
        rest = rest.get(2 + found + end.len()..).unwrap_or_default();
    }
}

/// Only the marks go: `/*`, `*/`, `--`, `#`, `<!--`, `-->`.
pub(super) fn remove_marks(input: &[u8], out: &mut Vec<u8>) {
    let mut rest = input;
    while let Some((byte, tail)) = rest.split_first() {
        rest = match rest {
            [b'<', b'!', b'-', b'-', tail @ ..] => tail,
            [b'-', b'-', b'>', tail @ ..] => tail,
            [b'/', b'*', tail @ ..]
            | [b'*', b'/', tail @ ..]
            | [b'-', b'-', tail @ ..]
            | [b'#', tail @ ..] => tail,
            _ => {
                out.push(*byte);
                tail
            }
        };
    }
}
