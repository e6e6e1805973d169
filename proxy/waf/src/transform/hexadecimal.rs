//! Hexadecimal text.

use crate::bytes::{hex, hex_pair};

pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in input {
        out.extend([byte >> 4, byte & 15].iter().filter_map(|digit| DIGITS.get(usize::from(*digit))));
    }
}

/// Pairs of digits; decoding stops at what is none.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) {
    for pair in input.chunks_exact(2) {
        let Some(byte) = hex_pair(pair.first(), pair.get(1)) else { break };
        out.push(byte);
    }
}

/// `0x41` in SQL is `A`.
pub(super) fn decode_sql(input: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = input.get(at) {
        let digits = input.get(at + 2..).unwrap_or_default();
        let marked = *byte == b'0' && matches!(input.get(at + 1), Some(b'x' | b'X'));
        let pairs = if !marked {
            0
        } else {
            digits.chunks_exact(2).take_while(|pair| pair.iter().all(|digit| hex(*digit).is_some())).count()
        };
        if pairs == 0 {
            out.push(*byte);
            at += 1;
            continue;
        }
        out.extend(digits.chunks_exact(2).take(pairs).filter_map(|pair| hex_pair(pair.first(), pair.get(1))));
        at += 2 + pairs * 2;
    }
}
