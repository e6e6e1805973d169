//! Names of people and devices, or pseudonyms in their place.

use std::{fmt::Write as _, fs, path::Path};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use zeroize::Zeroizing;

/// The shortest key, in bytes: what `openssl rand -hex 16` makes.
const SHORTEST: usize = 32;
/// The largest key file, in bytes.
const LARGEST: u64 = 4096;
/// How many bytes of the sum are shown: a zone has thousands of people, and two of them must not fall together.
const SHOWN: usize = 8;

/// How names are printed.
pub(super) struct Names(Option<hmac::Key>);

impl Names {
    pub(super) const fn plain() -> Self {
        Self(None)
    }

    /// Pseudonyms: with one key a name has one, and without the key nobody finds it.
    pub(super) fn keyed(file: &Path) -> Result<Self, String> {
        let size = fs::metadata(file)
            .map_err(|error| format!("cannot be read: {error}; name a file with a key"))?
            .len();
        if size > LARGEST {
            return Err("is too large for a key; make one with `openssl rand -hex 32`".to_owned());
        }
        let bytes = fs::read(file).map_err(|error| format!("cannot be read: {error}; check its mode"))?;
        let bytes = Zeroizing::new(bytes);
        let key = bytes.trim_ascii();
        if key.len() < SHORTEST {
            return Err(format!(
                "has {} bytes, a key has {SHORTEST} at least; make one with `openssl rand -hex 32`",
                key.len()
            ));
        }
        Ok(Self(Some(hmac::Key::new(HMAC_SHA256, key))))
    }

    /// A name as it is printed.
    pub(super) fn of(&self, kind: &str, name: &str) -> String {
        let Some(key) = &self.0 else { return name.to_owned() };
        let sum = hmac::sign(key, name.as_bytes());
        let mut text = format!("{kind}-");
        for byte in sum.as_ref().iter().take(SHOWN) {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_pseudonym_with_one_key() {
        let directory = tempfile::tempdir().unwrap();
        let key = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            Names::keyed(&path)
        };
        let (one, other) = (key("one", &"a".repeat(32)).unwrap(), key("other", &"b".repeat(64)).unwrap());
        assert_eq!(
            one.of("person", "zone|amina"),
            key("same", &format!("{}\n", "a".repeat(32))).unwrap().of("person", "zone|amina")
        );
        assert_ne!(one.of("person", "zone|amina"), other.of("person", "zone|amina"));
        assert_ne!(one.of("person", "zone|amina"), one.of("person", "zone|bert"));
        assert!(!one.of("person", "zone|amina").contains("amina"));
        assert_eq!(Names::plain().of("person", "zone|amina"), "zone|amina");
        assert!(key("short", "secret").err().unwrap().contains("has 6 bytes"));
        assert!(Names::keyed(&directory.path().join("none")).err().unwrap().contains("cannot be read"));
    }
}
