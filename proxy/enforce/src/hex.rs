//! Bytes in lower-case hexadecimal, as ids and pseudonyms are written: a handful of times for each request.

use std::fmt;

/// Puts two digits a byte into `text`, as far as both go.
pub fn digits(bytes: &[u8], text: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        for (place, nibble) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *place = DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
        }
    }
}

/// Writes bytes, 16 at a time: what a formatter costs is its calls.
pub(crate) fn write(bytes: &[u8], to: &mut impl fmt::Write) -> fmt::Result {
    for piece in bytes.chunks(16) {
        let mut text = [b'0'; 32];
        digits(piece, &mut text);
        let written = text.get(..2 * piece.len()).unwrap_or_default();
        to.write_str(str::from_utf8(written).unwrap_or_default())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_pairs_of_digits() {
        for length in [0, 1, 15, 16, 17, 32, 33] {
            let bytes: Vec<u8> = (0..length).map(|number| number * 7 + 3).collect();
            let mut text = String::new();
            write(&bytes, &mut text).unwrap();
            assert_eq!(text, bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        }
    }
}
