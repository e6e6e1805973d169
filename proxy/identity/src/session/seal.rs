//! Authenticated encryption of what the gate hands to browsers and wants back unchanged.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// What a sealed value is for. One that was made for something else does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A session cookie.
    Session,
    /// Where a person was going when they were sent to sign in.
    Journey,
    /// Proof that a form came from a page of the gate's own.
    Form,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Session => b"poort session",
            Self::Journey => b"poort journey",
            Self::Form => b"poort form",
        }
    }
}

/// Keys that seal and open: AES-256-GCM-SIV (RFC 8452), with which many gates may share a key without counting nonces.
///
/// The first key seals; both open, so that a rotation signs nobody out.
pub struct Seal {
    keys: Vec<RandomizedNonceKey>,
}

/// The form of what is sealed: its first byte. The one before this will go on being read when there is a next one.
const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 12;
const KEY_BYTES: usize = 32;

impl Seal {
    /// Longest sealed value that is opened, in bytes: browsers keep cookies up to some 4 KiB.
    pub const LIMIT_BYTES: usize = 8 * 1024;

    /// Reads a key file: one or two keys, a line each, of 64 hexadecimal digits; the first one seals. Empty lines and lines that begin with
    /// `#` are skipped.
    ///
    /// # Errors
    /// [`SealKeyFault`]; the message holds nothing of a key.
    pub fn from_lines(text: &str) -> Result<Self, SealKeyFault> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys = lines.map(key).collect::<Result<Vec<_>, _>>()?;
        match keys.len() {
            1 | 2 => Ok(Self { keys }),
            0 => Err(SealKeyFault::None),
            _ => Err(SealKeyFault::TooMany),
        }
    }

    /// Seals `plain`: base64url, fit for cookies and URLs.
    ///
    /// # Errors
    /// [`SealFault`] if there is no randomness.
    pub fn seal(&self, purpose: Purpose, plain: &[u8]) -> Result<String, SealFault> {
        self.seal_bytes(purpose.label(), plain).map(|whole| URL_SAFE_NO_PAD.encode(whole))
    }

    /// Opens what [`Seal::seal`] made for this purpose; nothing for anything else.
    #[must_use]
    pub fn open(&self, purpose: Purpose, sealed: &[u8]) -> Option<Vec<u8>> {
        if sealed.len() > Self::LIMIT_BYTES {
            return None;
        }
        self.open_bytes(purpose.label(), &URL_SAFE_NO_PAD.decode(sealed).ok()?)
    }

    /// Seals what is kept under a name, where it lies: bytes. It opens under that name alone.
    ///
    /// # Errors
    /// [`SealFault`] if there is no randomness.
    pub fn seal_kept(&self, name: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealFault> {
        self.seal_bytes(&kept(name), plain)
    }

    /// Opens what [`Seal::seal_kept`] made for this name; nothing for anything else.
    #[must_use]
    pub fn open_kept(&self, name: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.open_bytes(&kept(name), sealed).map(Zeroizing::new)
    }

    fn seal_bytes(&self, meant: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealFault> {
        let key = self.keys.first().ok_or(SealFault)?;
        let mut sealed = plain.to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(meant), &mut sealed).map_err(|_| SealFault)?;
        let mut whole = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
        whole.push(FORMAT);
        whole.extend_from_slice(nonce.as_ref());
        whole.extend_from_slice(&sealed);
        Ok(whole)
    }

    fn open_bytes(&self, meant: &[u8], whole: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = whole.strip_prefix(&[FORMAT])?.split_at_checked(NONCE_BYTES)?;
        self.keys.iter().find_map(|key| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut plain = sealed.to_vec();
            let length = key.open_in_place(nonce, Aad::from(meant), &mut plain).ok()?.len();
            plain.truncate(length);
            Some(plain)
        })
    }
}

/// What is sealed beside something that is kept: what it is for, and under which name.
fn kept(name: &[u8]) -> Vec<u8> {
    [b"poort kept ", name].concat()
}

fn key(line: &str) -> Result<RandomizedNonceKey, SealKeyFault> {
    let bytes = Zeroizing::new(hexadecimal(line).ok_or(SealKeyFault::Form)?);
    RandomizedNonceKey::new(&AES_256_GCM_SIV, &bytes[..]).map_err(|_| SealKeyFault::Form)
}

