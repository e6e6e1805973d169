//! Character references of HTML: numeric ones, cut to a byte as the reference does, and the named ones that matter.

use crate::bytes::hex;

pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'&', input.get(at..).unwrap_or_default()) {
        out.extend_from_slice(input.get(at..at + found).unwrap_or_default());
        at += found + 1;
        match reference(input.get(at..).unwrap_or_default()) {
            Some((byte, len)) => {
                out.push(byte);
                at += len;
            }
            None => out.push(b'&'),
        }
    }
    out.extend_from_slice(input.get(at..).unwrap_or_default());
}

/// The byte meant by what follows `&`, and how long that is; a `;` at the end is optional.
fn reference(rest: &[u8]) -> Option<(u8, usize)> {
    let (byte, len) = match rest {
        [b'#', b'x' | b'X', digits @ ..] => numeric(digits, 16).map(|(byte, len)| (byte, len + 2))?,
        [b'#', digits @ ..] => numeric(digits, 10).map(|(byte, len)| (byte, len + 1))?,
        _ => named(rest)?,
    };
    Some((byte, len + usize::from(rest.get(len) == Some(&b';'))))
}

fn numeric(digits: &[u8], radix: u32) -> Option<(u8, usize)> {
    let values = digits.iter().map_while(|byte| hex(*byte).map(u32::from).filter(|digit| *digit < radix));
    let (value, len) = values
        .fold((0_u32, 0), |(value, len), digit| (value.wrapping_mul(radix).wrapping_add(digit), len + 1));
    (len > 0).then(|| (u8::try_from(value & 0xff).unwrap_or(0), len))
}

/// The five names of the reference, and those that spell punctuation in script URLs (HTML5, "Named character
/// references"), which browsers decode and the reference does not.
const NAMES: [(&[u8], u8); 14] = [
    (b"quot", b'"'),
    (b"amp", b'&'),
    (b"lt", b'<'),
    (b"gt", b'>'),
    (b"nbsp", 0xa0),
    (b"colon", b':'),
    (b"lpar", b'('),
    (b"rpar", b')'),
    (b"tab", b'\t'),
    (b"newline", b'\n'),
    (b"apos", b'\''),
    (b"sol", b'/'),
    (b"semi", b';'),
    (b"equals", b'='),
];

fn named(rest: &[u8]) -> Option<(u8, usize)> {
    let len = rest.iter().take(8).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let name = rest.get(..len)?;
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, byte)| (*byte, len))
}
