//! HTTP/2's frames as they stream past, as far as they must be told apart to count those that reset a stream.
//!
//! The HTTP library answers a reset without asking any filter, so that a client that opens and resets streams by the thousand
//! (CVE-2023-44487) would be seen nowhere else.

/// Length of a frame's header (RFC 9113 §4.1): three bytes of length, one of type, one of flags, four of the stream's number.
const HEADER_BYTES: usize = 9;
/// The type `RST_STREAM` (RFC 9113 §6.4).
const RST_STREAM: u8 = 3;

/// Where one direction of a connection is between two frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: [u8; HEADER_BYTES],
    /// So many bytes of the header have come.
    had: usize,
    /// So many bytes are still to be passed over: of a payload, or of the preface.
    left: usize,
}

impl Frames {
    /// Behind so many bytes that are none.
    pub(super) fn after(bytes: usize) -> Self {
        Self { left: bytes, ..Self::default() }
    }

    /// How many resets there are in what streams past.
    pub(super) fn resets(&mut self, mut bytes: &[u8]) -> usize {
        let mut resets = 0;
        loop {
            let over = self.left.min(bytes.len());
            self.left -= over;
            bytes = bytes.get(over..).unwrap_or_default();
            let Some((first, rest)) = bytes.split_first() else { return resets };
            if let Some(place) = self.header.get_mut(self.had) {
                *place = *first;
            }
            (self.had, bytes) = (self.had + 1, rest);
            if self.had == HEADER_BYTES {
                let [high, middle, low, kind, ..] = self.header;
                self.left = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
                self.had = 0;
                resets += usize::from(kind == RST_STREAM);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let [.., high, middle, low] = payload.len().to_be_bytes();
        [&[high, middle, low, kind, 0, 0, 0, 0, 1], payload].concat()
    }

    #[test]
    fn resets_are_counted_however_the_bytes_are_cut() {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        // A payload that looks like a reset is none.
        let lookalike = frame(RST_STREAM, &[0; 4]);
        let stream = [
            preface.to_vec(),
            frame(4, &[]),
            frame(0, &lookalike),
            lookalike.clone(),
            frame(1, &[3; 300]),
            lookalike,
        ]
        .concat();
        for piece in [1, 2, 7, 9, 10, 64, stream.len()] {
            let mut frames = Frames::after(preface.len());
            let resets: usize = stream.chunks(piece).map(|bytes| frames.resets(bytes)).sum();
            assert_eq!(resets, 2, "in pieces of {piece}");
        }
    }
}