fn hexadecimal(line: &str) -> Option<[u8; KEY_BYTES]> {
    let digits = line.as_bytes();
    if digits.len() != 2 * KEY_BYTES {
        return None;
    }
    let mut bytes = [0; KEY_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        // `from_str_radix` alone would take `+f`.
        let pair =
            std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// Something could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing can be sealed: there is no randomness")]
pub struct SealFault;

/// Why a key file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealKeyFault {
    /// No key.
    #[error("there is no key in it; make one with `openssl rand -hex 32`")]
    None,
    /// More than two keys.
    #[error("there are more than two keys in it; keep the one in use and the one before it")]
    TooMany,
    /// A line that is no key.
    #[error("a line in it is no key of 64 hexadecimal digits; make one with `openssl rand -hex 32`")]
    Form,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(lines: &[&str]) -> Seal {
        Seal::from_lines(&lines.join("\n")).unwrap()
    }

    fn new_key() -> String {
        let mut bytes = [0_u8; KEY_BYTES];
        aws_lc_rs::rand::fill(&mut bytes).unwrap();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_alone() {
        let seal = seal(&[&new_key()]);
        let sealed = seal.seal(Purpose::Session, b"an").unwrap();
        assert_eq!(seal.open(Purpose::Session, sealed.as_bytes()).unwrap(), b"an");
        assert_eq!(seal.open(Purpose::Journey, sealed.as_bytes()), None);
        assert_ne!(seal.seal(Purpose::Session, b"an").unwrap(), sealed, "each has a nonce of its own");
    }

    #[test]
    fn what_is_kept_opens_under_its_name_alone_however_long_it_is() {
        let seal = seal(&[&new_key()]);
        let long = vec![7; 4 * Seal::LIMIT_BYTES];
        let sealed = seal.seal_kept(b"one", &long).unwrap();
        assert_eq!(*seal.open_kept(b"one", &sealed).unwrap(), long);
        assert_eq!(seal.open_kept(b"other", &sealed), None, "nobody swaps two of them");
        assert_eq!(seal.open(Purpose::Session, URL_SAFE_NO_PAD.encode(&sealed).as_bytes()), None);
    }

    #[test]
    fn a_rotated_key_opens_for_one_more_turn() {
        let (old, new, next) = (new_key(), new_key(), new_key());
        let sealed = seal(&[&old]).seal(Purpose::Session, b"an").unwrap();
        let open = |lines: &[&str]| seal(lines).open(Purpose::Session, sealed.as_bytes());
        assert_eq!(open(&["# since Monday", &new, "", &old]).unwrap(), b"an");
        assert_eq!(open(&[&next, &new]), None, "a key that was taken out opens nothing");
    }

    #[test]
    fn nothing_changed_or_foreign_opens() {
        let seal = seal(&[&new_key()]);
        let sealed = seal.seal(Purpose::Session, b"an").unwrap();
        for index in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            if changed != sealed.as_bytes() {
                assert_eq!(seal.open(Purpose::Session, &changed), None, "byte {index}");
            }
        }
        let long = "A".repeat(Seal::LIMIT_BYTES + 1);
        for (what, value) in [("empty", ""), ("one byte", "AQ"), ("no base64", "*"), ("long", &*long)] {
            assert_eq!(seal.open(Purpose::Session, value.as_bytes()), None, "{what}");
        }
    }

    #[test]
    fn key_files_are_read_strictly() {
        let key = new_key();
        for (what, text, fault) in [
            ("empty", String::new(), SealKeyFault::None),
            ("comments", "# none\n".to_owned(), SealKeyFault::None),
            ("three", format!("{key}\n{key}\n{key}"), SealKeyFault::TooMany),
            ("short", key.chars().skip(1).collect(), SealKeyFault::Form),
            ("signs", key.chars().take(62).chain("+f".chars()).collect(), SealKeyFault::Form),
        ] {
            assert_eq!(Seal::from_lines(&text).unwrap_err(), fault, "{what}");
        }
    }
}
