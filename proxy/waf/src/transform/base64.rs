//! Base 64.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What a byte outside the alphabet does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Invalid {
    /// It ends the decoding: what came before is the result.
    Ends,
    /// It is passed over, as lenient decoders do.
    Skipped,
}

pub(super) fn decode(input: &[u8], out: &mut Vec<u8>, invalid: Invalid) {
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in input {
        let Some(value) = value(*byte) else {
            if *byte == b'=' || invalid == Invalid::Ends {
                break;
            }
            continue;
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).unwrap_or(0));
            bits &= (1 << count) - 1;
        }
    }
}

fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) {
    let digit = |value: u32| ALPHABET.get((value & 63) as usize).copied().unwrap_or(b'=');
    for group in input.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        out.extend([digit(bits >> 18), digit(bits >> 12)]);
        out.push(if group.len() > 1 { digit(bits >> 6) } else { b'=' });
        out.push(if group.len() > 2 { digit(bits) } else { b'=' });
    }
}
