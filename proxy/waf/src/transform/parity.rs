//! Parity of 7-bit data.

pub(super) fn even(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(|byte| byte & 0x7f | u8::from((byte & 0x7f).count_ones() % 2 == 1) << 7));
}

pub(super) fn odd(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(|byte| byte & 0x7f | u8::from((byte & 0x7f).count_ones() % 2 == 0) << 7));
}

pub(super) fn zero(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(|byte| byte & 0x7f));
}
