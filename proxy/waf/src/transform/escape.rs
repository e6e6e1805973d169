//! Backslash escapes of JavaScript and of ANSI C.

use super::url::narrow;
use crate::bytes::hex_pair;

/// `\uhhhh`, `\xhh`, `\ooo` and `\n`; before anything else the backslash goes.
pub(super) fn decode_javascript(input: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = input.get(at).copied() {
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let rest = input.get(at..).unwrap_or_default();
        let Some((decoded, used)) = javascript(rest) else {
            out.push(b'\\');
            continue;
        };
        out.push(decoded);
        at += used;
    }
}

fn javascript(rest: &[u8]) -> Option<(u8, usize)> {
    let first = *rest.first()?;
    let unit = match first {
        b'u' => hex_pair(rest.get(1), rest.get(2))
            .zip(hex_pair(rest.get(3), rest.get(4)))
            .map(|(high, low)| (narrow(high, low), 5)),
        b'x' => hex_pair(rest.get(1), rest.get(2)).map(|byte| (byte, 3)),
        b'0'..=b'7' => octal(rest),
        _ => None,
    };
    Some(unit.unwrap_or_else(|| (control(first).unwrap_or(first), 1)))
}

/// `\a`, `\xhh`, `\ooo` and the like; what is no escape stays as it is.
pub(super) fn decode_ansi_c(input: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = input.get(at).copied() {
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let rest = input.get(at..).unwrap_or_default();
        let Some((decoded, used)) = ansi_c(rest) else {
            out.push(b'\\');
            continue;
        };
        out.push(decoded);
        at += used;
    }
}

fn ansi_c(rest: &[u8]) -> Option<(u8, usize)> {
    match *rest.first()? {
        byte @ (b'\\' | b'?' | b'\'' | b'"') => Some((byte, 1)),
        b'x' | b'X' => hex_pair(rest.get(1), rest.get(2)).map(|byte| (byte, 3)),
        b'0'..=b'7' => octal(rest),
        byte => control(byte).map(|byte| (byte, 1)),
    }
}

fn control(byte: u8) -> Option<u8> {
    match byte {
        b'a' => Some(0x07),
        b'b' => Some(0x08),
        b'f' => Some(0x0c),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'v' => Some(0x0b),
        _ => None,
    }
}

/// Up to three octal digits; two when three exceed a byte.
fn octal(rest: &[u8]) -> Option<(u8, usize)> {
    let mut value = 0_u32;
    let mut len = 0;
    for byte in rest.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)) {
        let next = value * 8 + u32::from(byte - b'0');
        if next > 255 {
            break;
        }
        value = next;
        len += 1;
    }
    Some((u8::try_from(value).ok()?, len))
}
