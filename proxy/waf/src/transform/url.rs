//! Percent-encoding.

use super::CodePage;
use crate::bytes::hex_pair;

/// `%hh` and `+`; what is not valid stays.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) {
    decode_with(input, out, None);
}

/// The same, and IIS's `%uhhhh`: the byte that the code page has for it, or else the low byte; full-width ASCII becomes ASCII.
pub(super) fn decode_unicode(input: &[u8], out: &mut Vec<u8>, page: Option<&CodePage>) {
    let byte = |high, low| page.and_then(|page| page.byte(u16::from_be_bytes([high, low])));
    decode_with(input, out, Some(&|high, low| byte(high, low).unwrap_or_else(|| narrow(high, low))));
}

/// The byte that a UTF-16 unit, given by its bytes, becomes.
type Narrow<'a> = &'a dyn Fn(u8, u8) -> u8;

fn decode_with(input: &[u8], out: &mut Vec<u8>, unicode: Option<Narrow<'_>>) {
    let mut at = 0;
    while let Some(byte) = input.get(at) {
        let (decoded, used) = match byte {
            b'+' => (b' ', 1),
            b'%' => escape(input.get(at + 1..).unwrap_or_default(), unicode)
                .map_or((b'%', 1), |(byte, len)| (byte, len + 1)),
            byte => (*byte, 1),
        };
        out.push(decoded);
        at += used;
    }
}

/// The byte an escape means, and its length without the `%`.
fn escape(rest: &[u8], unicode: Option<Narrow<'_>>) -> Option<(u8, usize)> {
    if let Some(narrow) = unicode.filter(|_| matches!(rest.first(), Some(b'u' | b'U'))) {
        let high = hex_pair(rest.get(1), rest.get(2))?;
        let low = hex_pair(rest.get(3), rest.get(4))?;
        return Some((narrow(high, low), 5));
    }
    Some((hex_pair(rest.first(), rest.get(1))?, 2))
}

/// The low byte of a UTF-16 unit; U+FF01 to U+FF5E are full-width forms of ASCII.
pub(super) fn narrow(high: u8, low: u8) -> u8 {
    if high == 0xff && (0x01..0x5f).contains(&low) { low + 0x20 } else { low }
}

pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in input {
        match byte {
            b' ' => out.push(b'+'),
            b'*' => out.push(b'*'),
            byte if byte.is_ascii_alphanumeric() => out.push(*byte),
            byte => {
                out.push(b'%');
                out.extend([byte >> 4, byte & 15].iter().filter_map(|digit| DIGITS.get(usize::from(*digit))));
            }
        }
    }
}
