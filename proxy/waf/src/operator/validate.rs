//! `@validateByteRange` and `@validateUrlEncoding`: they match what is *not* valid.

use crate::bytes::{ByteSet, hex_pair};

/// Parses `32-126,9,10`.
pub(super) fn byte_range(argument: &str) -> Result<ByteSet, String> {
    let mut allowed = ByteSet::NONE;
    for part in argument.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let byte = |text: &str| {
            text.trim().parse::<u8>().map_err(|_| format!("`{part}` is no byte range; write `32-126,10`"))
        };
        for byte in byte(low)?..=byte(high)? {
            allowed.insert(byte);
        }
    }
    Ok(allowed)
}

/// Whether a `%` is not followed by two hexadecimal digits.
pub(super) fn is_bad_url_encoding(value: &[u8]) -> bool {
    memchr::memchr_iter(b'%', value).any(|at| hex_pair(value.get(at + 1), value.get(at + 2)).is_none())
}
