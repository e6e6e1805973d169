//! Values as they are written: cut text, hexadecimal, times.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use poort_enforce::hex;
use serde::{Serialize, Serializer};

/// Names of people, devices and sources; `tracing` of an attack does not need more.
pub(super) const NAME_BYTES: usize = 256;
/// Paths.
pub(super) const PATH_BYTES: usize = 2048;

/// Text of at most so many bytes; what is longer ends in `…`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut<'a>(pub(super) &'a str, pub(super) usize);

impl Cut<'_> {
    /// It takes no more than this in a line: what is escaped needs at most six bytes for one.
    pub(super) fn most_bytes(self) -> usize {
        let Self(text, limit) = self;
        let each = |byte: u8| {
            if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\') || byte == b' ' { 1 } else { 6 }
        };
        text.bytes().take(limit).map(each).sum::<usize>() + '…'.len_utf8()
    }
}

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text, limit) = *self;
        if text.len() <= limit {
            return f.write_str(text);
        }
        let end = text.floor_char_boundary(limit);
        write!(f, "{}…", text.get(..end).unwrap_or_default())
    }
}

impl Serialize for Cut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(text, limit) = *self;
        if text.len() <= limit { serializer.serialize_str(text) } else { serializer.collect_str(self) }
    }
}

/// A name, cut.
pub(super) const fn name(text: &str) -> Cut<'_> {
    Cut(text, NAME_BYTES)
}

/// Something shown, written as text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<T>(pub(super) T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Bytes in lower-case hexadecimal, at most 32 of them.
#[derive(Clone, Copy)]
pub(super) struct Hex {
    text: [u8; 64],
    length: usize,
}

impl Hex {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut text = [b'0'; 64];
        hex::digits(bytes, &mut text);
        Self { text, length: bytes.len().min(32) * 2 }
    }

    pub(super) fn as_str(&self) -> &str {
        self.text.get(..self.length).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Milliseconds since 1970, OCSF's `timestamp_t`.
pub(super) fn timestamp(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Microseconds.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        for (text, limit, written) in
            [("abc", 3, "abc"), ("abcd", 3, "abc…"), ("aéb", 2, "a…"), ("", 0, ""), ("é", 1, "…")]
        {
            assert_eq!(serde_json::to_value(Cut(text, limit)).unwrap(), written, "{text} {limit}");
        }
    }

    #[test]
    fn bytes_are_written_in_hexadecimal() {
        assert_eq!(Hex::of(&[0, 0xab, 0x7f]).as_str(), "00ab7f");
        assert_eq!(Hex::of(&[0xff; 32]).as_str(), "ff".repeat(32));
    }
}
