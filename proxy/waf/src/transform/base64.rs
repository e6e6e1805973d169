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
        let value = VALUES.get(usize::from(*byte)).copied().unwrap_or(NONE);
        if value == NONE {
            if *byte == b'=' || invalid == Invalid::Ends {
                break;
            }
            continue;
        }
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
}

/// By byte, its value; [`NONE`] outside the alphabet.
#[expect(
    clippy::indexing_slicing,
    reason = "it is made when this is compiled: beyond its end, that would fail"
)]
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut at = 0;
    while at < ALPHABET.len() {
        values[ALPHABET[at] as usize] = at as u8;
        at += 1;
    }
    values
};

const NONE: u8 = 255;

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
