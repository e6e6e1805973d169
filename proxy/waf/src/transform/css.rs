//! CSS escapes (CSS 2.1, 4.1.3): `\` and up to six hexadecimal digits, of which the last two count.

use super::url::narrow;
use crate::bytes::{hex, hex_pair, is_space};

pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = input.get(at).copied() {
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let rest = input.get(at..).unwrap_or_default();
        let digits = rest.iter().take(6).take_while(|byte| hex(**byte).is_some()).count();
        match (digits, rest.first()) {
            (0, None) => {}
            // A newline after a backslash goes with it.
            (0, Some(b'\n')) => at += 1,
            (0, Some(byte)) => {
                out.push(*byte);
                at += 1;
            }
            (digits, _) => {
                out.push(code(rest.get(..digits).unwrap_or_default()));
                at += digits;
                if input.get(at).is_some_and(|byte| is_space(*byte)) {
                    at += 1;
                }
            }
        }
    }
}

fn code(digits: &[u8]) -> u8 {
    let from_end = |back: usize| digits.len().checked_sub(back).and_then(|at| digits.get(at));
    let Some(low) = hex_pair(from_end(2), from_end(1)) else {
        return from_end(1).and_then(|digit| hex(*digit)).unwrap_or(0);
    };
    let lead = digits.get(..digits.len().saturating_sub(4)).unwrap_or_default();
    match hex_pair(from_end(4), from_end(3)) {
        Some(high) if lead.iter().all(|digit| *digit == b'0') => narrow(high, low),
        _ => low,
    }
}
