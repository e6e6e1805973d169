//! `utf8toUnicode`: characters beyond ASCII as `%uhhhh`, so that `urlDecodeUni` can fold full-width evasions.

use std::io::Write as _;

pub(super) fn escape(input: &[u8], out: &mut Vec<u8>) {
    for chunk in input.utf8_chunks() {
        for char in chunk.valid().chars() {
            if char.is_ascii() {
                out.push(u8::try_from(char).unwrap_or(b'?'));
            } else {
                // Writing to a `Vec` cannot fail.
                let _ = write!(out, "%u{:04x}", u32::from(char));
            }
        }
        out.extend_from_slice(chunk.invalid());
    }
}
