//! The digest of a request's body, taken as it passes: for the record, which never holds the body itself.

use aws_lc_rs::digest::{Context, SHA256};

/// A SHA-256 that grows with a body, where one is owed.
#[derive(Default)]
pub struct BodyHash {
    context: Option<Context>,
    bytes: u64,
}

impl BodyHash {
    /// Of a body that has not begun; one that is not owed costs nothing.
    #[must_use]
    pub fn new(is_owed: bool) -> Self {
        Self { context: is_owed.then(|| Context::new(&SHA256)), bytes: 0 }
    }

    /// The digest of a body that is here as a whole, where it is owed.
    #[must_use]
    pub fn of(body: &[u8], is_owed: bool) -> Option<[u8; 32]> {
        let mut hash = Self::new(is_owed);
        hash.piece(body);
        hash.finish()
    }

    /// The next piece.
    pub fn piece(&mut self, piece: &[u8]) {
        if let Some(context) = &mut self.context {
            context.update(piece);
            self.bytes = self.bytes.saturating_add(piece.len() as u64);
        }
    }

    /// The digest of all of it; none if it was not owed, or there was no body.
    #[must_use]
    pub fn finish(&mut self) -> Option<[u8; 32]> {
        let digest = self.context.take().filter(|_| self.bytes > 0)?.finish();
        digest.as_ref().try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_pieces_has_the_digest_of_the_whole() {
        let whole = BodyHash::of(b"abc", true).unwrap();
        // FIPS 180-4, the example of one block.
        assert_eq!(whole.get(..4), Some(&[0xba, 0x78, 0x16, 0xbf][..]));
        let mut hash = BodyHash::new(true);
        [&b"a"[..], b"", b"bc"].iter().for_each(|piece| hash.piece(piece));
        assert_eq!(hash.finish(), Some(whole));
        assert_eq!(hash.finish(), None, "once");
        assert_eq!(BodyHash::of(b"", true), None, "no body");
        assert_eq!(BodyHash::of(b"abc", false), None, "not owed");
    }
}
