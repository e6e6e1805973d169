//! `application/x-www-form-urlencoded`, and query strings.

use crate::bytes::hex_pair;

/// A name and a value, still encoded.
pub(crate) struct Pair<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
    /// Whether there is an `=`.
    has_value: bool,
}

/// The pairs of `text`. What has no `=` is a name without value; nothing between separators is no pair.
///
/// Where a `parting` byte is given, behind each that holds it come those with a value that it parts: Rack before 3, CGI.pm and
/// Python before 3.10 take a `;` for a separator, too (HTML 4.01, B.2.2). A browser sends none that is not coded.
pub(crate) fn pairs(text: &[u8], separator: u8, parting: Option<u8>) -> impl Iterator<Item = Pair<'_>> {
    text.split(move |byte| *byte == separator).filter(|pair| !pair.is_empty()).flat_map(move |text| {
        let parted = parting.filter(|byte| text.contains(byte));
        let parts = parted.map(|parting| text.split(move |byte| *byte == parting).map(pair));
        let with_value = |pair: &Pair<'_>| pair.has_value;
        std::iter::once(pair(text)).chain(parts.into_iter().flatten().filter(with_value))
    })
}

fn pair(text: &[u8]) -> Pair<'_> {
    let equals = memchr::memchr(b'=', text);
    let (name, value) = text.split_at_checked(equals.unwrap_or(text.len())).unwrap_or((text, b""));
    Pair { name, value: value.get(1..).unwrap_or_default(), has_value: equals.is_some() }
}

/// Decodes `%hh` and `+` into `out`, which is cleared; whether some `%` was not followed by two digits.
pub(crate) fn decode(text: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let mut bad = false;
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'%' | b'+')) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        let plus = rest.get(at) == Some(&b'+');
        let byte = hex_pair(rest.get(at + 1), rest.get(at + 2)).filter(|_| !plus);
        bad |= !plus && byte.is_none();
        out.push(byte.unwrap_or(if plus { b' ' } else { b'%' }));
        rest = rest.get(at + if byte.is_some() { 3 } else { 1 }..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    bad
}

/// Decodes `%hh` of a path into `out`, which is cleared; a `+` is no space there.
pub(crate) fn decode_path(path: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = path;
    while let Some(at) = memchr::memchr(b'%', rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        let byte = hex_pair(rest.get(at + 1), rest.get(at + 2));
        out.push(byte.unwrap_or(b'%'));
        rest = rest.get(at + if byte.is_some() { 3 } else { 1 }..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::{decode, pairs};

    #[test]
    fn pairs_and_decoding() {
        let found: Vec<(&[u8], &[u8])> =
            pairs(b"a=1&&b&=c&d=e=f;g=1", b'&', None).map(|pair| (pair.name, pair.value)).collect();
        assert_eq!(found, [(&b"a"[..], &b"1"[..]), (b"b", b""), (b"", b"c"), (b"d", b"e=f;g=1")]);
        let found: Vec<(&[u8], &[u8])> =
            pairs(b"a=1;b=2;c&d;e", b'&', Some(b';')).map(|pair| (pair.name, pair.value)).collect();
        assert_eq!(found, [(&b"a"[..], &b"1;b=2;c"[..]), (b"a", b"1"), (b"b", b"2"), (b"d;e", b"")]);
        let mut out = Vec::new();
        for (text, expected, bad) in [
            (&b"a+%41%zz"[..], &b"a A%zz"[..], true),
            (b"%", b"%", true),
            (b"x%2", b"x%2", true),
            (b"%c3%a9", b"\xc3\xa9", false),
        ] {
            assert_eq!(decode(text, &mut out), bad);
            assert_eq!(out, expected);
        }
    }
}
